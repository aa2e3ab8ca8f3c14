"""What a target lacks, page by page as columns: of a million objects to copy, few are met one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ..core.compare import MISSING, SAME, Comparison, Outcome
from ..core.model import Place
from ..core.plans import Copied
from ..core.windows import Columns
from .desk import Desk
from .differences import Pair, pair_of
from .listings import open_listing


def lacking(desk: Desk, source: Place, target: Place, *, versions: bool = False, same: bool = False,
            reason: str = "missing", how: str = "") -> Iterator[Copied | list[Pair]]:  # fmt: skip
    """The current objects of the source in key order: those that the target lacks as copies to be made,
    those under whose name something else stands as pairs, and with `same` those that it holds already.

    `versions` lists the versions of the source, so that each copy names one. Raises ListingIncomplete
    when a side breaks.
    """
    listings = (open_listing(desk, source, versions=versions), open_listing(desk, target, versions=False))
    merge = Comparison(*listings, left_prefix=source.prefix, right_prefix=target.prefix)
    for outcome in merge.run():
        statuses, left = outcome.statuses, outcome.left
        if len(statuses) == len(left) and not outcome.groups:
            if statuses:
                yield _copied(left, source, target, reason, how)
            continue
        places = range(len(left)) if same else sorted(statuses)
        for missing, run in groupby(places, lambda at: statuses.get(at, SAME) == MISSING):  # noqa: B023
            if missing:
                yield _copied(_rows(left, list(run)), source, target, reason, how)
            else:
                yield list(_pairs(outcome, run, source, target))
    for failure in merge.failures:
        if failure is not None:
            raise failure


def _rows(left: Columns, places: Sequence[int]) -> Columns:
    """Some rows of a window. A run of missing names is seldom broken by others, so it is cut out whole."""
    first, last = places[0], places[-1] + 1
    chosen = Columns(*(getattr(left, name)[first:last] for name in Columns.__slots__))
    if last - first == len(places):
        return chosen
    wanted = set(places)
    return chosen.chosen([at in wanted for at in range(first, last)])


def _copied(rows: Columns, source: Place, target: Place, reason: str, how: str) -> Copied:
    keys = [source.prefix + key for key in rows.keys] if source.prefix else rows.keys
    names = keys if source.prefix == target.prefix else [target.prefix + key for key in rows.keys]
    return Copied(source.bucket, target.bucket, keys, names, rows.version_ids or [""] * len(rows),
                  rows.etags, rows.sizes, rows.classes, "absent", reason, how)  # fmt: skip


def _pairs(outcome: Outcome, places: Iterator[int], source: Place, target: Place) -> Iterator[Pair]:
    rights = {group.key: group.rows[0] for group in outcome.groups if group.state in ("differs", "unknown")}
    for at in places:
        yield pair_of(outcome, at, rights, source, target)
