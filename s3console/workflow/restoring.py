"""Plans that bring a place back to what it was at a moment, in place or somewhere else.

In place nothing is lost: an old version is copied on top of the newer ones, a delete marker that
covers the wanted version is taken off, and what was made later is left alone or hidden by a marker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..core.errors import Refused, UsageError
from ..core.keys import printable
from ..core.model import Entry, Operation, OperationKind, Place, Plan, Ref
from ..core.repair import CopyStep, DeleteStep
from ..core.timeline import NOW, latest, version_at
from ..listings.files import FileListing
from ..listings.manifest import read_manifest
from ..listings.rows import Row
from ..store.plans import SealedPlan, open_plan
from .assembly import UNCOVER, Assembly, seal_plan
from .desk import Desk
from .history import Doubtful, key_histories
from .listings import open_listing, place_facts
from .planning import refuse_overlap
from .selecting import Selection
from .spool import ScratchFolder

CreatedLater = Literal["leave", "mark"]
Markers = Literal["remove", "cover"]
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Classes that cannot be read before RestoreObject (S3 User Guide, "Restoring an archived object")."""

SAME = "keys that hold the wanted bytes already"
LATER = "keys made later, or deleted then, are left as they are; --created-later mark hides them"
IN_ARCHIVE = "versions in an archive class are left out: restore them from the archive first"
GONE = "versions that were asked for do not exist any more"
UNCOVERED = (
    "delete markers are removed, which leaves no trace in the history: `plan restore --undo` of this plan "
    "hides these objects again, a restore to an earlier time does not"
)
OCCUPIED = "other bytes stand there on an unversioned bucket and are left alone; --overwrite includes them"

Wanted = Callable[[list[Entry]], Entry | None]
"""The version that shall stand for a key, from its history; None: no object."""


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What to bring back and how.

    `created_later` says what becomes of objects that were not there; `markers` whether a delete marker
    right above the wanted version is removed or covered by a copy. `ignore` and `include` are regular
    expressions, see `Selection`. `overwrite` lets a copy into an unversioned place replace other bytes.
    """

    created_later: CreatedLater = "leave"
    markers: Markers = "remove"
    include: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    overwrite: bool = False


@dataclass(slots=True)
class _Work:
    """Steps of one block and the notes so far."""

    copies: list[CopyStep] = field(default_factory=list)
    deletes: list[DeleteStep] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    def note(self, text: str, count: int = 1) -> None:
        if count:
            self.notes[text] = self.notes.get(text, 0) + count


def plan_restore(
    desk: Desk, place: Place, moment: str, *, target: Place | None = None,
    options: RestoreOptions | None = None,
) -> Plan:  # fmt: skip
    """A sealed plan that makes `place`, or `target`, hold what `place` held at `moment`.

    Raises Refused when there is nothing to do, in place on a bucket that would lose bytes by it, and for
    overlapping places; ListingIncomplete when a listing breaks.
    """
    if moment == NOW:
        raise UsageError("a restore needs a time", next_step="Write it like 2024-06-25T10:11:34Z")

    def wanted(history: list[Entry]) -> Entry | None:
        return version_at(history, moment)

    return _plan(desk, place, wanted, target, options or RestoreOptions(), moment, f"to {moment}")


def plan_restore_manifest(
    desk: Desk, place: Place, path: Path, *, target: Place | None = None,
    options: RestoreOptions | None = None,
) -> Plan:  # fmt: skip
    """The same for the versions that a manifest names; keys it does not name were not there.

    Raises UsageError for a manifest that cannot be read or is of another bucket.
    """
    rows = FileListing(
        Place(str(path), place.prefix, scheme="manifest"),
        lambda: read_manifest(path, bucket=place.bucket),
        desk.home.path,
    ).rows()
    named = _Named(rows)
    made = f"to manifest {path.name}"
    return _plan(desk, place, named, target, options or RestoreOptions(), NOW, made, only=named)


def plan_undo(desk: Desk, plan_id: str) -> Plan:
    """A sealed plan that undoes a restore in place: the versions that stood when it was planned are copied
    on top again, what it brought to light is hidden, what it hid is brought back.

    Raises UsageError for a plan that is no such restore.
    """
    with open_plan(desk.home, plan_id) as sealed:
        plan = sealed.plan
        if not plan.title.startswith("restore ") or plan.left is not None or plan.review:
            raise UsageError(
                "only a restore in place can be undone this way",
                where=plan.plan,
                next_step="Name the plan of a restore",
            )
        sealed.verify()
        before = _Before(sealed)
        options = RestoreOptions(created_later="mark")
        return _plan(desk, plan.right, before, None, options, NOW, f"undo {plan.plan}", only=before)


def _plan(
    desk: Desk, place: Place, wanted: Wanted, target: Place | None, options: RestoreOptions, moment: str,
    what: str, *, only: _Named | _Before | None = None,
) -> Plan:  # fmt: skip
    chosen = Selection(place.prefix, options.include, options.ignore)
    where = target or place
    versioning = place_facts(desk, where).versioning
    if target is None:
        _refuse_lossy(place, versioning)
    else:
        refuse_overlap(place, target)
    work, doubtful = _Work(), Doubtful()

    def meant() -> Iterator[tuple[list[Entry], Entry | None]]:
        for history in key_histories(desk, place):
            found = wanted(history)
            if (only is None or only.concerned) and chosen.takes(history[0].key):
                doubtful.add(history, moment)
                yield history, found

    with ScratchFolder(desk.home.plans) as scratch:
        assembly = Assembly(scratch)
        if target is None:
            steps = _in_place(meant(), place, options, work)
        else:
            steps = _elsewhere(desk, meant(), place, target, options, work, versioned=versioning == "Enabled")
        for _ in steps:
            if len(work.copies) + len(work.deletes) >= 2_000:
                _hand_over(assembly, work)
        _hand_over(assembly, work)
        if only is not None:
            work.note(GONE, only.finish())
        work.note("keys left out by --include and --ignore", chosen.left_out)
        title = f"restore {place.uri} {what}" + (f" into {target.uri}" if target else "")
        return seal_plan(
            desk, assembly, place if target else None, where, where.prefix, versioning,
            notes={**work.notes, **doubtful.notes()}, title=title,
        )  # fmt: skip


def _hand_over(assembly: Assembly, work: _Work) -> None:
    assembly.add_copies(work.copies)
    assembly.add_deletes(work.deletes)
    work.copies, work.deletes = [], []


def _refuse_lossy(place: Place, versioning: str) -> None:
    if place.scheme == "s3" and versioning in ("Suspended", "Unversioned"):
        raise Refused(
            f"the bucket is {'not versioned' if versioning == 'Unversioned' else 'suspended'}, so a copy on "
            "top would destroy bytes",
            where=printable(place.uri),
            next_step="Turn versioning on, or restore into another place with --to",
        )


def _ref(side: str, bucket: str, entry: Entry, *, pinned: bool = True) -> Ref:
    version = entry.version_id if pinned else ""
    return Ref(side, bucket, entry.key, version, entry.etag, entry.size, entry.storage_class)


def _alike(one: Entry, other: Entry) -> bool:
    return (one.size, one.etag) == (other.size, other.etag)


def _in_place(
    meant: Iterator[tuple[list[Entry], Entry | None]], place: Place, options: RestoreOptions, work: _Work
) -> Iterator[None]:
    """The steps of each key; yields after each so that the caller can hand them on."""
    for history, wanted in meant:
        now = latest(history)
        if wanted is None:
            if not now.is_delete_marker:
                _hide(now, place, options, work)
        elif now.is_delete_marker:
            _bring_back(history, wanted, place, options, work)
        elif now.version_id == wanted.version_id or _alike(now, wanted):
            work.note(SAME)
        else:
            _copy(wanted, wanted.key, "restore", "right", place.bucket, f"etag:{now.etag}", work)
        yield


def _hide(now: Entry, place: Place, options: RestoreOptions, work: _Work) -> None:
    """A marker on top, made only while the reviewed object still stands."""
    if options.created_later == "leave":
        work.note(LATER)
        return
    target = _ref("right", place.bucket, now, pinned=False)
    work.deletes.append(
        DeleteStep("", "", 0, target, is_marker=False, reason="created later", after_copy=False)
    )


def _bring_back(
    history: list[Entry], wanted: Entry, place: Place, options: RestoreOptions, work: _Work
) -> None:
    """Take off the marker when the wanted version is right below it, else copy the version on top."""
    marker, below = history[0], history[1] if len(history) > 1 else None
    if options.markers == "remove" and marker.is_latest and below == wanted:
        target = _ref("right", place.bucket, marker)
        work.note(UNCOVERED)
        work.deletes.append(
            DeleteStep("", "", 0, target, is_marker=True, reason=UNCOVER, after_copy=False)
        )
        return
    _copy(wanted, wanted.key, "restore", "right", place.bucket, "absent", work)


def _copy(
    wanted: Entry, key: str, kind: OperationKind, side: str, bucket: str, expect: str, work: _Work
) -> None:
    if wanted.storage_class in ARCHIVED:
        work.note(IN_ARCHIVE)
        return
    work.copies.append(CopyStep(key, kind, _ref(side, bucket, wanted), expect, "restore"))


def _elsewhere(
    desk: Desk, meant: Iterator[tuple[list[Entry], Entry | None]], place: Place, target: Place,
    options: RestoreOptions, work: _Work, *, versioned: bool,
) -> Iterator[None]:  # fmt: skip
    """Copies into another place, merged with what stands there now."""
    standing = (entry for batch in open_listing(desk, target, versions=False) for entry in batch.entries())
    other = next(standing, None)
    for _, wanted in meant:
        if wanted is None:
            continue
        key = target.prefix + wanted.key[len(place.prefix) :]
        while other is not None and other.key < key:
            other = next(standing, None)
        if other is None or other.key != key:
            _copy(wanted, key, "copy", "left", place.bucket, "absent", work)
        elif _alike(other, wanted):
            work.note(SAME)
        elif versioned or options.overwrite:
            _copy(wanted, key, "copy", "left", place.bucket, f"etag:{other.etag}", work)
        else:
            work.note(OCCUPIED)
        yield


class _Named:
    """Looks up the version that a sorted manifest names, key after key."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._row = next(rows, None)
        self._missed = 0
        self.concerned = True

    def __call__(self, history: list[Entry]) -> Entry | None:
        key = history[0].key
        while self._row is not None and self._row.key < key:
            self._missed += 1
            self._row = next(self._rows, None)
        row = self._row
        self.concerned = True
        if row is None or row.key != key:
            return None
        self._row = next(self._rows, None)
        for entry in history:
            named = entry.is_latest if not row.version_id else (entry.version_id or "null") == row.version_id
            if named and not entry.is_delete_marker:
                return entry
        # A key whose version is gone stays as it is.
        self._missed += 1
        self.concerned = False
        return None

    def finish(self) -> int:
        """How many rows named a version that is not there."""
        if self._row is not None:
            self._missed += 1 + sum(1 for _ in self._rows)
        return self._missed


class _Before:
    """What stood when a restore was planned, from the guards of its operations: the ETag of what it
    replaced or hid, and nothing where it filled an empty place or took off a marker."""

    def __init__(self, sealed: SealedPlan) -> None:
        # Copies, objects that were hidden, and markers stand in the plan as three runs in key order.
        self._runs = [
            _Guards(sealed, lambda one: one.kind != "delete"),
            _Guards(sealed, lambda one: one.kind == "delete" and not one.is_delete_marker),
            _Guards(sealed, lambda one: one.is_delete_marker),
        ]
        self._missed = 0
        self.concerned = False

    def __call__(self, history: list[Entry]) -> Entry | None:
        key = history[0].key
        guards = [guard for run in self._runs if (guard := run.of(key)) is not None]
        self.concerned = bool(guards)
        if not guards or not guards[0]:
            return None
        for entry in history:
            if entry.etag == guards[0] and not entry.is_delete_marker:
                return entry
        self._missed += 1
        self.concerned = False
        return None

    def finish(self) -> int:
        """How many versions that stood before do not exist any more."""
        return self._missed


class _Guards:
    """The guards of one sort of operation of a plan by key, asked for in ascending order."""

    def __init__(self, sealed: SealedPlan, fits: Callable[[Operation], bool]) -> None:
        self._rows = ((one.target.key, _guard(one)) for one in sealed.all_operations() if fits(one))
        self._row = next(self._rows, None)

    def of(self, key: str) -> str | None:
        """The guard of a key, "" for an empty place; None without an operation. Smaller keys are passed."""
        while self._row is not None and self._row[0] < key:
            self._row = next(self._rows, None)
        return self._row[1] if self._row is not None and self._row[0] == key else None


def _guard(operation: Operation) -> str:
    if operation.kind == "delete":
        return "" if operation.is_delete_marker else operation.target.etag
    return operation.expect[5:] if operation.expect.startswith("etag:") else ""


__all__ = ["CreatedLater", "Markers", "RestoreOptions", "plan_restore", "plan_restore_manifest", "plan_undo"]
