"""What the store says about buckets, objects and pages, as frozen facts."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from ..core.model import Batch, Ref

Stop = Callable[[], bool]


def never() -> bool:
    """The `stop` of work that nobody will interrupt."""
    return False


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """One bucket. `region` and `versioning` are "?" and the two flags None where the store would not say.

    `versioning` is "Enabled", "Suspended" or "Unversioned". `etag_is_md5` tells whether the default
    encryption leaves plain MD5 ETags on objects put in one part (SSE-S3 and none do, SSE-KMS does
    not: S3 API reference, `Object`, `ETag`).
    """

    name: str
    created: str = ""
    region: str = "?"
    versioning: str = "?"
    object_lock: bool | None = None
    etag_is_md5: bool | None = None


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """One object or version as HEAD shows it. `headers` are the system headers a copy must carry."""

    bucket: str
    key: str
    size: int
    etag: str
    modified: str
    storage_class: str = "STANDARD"
    version_id: str = ""
    content_type: str = ""
    encryption: str = ""
    kms_key: str = ""
    checksum: str = ""
    parts: int = 0
    tags: int = 0
    restore: str = ""
    lock_until: str = ""
    legal_hold: bool = False
    replication: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    bucket_key: bool = False

    @property
    def etag_is_md5(self) -> bool:
        """Whether the ETag is the MD5 of the bytes: one part, and no key of KMS or of the customer."""
        return is_md5(self.etag) and self.encryption in ("", "AES256")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of current objects; `next_token` "" ends the listing."""

    batch: Batch
    prefixes: tuple[str, ...]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class VersionPage:
    """One page of versions and markers in the store's own order; both markers "" end the listing."""

    batch: Batch
    prefixes: tuple[str, ...]
    next_key_marker: str = ""
    next_version_marker: str = ""

    @property
    def more(self) -> bool:
        return bool(self.next_key_marker)


def behind(batch: Batch, key: str) -> Batch:
    """The rows of a sorted batch whose keys come after `key`."""
    first = bisect_right(batch.keys, key)
    if not first:
        return batch
    columns: dict[str, Any] = {}
    for one in fields(Batch):
        column = getattr(batch, one.name)
        columns[one.name] = None if column is None else column[first:]
    return Batch(**columns)


def ahead(batch: Batch, count: int) -> Batch:
    """The first rows of a batch."""
    if count >= len(batch):
        return batch
    columns: dict[str, Any] = {}
    for one in fields(Batch):
        column = getattr(batch, one.name)
        columns[one.name] = None if column is None else column[:count]
    return Batch(**columns)


class PackedBatch:
    """A batch that waits: a third of its memory, for 0.2 us a row there and back."""

    __slots__ = ("_columns", "_sizes")

    def __init__(self, batch: Batch) -> None:
        self._sizes = array("q", batch.sizes)
        self._columns = {one.name: _packed(getattr(batch, one.name)) for one in fields(Batch)
                         if one.name != "sizes"}

    def batch(self) -> Batch:
        """The batch as it was."""
        columns: dict[str, Any] = {name: column.split("\n") if isinstance(column, str) else column
                                   for name, column in self._columns.items()}
        return Batch(sizes=self._sizes.tolist(), **columns)


def _packed(column: Any) -> Any:
    """Texts in one, where no newline stands in them; a column of one value shares it anyway."""
    if not column or not isinstance(column[0], str) or column[0] is column[-1]:
        return column
    joined = "\n".join(column)
    return joined if joined.count("\n") == len(column) - 1 else column


class Glance(NamedTuple):
    """What a job asks of an object: its size, ETag and version."""

    size: int
    etag: str
    version_id: str


class CopyOutcome(NamedTuple):
    """What the store answered to a copy. `version_id` is "" on an unversioned bucket."""

    etag: str
    version_id: str = ""


class DeleteOutcome(NamedTuple):
    """What became of one delete. `deleted` True means the store says that it is gone.

    `code` "Unknown" means that the answer did not name the key and a look could not settle it.
    `marker_version_id` names the delete marker that the delete made, "" when it made none.
    """

    ref: Ref
    deleted: bool
    code: str = ""
    message: str = ""
    marker_version_id: str = ""


_HEX = frozenset("0123456789abcdef")


def is_md5(etag: str) -> bool:
    """Whether an ETag has the shape of an MD5 (an ETag of a multipart upload ends in -N)."""
    return len(etag) == 32 and _HEX.issuperset(etag.lower())
