"""What Queue asks the workflow, and what it tells it. Blocking: call these in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from s3console.core.errors import Refused, S3ConsoleError
from s3console.core.model import JobStatus, Plan
from s3console.core.states import FINAL_JOBS
from s3console.ui.comparing.facts import real
from s3console.ui.desk_protocol import DeskLike

if TYPE_CHECKING:
    from s3console.store.jobs import Failure

FAILURES_SHOWN = 100_000
_ORDER = {"running": 1, "paused": 2, "failed": 3, "queued": 4}


class QueueRow(NamedTuple):
    """A job, or a plan that waits for approval (`job` None). `plan` None: its head could not be read."""

    job: JobStatus | None
    plan: Plan | None

    @property
    def identity(self) -> str:
        return self.job.job if self.job is not None else f"plan {self.plan.digest if self.plan else ''}"


class Interrupted(NamedTuple):
    """A job that stopped without being told to, and whether its approval still holds."""

    job: JobStatus
    valid: bool


def queue_rows(desk: DeskLike, heads: dict[str, Plan]) -> list[QueueRow]:
    """What needs approval, then what runs, waits, and ended. `heads` keeps the heads of plans."""
    from s3console.store.plans import list_plans
    from s3console.workflow.jobs import list_jobs
    from s3console.workflow.planning import plan_state

    jobs = list_jobs(real(desk))
    plans = list_plans(desk.home)
    heads.update((plan.plan, plan) for plan in plans)
    taken = {job.plan for job in jobs}
    waiting = [QueueRow(None, plan) for plan in reversed(plans)
               if plan.plan not in taken and plan_state(real(desk), plan, jobs) == "ready"]
    ordered = sorted(jobs, key=lambda job: _ORDER.get(job.state, 9))
    return waiting + [QueueRow(job, heads.get(job.plan)) for job in ordered]


def job_states(desk: DeskLike, jobs: Sequence[str]) -> list[JobStatus]:
    """The snapshots of some jobs."""
    from s3console.workflow.jobs import job_status

    return [job_status(real(desk), job) for job in jobs]


def failures(desk: DeskLike, job: str) -> Sequence[Failure]:
    """What failed in a job, at most 100,000 of it."""
    from s3console.workflow.jobs import failures as read

    return read(real(desk), job, limit=FAILURES_SHOWN)


def _start(desk: DeskLike, job: str) -> None:
    from s3console.workflow.jobs import launch

    try:
        launch(real(desk), job)
    except OSError as error:
        raise Refused("the runner could not be started", where=error.strerror or type(error).__name__,
                      next_step="Check the limits of this machine and press space again") from error


def pause_or_go_on(desk: DeskLike, job: str) -> str:
    """Pause a job that runs, let another go on, in a new runner if its own is gone. Says what was asked."""
    from s3console.workflow.jobs import control, job_status

    status = job_status(real(desk), job)
    if status.state == "running":
        control(real(desk), job, "pause")
        return "Pausing: what is in flight is finished first."
    if status.state in FINAL_JOBS:
        raise Refused(f"job {job} is {status.state}", next_step="Make a new plan for what is left")
    if status.runner:
        control(real(desk), job, "resume")
    else:
        _start(desk, job)
    return "Going on."


def cancel(desk: DeskLike, job: str) -> None:
    """End a job. Only a runner may change a job, so one is started where none lives."""
    from s3console.workflow.jobs import control

    if not control(real(desk), job, "cancel").runner:
        _start(desk, job)


def retry(desk: DeskLike, job: str) -> None:
    """Try again what failed."""
    from s3console.workflow.jobs import control

    if not control(real(desk), job, "retry").runner:
        _start(desk, job)


def workers(desk: DeskLike, job: str, by: int) -> int:
    """Ask the runner for more or fewer worker processes; returns how many. Raises Refused."""
    from s3console.store.jobs import job_folder, request_control
    from s3console.workflow.jobs import job_status

    status = job_status(real(desk), job)
    if not status.runner or status.state != "running":
        raise Refused("this job has no runner now", next_step="Press space to let it go on")
    wanted = max(1, min(64, status.workers + by))
    request_control(job_folder(desk.home, job), "limits", values={"workers": wanted})
    return wanted


def interrupted(desk: DeskLike) -> list[Interrupted]:
    """Jobs that wait without a runner: killed, crashed, or paused in a session that ended."""
    from s3console.store.approvals import valid_approval
    from s3console.store.plans import load_plan
    from s3console.workflow.jobs import list_jobs

    found = []
    for job in list_jobs(real(desk)):
        if job.runner or job.state not in ("paused", "queued") or not job.remaining:
            continue
        try:
            valid_approval(desk.home, load_plan(desk.home, job.plan))
        except S3ConsoleError:
            found.append(Interrupted(job, valid=False))
        else:
            found.append(Interrupted(job, valid=True))
    return found


def go_on(desk: DeskLike, jobs: Sequence[str]) -> int:
    """Start a runner for each of these jobs; returns how many were started."""
    for job in jobs:
        _start(desk, job)
    return len(jobs)
