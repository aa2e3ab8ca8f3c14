"""What of a review a person has set aside: kinds of findings under a prefix, with a note.

reviews/<id>/ignored.json, beside the review it belongs to. A finding is ignored when its position begins
with the prefix and its kind is named; the widest entry counts where one lies inside another.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ..core.errors import Refused
from ..core.model import KINDS, Finding, Kind, PrefixTotals
from .facts import pack, read_facts
from .home import SCHEMA, Home, disk, now, resolve_id, stamp, write_json
from .reviews import Review

FILE = "ignored.json"
NOTE = "findings that are ignored in the review are not in this plan"
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Ignored:
    """One kind of findings under one prefix that nobody wants repaired, and why."""

    prefix: str
    kind: Kind
    note: str
    by: str
    at: str

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is one of these."""
        return finding.kind == self.kind and finding.position.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class _Stored:
    ignored: tuple[Ignored, ...] = ()


class Ignoring:
    """The entries of one review, as they were when it was made."""

    def __init__(self, entries: Sequence[Ignored] = ()) -> None:
        self.entries = tuple(entries)
        self._kinds = frozenset(entry.kind for entry in entries)

    def of(self, finding: Finding) -> Ignored | None:
        """The entry by which a finding is ignored; None when it counts."""
        if finding.kind not in self._kinds:
            return None
        return next((entry for entry in self.entries if entry.covers(finding)), None)

    def counting(self, findings: list[Finding], notes: dict[str, int]) -> list[Finding]:
        """The findings that are not ignored; how many are goes into the notes of a plan."""
        if not self.entries:
            return findings
        kept = [finding for finding in findings if self.of(finding) is None]
        if len(kept) < len(findings):
            notes[NOTE] = notes.get(NOTE, 0) + len(findings) - len(kept)
        return kept

    def at(self, prefix: str, kind: Kind | None = None) -> list[Ignored]:
        """The entries that take in the whole of a prefix."""
        return [entry for entry in self.entries
                if prefix.startswith(entry.prefix) and kind in (None, entry.kind)]

    def _widest(self) -> list[Ignored]:
        return [entry for entry in self.entries
                if not any(other.kind == entry.kind and other.prefix != entry.prefix
                           and entry.prefix.startswith(other.prefix) for other in self.entries)]

    def left_out(self, review: Review, row: PrefixTotals, *, whole: bool = True) -> PrefixTotals:
        """How many findings of a roll-up row are ignored, by kind; the other numbers are 0.

        `whole` False is a row of names directly in a directory. Reads at most two row groups an entry.
        """
        counts: dict[str, int] = {}
        for entry in self._widest():
            if row.prefix.startswith(entry.prefix):
                counts[entry.kind] = getattr(row, entry.kind)
            elif whole and entry.prefix.startswith(row.prefix):
                counts[entry.kind] = counts.get(entry.kind, 0) + review.count(entry.prefix, (entry.kind,))
        return PrefixTotals(row.prefix, **counts)


def without(row: PrefixTotals, left_out: PrefixTotals) -> PrefixTotals:
    """A roll-up row with the ignored findings taken off."""
    names = [item.name for item in fields(PrefixTotals) if item.name in KINDS]
    return replace(row, **{name: getattr(row, name) - getattr(left_out, name) for name in names})


def ignored_of(home: Home, review_id: str) -> Ignoring:
    """What is ignored of a review. Raises UsageError, DamagedState, NewerState."""
    path = _folder(home, review_id) / FILE
    return Ignoring(read_facts(path, _Stored).ignored) if os.path.lexists(path) else Ignoring()


def ignore(home: Home, review_id: str, prefix: str, kinds: Sequence[Kind], *, note: str, by: str) -> None:
    """Set findings aside; an entry of the same prefix and kind is replaced by the new note.

    Raises Refused without a note, UsageError for an unknown review, DiskFull, NotReachable.
    """
    if not note.strip():
        raise Refused("findings are not ignored without a note",
                      next_step="Say why they may stay as they are")
    made = [Ignored(prefix, kind, note.strip(), by, stamp(now())) for kind in kinds]

    def change(entries: tuple[Ignored, ...]) -> tuple[Ignored, ...]:
        kept = tuple(one for one in entries if one.prefix != prefix or one.kind not in kinds)
        if len(kept) + len(made) > MOST:
            raise Refused(f"a review keeps at most {MOST:,} notes", next_step="Ignore a wider prefix instead")
        return (*kept, *made)

    _change(home, review_id, change)


def stop_ignoring(home: Home, review_id: str, prefix: str, kinds: Sequence[Kind]) -> list[Ignored]:
    """Take entries of exactly this prefix away again, and return them. Raises Refused when there is none."""
    taken: list[Ignored] = []

    def change(entries: tuple[Ignored, ...]) -> tuple[Ignored, ...]:
        taken.extend(one for one in entries if one.prefix == prefix and one.kind in kinds)
        if not taken:
            raise Refused("nothing of this kind is ignored at this prefix",
                          next_step="Name the prefix and the kind as they were ignored")
        return tuple(one for one in entries if one not in taken)

    _change(home, review_id, change)
    return taken


def _change(
    home: Home, review_id: str, change: Callable[[tuple[Ignored, ...]], tuple[Ignored, ...]]
) -> None:
    folder = _folder(home, review_id)
    with _alone(folder):
        stored = _Stored(change(ignored_of(home, folder.name).entries))
        write_json(folder / FILE, {"schema": SCHEMA, **pack(stored)})


def _folder(home: Home, review_id: str) -> Path:
    return home.reviews / resolve_id(home.reviews, review_id, "review")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time; the kernel gives the lock back when a writer dies."""
    path = folder / "ignored.lock"
    with disk(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
