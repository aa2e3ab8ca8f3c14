"""What every word and screen needs at hand: the state directory, the settings, and readers of stores."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..config import Config
from ..core.errors import UsageError
from ..core.keys import printable
from ..core.model import Connection, Place
from ..store.home import Home
from ..store.leftovers import sweep

if TYPE_CHECKING:
    from ..s3.read import ReadStore


class Desk:
    """The open state directory with its settings. Readers are made once per connection and shared."""

    def __init__(self, home: Home, config: Config) -> None:
        self.home = home
        self.config = config
        self.regions: dict[tuple[Connection, str], str] = {}
        """Where buckets are, as far as the stores said so: it does not change while one looks."""
        self._readers: dict[Connection, ReadStore] = {}
        self._lock = threading.Lock()

    def reader(self, connection: Connection | None = None) -> ReadStore:
        """A store that can only read. Importing and connecting happen at the first call, so call it
        from a thread of its own where a screen must not wait."""
        from ..s3.connect import open_reader

        wanted = connection or self.config.connection
        with self._lock:
            if wanted not in self._readers:
                self._readers[wanted] = open_reader(wanted)
            return self._readers[wanted]

    def with_connection(self, connection: Connection) -> Desk:
        """The same state directory seen through another connection, with readers of its own: what was
        read of logins and credentials is read anew."""
        return Desk(self.home, self.config.through(connection))

    def account(self) -> str:
        """The account id behind the credentials, or "" (not AWS, no permission). Asks the network."""
        from ..s3.identity import account_of

        return account_of(self.config.connection)

    def profiles(self) -> tuple[str, ...]:
        """The profiles of the AWS configuration. Reads files."""
        from ..s3.identity import profile_names

        return profile_names()


def open_desk(config: Config) -> Desk:
    """Open or create the state directory of the settings.

    Raises NotReachable, NewerState or DiskFull when it cannot be used.
    """
    home = Home.create(config.state_dir)
    sweep(home)
    return Desk(home, config)


def parse_place(text: str, connection: Connection) -> Place:
    """Read `s3://bucket/prefix` or a file scheme (`keys:`, `manifest:`, `dir:`, `inventory:`, `table:`).

    What follows the last "#" of a `keys:` or `manifest:` place is the prefix its keys are taken from.
    Raises UsageError for anything else.
    """
    if text.startswith("s3://"):
        bucket, _, prefix = text[5:].partition("/")
        if not bucket or any(character.isspace() for character in bucket):
            raise UsageError(
                "this place names no bucket",
                where=printable(text),
                next_step="Write s3://bucket/ or s3://bucket/prefix/",
            )
        return Place(bucket, prefix, connection)
    scheme, colon, rest = text.partition(":")
    if colon and scheme in ("keys", "manifest", "dir", "inventory", "table") and rest:
        path, mark, prefix = rest.rpartition("#") if scheme in ("keys", "manifest") else (rest, "", "")
        return Place(path if mark else rest, prefix if mark else "", connection, scheme)
    raise UsageError("this is not a place", where=printable(text), next_step="Write s3://bucket/prefix/")
