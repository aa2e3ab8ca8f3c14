"""The left keys of a comparison on disk, window by window, as compressed columns.

Pairing needs every left key once more, after the right side is known. A window costs little more
than joining its columns: no value becomes an object of its own on the way out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..core.compare import SAME
from ..core.windows import Columns, empty_columns
from ..store.home import disk
from ..store.parquet import reading
from .spool import (
    Mark,
    compressed,
    pack_numbers,
    pack_texts,
    read_parts,
    reopened,
    synced,
    unpack_numbers,
    unpack_texts,
)

_WINDOW = 4_000


class LeftWindow:
    """Some windows as they were merged; `statuses` holds only the rows that are not the same on the right.

    Few windows are asked for more than their keys: the other columns stay packed until then.
    """

    __slots__ = ("_packed", "_texts", "keys", "statuses")

    def __init__(self, parts: Sequence[bytes]) -> None:
        keys, *self._packed, statuses = parts
        self.keys = unpack_texts(keys)
        self.statuses: dict[int, str] = dict(json.loads(statuses))
        self._texts: tuple[Sequence[int], list[str], list[str], list[str]] | None = None

    def row(self, at: int) -> tuple[str, int, str, str, str, str]:
        """Key, size, ETag, time, storage class and status of one row."""
        if self._texts is None:
            numbers, *texts = self._packed
            etags, modified, classes = map(unpack_texts, texts)
            self._texts = unpack_numbers(numbers), etags, modified, classes
        sizes, etags, modified, classes = self._texts
        return self.keys[at], sizes[at], etags[at], modified[at], classes[at], self.statuses.get(at, SAME)


class LeftSpool:
    """An append-only file of windows; reading starts after `close`.

    With a `mark` it goes on behind what an earlier spool of this path made durable.
    """

    def __init__(self, path: Path, mark: Mark | None = None) -> None:
        self._path = path
        self._rows = mark.rows if mark else 0
        self._file = reopened(path, mark.size if mark else 0)
        self._open, self._statuses = empty_columns(), list[tuple[int, str]]()

    def add(self, rows: Columns, statuses: Mapping[int, str]) -> None:
        """Append one window; small ones are written together. Raises DiskFull."""
        pending, before = self._open, len(self._open)
        pending.keys += rows.keys
        pending.sizes += rows.sizes
        pending.etags += rows.etags
        pending.modified += rows.modified
        pending.classes += rows.classes
        self._statuses += [(before + at, status) for at, status in statuses.items()]
        if len(pending) >= _WINDOW:
            self._flush()

    def _flush(self) -> None:
        rows, statuses = self._open, self._statuses
        if not len(rows):
            return
        parts = [
            pack_texts(rows.keys),
            pack_numbers(rows.sizes),
            pack_texts(rows.etags),
            pack_texts(rows.modified),
            pack_texts(rows.classes),
            json.dumps(statuses).encode("ascii"),
        ]
        with disk(self._path):
            self._file.write(compressed(parts))
        self._rows += len(rows)
        self._open, self._statuses = empty_columns(), []

    def sync(self) -> Mark:
        """Make every window durable, and say how far that is."""
        self._flush()
        with disk(self._path):
            return Mark(synced(self._file), self._rows)

    def close(self) -> None:
        """Finish writing."""
        if not self._file.closed:
            self._flush()
        with disk(self._path):
            self._file.close()

    def windows(self) -> Iterator[LeftWindow]:
        """All windows in the order they were added."""
        self.close()
        with reading(self._path), self._path.open("rb") as file:
            while (parts := read_parts(file, 6)) is not None:
                yield LeftWindow(parts)
