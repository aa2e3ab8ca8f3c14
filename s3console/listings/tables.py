"""Rows of a Parquet file with named columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .bounded import Bounds, opened, refused, unreadable
from .rows import Row, column_of, row_of

_PAGE = 8_192


def parquet_rows(path: Path, bounds: Bounds) -> Iterator[Row]:
    """The rows of a Parquet file that has a column `key`; other columns are taken if their names are known.

    Raises UsageError for a file without keys, a damaged file, too many rows, or a value that cannot be.
    """
    with opened(path) as file:
        try:
            # pre_buffer keeps every chunk that was ever read.
            table = pq.ParquetFile(file, pre_buffer=False)
            names = {name: column_of(name) for name in table.schema_arrow.names}
        except (pa.ArrowException, OSError) as error:
            raise refused(path, 0, f"This is not a Parquet file ({type(error).__name__})") from error
        if "key" not in names.values():
            raise refused(path, 0, "The Parquet file has no column “key”", "Name the column of the keys so")
        if table.metadata.num_rows > bounds.rows:
            raise refused(path, 0, f"The file has more than {bounds.rows:,} rows")
        known = {name: column for name, column in names.items() if column}
        yield from _rows(path, table, known)


def _rows(path: Path, table: Any, known: dict[str, str]) -> Iterator[Row]:
    number = 0
    try:
        for block in table.iter_batches(batch_size=_PAGE, columns=list(known), use_threads=False):
            columns = [[_plain(value) for value in block.column(name).to_pylist()] for name in known]
            for values in zip(*columns, strict=True):
                number += 1
                row = row_of(dict(zip(known.values(), values, strict=True)), number)
                if row is not None:
                    yield row
    except pa.ArrowException as error:
        raise refused(path, 0, f"The Parquet file is damaged ({type(error).__name__})") from error
    except ValueError as error:
        raise refused(path, 0, f"Row {number:,}: {error}") from None
    except OSError as error:
        raise unreadable(path, error) from error


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").replace(".000000Z", "Z")
    return value
