"""A plan that takes back what a job did, as far as that can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..core.errors import Refused
from ..core.keys import printable
from ..core.model import Operation, Plan, Ref
from .assembly import UNCOVER, seal_operations
from .desk import Desk
from .done_jobs import DoneJob, done_job
from .listings import place_facts
from .moving_versions import HISTORY

DOUBTFUL = "copies stay: an answer was lost, or the bytes stood there before the job may have made them"
SOURCE_GONE = "copies stay: the job deleted their source afterwards, and no other copy of the bytes is known"
OVERWRITTEN = "copies stay: what they replaced on an unversioned bucket is lost"
NULL = "copies stay: in a bucket with suspended versioning it cannot be told what they replaced"
CHAIN = "copies stay: they are versions of a moved history, one on top of the other"
UNNAMED = "delete markers stay: the store did not say which ones the job made"
FOR_EVER = "deletes cannot be taken back: what they removed is gone for ever"
WRITTEN_SINCE = "names that the job uncovered stay: nothing stands there now, or something written since"
FOUND = "copies whose version the store did not name were found by their ETag and the time of the job"
REST = "every copy and marker of the job is looked at again right before it is taken away"


def plan_undo_job(desk: Desk, job: str) -> Plan:
    """A sealed plan that removes exactly the versions and delete markers that a job made.

    Each is removed only while it is still the latest of its key, and a copy only while the pinned source
    of its bytes still stands. Raises Refused when nothing can be taken back and for a job that is not
    over, UsageError for an unknown job.
    """
    with done_job(desk, job) as record:
        plan = record.plan
        if plan.right.scheme != "s3":
            raise Refused("a download cannot be taken back", where=printable(plan.right.uri),
                          next_step="Remove the files by hand")  # fmt: skip
        notes: dict[str, int] = {}
        versioning = place_facts(desk, plan.right).versioning
        if versioning != plan.versioning:
            raise Refused(f"versioning of the bucket is {versioning} and was {plan.versioning} then",
                          next_step="Undo what is needed by hand")  # fmt: skip
        return seal_operations(
            desk, _numbered(_steps(desk, record, notes)), plan.left, plan.right, plan.prefix, versioning,
            notes=notes, title=f"undo job {record.job}: {plan.title}",
        )  # fmt: skip


def _numbered(operations: Iterator[Operation]) -> Iterator[Operation]:
    for index, one in enumerate(operations):
        yield Operation(index, "delete", one.target, None, "any", None, one.witness, one.is_delete_marker,
                        one.reason, one.how)  # fmt: skip


def _steps(desk: Desk, record: DoneJob, notes: dict[str, int]) -> Iterator[Operation]:
    reader = desk.reader(record.plan.right.connection)

    def find(operation: Operation) -> str:
        """The latest version of a target, when it can only be the copy: its bytes, in the time of the job."""
        target = operation.target
        now = reader.head(target.bucket, target.key)
        if now is None or now.etag != record.etag(operation) or now.size != target.size:
            return ""
        if not record.started <= now.modified <= record.ended:
            return ""
        note(FOUND)
        return now.version_id

    def cover(target: Ref) -> Operation | str:
        """A delete marker for what stands under a name that the job uncovered, and stood there then."""
        now = reader.head(target.bucket, target.key)
        if now is None or now.modified > record.ended:
            return WRITTEN_SINCE
        shown = Ref(target.side, target.bucket, target.key, "", now.etag, now.size, now.storage_class)
        return Operation(0, "delete", shown, reason="undo")

    def note(text: str) -> None:
        notes[text] = notes.get(text, 0) + 1

    lost = {op.after for op in record.sealed.all_operations()
            if op.removes and op.after is not None and record.deleted(op)}  # fmt: skip
    for operation in record.sealed.all_operations():
        if operation.removes:
            found = _unhide(record, operation, cover) if record.deleted(operation) else ""
        else:
            found = _uncopy(record, operation, lost, find) if record.verified(operation) else ""
        if isinstance(found, str):
            if found:
                note(found)
            continue
        yield found
    notes[REST] = 0


def _uncopy(
    record: DoneJob, operation: Operation, lost: set[int], find: Callable[[Operation], str]
) -> Operation | str:
    """The delete that takes a copy back, or why there is none."""
    source, plan = operation.source, record.plan
    assert source is not None
    made = record.made(operation)
    if record.doubtful(operation):
        return DOUBTFUL
    if operation.reason == HISTORY:
        return CHAIN
    if operation.index in lost:
        return SOURCE_GONE
    if plan.versioning == "Enabled":
        made = made or find(operation)
        if not made:
            return DOUBTFUL
    elif plan.versioning != "Unversioned":
        return NULL
    elif operation.expect != "absent":
        return OVERWRITTEN
    pin = made if plan.versioning == "Enabled" else ""
    target = operation.target._replace(version_id=pin, etag=record.etag(operation), size=source.size)
    return Operation(0, "delete", target, witness=source, reason="undo",
                     how="latest" if target.version_id else "")  # fmt: skip


def _unhide(
    record: DoneJob, operation: Operation, cover: Callable[[Ref], Operation | str]
) -> Operation | str:
    """The operation that takes a delete back: a marker taken off, or one put on again."""
    if operation.kind != "delete" or (operation.target.version_id and not operation.is_delete_marker):
        return FOR_EVER
    if operation.is_delete_marker:
        return cover(operation.target) if operation.reason == UNCOVER else FOR_EVER
    if record.plan.versioning != "Enabled":
        return FOR_EVER
    made = record.made(operation)
    if not made or record.doubtful(operation):
        return UNNAMED
    target = Ref(operation.target.side, operation.target.bucket, operation.target.key, made)
    return Operation(0, "delete", target, is_delete_marker=True, reason=UNCOVER, how="latest")
