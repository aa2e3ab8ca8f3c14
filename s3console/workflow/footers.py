"""What the footer of a Parquet object says, read by ranges: its rows, row groups and columns."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import S3ConsoleError, UntrustedAnswer
from ..core.keys import printable

if TYPE_CHECKING:
    from ..s3.read import ReadStore

MAGIC = b"PAR1"
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Column:
    """One leaf column: its path, types, encoding and bytes before and after compression."""

    path: str
    physical: str
    logical: str
    compression: str
    packed: int
    unpacked: int


@dataclass(frozen=True, slots=True)
class Footer:
    """The footer of one object."""

    rows: int
    groups: int
    created_by: str
    version: str
    columns: tuple[Column, ...]


class _Ranges(io.RawIOBase):
    """An object as a file that can be sought: every read is a range GET of this very ETag."""

    def __init__(
        self, reader: ReadStore, bucket: str, key: str, version_id: str, size: int, etag: str
    ) -> None:  # fmt: skip
        super().__init__()
        self._ask = (reader, bucket, key, version_id)
        self._size, self._etag, self._at = size, etag, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        reader, bucket, key, version_id = self._ask
        wanted = self._size - self._at if size < 0 else min(size, self._size - self._at)
        out = b""
        while len(out) < wanted:
            part = reader.get_range(bucket, key, version_id, self._at, min(CHUNK, wanted - len(out)),
                                    etag=self._etag)  # fmt: skip
            if not part:
                break
            out += part
            self._at += len(part)
        return out


def read_footer(
    reader: ReadStore, bucket: str, key: str, version_id: str, *, size: int, etag: str
) -> Footer:  # fmt: skip
    """The footer of a Parquet object. Raises UntrustedAnswer when it is none, and what a read raises."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = _Ranges(reader, bucket, key, version_id, size, etag)
    try:
        meta = pq.read_metadata(pa.PythonFile(file, mode="r"))
        return _footer(meta)
    except S3ConsoleError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UntrustedAnswer("The end of this object is no Parquet footer",
                              where=printable(f"s3://{bucket}/{key}")) from error  # fmt: skip


def _footer(meta: Any) -> Footer:
    schema, columns = meta.schema, []
    for at in range(meta.num_columns):
        leaf = schema.column(at)
        parts = [meta.row_group(group).column(at) for group in range(min(meta.num_row_groups, 1000))]
        logical = str(leaf.logical_type)
        columns.append(Column(
            leaf.path, leaf.physical_type, "" if logical == "None" else logical,
            parts[0].compression if parts else "", sum(one.total_compressed_size for one in parts),
            sum(one.total_uncompressed_size for one in parts),
        ))  # fmt: skip
    return Footer(meta.num_rows, meta.num_row_groups, meta.created_by or "", str(meta.format_version),
                  tuple(columns))  # fmt: skip
