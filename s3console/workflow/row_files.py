"""Rows of a listing in a file for other programs: CSV, or one JSON object on each line."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from ..core.errors import Refused
from ..core.keys import printable
from ..core.model import Entry
from ..store.home import disk

COLUMNS = ("bucket", "key", "size", "etag", "last_modified", "storage_class", "version_id", "is_latest",
           "is_delete_marker")
_BLOCK = 2_000


class ListedRow(NamedTuple):
    """A key with its entry, or a prefix (`entry` None)."""

    key: str
    entry: Entry | None


def _values(bucket: str, row: ListedRow) -> tuple[object, ...]:
    entry = row.entry
    if entry is None:
        return (bucket, row.key, "", "", "", "PREFIX", "", "", "")
    return (bucket, entry.key, entry.size, entry.etag, entry.modified, entry.storage_class, entry.version_id,
            entry.is_latest, entry.is_delete_marker)  # fmt: skip


def write_rows(
    path: Path, bucket: str, rows: Iterable[ListedRow], *, progress: Callable[[int], None] | None = None
) -> int:
    """Write rows into a new file, CSV unless its name ends in `.jsonl` or `.json`; returns how many.

    JSON lines hold any key exactly; CSV writes what is not UTF-8 as `\\udcXX`. Raises Refused when the file
    exists, NotReachable and DiskFull.
    """
    as_json = path.suffix in (".jsonl", ".json", ".ndjson")
    try:
        with disk(path):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except Exception as error:
        if isinstance(error.__cause__, FileExistsError):
            raise Refused("this file exists already", where=printable(str(path)),
                          next_step="Choose another name") from None  # fmt: skip
        raise
    count = 0
    raw = os.fdopen(handle, "wb")
    with disk(path), io.TextIOWrapper(raw, "utf-8", "backslashreplace", newline="") as file:
        table = csv.writer(file)
        if not as_json:
            table.writerow(COLUMNS)
        for count, row in enumerate(rows, start=1):
            values = _values(bucket, row)
            if as_json:
                file.write(json.dumps(dict(zip(COLUMNS, values, strict=True)), ensure_ascii=True) + "\n")
            else:
                table.writerow(values)
            if progress is not None and count % _BLOCK == 0:
                progress(count)
    return count
