"""Where a plan stands between planning and the end of its job."""

from __future__ import annotations

from datetime import UTC, datetime

from ..core.model import JobStatus, Plan
from ..store.approvals import VALID_FOR, load_approval, load_rejection
from ..store.home import now
from .desk import Desk
from .jobs import list_jobs


def moment_of(text: str) -> datetime:
    """A time as state files hold it (`2024-06-25T10:11:34Z`), aware."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def plan_state(desk: Desk, plan: Plan, jobs: list[JobStatus] | None = None) -> str:
    """ready, approved, rejected, stale, or the state of the job that runs the plan."""
    for job in jobs if jobs is not None else list_jobs(desk):
        if job.plan == plan.plan:
            return job.state
    if load_rejection(desk.home, plan.digest) is not None:
        return "rejected"
    approval = load_approval(desk.home, plan.digest)
    if approval is not None:
        return "approved" if moment_of(approval.expires) > now() else "stale"
    return "ready" if moment_of(plan.created) + VALID_FOR > now() else "stale"
