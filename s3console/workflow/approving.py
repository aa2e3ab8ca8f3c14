"""Approval: who accepted which plan digest, what they typed, and how long that holds."""

from __future__ import annotations

from ..core.errors import Refused
from ..core.keys import printable
from ..core.model import Approval
from ..store.approvals import VALID_FOR, save_approval, save_rejection
from ..store.caps import load_caps, refuse_above
from ..store.home import now, stamp
from ..store.journal import Journal
from ..store.plans import load_plan, open_plan
from .desk import Desk
from .operators import operator
from .plan_states import plan_state


def approve(desk: Desk, plan_id: str, *, count: int | None = None, typed: str = "") -> Approval:
    """Accept a sealed plan.

    An irreversible plan needs `count`, the number of its operations; a count that is given must be
    right for any plan. Raises Refused when it is not, in read-only mode, and for a plan that is
    rejected, stale, approved before, already a job, or larger than one approval may cover.
    """
    if desk.config.read_only:
        raise Refused("nothing is approved in read-only mode", next_step="Start without --read-only")
    with open_plan(desk.home, plan_id) as sealed:
        sealed.verify()
        plan = sealed.plan
    state = plan_state(desk, plan)
    if state != "ready":
        advice = "Run it" if state == "approved" else "Make a new plan"
        raise Refused(f"this plan is {state} and cannot be approved", where=plan.plan, next_step=advice)
    refuse_above(load_caps(desk.home), plan)
    if count is None and not plan.reversible:
        raise Refused(
            f"plan {plan.plan} cannot be undone, so it is approved by its number of operations",
            where=printable(plan.title),
            next_step="Read `show`, then give the number with --count",
        )
    if count is not None and count != plan.operations:
        raise Refused(
            f"{count:,} is not the number of operations of plan {plan.plan}",
            where=printable(plan.title),
            next_step="Read `show` again before approving",
        )
    at = now()
    approval = Approval(
        plan.digest,
        operator(),
        stamp(at),
        stamp(at + VALID_FOR),
        plan.operations,
        typed or ("" if count is None else str(count)),
    )
    Journal(desk.home.journal).append(
        "approved",
        plan=plan.plan,
        digest=plan.digest,
        by=approval.by,
        operations=plan.operations,
        deletes=plan.delete,
        typed=approval.typed,
        title=plan.title,
    )
    save_approval(desk.home, approval)
    return approval


def reject(desk: Desk, plan_id: str, reason: str) -> None:
    """Put a plan aside for good, with a reason for the journal. Raises Refused when it already runs."""
    plan = load_plan(desk.home, plan_id)
    state = plan_state(desk, plan)
    if state not in ("ready", "stale", "approved"):
        raise Refused(f"this plan is {state} and cannot be rejected", where=plan.plan)
    Journal(desk.home.journal).append(
        "rejected", plan=plan.plan, digest=plan.digest, by=operator(), reason=reason, title=plan.title
    )
    save_rejection(desk.home, plan.digest, by=operator(), reason=reason)
