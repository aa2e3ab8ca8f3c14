"""Why a plan can not be approved or run any more, in words."""

from __future__ import annotations

from ..core.model import JobStatus, Plan
from ..store.approvals import VALID_FOR, load_approval, load_rejection
from ..store.home import now
from .desk import Desk
from .plan_states import moment_of

_HOURS = int(VALID_FOR.total_seconds() // 3600)


def why_ended(desk: Desk, plan: Plan, jobs: list[JobStatus]) -> str:
    """One sentence for a plan that is stale, rejected or cancelled, "" for any other."""
    for job in jobs:
        if job.plan == plan.plan:
            return job.message if job.state in ("stale", "cancelled", "failed") else ""
    rejection = load_rejection(desk.home, plan.digest)
    if rejection is not None:
        return f"rejected by {rejection.by} at {rejection.at}" + (
            f": {rejection.reason}" if rejection.reason else "")
    approval = load_approval(desk.home, plan.digest)
    if approval is not None:
        if moment_of(approval.expires) > now():
            return ""
        return f"its approval ended at {approval.expires} before the plan was run"
    made = moment_of(plan.created)
    if made + VALID_FOR > now():
        return ""
    return f"it was made at {plan.created}, more than {_HOURS} hours ago; the bucket may have changed since"
