"""`keys:FILE`: one key on each line, CSV whose first line names columns, JSON lines, or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from ..core.model import Place
from .bounded import Bounds, is_parquet, read_lines, refused
from .dialects import detect
from .files import FileListing
from .manifest import text_rows
from .rows import Row, checked
from .tables import parquet_rows

_BOUNDS = Bounds()


def read_keys(path: Path, *, bounds: Bounds = _BOUNDS) -> Iterator[Row]:
    """The rows of a list of keys in the order of the file.

    A first line like `key,size,etag` names the columns of a CSV. In a plain list a line is a key as it
    stands, but for the carriage returns of a file whose first line ends with one; blank lines are left
    out. Raises UsageError with the line number, NotReachable.
    """
    if is_parquet(path):
        yield from parquet_rows(path, bounds)
        return
    lines = read_lines(path, bounds)
    first = list(islice(lines, 1))
    if not first:
        return
    lines = chain(first, lines)
    kind = _kind(first)
    if kind in ("columns", "jsonl"):
        yield from text_rows(path, lines, "columns" if kind == "columns" else "jsonl", bounds)
        return
    returns = first[0].endswith("\r")
    for number, line in enumerate(lines, start=1):
        key = line.removesuffix("\r") if returns else line
        if not key:
            continue
        try:
            yield checked(Row(key, line=number))
        except ValueError as error:
            raise refused(path, number, str(error)) from None


def key_listing(place: Place, *, scratch: Path | None = None, bounds: Bounds = _BOUNDS) -> FileListing:
    """The listing of a list of keys; `place.bucket` is its path, `place.prefix` narrows its keys."""
    return FileListing(place, lambda: read_keys(Path(place.bucket), bounds=bounds), scratch)


def _kind(first: list[str]) -> str:
    try:
        return detect(first)
    except ValueError:
        return ""
