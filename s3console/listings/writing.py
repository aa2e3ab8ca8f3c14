"""Writing a manifest: complete or not at all, beside the list of the delete markers."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from ..core.errors import DiskFull, UsageError
from ..core.keys import printable, utf8_ok
from .bounded import unreadable
from .dialects import Dialect, batch_line, json_line, seed_line
from .rows import Row

_COLUMNS = pa.schema(
    [(name, pa.int64() if name == "size" else pa.string()) for name in
     ("bucket", "key", "version_id", "size", "etag", "last_modified", "storage_class")]
)  # fmt: skip
_GROUP = 50_000
_FULL = (28, 122)  # ENOSPC, EDQUOT
_ADVICE = "Write the manifest as jsonl, which holds any key"


class ManifestWriter:
    """Takes rows in order and puts them into a file that appears, or replaces the old one, at `finish`.

    Use as a context manager: without `finish` nothing is left behind. `versions` False leaves the version
    ids out of S3 Batch Operations rows. Raises UsageError for a key that the dialect cannot hold.
    """

    def __init__(self, path: Path, dialect: Dialect, *, versions: bool = True) -> None:
        self.path = path
        self.rows = 0
        self._hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        self._dialect = dialect
        self._line: Callable[[Row], str] | None = {
            "seed": seed_line,
            "jsonl": json_line,
            "batch-operations": lambda row: batch_line(row, versions=versions),
        }.get(dialect)
        self._held: list[Row] = []
        self._file: IO[bytes] | None = None
        self._parquet: Any = None
        if self._line is None and dialect != "parquet":
            raise UsageError(f"manifests are not written as {dialect}",
                             next_step="Choose seed, batch-operations, jsonl, parquet")  # fmt: skip

    def __enter__(self) -> Self:
        with self._disk():
            handle = os.open(self._hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            self._file = os.fdopen(handle, "w+b")
            if self._dialect == "parquet":
                self._parquet = pq.ParquetWriter(
                    self._file, _COLUMNS, compression="zstd", use_dictionary=["bucket", "storage_class"],
                    column_encoding={"key": "DELTA_BYTE_ARRAY"},
                )  # fmt: skip
        return self

    def add(self, rows: Iterable[Row]) -> None:
        """Append rows."""
        assert self._file is not None
        block = list(rows)
        self.rows += len(block)
        with self._disk():
            if self._line is None:
                self._held += block
                if len(self._held) >= _GROUP:
                    self._write_group()
                return
            try:
                # A key that is not UTF-8 only reaches this in a dialect that encodes it.
                self._file.write("".join(map(self._line, block)).encode("utf-8"))
            except ValueError as error:
                raise UsageError(str(error), where=printable(str(self.path)), next_step=_ADVICE) from None

    def _write_group(self) -> None:
        rows, self._held = self._held, []
        if not all(utf8_ok(row.key) for row in rows):
            raise UsageError("Parquet text cannot hold a key that is not UTF-8",
                             where=printable(str(self.path)), next_step=_ADVICE)  # fmt: skip
        columns = [[row.bucket for row in rows], [row.key for row in rows], [row.version_id for row in rows],
                   [row.size for row in rows], [row.etag for row in rows], [row.modified for row in rows],
                   [row.storage_class for row in rows]]  # fmt: skip
        arrays = [pa.array(column, field.type) for column, field in zip(columns, _COLUMNS, strict=True)]
        self._parquet.write_table(pa.Table.from_arrays(arrays, schema=_COLUMNS), row_group_size=_GROUP)

    def finish(self) -> None:
        """Make the file durable and give it its name."""
        assert self._file is not None
        with self._disk():
            if self._parquet is not None:
                self._write_group()
                self._parquet.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._hidden.replace(self.path)
            self._file = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        if self._parquet is not None:
            with contextlib.suppress(OSError, ValueError, pa.ArrowException):
                self._parquet.close()
            self._parquet.is_open = False  # else its finalizer would write again
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._hidden.unlink()
        self._file = None

    @contextlib.contextmanager
    def _disk(self) -> Any:
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise DiskFull("There is no room for the manifest", where=printable(str(self.path)),
                               next_step="Make room and repeat it") from error  # fmt: skip
            told = unreadable(self.path, error)
            told.what = told.what.replace("read", "written")
            raise type(told)(told.what, where=told.where, next_step=told.next_step) from error
