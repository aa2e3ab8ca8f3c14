"""What a restore to a moment would find, counted before any plan is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ..core.model import Entry, Place
from ..core.timeline import latest, version_at
from .desk import Desk
from .history import Doubtful, key_histories
from .restoring import ARCHIVED
from .selecting import Selection

Found = Literal["same", "changed", "deleted", "created", "archived", "ignored"]
FOUND: tuple[Found, ...] = ("same", "changed", "deleted", "created", "archived", "ignored")
"""same: the bytes of then stand. changed: other bytes stand. deleted: a marker stands. created: it was
not there then. archived: the version of then must be thawed first. ignored: left out by an expression."""
SAMPLES = 5
_TELL_EVERY = 500


@dataclass(slots=True)
class Group:
    """Keys of one sort: how many, the bytes of their version of then (of now for `created`), some of them."""

    keys: int = 0
    bytes: int = 0
    samples: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Count one key by the row that tells most about it."""
        self.keys += 1
        self.bytes += entry.size
        if len(self.samples) < SAMPLES:
            self.samples.append(entry)


@dataclass(slots=True)
class RestoreScan:
    """What was counted so far; `done` when the whole place was seen. `stood` is what stood then in all."""

    place: Place
    moment: str
    groups: dict[Found, Group] = field(default_factory=lambda: {kind: Group() for kind in FOUND})
    stood: Group = field(default_factory=Group)
    keys: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    done: bool = False

    @property
    def in_place(self) -> int:
        """Operations of a restore in place that leaves what was created later."""
        return self.groups["changed"].keys + self.groups["deleted"].keys


def scan_restore(
    desk: Desk, place: Place, moment: str, *, include: tuple[str, ...] = (), ignore: tuple[str, ...] = (),
    progress: Callable[[RestoreScan], None] | None = None,
) -> RestoreScan:  # fmt: skip
    """Count what a restore of `place` to `moment` would do. Reads only.

    `progress` gets the counts so far every few hundred keys; what it raises ends the scan. Raises
    UsageError for a wrong expression, ListingIncomplete when the listing breaks.
    """
    scan, doubtful = RestoreScan(place, moment), Doubtful()
    chosen = Selection(place.prefix, include, ignore)
    reader = desk.reader(place.connection)
    before = reader.requests.get("ListObjectVersions", 0)
    for history in key_histories(desk, place):
        scan.keys += 1
        if not chosen.takes(history[0].key):
            scan.groups["ignored"].add(latest(history))
        else:
            doubtful.add(history, moment)
            _count(scan, history, moment)
        if progress is not None and scan.keys % _TELL_EVERY == 1:
            scan.requests = reader.requests.get("ListObjectVersions", 0) - before
            progress(scan)
    scan.requests = reader.requests.get("ListObjectVersions", 0) - before
    scan.notes, scan.done = doubtful.notes(), True
    return scan


def _count(scan: RestoreScan, history: list[Entry], moment: str) -> None:
    wanted, now = version_at(history, moment), latest(history)
    if wanted is None:
        if not now.is_delete_marker:
            scan.groups["created"].add(now)
        return
    scan.stood.add(wanted)
    uncovers = now.is_delete_marker and len(history) > 1 and history[1] == wanted
    if not now.is_delete_marker and (wanted.size, wanted.etag) == (now.size, now.etag):
        scan.groups["same"].add(wanted)
    elif wanted.storage_class in ARCHIVED and not uncovers:
        scan.groups["archived"].add(wanted)
    else:
        scan.groups["deleted" if now.is_delete_marker else "changed"].add(wanted)
