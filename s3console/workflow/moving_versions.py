"""Moving whole histories: every version of every key, in order, each on top of the one before."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from ..core.errors import Refused
from ..core.keys import printable
from ..core.model import Entry, Operation, Place, Plan, Ref
from .assembly import seal_operations
from .carrying import Baggage, Carrying
from .desk import Desk
from .history import key_histories
from .listings import place_facts
from .planning import refuse_overlap
from .spool import ExternalSort, ScratchFolder

HISTORY = "history"
"""The reason of a copy that belongs to a moved history."""
TAKEN = "names have versions in the target already: their histories are not moved"
BETWEEN = "delete markers below a version are not made again; a marker on top is"
ALONE = "names hold nothing but delete markers and are not moved"
TIMES = "the copies get the time of their copying; their order is kept"


def plan_move_versions(desk: Desk, source: Place, target: Place, *,
                       carrying: Carrying | None = None) -> Plan:  # fmt: skip
    """A sealed plan that copies every version of every key to a versioned target, oldest first.

    A version is copied only when the one before it stands on top there; a key whose latest is a delete
    marker is hidden in the end. Keys that the target knows already are left out. Raises Refused where
    either bucket keeps no versions, and as `plan_move`.
    """
    refuse_overlap(source, target)
    for place, wanted in ((source, ("Enabled", "Suspended")), (target, ("Enabled",))):
        versioning = place_facts(desk, place).versioning
        if versioning not in wanted:
            raise Refused(f"versioning of this bucket is {versioning}, so histories cannot be moved",
                          where=printable(place.uri),
                          next_step="Move the current objects instead")  # fmt: skip
    baggage = Baggage(desk, source, target, carrying or Carrying())
    notes: dict[str, int] = {TIMES: 0}
    with ScratchFolder(desk.home.plans) as scratch:
        hidden = scratch.sort("issi", itemgetter(0))
        steps = _operations(desk, source, target, baggage, hidden, notes)
        return seal_operations(desk, steps, source, target, target.prefix, "Enabled", notes=notes,
                               title=f"move every version of {source.uri} to {target.uri}")  # fmt: skip


def _operations(desk: Desk, source: Place, target: Place, baggage: Baggage, hidden: ExternalSort,
                notes: dict[str, int]) -> Iterator[Operation]:  # fmt: skip
    index = 0
    taken = (history[0].key for history in key_histories(desk, target))
    standing = next(taken, None)
    for history in key_histories(desk, source):
        name = target.prefix + history[0].key[len(source.prefix):]
        while standing is not None and standing < name:
            standing = next(taken, None)
        versions = [entry for entry in reversed(history) if not entry.is_delete_marker]
        markers = len(history) - len(versions)
        if standing == name or not versions:
            note(notes, TAKEN if standing == name else ALONE)
            continue
        on_top = history[0].is_delete_marker
        if markers > on_top:
            notes[BETWEEN] = notes.get(BETWEEN, 0) + markers - on_top
        for below, entry in zip([None, *versions], versions, strict=False):
            copy = _copy(index, source, Ref("right", target.bucket, name), entry, baggage.how, below)
            baggage.see([copy.source] if copy.source is not None else ())
            yield copy
            index += 1
        if on_top:
            hidden.extend([(index - 1, name, versions[-1].etag, versions[-1].size)])
    for after, name, etag, size in hidden.rows():
        yield Operation(index, "delete", Ref("right", target.bucket, name, "", etag, size), after=after,
                        reason=HISTORY)  # fmt: skip
        index += 1
    notes.update(baggage.notes())


def _copy(index: int, source: Place, goal: Ref, entry: Entry, how: str, below: Entry | None) -> Operation:
    origin = Ref("left", source.bucket, entry.key, entry.version_id, entry.etag, entry.size,
                 entry.storage_class)  # fmt: skip
    goal = goal._replace(etag=entry.etag, size=entry.size, storage_class=entry.storage_class)
    return Operation(index, "copy", goal, origin, "absent" if below is None else f"etag:{below.etag}",
                     None if below is None else index - 1, reason=HISTORY, how=how)  # fmt: skip


def note(notes: dict[str, int], text: str) -> None:
    """Count one more of what a note says."""
    notes[text] = notes.get(text, 0) + 1
