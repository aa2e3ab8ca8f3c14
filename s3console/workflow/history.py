"""The history of a place: its keys at a moment, and what changed between two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..core.errors import UsageError
from ..core.keys import printable
from ..core.model import Entry, Place
from ..core.timeline import (
    DOUBTS,
    NOW,
    Change,
    Doubt,
    change_between,
    comparable,
    doubts,
    histories,
    standing,
)
from .desk import Desk
from .listings import open_listing


@dataclass(slots=True)
class Doubtful:
    """How many keys gave which doubt about their state at a moment."""

    counts: dict[Doubt, int] = field(default_factory=dict)

    def add(self, history: list[Entry], moment: str) -> None:
        """Count the doubts of one key."""
        for doubt in doubts(history, moment):
            self.counts[doubt] = self.counts.get(doubt, 0) + 1

    def notes(self) -> dict[str, int]:
        """The doubts as notes of a plan."""
        return {DOUBTS[doubt]: count for doubt, count in sorted(self.counts.items())}


@dataclass(frozen=True, slots=True)
class State:
    """One key at a moment: the version or marker that stood, and everything the store has of the key."""

    entry: Entry | None
    history: list[Entry]


def key_histories(desk: Desk, place: Place) -> Iterator[list[Entry]]:
    """The versions and markers of a place key by key, newest first. Raises ListingIncomplete at a break:
    what came before it is right, and the last key may lack its older versions."""
    if place.scheme != "s3":
        raise UsageError("only an s3:// place has a history", where=printable(place.uri))
    return histories(open_listing(desk, place, versions=True))


def states_at(desk: Desk, place: Place, moment: str = NOW) -> Iterator[State]:
    """Every key the store still knows, with what stood at the moment."""
    for history in key_histories(desk, place):
        yield State(standing(history, moment), history)


def changes(desk: Desk, place: Place, earlier: str, later: str = NOW) -> Iterator[Change]:
    """What changed between two moments, in key order, from one listing.

    Raises UsageError when `later` is before `earlier`, ListingIncomplete when the listing breaks.
    """
    if later != NOW and comparable(later) < comparable(earlier):
        raise UsageError(f"{later} is before {earlier}", next_step="Give the earlier time first")
    for history in key_histories(desk, place):
        found = change_between(history, earlier, later)
        if found is not None:
            yield found


@dataclass(slots=True)
class ChangeCounts:
    """Changes below one prefix by kind. `bytes` is how much the current objects grew (negative: shrank)."""

    kinds: dict[str, int] = field(default_factory=dict)
    bytes: int = 0

    def add(self, change: Change) -> None:
        """Count one change."""
        self.kinds[change.kind] = self.kinds.get(change.kind, 0) + 1
        after = change.after.size if change.after else 0
        self.bytes += after - (change.before.size if change.before else 0)

    def add_all(self, counts: Mapping[str, int], grown: int) -> None:
        """Add counts of another row."""
        for kind, count in counts.items():
            self.kinds[kind] = self.kinds.get(kind, 0) + count
        self.bytes += grown
