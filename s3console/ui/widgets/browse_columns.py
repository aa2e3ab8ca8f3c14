"""The columns of the two lists of Browse."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from s3console.ui.browsing.listing import NameRow
from s3console.ui.display import Runs, key_runs, size_text, time_text
from s3console.ui.widgets.rows import Column, Layout


class BucketRow(NamedTuple):
    """One bucket as listed. `region` "" means that it was not asked yet."""

    name: str
    region: str = ""
    versioned: bool = False
    denied: bool = False


def _region(row: BucketRow) -> Runs:
    if row.denied:
        return [("denied", "warning")]
    return [(row.region or "·", "faint")]


def _versioned(row: BucketRow) -> Runs:
    return [("V", "accent")] if row.versioned else [("·", "faint")]


BUCKETS: Layout[BucketRow] = Layout(
    (Column("name", lambda row: key_runs(row.name), middle=True),
     Column("region", _region, width=10, right=True, from_width=24),
     Column("V", _versioned, width=1)),
    identity=lambda row, index: row.name, gap=1,
)


def names_layout(base: Callable[[], str], *, versions: bool = False) -> Layout[NameRow]:
    """Names below the base, sizes and times; with versions also how many each key has."""

    def name(row: NameRow) -> Runs:
        shown = row.key[len(base()):]
        if row.entry is None:
            return key_runs(shown, "primary")
        return key_runs(shown, "faint" if row.deleted else "foreground")

    def size(row: NameRow) -> Runs:
        if row.entry is None:
            return [("·", "faint")]
        return [("deleted", "warning")] if row.deleted else [(size_text(row.entry.size), "muted")]

    def modified(row: NameRow) -> Runs:
        return [(time_text(row.entry.modified), "faint")] if row.entry else []

    def day(row: NameRow) -> Runs:
        return [(row.entry.modified[:10], "faint")] if row.entry else []

    def count(row: NameRow) -> Runs:
        if row.entry is None:
            return []
        return [(str(row.versions), "accent" if row.versions > 1 else "faint")]

    columns = [Column("name", name, middle=True), Column("size", size, width=9, right=True),
               Column("modified", day, width=10, from_width=42, below=70),
               Column("modified", modified, width=16, from_width=70)]
    if versions:
        columns.append(Column("V", count, width=3, right=True))
    return Layout(tuple(columns), identity=lambda row, index: row.key)
