"""Plans from what an operator marked in a place: single keys, versions, and whole prefixes.

Marks carry what was seen when they were set (size, ETag, version): that is what each operation is
guarded by, so nothing is done to an object that has changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from ..core.compare import SAME
from ..core.errors import Refused, UsageError
from ..core.keys import printable, utf8_ok
from ..core.model import Entry, OperationKind, Place, Plan, Ref
from ..core.repair import OVERWRITE_NOTE, CopyStep, DeleteStep
from ..core.timeline import latest
from .assembly import UNCOVER, Assembly, seal_plan
from .carrying import Baggage, Carrying
from .desk import Desk
from .differences import paired
from .listings import open_listing, place_facts
from .planning import refuse_overlap
from .restoring import ARCHIVED, IN_ARCHIVE, UNCOVERED
from .restoring import SAME as HOLDS_ALREADY
from .spool import ScratchFolder

if TYPE_CHECKING:
    from ..s3.facts import ObjectFacts

PRESENT = "objects hold the same bytes in the target already and are not copied"
HIDDEN = "marked keys are deleted already"
NEVER = "marked keys have no version left that could be restored"
Progress = Callable[[int], None]
"""Told how many objects were looked at so far; what it raises ends the planning."""
_AT_ONCE = 8
_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Marks:
    """What was marked below `place`: entries as they were listed, and prefixes that stand for all below.

    With `exact` each entry means that very version or marker, not what stands under its key.
    """

    place: Place
    entries: tuple[Entry, ...] = ()
    prefixes: tuple[str, ...] = ()
    exact: bool = False

    def __post_init__(self) -> None:
        if self.place.scheme != "s3" or not self.place.bucket:
            raise UsageError("marks are of an s3:// place")
        if not self.entries and not self.prefixes:
            raise UsageError("nothing is marked", next_step="Put the cursor on a name, or mark with space")
        for entry in self.entries:
            if not utf8_ok(entry.key):
                raise Refused("this name can not be addressed: a part of it is not valid UTF-8",
                              where=printable(entry.key), next_step="Unmark it")  # fmt: skip

    @property
    def told(self) -> str:
        """What a title calls them."""
        names = [*self.prefixes, *dict.fromkeys(entry.key for entry in self.entries)]
        if len(names) == 1:
            return f"s3://{self.place.bucket}/{names[0]}"
        return f"{len(names)} marked names of {self.place.uri}"

    @property
    def prefix(self) -> str:
        """The prefix of a plan that changes them: the one name, or the place."""
        names = {*self.prefixes, *(entry.key for entry in self.entries)}
        return names.pop() if len(names) == 1 else self.place.prefix


@dataclass(slots=True)
class _Goal:
    """Where marks go: the key of each below the target."""

    marks: Marks
    target: Place
    exact: bool

    def key(self, key: str) -> str:
        return self.target.prefix if self.exact else self.target.prefix + key[len(self.marks.place.prefix):]


def plan_marked_copy(
    desk: Desk, marks: Marks, target: Place, *, overwrite: bool = False, carrying: Carrying | None = None,
    progress: Progress | None = None,
) -> Plan:  # fmt: skip
    """A sealed plan that copies the marks below `target`, under their names below the place of the marks.

    One key whose target does not end in / gets exactly that name. Raises Refused where source and target
    overlap, ListingIncomplete when a prefix cannot be listed.
    """
    return _plan_carry(desk, marks, target, move=False, overwrite=overwrite, carrying=carrying or Carrying(),
                       progress=progress)  # fmt: skip


def plan_marked_move(
    desk: Desk, marks: Marks, target: Place, *, progress: Progress | None = None
) -> Plan:  # fmt: skip
    """A sealed plan that copies the marks and then, in the same bucket, takes away each old name whose copy
    was verified. Into another bucket only the copies are planned; `plan_empty` of the done job follows.

    Raises as `plan_marked_copy`.
    """
    return _plan_carry(desk, marks, target, move=True, overwrite=False, carrying=Carrying(),
                       progress=progress)  # fmt: skip


def within(marks: Marks, target: Place) -> bool:
    """Whether source and target are one bucket of one store."""
    return (marks.place.bucket, marks.place.connection) == (target.bucket, target.connection)


def _plan_carry(
    desk: Desk, marks: Marks, target: Place, *, move: bool, overwrite: bool, carrying: Carrying,
    progress: Progress | None,
) -> Plan:  # fmt: skip
    goal = _goal(marks, target)
    facts = place_facts(desk, target)
    inside = move and within(marks, target)
    if inside and facts.versioning == "Suspended":
        raise Refused("versioning is suspended, so taking the old names away would destroy bytes",
                      where=printable(target.uri), next_step="Copy instead, and delete later")  # fmt: skip
    baggage = Baggage(desk, marks.place, target, carrying)
    notes: dict[str, int] = {}
    may_replace = facts.versioning == "Enabled" or overwrite
    with ScratchFolder(desk.home.plans) as scratch:
        assembly = Assembly(scratch, how=baggage.how)
        for entry, key, standing in _counted(_destinations(desk, goal), progress):
            if standing is not None and not _alike(entry, standing) and not may_replace:
                _note(notes, OVERWRITE_NOTE)
                continue
            side = "right" if inside else "left"
            source = Ref(side, marks.place.bucket, entry.key, entry.version_id, entry.etag, entry.size,
                         entry.storage_class)  # fmt: skip
            same = standing is not None and _alike(entry, standing)
            if same:
                _note(notes, PRESENT)
            else:
                expect = "absent" if standing is None else f"etag:{standing.etag}"
                assembly.add_copies([CopyStep(key, "copy", source, expect, "move" if move else "copy")])
                baggage.see([source])
            if inside:
                gone = source._replace(version_id="")
                assembly.add_deletes([DeleteStep(key, entry.etag, entry.size, gone, is_marker=False,
                                                 reason="move", after_copy=not same)])  # fmt: skip
        verb = "move" if move else "copy"
        return seal_plan(desk, assembly, None if inside else marks.place, target, target.prefix,
                         facts.versioning, notes=notes | baggage.notes(),
                         title=f"{verb} {marks.told} to {target.uri}")  # fmt: skip


def _goal(marks: Marks, target: Place) -> _Goal:
    single = len(marks.entries) == 1 and not marks.prefixes
    exact = single and bool(target.prefix) and not target.prefix.endswith("/")
    if target.prefix and not target.prefix.endswith("/") and not exact:
        raise UsageError("several names go below a prefix, and a prefix ends in /",
                         where=printable(target.uri), next_step="End it with /")  # fmt: skip
    goal = _Goal(marks, target, exact)
    for prefix in marks.prefixes:
        refuse_overlap(replace(marks.place, prefix=prefix), replace(target, prefix=goal.key(prefix)))
    if within(marks, target) and any(goal.key(entry.key) == entry.key for entry in marks.entries):
        raise Refused("source and target are the same name", where=printable(target.uri),
                      next_step="Choose another target")  # fmt: skip
    return goal


def _destinations(desk: Desk, goal: _Goal) -> Iterator[tuple[Entry, str, Entry | None]]:
    """Each object with its name in the target, and size and ETag of what stands there."""
    reader = desk.reader(goal.target.connection)
    bucket = goal.target.bucket

    def look(entry: Entry) -> tuple[Entry, str, Entry | None]:
        key = goal.key(entry.key)
        found: ObjectFacts | None = reader.head(bucket, key)
        there = None if found is None else Entry(key, found.size, found.etag, found.modified)
        return entry, key, there

    entries = [entry for entry in goal.marks.entries if not entry.is_delete_marker]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(entries), _BLOCK):
            yield from pool.map(look, entries[start:start + _BLOCK])
    for prefix in goal.marks.prefixes:
        source = replace(goal.marks.place, prefix=prefix)
        for block in paired(desk, source, replace(goal.target, prefix=goal.key(prefix))):
            for pair in block:
                left, right = pair.left, pair.right
                entry = Entry(left.key, left.size, left.etag, left.modified, left.storage_class,
                              left.version_id)  # fmt: skip
                there = entry if pair.status == SAME else (
                    Entry(right.key, right.size, right.etag, right.modified) if right else None)
                yield entry, pair.name, there


def _alike(one: Entry, other: Entry) -> bool:
    return (one.size, one.etag) == (other.size, other.etag)


def _note(notes: dict[str, int], text: str) -> None:
    notes[text] = notes.get(text, 0) + 1


Item = TypeVar("Item")


def _counted(items: Iterator[Item], progress: Progress | None) -> Iterator[Item]:
    for count, item in enumerate(items, start=1):
        if progress is not None and count % 100 == 1:
            progress(count)
        yield item


def plan_marked_delete(
    desk: Desk, marks: Marks, *, versions: bool = False, progress: Progress | None = None
) -> Plan:  # fmt: skip
    """A sealed plan that deletes the marks.

    On a versioned bucket it hides current objects behind delete markers; exact marks are removed for
    good, and with `versions` every version of every mark is. Raises Refused on a bucket with suspended
    versioning unless versions are meant.
    """
    place = marks.place
    facts = place_facts(desk, place)
    for_good = (versions or marks.exact) and facts.versioning != "Unversioned"
    if facts.versioning == "Suspended" and not for_good:
        raise Refused("versioning is suspended, so a plain delete would destroy bytes",
                      where=printable(place.uri),
                      next_step="Delete every version, after reviewing each")  # fmt: skip
    notes: dict[str, int] = {}
    with ScratchFolder(desk.home.plans) as scratch:
        assembly = Assembly(scratch)
        for entry in _counted(_doomed_entries(desk, marks, for_good=for_good, notes=notes), progress):
            target = Ref("right", place.bucket, entry.key, (entry.version_id or "null") if for_good else "",
                         entry.etag, entry.size, entry.storage_class)  # fmt: skip
            assembly.add_deletes([DeleteStep("", "", 0, target, entry.is_delete_marker, "delete",
                                             after_copy=False)])  # fmt: skip
        what = " with all versions" if for_good and not marks.exact else ""
        title = f"delete {'versions of ' if marks.exact else ''}{marks.told}{what}"
        return seal_plan(desk, assembly, None, place, marks.prefix, facts.versioning, notes=notes,
                         title=title)  # fmt: skip


def _doomed_entries(
    desk: Desk, marks: Marks, *, for_good: bool, notes: dict[str, int]
) -> Iterator[Entry]:  # fmt: skip
    reader = desk.reader(marks.place.connection)
    for entry in marks.entries:
        if marks.exact:
            yield entry
        elif for_good:
            yield from reader.versions_of(marks.place.bucket, entry.key)
        elif entry.is_delete_marker:
            _note(notes, HIDDEN)
        else:
            yield entry
    for prefix in marks.prefixes:
        for batch in open_listing(desk, replace(marks.place, prefix=prefix), versions=for_good):
            yield from batch.entries()


def plan_marked_restore(
    desk: Desk, marks: Marks, *, progress: Progress | None = None
) -> Plan:  # fmt: skip
    """A sealed plan that puts each marked old version on top and takes each marked delete marker off.

    A marked key whose newest row is a marker comes back as the version below it. Nothing is lost by it.
    Raises Refused on a bucket without versions, UsageError for prefixes.
    """
    if marks.prefixes:
        raise UsageError("a prefix is restored to a time", next_step="Press t and give the time")
    place = marks.place
    facts = place_facts(desk, place)
    if facts.versioning in ("Unversioned", "Suspended"):
        raise Refused("the bucket keeps no versions, so nothing can be restored in place",
                      where=printable(place.uri), next_step="Copy the version to another name")  # fmt: skip
    notes: dict[str, int] = {}
    reader = desk.reader(place.connection)
    with ScratchFolder(desk.home.plans) as scratch:
        assembly = Assembly(scratch)
        for entry in _counted(iter(marks.entries), progress):
            history = reader.versions_of(place.bucket, entry.key)
            step = _bring_back(place, history, entry, notes)
            if isinstance(step, CopyStep):
                assembly.add_copies([step])
            elif step is not None:
                assembly.add_deletes([step])
        return seal_plan(desk, assembly, None, place, marks.prefix, facts.versioning, notes=notes,
                         title=f"restore {marks.told}")  # fmt: skip


def _bring_back(
    place: Place, history: list[Entry], picked: Entry, notes: dict[str, int]
) -> CopyStep | DeleteStep | None:
    if not history:
        _note(notes, NEVER)
        return None
    now = latest(history)
    if picked.is_delete_marker:
        below = next((row for row in history if not row.is_delete_marker), None)
        if below is None or (now.is_delete_marker and now is not history[0]):
            _note(notes, NEVER)
            return None
        if not now.is_delete_marker:
            _note(notes, HOLDS_ALREADY)
            return None
        if history.index(below) == 1:
            target = Ref("right", place.bucket, now.key, now.version_id)
            _note(notes, UNCOVERED)
            return DeleteStep("", "", 0, target, is_marker=True, reason=UNCOVER, after_copy=False)
        picked = below
    if not now.is_delete_marker and (now.version_id == picked.version_id or _alike(now, picked)):
        _note(notes, HOLDS_ALREADY)
        return None
    if picked.storage_class in ARCHIVED:
        _note(notes, IN_ARCHIVE)
        return None
    source = Ref("right", place.bucket, picked.key, picked.version_id, picked.etag, picked.size,
                 picked.storage_class)  # fmt: skip
    kind: OperationKind = "restore"
    expect = "absent" if now.is_delete_marker else f"etag:{now.etag}"
    return CopyStep(picked.key, kind, source, expect, "restore")


__all__ = ["Marks", "plan_marked_copy", "plan_marked_delete", "plan_marked_move", "plan_marked_restore",
           "within"]
