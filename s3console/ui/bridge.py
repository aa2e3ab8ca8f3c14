"""The few facts of the workflow that every screen shows. Blocking: call these in a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from s3console.core.model import JobStatus
from s3console.core.prices import request_cost

if TYPE_CHECKING:
    from s3console.ui.desk_protocol import DeskLike
    from s3console.workflow.desk import Desk


def jobs(desk: DeskLike) -> Sequence[JobStatus]:
    """The snapshots of all jobs, newest first."""
    from s3console.workflow.jobs import list_jobs

    return list(list_jobs(cast("Desk", desk)))


def approvals_waiting(desk: DeskLike) -> int:
    """How many plans are ready and not approved."""
    from s3console.store.plans import list_plans
    from s3console.workflow.jobs import list_jobs
    from s3console.workflow.planning import plan_state

    real = cast("Desk", desk)
    known = list_jobs(real)
    return [plan_state(real, plan, known) for plan in list_plans(desk.home)].count("ready")


def cost(counts: Mapping[str, int], region: str) -> float:
    """What these requests cost by the price table, in dollars."""
    return float(request_cost(counts, region))
