"""What the console needs from the desk and from a reader: the names it relies on, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from s3console.core.model import Connection, Entry

if TYPE_CHECKING:
    from s3console.config import Config
    from s3console.s3.facts import BucketFacts, ObjectFacts, Page, VersionPage
    from s3console.store.home import Home


class Reader(Protocol):
    """A store that can only read. Every call may take long and runs in a thread."""

    @property
    def requests(self) -> Mapping[str, int]: ...

    def buckets(self) -> list[BucketFacts]: ...

    def bucket(self, name: str) -> BucketFacts: ...

    def head(self, bucket: str, key: str, version_id: str = "") -> ObjectFacts | None: ...

    def get_range(self, bucket: str, key: str, version_id: str, start: int, length: int) -> bytes: ...

    def page(
        self, bucket: str, prefix: str, *, delimiter: str = "/", start_after: str = "", token: str = "",
        max_keys: int = 1000,
    ) -> Page: ...

    def version_page(
        self, bucket: str, prefix: str, *, delimiter: str = "", key_marker: str = "",
        version_marker: str = "", max_keys: int = 1000,
    ) -> VersionPage: ...

    def versions_of(self, bucket: str, key: str) -> list[Entry]: ...


class DeskLike(Protocol):
    """The open state directory, the settings, and readers of stores."""

    @property
    def home(self) -> Home: ...

    @property
    def config(self) -> Config: ...

    def reader(self, connection: Connection | None = None) -> Reader: ...

    def with_connection(self, connection: Connection) -> DeskLike: ...

    def account(self) -> str: ...

    def profiles(self) -> tuple[str, ...]: ...
