"""The columns of the two lists of Browse."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from s3console.ui.browsing.listing import NameRow
from s3console.ui.display import Runs, key_runs, path_runs, size_text, time_text
from s3console.ui.widgets.rows import Column, Layout

BADGES = {
    "STANDARD": "", "STANDARD_IA": "IA", "ONEZONE_IA": "1Z-IA", "INTELLIGENT_TIERING": "INT",
    "GLACIER_IR": "GIR", "GLACIER": "GLA", "DEEP_ARCHIVE": "DEEP", "REDUCED_REDUNDANCY": "RRS",
    "EXPRESS_ONEZONE": "EXP", "OUTPOSTS": "OUT", "SNOW": "SNOW",
}
"""Storage classes in at most five cells; nothing for the usual one (S3 API reference, StorageClass)."""


def class_badge(storage_class: str) -> Runs:
    """A storage class in a list: archives, which cannot be read at once, stand out."""
    badge = BADGES.get(storage_class)
    cold = storage_class in ("GLACIER", "DEEP_ARCHIVE")
    return key_runs(storage_class[:5] if badge is None else badge, "warning" if cold else "muted")


class BucketRow(NamedTuple):
    """One bucket as listed. `region` "" means that it was not asked yet."""

    name: str
    region: str = ""
    versioned: bool = False
    denied: bool = False
    locked: bool = False


def _region(row: BucketRow) -> Runs:
    if row.denied:
        return [("denied", "warning")]
    return [(row.region or "·", "faint")]


def _versioned(row: BucketRow) -> Runs:
    if row.locked:
        return [("L", "warning")]  # object lock needs versioning, so this says both
    return [("V", "accent")] if row.versioned else [("·", "faint")]


BUCKETS: Layout[BucketRow] = Layout(
    (Column("name", lambda row: key_runs(row.name), middle=True),
     Column("region", _region, width=10, right=True, from_width=24),
     Column("V", _versioned, width=1)),
    identity=lambda row, index: row.name, gap=1,
)


SAVED: Layout[str] = Layout(
    (Column("", lambda uri: key_runs(uri.removeprefix("s3://"), "muted"), middle=True),),
    identity=lambda uri, index: uri, header=False,
)
"""Saved places, as short as they can be."""


def names_layout(
    base: Callable[[], str], *, versions: bool = False, classes: bool = False
) -> Layout[NameRow]:
    """Names below the base, sizes and times; with versions also how many each key has, with `classes`
    the storage class of each."""

    def name(row: NameRow) -> Runs:
        shown = row.key[len(base()):]
        if row.entry is None:
            return key_runs(shown, "primary")
        if "/" in shown:
            return path_runs(shown, "faint" if row.deleted else "foreground")
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

    def badge(row: NameRow) -> Runs:
        return [] if row.entry is None or row.deleted else class_badge(row.entry.storage_class)

    columns = [Column("name", name, middle=True), Column("size", size, width=9, right=True),
               *([Column("", badge, width=5)] if classes else []),
               Column("modified", day, width=10, from_width=42, below=70),
               Column("modified", modified, width=16, from_width=70)]
    if versions:
        columns.append(Column("V", count, width=3, right=True))
    return Layout(tuple(columns), identity=lambda row, index: row.key)
