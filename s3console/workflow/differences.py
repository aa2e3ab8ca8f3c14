"""The objects of a place beside those of another, without storing a review."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..core.compare import DIFFERS, SAME, UNKNOWN, Comparison
from ..core.model import Finding, Place, Side
from .desk import Desk
from .listings import open_listing


def differing(desk: Desk, source: Place, target: Place) -> Iterator[list[Finding]]:
    """Blocks of `missing` and `differs` findings. Undecidable objects count as differing: copying them
    again is harmless, leaving them out is not. Raises ListingIncomplete when a side breaks."""
    for block in paired(desk, source, target):
        yield [
            Finding("differs" if pair.right else "missing", pair.left, pair.right, pair.name,
                    "differs" if pair.right else "absent")
            for pair in block
            if pair.status != SAME
        ]  # fmt: skip


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
        yield [
            Pair(
                outcome.left.side(at, source.prefix),
                target.prefix + row.key,
                row.status,
                rights[row.key] if row.status in (DIFFERS, UNKNOWN) else None,
            )
            for at, row in enumerate(outcome.rows())
        ]
    for failure in merge.failures:
        if failure is not None:
            raise failure
