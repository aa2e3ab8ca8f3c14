"""Rows of a file in the order of their keys, with bounded memory."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from ..core.errors import DiskFull, NotReachable
from .rows import Row

RUN_ROWS = 100_000
_BLOCK = 8_192
_TEXT = ("key", "version_id", "etag", "modified", "storage_class", "bucket")
_SCHEMA = pa.schema([(name, pa.binary() if name in _TEXT else pa.int64()) for name in Row._fields])


class _Run:
    """A sorted run in a file without a name, which is gone when it is closed."""

    def __init__(self, rows: Sequence[Row], folder: Path | None) -> None:
        self.first, self.last = rows[0], rows[-1]
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  lives as long as the run
            with pa.ipc.new_stream(
                self._file, _SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")
            ) as out:
                for start in range(0, len(rows), _BLOCK):
                    out.write_batch(_pack(rows[start : start + _BLOCK]))
            self._file.flush()
        except OSError as error:
            raise DiskFull(
                f"There is no room to sort the rows: {error.strerror or error}", where=str(folder or "")
            ) from error

    def rows(self) -> Iterator[Row]:
        """All rows, in order; the file is closed at the end."""
        with self._file:
            self._file.seek(0)
            try:
                with pa.ipc.open_stream(self._file) as blocks:
                    for block in blocks:
                        yield from _unpack(block)
            except (OSError, pa.ArrowException) as error:
                raise NotReachable(f"Sorted rows cannot be read back: {error}") from error


def _pack(rows: Sequence[Row]) -> Any:
    columns = []
    for field, values in zip(_SCHEMA, zip(*rows, strict=True), strict=True):
        if field.name in _TEXT:
            values = tuple([value.encode("utf-8", "surrogatepass") for value in values])
        columns.append(pa.array(values, field.type))
    return pa.record_batch(columns, schema=_SCHEMA)


def _unpack(block: Any) -> Iterator[Row]:
    columns = []
    for field, column in zip(_SCHEMA, block.columns, strict=True):
        values = column.to_pylist()
        columns.append([value.decode("utf-8", "surrogatepass") for value in values]
                       if field.name in _TEXT else values)  # fmt: skip
    return map(Row, *columns)


def sorted_rows(rows: Iterable[Row], folder: Path | None, *, run_rows: int = RUN_ROWS) -> Iterator[Row]:
    """All rows by key, then version id. Runs of `run_rows` rows are kept on disk in `folder` (None: the
    temporary directory of the system); rows that come in order cost no merge."""
    runs: list[_Run] = []
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) >= run_rows:
            block.sort()
            runs.append(_Run(block, folder))
            block = []
    block.sort()
    if not runs:
        return iter(block)
    if block:
        runs.append(_Run(block, folder))
        block = []
    if all(one.last <= other.first for one, other in pairwise(runs)):
        return chain.from_iterable(run.rows() for run in runs)
    return heapq.merge(*(run.rows() for run in runs))
