"""Rows of a file in the order of their keys, with bounded memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from .rows import Row

if TYPE_CHECKING:
    from .runs import Run

RUN_ROWS = 100_000


def sorted_rows(rows: Iterable[Row], folder: Path | None, *, run_rows: int = RUN_ROWS) -> Iterator[Row]:
    """All rows by key, then version id. Runs of `run_rows` rows are kept on disk in `folder` (None: the
    temporary directory of the system); rows that come in order cost no merge."""
    runs: list[Run] = []
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) >= run_rows:
            block.sort()
            runs.append(_spilled(block, folder))
            block = []
    block.sort()
    if not runs:
        return iter(block)
    if block:
        runs.append(_spilled(block, folder))
        block = []
    if all(one.last <= other.first for one, other in pairwise(runs)):
        return chain.from_iterable(run.rows() for run in runs)
    return heapq.merge(*(run.rows() for run in runs))


def _spilled(block: list[Row], folder: Path | None) -> Run:
    # A file that fits into memory needs no Arrow, which takes longer to load than such a file to sort.
    from .runs import Run

    return Run(block, folder)
