"""A page as bytes that cost little to write and less to read: column by column, each with its length.

Texts of a column stand in one text with line breaks between them; a column of one value holds it once.
A key with a line break in it makes its column one of lengths and text.

`FRAME` is the head of what the process that fetches pages says: number of the request, letter, length
of what follows, which is a page, or the HTTP status of what is none.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from typing import Any

from ..core.model import Batch
from .facts import Page, VersionPage

FRAME = struct.Struct("<IcI")
READY, PAGE, FAILED, SLOWED = b"R", b"P", b"F", b"S"
_HEAD = struct.Struct("<cII")
_NONE, _SAME, _LINES, _LENGTHS, _NUMBERS, _FLAGS = b"N", b"S", b"L", b"A", b"Q", b"B"
_COLUMNS = 12
_KEYS = 3


def pack_page(page: Page | VersionPage) -> bytes:
    """A page to be read by `PackedPage`."""
    if isinstance(page, Page):
        way = [page.next_token, ""]
    else:
        way = [page.next_key_marker, page.next_version_marker]
    batch = page.batch
    columns = [_texts(way[:1]), _texts(way[1:]), _texts(page.prefixes), _texts(batch.keys),
               (_NUMBERS, len(batch.sizes), array("q", batch.sizes).tobytes()),
               _texts(batch.etags), _texts(batch.modified), _texts(batch.storage_classes),
               _texts(batch.version_ids), _flags(batch.latest), _flags(batch.markers),
               _texts(batch.checksums)]
    return b"".join([_HEAD.pack(kind, count, len(data)) for kind, count, data in columns]
                    + [data for _, _, data in columns])


_Column = tuple[bytes, int, bytes]


def _texts(column: Sequence[str] | None) -> _Column:
    if column is None:
        return _NONE, 0, b""
    count = len(column)
    if count and column[0] == column[-1] and column.count(column[0]) == count:
        return _SAME, count, column[0].encode("utf-8", "surrogatepass")
    joined = "\n".join(column)
    if joined.count("\n") == max(0, count - 1):
        return _LINES, count, joined.encode("utf-8", "surrogatepass")
    lengths = array("I", map(len, column)).tobytes()
    return _LENGTHS, count, lengths + "".join(column).encode("utf-8", "surrogatepass")


def _flags(column: Sequence[bool] | None) -> _Column:
    return (_NONE, 0, b"") if column is None else (_FLAGS, len(column), bytes(map(bool, column)))


class PackedPage:
    """A page that waits as bytes. `kept` is how many of its rows are wanted.

    Raises ValueError for bytes that are no page.
    """

    __slots__ = ("_data", "_parts", "kept")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parts: list[tuple[bytes, int, int, int]] = []
        at = _COLUMNS * _HEAD.size
        if len(data) < at:
            raise ValueError("no page")
        for kind, count, size in _HEAD.iter_unpack(memoryview(data)[:at]):
            self._parts.append((kind, count, at, at + size))
            at += size
        self.kept = self._parts[_KEYS][1]
        if at != len(data) or any(count != self.kept for kind, count, _, _ in self._parts[_KEYS:]
                                  if kind != _NONE):
            raise ValueError("no page")

    def __len__(self) -> int:
        return self._parts[_KEYS][1]

    @property
    def way(self) -> tuple[str, str]:
        """Where the listing goes on: a token, or the two markers; "" at its end."""
        return self._column(0)[0], self._column(1)[0]

    @property
    def prefixes(self) -> list[str]:
        return list(self._column(2))

    @property
    def keys(self) -> list[str]:
        """All keys of the page, decoded anew every time."""
        return list(self._column(_KEYS))

    def batch(self) -> Batch:
        """The rows that are wanted."""
        columns: list[Any] = [self._column(number) for number in range(_KEYS, _COLUMNS)]
        kept = self.kept
        if kept < len(self):
            columns = [None if column is None else column[:kept] for column in columns]
        return Batch(*columns)

    def _column(self, number: int) -> Any:
        kind, count, start, end = self._parts[number]
        if kind == _NONE:
            return None
        data = memoryview(self._data)[start:end]
        if kind == _NUMBERS:
            return data.cast("q").tolist()
        if kind == _FLAGS:
            return list(map(bool, data))
        lengths = array("I")
        if kind == _LENGTHS:
            lengths.frombytes(data[:count * lengths.itemsize])
            data = data[count * lengths.itemsize:]
        text = str(data, "utf-8", "surrogatepass")
        if kind == _SAME:
            return [text] * count
        if kind == _LENGTHS:
            ends = [0]
            for length in lengths:
                ends.append(ends[-1] + length)
            return [text[ends[at]:ends[at + 1]] for at in range(count)]
        return text.split("\n") if count else []
