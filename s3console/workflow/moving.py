"""Moving a place in three acts, each approved by itself: copy and verify, empty exactly what was
verified, remove the bucket when nothing is left in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..core.compare import SAME
from ..core.errors import Refused, UsageError
from ..core.keys import printable
from ..core.model import Entry, Operation, Place, Plan, Ref
from ..core.plans import Copied
from ..core.repair import OVERWRITE_NOTE
from .assembly import seal_operations
from .carrying import Baggage, Carrying
from .desk import Desk
from .done_jobs import DoneJob, done_job
from .history import key_histories
from .listings import open_listing, place_facts
from .missing import lacking
from .moving_versions import HISTORY
from .moving_versions import note as _note
from .planning import refuse_overlap, replacing

PRESENT = "objects stand in the target already: they are verified one by one and not copied"
OLDER = "older versions and delete markers of the source are not moved; `ls --versions` shows them"
CHANGED = "objects changed since they were copied: they stay, move them again"
NEW = "objects were not verified by the job, or came later: they stay"
GONE = "verified objects are gone from the source already"
OLD_STAY = "older versions and delete markers stay; the bucket cannot be removed while they do"


def plan_move(desk: Desk, source: Place, target: Place, *, overwrite: bool = False,
              carrying: Carrying | None = None) -> Plan:  # fmt: skip
    """The first act: a sealed plan that copies every current object of `source` and verifies all of them.

    What stands in the target already is only verified. On a versioned source each copy is pinned to its
    version. Nothing is deleted. Raises as `plan_copy`.
    """
    refuse_overlap(source, target)
    source_facts, facts = place_facts(desk, source), place_facts(desk, target)
    baggage = Baggage(desk, source, target, carrying or Carrying())
    notes: dict[str, int] = {}
    may_replace = facts.versioning == "Enabled" or overwrite
    versioned = source_facts.versioning not in ("Unversioned", "?")

    def operations() -> Iterator[Operation | Copied]:
        index = 0
        for found in lacking(desk, source, target, versions=versioned, same=True, reason="move",
                             how=baggage.how):  # fmt: skip
            if isinstance(found, Copied):
                baggage.see_all(found)
                yield found
                index += len(found.keys)
                continue
            for pair in found:
                if pair.right is not None and not may_replace:
                    _note(notes, OVERWRITE_NOTE)
                    continue
                one = replacing(index, pair, source, target, "move", baggage.how)
                if pair.status == SAME:
                    _note(notes, PRESENT)
                    one = replace(one, expect=f"etag:{pair.left.etag}", how="look")
                elif one.source is not None:
                    baggage.see((one.source,))
                yield one
                index += 1
        if versioned:
            notes[OLDER] = 0
        notes.update(baggage.notes())

    return seal_operations(desk, operations(), source, target, target.prefix, facts.versioning, notes=notes,
                           title=f"move {source.uri} to {target.uri}")  # fmt: skip


def plan_empty(desk: Desk, source: Place, job: str) -> Plan:
    """The second act: a sealed plan that deletes from `source` exactly the objects that `job` verified.

    Each delete names the version, or the ETag on an unversioned bucket, and right before it the copy
    must still hold the same bytes. What changed or came later stays and is counted. Raises Refused when
    the job moved another place or nothing is to be deleted, ListingIncomplete when the source cannot be
    listed completely.
    """
    with done_job(desk, job) as record:
        plan = record.plan
        if plan.left is None or (plan.left.bucket, plan.left.prefix) != (source.bucket, source.prefix):
            shown = printable(plan.left.uri) if plan.left is not None else "no place"
            raise Refused(f"job {record.job} copied from {shown}", where=printable(source.uri),
                          next_step="Name the place that the job moved")  # fmt: skip
        if plan.right.scheme != "s3":
            raise Refused("a download moves nothing", where=record.job, next_step="Name the job of a move")
        source = plan.left
        facts = place_facts(desk, source)
        if facts.versioning == "?":
            raise Refused("the versioning of the source cannot be read, so nothing in it is deleted",
                          where=printable(source.uri),
                          next_step="Ask for s3:GetBucketVersioning")  # fmt: skip
        notes: dict[str, int] = {}
        steps = _emptied(desk, record, source, notes, versioned=facts.versioning != "Unversioned")
        return seal_operations(desk, steps, plan.right, source, source.prefix, facts.versioning, notes=notes,
                               title=f"empty {source.uri} after job {record.job}")  # fmt: skip


def _emptied(desk: Desk, record: DoneJob, source: Place, notes: dict[str, int], *,
             versioned: bool) -> Iterator[Operation]:  # fmt: skip
    """Both streams are in the order of the keys of the source."""
    copies = (op for op in record.sealed.all_operations() if not op.removes and record.verified(op))
    pending, index = next(copies, None), 0
    for history in _histories(desk, source, versioned=versioned):
        key, of_key = history[0].key, []
        while pending is not None and pending.source is not None and pending.source.key <= key:
            if pending.source.key < key:
                _note(notes, GONE)
            else:
                of_key.append(pending)
            pending = next(copies, None)
        if of_key and of_key[0].reason == HISTORY:
            found = _whole_key(_Made(desk, record), history, of_key, notes)
        else:
            found = _one_key(record, history, of_key, notes)
        for entry, witness in found:
            target = Ref("right", source.bucket, key, entry.version_id if versioned else "", entry.etag,
                         entry.size, entry.storage_class)  # fmt: skip
            yield Operation(index, "delete", target, witness=witness, is_delete_marker=entry.is_delete_marker,
                            reason="moved")  # fmt: skip
            index += 1
    while pending is not None:
        _note(notes, GONE)
        pending = next(copies, None)


Doomed = Iterator[tuple[Entry, Ref]]


def _one_key(record: DoneJob, history: list[Entry], of_key: list[Operation], notes: dict[str, int]) -> Doomed:
    """The current object, where it is what the job copied."""
    now = history[0]
    for _ in range(len(history) - (not now.is_delete_marker)):
        _note(notes, OLD_STAY)
    if not of_key:
        if not now.is_delete_marker:
            _note(notes, NEW)
        return
    reviewed = of_key[0].source
    assert reviewed is not None
    same_version = not reviewed.version_id or reviewed.version_id == now.version_id
    if now.is_delete_marker or not same_version or (now.etag, now.size) != (reviewed.etag, reviewed.size):
        _note(notes, CHANGED)
        return
    yield now, _witness(record, of_key[0], "")


class _Made:
    """Which version of the target each copy of one key became. Ceph 16 does not name it in its answer:
    there it is a version of the same bytes."""

    def __init__(self, desk: Desk, record: DoneJob) -> None:
        self._desk, self.record = desk, record
        self._listed: list[Entry] | None = None

    def version(self, copy: Operation) -> str:
        """The version id; "" where no such version stands."""
        named = self.record.made(copy)
        if named or copy.source is None:
            return named
        if self._listed is None:
            reader = self._desk.reader(self.record.plan.right.connection)
            self._listed = reader.versions_of(copy.target.bucket, copy.target.key)
        wanted = self.record.etag(copy), copy.source.size
        return next((one.version_id for one in self._listed if (one.etag, one.size) == wanted), "")


def _whole_key(
    made: _Made, history: list[Entry], of_key: list[Operation], notes: dict[str, int]
) -> Doomed:
    """Every version that the job copied and that stands; the markers too, where nothing else is left."""
    known = {copy.source.version_id: copy for copy in of_key if copy.source is not None}
    witness: Ref | None = None
    left = 0
    for entry in history:
        copy = known.get(entry.version_id)
        if entry.is_delete_marker:
            continue
        stands = made.version(copy) if copy is not None else ""
        if copy is None or not stands or copy.source is None or copy.source.etag != entry.etag:
            _note(notes, NEW)
            left += 1
            continue
        witness = _witness(made.record, copy, stands)
        yield entry, witness
    if left or witness is None:
        return
    for entry in history:
        if entry.is_delete_marker:
            yield entry, witness


def _witness(record: DoneJob, copy: Operation, version_id: str) -> Ref:
    """What must still hold the bytes: the current object, or the very version that was made."""
    assert copy.source is not None
    return copy.target._replace(side="left", version_id=version_id, etag=record.etag(copy),
                                size=copy.source.size)  # fmt: skip


def _histories(desk: Desk, source: Place, *, versioned: bool) -> Iterator[list[Entry]]:
    if versioned:
        yield from key_histories(desk, source)
        return
    for batch in open_listing(desk, source, versions=False):
        for entry in batch.entries():
            yield [entry]


def plan_delete_bucket(desk: Desk, place: Place) -> Plan:
    """The third act: a sealed plan that removes a bucket, made only when nothing is left in it.

    The run looks again. Raises Refused while objects, versions, delete markers or unfinished uploads are
    in the bucket, UsageError for a prefix.
    """
    from ..s3.emptiness import what_is_left

    if place.scheme != "s3" or place.prefix:
        raise UsageError("only a whole bucket can be removed", where=printable(place.uri),
                         next_step="Write s3://bucket/")  # fmt: skip
    facts = place_facts(desk, place)
    left = what_is_left(desk.reader(place.connection), place.bucket)
    if not left.nothing:
        raise Refused(f"the bucket is not empty: {left.sentence}",
                      where=printable(f"{place.uri}{left.example}"),
                      next_step="Move or delete what is left, then plan again")  # fmt: skip
    removal = Operation(0, "bucket", Ref("right", place.bucket, ""), reason="empty")
    return seal_operations(desk, [removal], None, place, "", facts.versioning, notes={},
                           title=f"remove bucket {place.uri}")  # fmt: skip


def plan_abort(desk: Desk, place: Place, *, before: str = "") -> Plan:
    """A sealed plan that aborts the multipart uploads in progress below a place; with `before` (a moment
    in ISO 8601, UTC, whole seconds as listings of uploads have them) only those begun by then: an age of 0
    takes those of this very second too. Their parts are gone then. Raises Refused when there is none."""
    from ..s3.uploads import uploads

    if place.scheme != "s3":
        raise UsageError("only an s3:// place has uploads", where=printable(place.uri))
    facts = place_facts(desk, place)
    notes: dict[str, int] = {}

    def operations() -> Iterator[Operation]:
        index = 0
        for one in uploads(desk.reader(place.connection), place):
            if before and (not one.begun or one.begun > before):
                _note(notes, "uploads begun later, or at a time that is not known, are left as they are")
                continue
            target = Ref("right", place.bucket, one.key, one.upload_id, "", one.bytes, one.storage_class)
            yield Operation(index, "abort", target, reason="upload")
            index += 1

    title = f"abort uploads in {place.uri}" + (f" begun by {before}" if before else "")
    return seal_operations(desk, operations(), None, place, place.prefix, facts.versioning, notes=notes,
                           title=title)  # fmt: skip
