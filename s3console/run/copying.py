"""Copies and restores as generators: guarded, looked up after a lost answer, proved by their bytes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from ..core.compare import is_md5
from ..core.errors import Reaction, ServiceError
from ..core.model import Operation, Ref
from .engine import (
    CHANGED,
    UNPROVED,
    Answer,
    CarryAccess,
    CarryLock,
    Compare,
    Copy,
    Head,
    Manner,
    Outcome,
    Request,
    Steps,
    Thaw,
    asking,
    current,
    mutable,
    refusal,
    standing,
)

ARCHIVED = frozenset({"InvalidObjectState", "ObjectNotInActiveTierError"})
"""Codes of a source that cannot be read before RestoreObject (S3 API reference)."""


def begins_with(operation: Operation, manner: Manner, *, looked: bool = False) -> Copy | None:
    """The copy that `copying` asks for first, where it need not look before and carries nothing after."""
    source, target = operation.source, operation.target
    if source is None or operation.how or _onto_itself(operation) or (
            _doubtful(source, manner) and not looked):
        return None
    return Copy(source, target, operation.expect, looked=looked)


def wants_looks(operation: Operation, manner: Manner) -> bool:
    """Whether a plain copy has to be looked before, because the store might not check its conditions."""
    source = operation.source
    return source is not None and not operation.how and not _onto_itself(operation) and (
        _doubtful(source, manner) or (operation.expect != "any" and not manner.exact))


def _doubtful(source: Ref, manner: Manner) -> bool:
    """Whether the source might be another by now, and the store would copy it nevertheless."""
    return not manner.guarded and mutable(source)


def looking_at(
    operations: Sequence[Operation], manner: Manner
) -> Generator[Request, Answer, frozenset[int]]:
    """Look at sources and targets of copies between two buckets together; the indexes of those that are as
    the plan says. What is not among them has to be looked at by itself."""
    clear = {op.index: op for op in operations}
    sources = {op.index: op.source for op in operations
               if op.source is not None and _doubtful(op.source, manner)}
    found = yield from standing(list(sources.values()), manner)
    for index, ref in sources.items():
        if [(one.etag, one.size) for one in found.get(ref.key, ())] != [(ref.etag, ref.size)]:
            del clear[index]
    found = yield from standing([op.target for op in clear.values() if op.expect != "any"], manner)
    for op in list(clear.values()):
        held = found.get(op.target.key)
        wanted = [] if op.expect == "absent" else [op.expect[5:]]
        if op.expect != "any" and (held is None or [one.etag for one in held] != wanted):
            del clear[op.index]
    return frozenset(clear)


def proved(operation: Operation, etag: str, version_id: str) -> Outcome | None:
    """The outcome of a copy whose answer proves it by itself: it carries the ETag of the pinned source."""
    source = operation.source
    if source is None or etag != source.etag:
        return None
    return Outcome(operation.index, "verified", "", "", etag, source.size, version_id)


def _onto_itself(operation: Operation) -> bool:
    source, target = operation.source, operation.target
    return source is not None and not source.version_id and source[:3] == target[:3]


def copying(operation: Operation, manner: Manner, *, look: bool = False, looked: bool = False) -> Steps:
    """Copy or restore one object and verify it; then carry access list and lock, where the plan says so.

    `look` is True when an earlier attempt may have reached the store: the destination is looked at
    first and bytes that already stand there are not copied again. `looked`: source and target were looked at
    right before and are as the plan says, which holds for the first attempt.
    """
    outcome = yield from _copying(operation, manner, look=look or operation.word("look") is not None,
                                  looked=looked)
    source = operation.source
    if outcome.result != "verified" or source is None:
        return outcome
    made = operation.target._replace(version_id=outcome.version_id)
    wishes: list[tuple[CarryAccess | CarryLock, str]] = []
    if operation.word("acl") is not None:
        wishes.append((CarryAccess(source, made), "the access list"))
    if operation.word("lock") is not None:
        wishes.append((CarryLock(source, made), "its retention or legal hold"))
    for request, what in wishes:
        answer = yield from asking(request, manner)
        if answer[0] == "error":
            refused = refusal(operation.index, answer[1])
            if refused.result != "failed":
                return refused
            return replace(refused, message=f"copied, but {what} was not carried: {refused.message}")
    return outcome


def _copying(operation: Operation, manner: Manner, *, look: bool, looked: bool) -> Steps:
    source, target, index = operation.source, operation.target, operation.index
    if source is None or _onto_itself(operation):
        return Outcome(index, "failed", "InvalidRequest", "the operation would copy an object onto itself")
    seen, doubt = look, _doubtful(source, manner) and not looked
    last: ServiceError | None = None
    for attempt in range(manner.tries):
        if seen:
            verdict = yield from _looking(operation, source, manner)
            if verdict is not None:
                return verdict
        if doubt:
            verdict = yield from _source_moved(index, source, manner)
            if verdict is not None:
                return verdict
        answer = yield Copy(source, target, operation.expect, operation.word("class") or "",
                            looked and not attempt)
        if answer[0] == "ok":
            etag, version_id = answer[1].etag, answer[1].version_id
            made = proved(operation, etag, version_id)
            return made or replace(
                (yield from _verifying(operation, source, etag, manner)), version_id=version_id)
        last = answer[1]
        slow = last.reaction is Reaction.SLOW_DOWN and manner.exact and operation.expect != "any"
        seen = seen or not slow
        if last.code in ARCHIVED:
            return (yield from _thawing(operation, source, manner))
        gone = last.status == 404 and last.reaction is Reaction.FAIL_ITEM
        if not gone and last.reaction in (Reaction.PAUSE, Reaction.STOP_JOB, Reaction.FAIL_ITEM):
            return refusal(index, last)
        doubt = doubt or gone or last.reaction is Reaction.LOOK or _doubtful(source, manner)
        yield manner.backoff(attempt, last.reaction)
    verdict = yield from _looking(operation, source, manner)
    return verdict or refusal(index, last or ServiceError("Unknown", 0, "no answer to the copy"))


def _looking(
    operation: Operation, source: Ref, manner: Manner
) -> Generator[Request, Answer, Outcome | None]:
    """What the destination holds now: the wanted bytes, something the plan did not expect, or neither."""
    index, target, expect = operation.index, operation.target, operation.expect
    answer = yield from asking(Head(current(target)), manner)
    if answer[0] == "error":
        return refusal(index, answer[1])
    now = answer[1]
    if now is not None and now.size == source.size:
        found = Outcome(index, "verified", etag=now.etag, bytes=source.size, version_id=now.version_id,
                        sure=False)
        if now.etag == source.etag:
            return found
        # An ETag that the plan already expected there says that nothing was copied yet.
        if expect != f"etag:{now.etag}":
            alike = yield from asking(Compare(source, current(target)), manner)
            if alike[0] == "error" and alike[1].status != 404:
                return refusal(index, alike[1])
            if alike[0] == "ok" and alike[1]:
                moved = (yield from _source_moved(index, source, manner)) if mutable(source) else None
                return moved or found
    if expect == "absent" and now is not None:
        return Outcome(index, "skipped", CHANGED, "changed since plan: the destination is occupied")
    if expect.startswith("etag:") and (now is None or now.etag != expect[5:]):
        return Outcome(index, "skipped", CHANGED, "changed since plan: the object to replace is another")
    return None


def _source_moved(index: int, source: Ref, manner: Manner) -> Generator[Request, Answer, Outcome | None]:
    answer = yield from asking(Head(source), manner)
    if answer[0] == "error":
        return refusal(index, answer[1])
    now = answer[1]
    if now is None:
        return Outcome(index, "skipped", CHANGED, "changed since plan: the source is gone")
    if now.etag != source.etag or now.size != source.size:
        return Outcome(index, "skipped", CHANGED, "changed since plan: the source holds other bytes")
    return None


def _verifying(operation: Operation, source: Ref, etag: str, manner: Manner) -> Steps:
    """Prove that a copy that was answered with another ETag holds the bytes of the source: by a HEAD, or by
    reading both.

    A copy of a multipart or KMS-encrypted object gets another
    ETag: then a store that honours conditions is believed when HEAD shows the ETag of the answer and
    the size, and any other store has to show the bytes, or, where they are too many, a source that is
    the same before and after.
    """
    index, target = operation.index, operation.target
    answer = yield from asking(Head(current(target)), manner)
    if answer[0] == "error":
        return refusal(index, answer[1])
    now = answer[1]
    if now is None or now.size != source.size:
        return (yield from _not_proved(index, source, now, etag, manner,
                                       "the copy was acknowledged and is not at the destination"))
    if now.etag == source.etag:
        return Outcome(index, "verified", etag=now.etag, bytes=source.size)
    as_answered = now.etag == etag and not (is_md5(etag) and is_md5(source.etag))
    if manner.guarded and as_answered:
        return Outcome(index, "verified", etag=etag, bytes=source.size)
    answer = yield from asking(Compare(source, current(target)), manner)
    if answer[0] == "error" and not (answer[1].code == UNPROVED and as_answered):
        return refusal(index, answer[1])
    if answer[0] == "ok" and not answer[1]:
        return (yield from _not_proved(index, source, now, etag, manner,
                                       "the copy does not hold the bytes of its source"))
    # What was compared is the source as it is now: it must still be the one that was reviewed. What is too
    # large to be read was copied from it whole where it is the same before and after.
    moved = (yield from _source_moved(index, source, manner)) if mutable(source) else None
    return moved or Outcome(index, "verified", etag=now.etag, bytes=source.size)


def _not_proved(index: int, source: Ref, now: Any, etag: str, manner: Manner, said: str) -> Steps:
    """Why a copy is not proved: somebody wrote to its source or over it, or the store did not do it."""
    moved = (yield from _source_moved(index, source, manner)) if mutable(source) else None
    if moved is not None:
        return moved
    if now is not None and now.etag not in (etag, source.etag):
        return Outcome(index, "skipped", CHANGED, "changed since plan: the copy was written over since")
    return Outcome(index, "failed", UNPROVED, said)


def _thawing(operation: Operation, source: Ref, manner: Manner) -> Steps:
    """Ask for an archived source once more readable; it takes minutes to days, so the operation waits."""
    index, asked = operation.index, operation.word("thaw")
    if asked is None:
        return Outcome(index, "failed", "InvalidObjectState",
                       "the source is archived; plan again with --thaw to restore it first")
    tier, _, days = asked.partition("/")
    answer = yield from asking(Thaw(source, tier, int(days or 1)), manner)
    if answer[0] == "error" and answer[1].code != "RestoreAlreadyInProgress":
        return refusal(index, answer[1])
    return Outcome(index, "waiting", "Thawing", "the source is being restored from the archive")
