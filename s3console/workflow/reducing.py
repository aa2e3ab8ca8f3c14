"""A sealed plan without some of its operations: a new plan, and the old one put aside."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ..core.errors import Refused, UsageError
from ..core.model import Operation, Plan
from ..store.plans import SealedPlan, open_plan
from .approving import reject
from .assembly import seal_operations
from .desk import Desk
from .plan_states import plan_state

DROPPED = "operations of plan {plan} were dropped by hand"
FOLLOWED = "deletes were dropped with the copies they wait for"


def plan_without(desk: Desk, plan_id: str, dropped: Collection[int]) -> Plan:
    """A sealed plan with the operations of another but those with the indexes `dropped`.

    A delete that waits for a dropped copy is dropped with it, because nothing would prove its bytes. The
    old plan is rejected as replaced once the new one is sealed. Raises Refused for a plan that does not
    wait for approval, for one that removes a bucket, and when nothing would be left; UsageError for an
    index that is not in the plan.
    """
    with open_plan(desk.home, plan_id) as sealed:
        sealed.verify()
        old = sealed.plan
        state = plan_state(desk, old)
        if state != "ready":
            raise Refused(f"this plan is {state}, so nothing is dropped from it", where=old.plan,
                          next_step="Make a new plan")
        strange = [index for index in dropped if not 0 <= index < old.operations]
        if strange or not dropped:
            raise UsageError(f"plan {old.plan} has no operation {strange[0] + 1:,}" if strange
                             else "no operation is named",
                             next_step=f"Its operations are 1 to {old.operations:,}")
        if any(one.kind == "bucket" for one in sealed.batch(sealed.batches - 1)):
            raise Refused("a plan that removes a bucket removes all that is in it", where=old.plan,
                          next_step="Plan the removal of single prefixes instead")
        notes = _notes(old, len(set(dropped)))
        new = seal_operations(
            desk, _kept(sealed, frozenset(dropped), notes), old.left, old.right, old.prefix, old.versioning,
            notes=notes, review=old.review, title=old.title,
        )
    reject(desk, old.digest, f"replaced by plan {new.plan}")
    return new


def _notes(old: Plan, count: int) -> dict[str, int]:
    notes = dict.fromkeys(old.notes, 0)
    notes[DROPPED.format(plan=old.plan)] = count
    return notes


def _kept(sealed: SealedPlan, dropped: frozenset[int], notes: dict[str, int]) -> Iterator[Operation]:
    """The operations that stay, numbered anew. Memory: one number per copy."""
    places: dict[int, int] = {}
    index = 0
    for operation in sealed.all_operations():
        if operation.index in dropped:
            continue
        after = operation.after
        if after is not None and after not in places:
            notes[FOLLOWED] = notes.get(FOLLOWED, 0) + 1
            continue
        if not operation.removes:
            places[operation.index] = index
        yield replace(operation, index=index, after=None if after is None else places[after])
        index += 1
