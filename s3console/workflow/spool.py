"""Rows on disk between two passes: an append-only spool and an external sort.

Rows are tuples of one fixed shape, kept as compressed columns; lone surrogates in keys survive. Memory
is one chunk for a spool and one run plus a small block per run for a sort.
"""

from __future__ import annotations

import heapq
import json
import os
import shutil
import struct
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import pyarrow as pa

from ..store.home import damaged, disk
from ..store.leftovers import hold
from ..store.parquet import reading

Row = tuple[Any, ...]
_CHUNK = 2_048
_RUN_CHUNK = 250
_MOST_RUNS = 32


def pack_texts(values: Sequence[str]) -> bytes:
    """A column of texts: joined by newlines, or as JSON when a text holds one."""
    joined = "\n".join(values)
    if joined.count("\n") == len(values) - 1:
        return b"N" + joined.encode("utf-8", "surrogatepass")
    return b"J" + json.dumps(values).encode("ascii")


def unpack_texts(data: bytes) -> list[str]:
    """The inverse of `pack_texts`."""
    if data[:1] == b"N":
        return data[1:].decode("utf-8", "surrogatepass").split("\n")
    values: list[str] = json.loads(data[1:])
    return values


def pack_numbers(values: Iterable[int]) -> bytes:
    """A column of integers of up to 64 bits."""
    return array("q", values).tobytes()


def unpack_numbers(data: bytes) -> array[int]:
    """The inverse of `pack_numbers`."""
    values = array("q")
    values.frombytes(data)
    return values


def compressed(parts: Sequence[bytes]) -> bytes:
    """Several byte strings, LZ4, as one record for `read_parts`. They are packed in one go: whoever
    leaves the interpreter lock waits to get it back from the threads that list."""
    whole = b"".join(parts)
    packed: bytes = pa.Codec("lz4_raw").compress(whole, asbytes=True)
    return struct.pack(f"<{len(parts) + 1}Q", len(packed), *map(len, parts)) + packed


def read_parts(file: BinaryIO, count: int) -> list[bytes] | None:
    """The next record of `count` byte strings; None at the end of the file."""
    head = file.read(8 * (count + 1))
    if not head:
        return None
    short, *sizes = struct.unpack(f"<{count + 1}Q", head)
    whole = pa.Codec("lz4_raw").decompress(file.read(short), decompressed_size=sum(sizes), asbytes=True)
    ends = list(accumulate(sizes, initial=0))
    return [whole[start:end] for start, end in pairwise(ends)]


_PACK: dict[str, Callable[[Sequence[Any]], bytes]] = {"s": pack_texts, "i": pack_numbers, "b": bytes}
_UNPACK: dict[str, Callable[[bytes], Iterable[Any]]] = {
    "s": unpack_texts, "i": unpack_numbers, "b": lambda data: map(bool, data)}  # fmt: skip


class Mark(NamedTuple):
    """How far a spool is durable: bytes of its file and rows in them."""

    size: int = 0
    rows: int = 0


def reopened(path: Path, size: int) -> BinaryIO:
    """A file to append to behind its first `size` bytes; what comes after them is dropped. Raises
    DamagedState when the file is shorter, DiskFull, NotReachable."""
    with disk(path):
        file = path.open("r+b" if size else "wb")
        if file.seek(0, os.SEEK_END) < size:
            file.close()
            raise damaged(path, "the working file of a comparison is shorter than it was")
        file.truncate(size)
        file.seek(size)
    return file


def synced(file: BinaryIO) -> int:
    """Make an open file durable and return its size."""
    file.flush()
    os.fsync(file.fileno())
    return file.tell()


class Spool:
    """An append-only file of rows. `shape` has a letter per column: s text, i integer, b boolean.

    With a `mark` it goes on behind what an earlier spool of this path made durable. `chunk` rows are
    held in memory by whoever writes or reads.
    """

    def __init__(self, path: Path, shape: str, mark: Mark | None = None, *, chunk: int = _CHUNK) -> None:
        mark = mark or Mark()
        self._shape, self._chunk = shape, chunk
        self._path = path
        self._file: BinaryIO | None = reopened(path, mark.size)
        self._rows: list[Row] = []
        self.count = mark.rows

    def extend(self, rows: Iterable[Row]) -> None:
        """Append rows; they reach the file in chunks."""
        self._rows.extend(rows)
        if len(self._rows) >= self._chunk:
            self._flush()

    def _flush(self) -> None:
        for start in range(0, len(self._rows), self._chunk):
            columns = zip(*self._rows[start : start + self._chunk], strict=True)
            parts = [_PACK[letter](column) for letter, column in zip(self._shape, columns, strict=True)]
            with disk(self._path):
                assert self._file is not None
                self._file.write(compressed(parts))
        self.count += len(self._rows)
        self._rows = []

    def sync(self) -> Mark:
        """Make every row durable, and say how far that is."""
        self._flush()
        with disk(self._path):
            assert self._file is not None
            return Mark(synced(self._file), self.count)

    def close(self) -> None:
        """Finish writing; reading starts after this."""
        if self._file is not None:
            self._flush()
            with disk(self._path):
                self._file.close()
            self._file = None

    def discard(self) -> None:
        """Remove the file."""
        self.close()
        with disk(self._path):
            self._path.unlink(missing_ok=True)

    def blocks(self) -> Iterator[list[Row]]:
        """All rows in the order they were appended, block by block."""
        self.close()
        with reading(self._path), self._path.open("rb") as file:
            while (parts := read_parts(file, len(self._shape))) is not None:
                columns = [_UNPACK[letter](part) for letter, part in zip(self._shape, parts, strict=True)]
                yield list(zip(*columns, strict=True))

    def rows(self) -> Iterator[Row]:
        """All rows one by one."""
        for block in self.blocks():
            yield from block


class ExternalSort:
    """Sorts any number of rows by `key` with bounded memory: sorted runs on disk, merged when read.

    In memory are `run_rows` rows, and while merging one small block of each of at most `_MOST_RUNS`
    runs. Rows of equal keys keep no order.
    """

    def __init__(
        self, folder: Path, shape: str, key: Callable[[Row], Any], *, run_rows: int = 20_000
    ) -> None:
        self._folder, self._shape, self._key, self._run_rows = folder, shape, key, run_rows
        self._rows: list[Row] = []
        self._runs: list[Spool] = []
        self.count = 0

    def extend(self, rows: Iterable[Row]) -> None:
        """Add rows in any order."""
        self._rows.extend(rows)
        if len(self._rows) >= self._run_rows:
            self._spill()

    def _spill(self) -> None:
        self.count += len(self._rows)
        self._rows.sort(key=self._key)
        rows, self._rows = self._rows, []
        self._runs.append(self._run(rows))
        if len(self._runs) >= _MOST_RUNS:
            runs, self._runs = self._runs, []
            self._runs.append(self._run(self._merged(runs)))
            for run in runs:
                run.discard()

    def _run(self, rows: Iterable[Row]) -> Spool:
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".run")
        os.close(descriptor)
        run = Spool(Path(name), self._shape, chunk=_RUN_CHUNK)
        ordered = iter(rows)
        while block := list(islice(ordered, _RUN_CHUNK)):
            run.extend(block)
        run.close()
        return run

    def _merged(self, runs: Sequence[Spool]) -> Iterator[Row]:
        return heapq.merge(*(run.rows() for run in runs), key=self._key)

    def rows(self) -> Iterator[Row]:
        """All rows in order. May be read again, as long as nothing is added in between."""
        if not self._runs:
            self._rows.sort(key=self._key)
            self.count = len(self._rows)
            return iter(self._rows)
        if self._rows:
            self._spill()
        return self._merged(self._runs)


class Workspace:
    """A private folder for spools and sorts that somebody else makes and removes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def spool(self, name: str, shape: str, mark: Mark | None = None) -> Spool:
        """A spool in this folder: a new one, or with a `mark` one to go on with."""
        return Spool(self.path / name, shape, mark)

    def sort(self, shape: str, key: Callable[[Row], Any]) -> ExternalSort:
        """A new external sort in this folder."""
        return ExternalSort(self.path, shape, key)


class ScratchFolder(Workspace):
    """A private folder for spools, gone at the end."""

    def __init__(self, parent: Path) -> None:
        with disk(parent):
            super().__init__(Path(tempfile.mkdtemp(prefix=".new-scratch-", dir=parent)))
            self._held = hold(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._held)
