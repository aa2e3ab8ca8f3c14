"""One row of a foreign list, its columns by their many names, and rows turned into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from ..core.model import UNKNOWN_BYTES, Batch

PAGE = 1000
LONGEST_KEY = 1024
"""Bytes of a key (S3 User Guide, "Creating object key names")."""

NAMES: Mapping[str, str] = {
    "key": "key", "object": "key", "objectkey": "key",
    "bucket": "bucket",
    "versionid": "version_id", "version": "version_id",
    "size": "size", "bytes": "size",
    "etag": "etag", "md5": "etag",
    "lastmodified": "modified", "lastmodifieddate": "modified", "modified": "modified",
    "storageclass": "storage_class",
    "isdeletemarker": "is_delete_marker", "islatest": "is_latest",
}  # fmt: skip
"""Columns this program understands, written without case, spaces, "_" and "-"."""


class Row(NamedTuple):
    """One object or version that a file names. Size -1 and empty texts are not known; an empty
    `version_id` means the latest version. `line` is where it stands in the file."""

    key: str
    version_id: str = ""
    size: int = -1
    etag: str = ""
    modified: str = ""
    storage_class: str = ""
    bucket: str = ""
    line: int = 0


def column_of(name: str) -> str:
    """What a column of a file means to us, "" for one that we do not know."""
    plain = "".join(char for char in name.strip().lower() if char not in "_- .")
    return NAMES.get(plain, "")


def row_of(values: Mapping[str, Any], line: int) -> Row | None:
    """A row from the values of known columns; None for a delete marker and a version that is not latest.

    Raises ValueError with the reason for a value that cannot be.
    """
    if _flag(values.get("is_delete_marker")) or _flag(values.get("is_latest"), absent=True) is False:
        return None
    size = values.get("size")
    try:
        number = -1 if size is None or size == "" else int(size)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("the size is not a whole number") from None
    if number < -1:
        raise ValueError("the size is below zero")
    return checked(Row(
        _text(values, "key"), _text(values, "version_id"), number, _text(values, "etag").strip('"'),
        _text(values, "modified"), _text(values, "storage_class"), _text(values, "bucket"), line,
    ))  # fmt: skip


def checked(row: Row) -> Row:
    """The row itself, if there can be such an object. Raises ValueError with the reason."""
    if not row.key:
        raise ValueError("the key is empty")
    if len(row.key) > LONGEST_KEY // 4 and len(row.key.encode("utf-8", "surrogatepass")) > LONGEST_KEY:
        raise ValueError(f"the key is longer than {LONGEST_KEY:,} bytes")
    version = row.version_id
    if version and (len(version) > LONGEST_KEY or not version.isascii() or not version.isprintable()
                    or not {" ", ":", ",", "/"}.isdisjoint(version)):  # fmt: skip
        raise ValueError("the version id is not one")
    return row


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"the {name.replace('_', ' ')} is not text")
    return value


def _flag(value: Any, *, absent: bool = False) -> bool:
    if value is None or value == "":
        return absent
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError("a flag is neither true nor false")


def batches(rows: Iterable[Row]) -> Iterator[Batch]:
    """Rows as batches of current objects, in the same order. Where the size is not known nothing can
    be said about the bytes, and the ETag says so."""
    stream = iter(rows)
    while block := list(islice(stream, PAGE)):
        yield Batch(
            [row.key for row in block],
            [max(row.size, 0) for row in block],
            [row.etag if row.size >= 0 else UNKNOWN_BYTES for row in block],
            [row.modified for row in block],
            [row.storage_class for row in block],
        )
