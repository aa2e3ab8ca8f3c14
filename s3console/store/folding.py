"""Roll-up rows of a review added up to fewer directories, a whole run of one directory at a time."""

from __future__ import annotations

from dataclasses import fields
from operator import le
from typing import Any

from ..core.model import PrefixTotals
from .columns import end_of, to_bytes, to_text

_COUNTS = tuple(item.name for item in fields(PrefixTotals)[1:])
_LONG = 16
"""Runs at least this long, on average, are added up by column; shorter ones row by row."""


def fold_rows(batch: Any, base: str, depth: int, sums: dict[str, list[int]]) -> None:
    """Add a record batch of roll-up rows to `sums`, by their first `depth` directories below `base`.

    Raises KeyError, ValueError or TypeError when the batch is not one of roll-up rows.
    """
    prefixes = batch.column("prefix")
    runs = _runs(prefixes, base, depth) if _sorted(prefixes) else None
    if runs is None:
        _row_by_row(batch, base, depth, sums)
        return
    columns = [_numbers(batch.column(name)) for name in _COUNTS]
    for start, stop, prefix in runs:
        row = sums.setdefault(prefix, [0] * len(_COUNTS))
        for at, column in enumerate(columns):
            row[at] += sum(column[start:stop])


def _numbers(column: Any) -> memoryview:
    """The values of a column of counts. pyarrow.compute would bring 9 MiB of libraries for adding them up.

    Raises TypeError for another type and for nulls.
    """
    if column.null_count or str(column.type) != "int64":
        raise TypeError("a column of counts")
    if not len(column):
        return memoryview(b"").cast("q")
    return memoryview(column.buffers()[1]).cast("q")[column.offset : column.offset + len(column)]


def _sorted(prefixes: Any) -> bool:
    values = prefixes.to_pylist()
    return all(map(le, values, values[1:]))


def _runs(prefixes: Any, base: str, depth: int) -> list[tuple[int, int, str]] | None:
    """Start, end and folded prefix of the runs of a sorted column; None when they are short."""
    low, end = to_bytes(base), end_of(to_bytes(base))
    at = _first(prefixes, low, 0)
    stop = len(prefixes) if end is None else _first(prefixes, end, at)
    runs, begin = [], at
    while at < stop:
        prefix = cut(to_text(prefixes[at].as_py()), base, depth)
        whole = prefix.count("/", len(base)) == depth
        after = end_of(to_bytes(prefix)) if whole else None
        # Fewer directories than `depth`: only equal rows belong together, others may lie deeper.
        until = _first(prefixes, after, at, stop) if after is not None else at + 1
        runs.append((at, until, prefix))
        at = until
        if len(runs) > 8 and len(runs) * _LONG > at - begin:
            return None
    return runs


def _first(prefixes: Any, wanted: bytes, low: int, high: int | None = None) -> int:
    """The first position from `low` on whose value is not below `wanted`."""
    high = len(prefixes) if high is None else high
    while low < high:
        middle = (low + high) // 2
        if prefixes[middle].as_py() < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def _row_by_row(batch: Any, base: str, depth: int, sums: dict[str, list[int]]) -> None:
    columns = [batch.column(name).to_pylist() for name in ("prefix", *_COUNTS)]
    for stored, *counts in zip(*columns, strict=True):
        prefix = to_text(stored)
        if not prefix.startswith(base):
            continue
        row = sums.setdefault(cut(prefix, base, depth), [0] * len(_COUNTS))
        for at, count in enumerate(counts):
            row[at] += count


def cut(prefix: str, base: str, depth: int) -> str:
    """`prefix` up to its `depth`-th directory below `base`."""
    at = len(base)
    for _ in range(depth):
        slash = prefix.find("/", at)
        if slash < 0:
            return prefix
        at = slash + 1
    return prefix[:at]
