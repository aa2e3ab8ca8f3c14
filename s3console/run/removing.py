"""Deletes as generators: of versions, of what stands under a name, of uploads, of an empty bucket."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from ..core.errors import Reaction, ServiceError
from ..core.model import Operation, Ref
from .engine import (
    AGAIN,
    CHANGED,
    Abort,
    Answer,
    Delete,
    DeleteNamed,
    DeleteOne,
    Head,
    LeftInBucket,
    Manner,
    Outcome,
    RemoveBucket,
    Request,
    Steps,
    Versions,
    asking,
    mutable,
    refusal,
    standing,
)


def guarding(
    operation: Operation, manner: Manner, *, witnesses: Sequence[Ref] = (), exact: bool = True
) -> Generator[Request, Answer, Outcome | None]:
    """What must hold right before a delete; None means that it may go on.

    Each witness must hold its ETag and size now, under its version where it names one. A target that
    can be overwritten in place (no version id, or "null") must still be what was reviewed; `exact` is
    False when the delete checks that itself.
    """
    index, target = operation.index, operation.target
    for witness in witnesses:
        answer = yield from asking(Head(witness), manner)
        if answer[0] == "error":
            return refusal(index, answer[1])
        now = answer[1]
        if now is None or now.size != witness.size or now.etag != witness.etag:
            return (yield from _without_witness(operation, manner))
    if operation.word("latest") is not None:
        return (yield from _still_latest(operation, manner))
    if exact and mutable(target) and not operation.is_delete_marker:
        answer = yield from asking(Head(target), manner)
        if answer[0] == "error":
            return refusal(index, answer[1])
        now = answer[1]
        if now is None:
            return Outcome(index, "deleted", bytes=0)
        if now.etag != target.etag or now.size != target.size:
            return Outcome(index, "skipped", CHANGED, "changed since plan: other bytes stand under this name")
    return None


def _still_latest(
    operation: Operation, manner: Manner
) -> Generator[Request, Answer, Outcome | None]:
    """The version or marker must be the latest of its key; one that is gone already is done."""
    index, target = operation.index, operation.target
    answer = yield from asking(Versions(target), manner)
    if answer[0] == "error":
        return refusal(index, answer[1])
    ids = [entry.version_id for entry in answer[1]]
    if target.version_id not in ids:
        return Outcome(index, "deleted")
    if ids[0] != target.version_id:
        return Outcome(index, "skipped", CHANGED, "changed since plan: a newer version or marker is on top")
    return None


def _without_witness(operation: Operation, manner: Manner) -> Steps:
    """The right name does not hold the bytes: nothing is deleted, unless an earlier attempt did it."""
    index = operation.index
    if not operation.is_delete_marker:
        answer = yield from asking(Head(operation.target), manner)
        if answer[0] == "error":
            return refusal(index, answer[1])
        if answer[1] is None:
            return Outcome(index, "deleted")
    return Outcome(index, "skipped", CHANGED, "changed since plan: the right name does not hold these bytes")


def guarding_together(
    operations: Sequence[Operation], manner: Manner, *, witnesses: Sequence[Sequence[Ref]],
    exact: Sequence[bool]
) -> Generator[Request, Answer, list[Outcome]]:
    """`guarding` for operations whose witnesses, one row for each, all stand in one bucket: one look at all
    of them, and one more at each that it did not show as it should be."""
    refs = tuple(ref for row in witnesses for ref in row)
    versions = any(ref.version_id for ref in refs)
    found = yield from standing(refs, manner, versions=versions)
    outcomes = []
    for op, row, one_exact in zip(operations, witnesses, exact, strict=True):
        left = [ref for ref in row if not _holds(ref, found.get(ref.key, ()), versions=versions)]
        verdict = yield from guarding(op, manner, witnesses=left, exact=one_exact)
        if verdict is not None:
            outcomes.append(verdict)
    return outcomes


def _holds(ref: Ref, found: Sequence[Any], *, versions: bool) -> bool:
    """Whether a listing, of versions or of current objects, shows that a name holds the bytes of a ref, under
    its version where it names one."""
    return versions == bool(ref.version_id) and (ref.etag, ref.size) in [
        (one.etag, one.size) for one in found if one.version_id == ref.version_id]


def looking_at_names(
    operations: Sequence[Operation], manner: Manner
) -> Generator[Request, Answer, frozenset[int]]:
    """Look together at what is deleted by name in one bucket; the indexes of what is as the plan says."""
    found = yield from standing([op.target for op in operations], manner)
    return frozenset(op.index for op in operations if [(one.etag, one.size) for one in found.get(
        op.target.key, ())] == [(op.target.etag, op.target.size)])


def deleting_looked(
    operations: Sequence[Operation], manner: Manner
) -> Generator[Request, Answer, list[Outcome]]:
    """Delete names of an unversioned bucket that were looked at right before, in one request.

    What the answer does not call deleted, and everything where no answer came, is looked at one by one.
    """
    answer = yield DeleteNamed(tuple(op.target for op in operations))
    gone = {v.ref.key for v in answer[1] if v.deleted} if answer[0] == "ok" else set()
    if answer[0] == "error" and answer[1].reaction in AGAIN:
        yield manner.backoff(0, answer[1].reaction)
    outcomes = []
    for op in operations:
        outcomes.append(Outcome(op.index, "deleted") if op.target.key in gone
                        else (yield from deleting_one(op, manner)))
    return outcomes


def deleting_one(operation: Operation, manner: Manner, *, looked: bool = False) -> Steps:
    """Delete what stands under a name, by ETag; on a versioned bucket a delete marker hides it. `looked`: it
    was looked at right before and is as the plan says, which holds for the first attempt."""
    index, target = operation.index, operation.target
    error = ServiceError("Unknown", 0, "no answer to the delete")
    for attempt in range(manner.tries):
        answer = yield DeleteOne(target, looked and not attempt)
        if answer[0] == "ok" and answer[1].deleted:
            return Outcome(index, "deleted", version_id=answer[1].marker_version_id, sure=attempt == 0)
        error = _not_deleted(answer[1]) if answer[0] == "ok" else answer[1]
        if error.reaction in (Reaction.PAUSE, Reaction.STOP_JOB):
            return refusal(index, error)
        # A lost answer, a failed condition and a 404 all end in the same question.
        verdict = yield from guarding(operation, manner)
        if verdict is not None:
            return verdict
        if error.reaction is Reaction.FAIL_ITEM and error.status != 404:
            return refusal(index, error)
        yield manner.backoff(attempt, error.reaction)
    return refusal(index, error)


def deleting_named(
    operations: Sequence[Operation], manner: Manner
) -> Generator[Request, Answer, list[Outcome]]:
    """Delete what stands under names of an unversioned bucket, by ETag, in one request; what the answer does
    not call deleted is looked at one by one.

    Sent twice it does no harm: the ETag does not hold any more for what is gone, or was written anew.
    """
    refs = tuple(op.target for op in operations)
    for attempt in range(manner.tries):
        answer = yield DeleteNamed(refs)
        if answer[0] == "ok":
            gone = {v.ref.key for v in answer[1] if v.deleted}
            outcomes = [Outcome(op.index, "deleted", sure=attempt == 0) for op in operations
                        if op.target.key in gone]
            for op in operations:
                if op.target.key not in gone:
                    outcomes.append((yield from deleting_one(op, manner)))
            return outcomes
        error = answer[1]
        if error.reaction not in AGAIN and error.reaction is not Reaction.LOOK:
            return [refusal(op.index, error) for op in operations]
        yield manner.backoff(attempt, error.reaction)
    return [refusal(op.index, error) for op in operations]


def _not_deleted(verdict: Any) -> ServiceError:
    return ServiceError(verdict.code or "Unknown", 400 if verdict.code else 0, verdict.message)


def deleting(
    operations: Sequence[Operation], manner: Manner
) -> Generator[Request, Answer, list[Outcome]]:
    """Delete versions of one bucket by version id, in one request, until each has a verdict.

    Deleting a version is idempotent: what is not answered is sent again, except "null" versions, which
    are looked at first.
    """
    left = {op.index: op for op in operations}
    outcomes: list[Outcome] = []
    errors: dict[int, ServiceError] = {}
    for attempt in range(manner.tries):
        if attempt:
            yield from _recheck(left, outcomes, manner)
        if not left:
            return outcomes
        sent = list(left.values())
        answer = yield Delete(tuple(op.target for op in sent))
        if answer[0] == "error":
            error = answer[1]
            if error.reaction not in AGAIN and error.reaction is not Reaction.LOOK:
                return outcomes + [refusal(op.index, error) for op in sent]
            errors = dict.fromkeys(left, error)
        else:
            errors = _sort_verdicts(sent, answer[1], left, outcomes)
        if not left:
            return outcomes
        slow = any(e.reaction is Reaction.SLOW_DOWN for e in errors.values())
        yield manner.backoff(attempt, Reaction.SLOW_DOWN if slow else Reaction.RETRY)
    return outcomes + [refusal(i, errors[i]) for i in left]


def _sort_verdicts(
    sent: Sequence[Operation], verdicts: Sequence[Any], left: dict[int, Operation], outcomes: list[Outcome]
) -> dict[int, ServiceError]:
    """Move the decided operations from `left` to `outcomes`; the errors of the others are returned."""
    answered = {(v.ref.key, v.ref.version_id): v for v in verdicts}
    open_errors: dict[int, ServiceError] = {}
    for op in sent:
        verdict = answered.get((op.target.key, op.target.version_id))
        if verdict is not None and (verdict.deleted or verdict.code in ("NoSuchVersion", "NoSuchKey")):
            outcomes.append(Outcome(op.index, "deleted"))
            del left[op.index]
            continue
        error = ServiceError("Unknown", 0, "the store did not say what became of it") if verdict is None \
            else _not_deleted(verdict)
        if error.reaction in AGAIN or error.reaction is Reaction.LOOK:
            open_errors[op.index] = error
            continue
        outcomes.append(refusal(op.index, error))
        del left[op.index]
    return open_errors


def _recheck(
    left: dict[int, Operation], outcomes: list[Outcome], manner: Manner
) -> Generator[Request, Answer, None]:
    for op in [op for op in left.values() if mutable(op.target)]:
        verdict = yield from guarding(op, manner)
        if verdict is not None:
            outcomes.append(verdict)
            del left[op.index]


# ---- uploads and buckets


def aborting(operation: Operation, manner: Manner) -> Steps:
    """Abort a multipart upload. It is idempotent: an upload that is gone is done."""
    index, target = operation.index, operation.target
    answer = yield from asking(Abort(target), manner)
    if answer[0] == "ok" or answer[1].code == "NoSuchUpload":
        return Outcome(index, "deleted")
    return refusal(index, answer[1])


def removing_bucket(operation: Operation, manner: Manner) -> Steps:
    """Remove a bucket, after a look whether really nothing is left in it."""
    index, target = operation.index, operation.target
    error = ServiceError("Unknown", 0, "no answer to the delete")
    for attempt in range(manner.tries):
        answer = yield from asking(LeftInBucket(target), manner)
        if answer[0] == "error":
            if answer[1].code == "NoSuchBucket":
                return Outcome(index, "deleted")
            return refusal(index, answer[1])
        if not answer[1].nothing:
            return Outcome(index, "skipped", CHANGED, f"the bucket is not empty: {answer[1].sentence}")
        answer = yield RemoveBucket(target)
        if answer[0] == "ok" or answer[1].code == "NoSuchBucket":
            return Outcome(index, "deleted")
        error = answer[1]
        if error.reaction in (Reaction.PAUSE, Reaction.STOP_JOB, Reaction.FAIL_ITEM):
            return refusal(index, error)
        yield manner.backoff(attempt, error.reaction)
    return refusal(index, error)
