"""Operations that wait for others of their plan: a version that goes on top of another copied version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from ..core.errors import DamagedState
from ..core.model import Operation, Ref
from .batches import Ledger


def beside(one: Operation, other: Operation) -> bool:
    """Whether two operations change the same bucket."""
    return one.target[:2] == other.target[:2]


def ready(ledger: Ledger, operation: Operation) -> Literal["go", "wait", "never"]:
    """A version goes on top of another one only when the proof of that is on disk: were it lost, the next
    run would find the later version in the place of the earlier one."""
    after = operation.after
    if operation.removes or after is None or ledger.verified(after):
        return "go"
    number, offset = divmod(after, ledger.batch_size)
    record = ledger.record(number)
    return "wait" if record.verified >> offset & 1 or not record.settled >> offset & 1 else "never"


def refined(ledger: Ledger, of_plan: Callable[[int], Operation], operation: Operation) -> Operation:
    """What goes on top of a copy of this job expects the ETag that the copy really has."""
    if operation.after is None or (operation.removes and operation.target.version_id):
        return operation
    copy = of_plan(operation.after)
    etag = ledger.etag(copy.index, copy.source.etag if copy.source is not None else "")
    if not operation.removes:
        return replace(operation, expect=f"etag:{etag}")
    if (copy.target.bucket, copy.target.key) != (operation.target.bucket, operation.target.key):
        return operation
    return replace(operation, target=operation.target._replace(etag=etag))


def left_out(ledger: Ledger, copies: int) -> bool:
    """Whether an earlier run left out a delete because of a change: then a person has resumed since."""
    first, offset = divmod(copies, ledger.batch_size)
    return any(ledger.record(n).skipped >> (offset if n == first else 0)
               for n in range(first, ledger.batches))


def witnesses(ledger: Ledger, of_plan: Callable[[int], Operation], operation: Operation, *,
              enabled: bool) -> tuple[Ref, ...]:
    """What must be looked at right before a delete, in a bucket whose versioning is `enabled` or not.

    A copy that this process proved on a versioned bucket cannot have lost its bytes by being
    overwritten; every other claim is looked at again.
    """
    found: dict[tuple[str, str, str], Ref] = {}
    if operation.witness is not None:
        w = operation.witness
        found[w.side, w.bucket, w.key] = w
    if operation.after is not None and not (ledger.verified_here(operation.after) and enabled):
        copy = of_plan(operation.after)
        if copy.source is None:
            raise DamagedState("a delete of the plan waits for something that is not a copy")
        target = copy.target._replace(etag=ledger.etag(copy.index, copy.source.etag), size=copy.source.size)
        found[target.side, target.bucket, target.key] = target
    return tuple(found.values())
