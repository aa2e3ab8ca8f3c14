"""All rows of the benchmark, in the order in which they are measured."""

from __future__ import annotations

import bench_rows_download
import bench_rows_listing
import bench_rows_running
from bench_model import Kind, Row, Run

KINDS: dict[str, Kind] = bench_rows_listing.KINDS | bench_rows_running.KINDS | bench_rows_download.KINDS
MILLION = 1_000_000


def build(name: str, host: str, *, keys: int = MILLION, count: int | None = None) -> Row:
    """The row of this name, with `count` units, or scaled as `keys` is to a million."""
    kind = KINDS[name]
    return kind.build(count if count is not None else max(1, kind.count * keys // MILLION), host)


__all__ = ["KINDS", "MILLION", "Kind", "Row", "Run", "build"]
