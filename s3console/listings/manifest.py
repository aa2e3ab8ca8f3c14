"""`manifest:FILE`: a list of keys with their versions, in any of the dialects, plain, gzip or Parquet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from ..core.model import Place
from .bounded import Bounds, is_parquet, read_lines, refused
from .dialects import PAIRS, SAMPLE, Dialect, colon_pair, detect, fields, json_row, records
from .files import FileListing
from .rows import Row, column_of, row_of

_BOUNDS = Bounds()


def read_manifest(
    path: Path, *, bucket: str = "", dialect: Dialect | None = None, bounds: Bounds = _BOUNDS
) -> Iterator[Row]:
    """The rows of a manifest in the order of the file. Delete markers, listed by JSON lines and Parquet,
    are left out; an empty version id means the latest version.

    `dialect` None finds it out from the first lines. Raises UsageError with the line number for rows that
    cannot be read, rows of another bucket than `bucket`, or of two buckets; NotReachable for the file.
    """
    expected = bucket
    for row in _rows(path, bucket, dialect, bounds):
        if row.bucket:
            expected = expected or row.bucket
            if row.bucket != expected:
                raise refused(path, row.line, f"the row is of bucket {row.bucket[:80]}, not of {expected}")
        yield row


def dialect_of(path: Path, *, bucket: str = "", bounds: Bounds = _BOUNDS) -> Dialect:
    """The dialect a file is written in. Raises UsageError when that cannot be told."""
    if is_parquet(path):
        return "parquet"
    sample = list(islice(read_lines(path, bounds), SAMPLE))
    return _detected(path, sample, bucket)


def manifest_listing(place: Place, *, scratch: Path | None = None, bounds: Bounds = _BOUNDS) -> FileListing:
    """The listing of a manifest; `place.bucket` is its path, `place.prefix` narrows its keys."""
    return FileListing(place, lambda: read_manifest(Path(place.bucket), bounds=bounds), scratch)


def _detected(path: Path, sample: list[str], bucket: str) -> Dialect:
    try:
        return detect(sample, bucket)
    except ValueError as error:
        # One bad row among good ones is better named by its line than by the whole file.
        first = next((line for line in sample if line.strip("\r")), "")
        with contextlib.suppress(ValueError):
            if not first.startswith("{") and len(sample) > 1:
                return detect([first], bucket)
        raise refused(path, 0, f"The manifest cannot be read: {error}",
                      "Write key,version on each line, or name the dialect") from None  # fmt: skip


def _rows(path: Path, bucket: str, dialect: Dialect | None, bounds: Bounds) -> Iterator[Row]:
    if dialect == "parquet" or (dialect is None and is_parquet(path)):
        from .tables import parquet_rows

        yield from parquet_rows(path, bounds)
        return
    lines = read_lines(path, bounds)
    if dialect is None:
        sample = list(islice(lines, SAMPLE))
        if not sample:
            return
        dialect = _detected(path, sample, bucket)
        lines = chain(sample, lines)
    yield from text_rows(path, lines, dialect, bounds)


def text_rows(path: Path, lines: Iterable[str], dialect: Dialect, bounds: Bounds) -> Iterator[Row]:
    """The rows of the lines of a file. Raises UsageError with the line number."""
    numbered = enumerate(lines, start=1)
    number = 0
    try:
        if dialect in PAIRS:
            mark, parse = PAIRS[dialect]
            for number, values in records(numbered, mark, bounds.record):
                yield parse(values, number)
        elif dialect == "columns":
            yield from _named(path, numbered, bounds)
        else:
            for number, line in numbered:
                if not line.strip("\r"):
                    continue
                row = json_row(line, number) if dialect == "jsonl" else colon_pair(line, number)
                if row is not None:
                    yield row
    except ValueError as error:
        told = str(error.args[0])
        raise refused(path, int(error.args[1]) if len(error.args) > 1 else number, told) from None


def _named(path: Path, numbered: Iterator[tuple[int, str]], bounds: Bounds) -> Iterator[Row]:
    head = [column_of(name) for name in fields(next(numbered)[1], '"')]
    for number, values in records(numbered, '"', bounds.record):
        if len(values) != len(head):
            raise refused(path, number, f"{len(values)} fields where the first line names {len(head)}")
        known = {name: value for name, value in zip(head, values, strict=True) if name}
        try:
            row = row_of(known, number)
        except ValueError as error:
            raise refused(path, number, str(error)) from None
        if row is not None:
            yield row
