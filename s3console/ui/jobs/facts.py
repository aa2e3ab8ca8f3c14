"""What Queue asks the workflow, and what it tells it. Blocking: call these in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from s3console.core.errors import Refused, S3ConsoleError
from s3console.core.model import JobStatus, Place, Plan
from s3console.core.states import FINAL_JOBS
from s3console.ui import bridge
from s3console.ui.comparing.facts import real
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.keys_in_use import key
from s3console.ui.threads import Task

if TYPE_CHECKING:
    from s3console.store.jobs import Failure
    from s3console.workflow.after_crash import UnderWay

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
    """A job that stopped without being told to, and whether its approval still holds; `why` when not."""

    job: JobStatus
    valid: bool
    why: str = ""


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
                      next_step="Check the limits of this machine and press "
                                f"{key('queue.pause')} again") from error


def pause_or_go_on(desk: DeskLike, job: str) -> str:
    """Pause a job that runs, let another go on, in a new runner if its own is gone. Says what was asked."""
    from s3console.workflow.jobs import job_status

    status = job_status(real(desk), job)
    if status.state == "running":
        pause(desk, job)
        return "Pausing: what is in flight is finished first."
    if status.state in FINAL_JOBS:
        raise Refused(f"job {job} is {status.state}", next_step="Make a new plan for what is left")
    if status.state == "failed":
        raise Refused(f"job {job} stopped because something in it failed",
                      next_step=f"Look at the failures: {key('queue.retry')} tries them again, "
                                f"{key('queue.skip')} goes on without them")
    go_on_with(desk, status)
    return "Going on."


def pause(desk: DeskLike, job: str) -> None:
    """Ask the runner of a job to pause."""
    from s3console.workflow.jobs import control

    control(real(desk), job, "pause")


def go_on_with(desk: DeskLike, status: JobStatus) -> None:
    """Let a job go on, in a new runner if its own is gone."""
    from s3console.workflow.jobs import control

    if status.runner:
        control(real(desk), status.job, "resume")
    else:
        _start(desk, status.job)


def pause_all(desk: DeskLike) -> str:
    """Pause every job that runs; when none does, let every paused one go on. Says what was asked."""
    from s3console.workflow.jobs import list_jobs

    jobs = list_jobs(real(desk))
    running = [job for job in jobs if job.state == "running"]
    if running:
        for job in running:
            pause(desk, job.job)
        return f"Pausing {len(running)}: what is in flight is finished first."
    paused = [job for job in jobs if job.state == "paused"]
    for job in paused:
        go_on_with(desk, job)
    return f"Going on with {len(paused)}." if paused else "Nothing runs and nothing is paused."


def skip(desk: DeskLike, job: str) -> str:
    """Leave what failed as it is, and go on with the rest of a job that stopped. Says what was asked."""
    from s3console.workflow.jobs import job_status

    status = job_status(real(desk), job)
    if status.state not in ("failed", "paused") or not status.remaining:
        raise Refused(f"job {job} is {status.state}: there is nothing left to go on with")
    go_on_with(desk, status)
    return "Going on without what failed."


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


def workers(desk: DeskLike, job: str, by: int = 0, *, to: int = 0) -> int:
    """Ask the runner for `by` more worker processes, or for `to`; returns how many. Raises Refused."""
    status = _runs(desk, job)
    wanted = max(1, min(64, to or status.workers + by))
    _limits(desk, job, {"workers": wanted})
    return wanted


def limit(desk: DeskLike, job: str, *, rate: float | None = None, bandwidth: float | None = None) -> None:
    """Ask the runner for at most `rate` operations or `bandwidth` bytes a second; 0 is no limit."""
    _runs(desk, job)
    given = {"rate": rate, "bandwidth": bandwidth}
    _limits(desk, job, {name: value for name, value in given.items() if value is not None})


def _runs(desk: DeskLike, job: str) -> JobStatus:
    from s3console.workflow.jobs import job_status

    status = job_status(real(desk), job)
    if not status.runner or status.state != "running":
        raise Refused("this job has no runner now", next_step=f"Press {key('queue.pause')} to let it go on")
    return status


def _limits(desk: DeskLike, job: str, values: dict[str, float]) -> None:
    from s3console.store.jobs import job_folder, request_control

    request_control(job_folder(desk.home, job), "limits", values=values)


def export_failures(desk: DeskLike, job: str, path: Path) -> int:
    """Write what failed in a job into a new file. Raises UsageError, Refused, DiskFull."""
    from s3console.workflow.exporting import FAILURE_COLUMNS, export_rows, failure_cells

    return export_rows(path, FAILURE_COLUMNS, map(failure_cells, failures(desk, job)))


def looked_up(task: Task, desk: DeskLike, jobs: Sequence[str], tell: Callable[[str, UnderWay], None]) -> None:
    """Ask the store about what each of these jobs may have sent; `tell` gets each answer as it comes."""
    from s3console.workflow.after_crash import under_way

    for job in jobs:
        if task.cancelled:
            return
        try:
            found = under_way(real(desk), job)
        except S3ConsoleError:
            continue
        task.tell(tell, job, found)


def plan_of(desk: DeskLike, job: JobStatus) -> Plan:
    """The plan of a job. Raises DamagedState."""
    from s3console.store.plans import load_plan

    return load_plan(desk.home, job.plan)


def touched(desk: DeskLike, jobs: Sequence[JobStatus]) -> list[Place]:
    """The places in buckets that these jobs changed."""
    from s3console.store.plans import load_plan

    found = []
    for job in jobs:
        try:
            plan = load_plan(desk.home, job.plan)
        except S3ConsoleError:
            continue
        if plan.right.scheme == "s3" and job.done:
            found.append(replace(plan.right, prefix=plan.prefix))
    return found


def interrupted(desk: DeskLike) -> list[Interrupted]:
    """Jobs that wait without a runner: killed, crashed, or paused in a session that ended."""
    if not bridge.jobs(desk):
        return []
    from s3console.store.approvals import valid_approval
    from s3console.store.plans import load_plan
    from s3console.workflow.jobs import list_jobs

    found = []
    for job in list_jobs(real(desk)):
        if job.runner or job.state not in ("paused", "queued") or not job.remaining:
            continue
        try:
            valid_approval(desk.home, load_plan(desk.home, job.plan))
        except S3ConsoleError as error:
            found.append(Interrupted(job, valid=False, why=error.what))
        else:
            found.append(Interrupted(job, valid=True))
    return found


def go_on(desk: DeskLike, jobs: Sequence[str]) -> int:
    """Start a runner for each of these jobs; returns how many were started."""
    for job in jobs:
        _start(desk, job)
    return len(jobs)
