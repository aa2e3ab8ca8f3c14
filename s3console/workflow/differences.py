"""The objects of a place beside those of another, without storing a review."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..core.compare import DIFFERS, SAME, UNKNOWN, Comparison, Outcome
from ..core.model import Place, Side
from .desk import Desk
from .listings import open_listing


class Pair(NamedTuple):
    """A current object of the source, the name it gets in the target, and what stands there.

    `status` is one of core.compare: SAME, MISSING, DIFFERS, UNKNOWN. `right` is None where nothing
    stands, and where the same bytes do.
    """

    left: Side
    name: str
    status: str
    right: Side | None


def paired(desk: Desk, source: Place, target: Place, *, versions: bool = False) -> Iterator[list[Pair]]:
    """Every current object of the source with what the target holds, block by block, in key order.

    `versions` lists the versions of the source, so that each pair names one. Raises ListingIncomplete
    when a side breaks.
    """
    listings = (open_listing(desk, source, versions=versions), open_listing(desk, target, versions=False))
    merge = Comparison(*listings, left_prefix=source.prefix, right_prefix=target.prefix)
    for outcome in merge.run():
        rights = {
            group.key: group.rows[0] for group in outcome.groups if group.state in ("differs", "unknown")
        }
        yield [pair_of(outcome, at, rights, source, target) for at in range(len(outcome.left))]
    for failure in merge.failures:
        if failure is not None:
            raise failure


def pair_of(outcome: Outcome, at: int, rights: Mapping[str, Side], source: Place, target: Place) -> Pair:
    """One left row of a window; `rights` are the other bytes that stand under relative names."""
    key, status = outcome.left.keys[at], outcome.statuses.get(at, SAME)
    right = rights[key] if status in (DIFFERS, UNKNOWN) else None
    return Pair(outcome.left.side(at, source.prefix), target.prefix + key, status, right)
