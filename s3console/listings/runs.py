"""Sorted runs of rows in files without a name."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from ..core.errors import DiskFull, NotReachable
from .rows import Row

_BLOCK = 8_192
_TEXT = ("key", "version_id", "etag", "modified", "storage_class", "bucket")
_SCHEMA = pa.schema([(name, pa.binary() if name in _TEXT else pa.int64()) for name in Row._fields])


class Run:
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
