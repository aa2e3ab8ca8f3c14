"""The queue as words and screens see it: submit, launch, control, and the truth about each job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..core.errors import Busy, Refused, S3ConsoleError
from ..core.model import JobStatus, Plan
from ..core.states import FINAL_JOBS
from ..store.approvals import valid_approval
from ..store.jobs import (
    Action,
    Failure,
    JobFolder,
    JobLock,
    create_job,
    job_folder,
    read_failures,
    read_status,
    request_control,
)
from ..store.jobs import list_jobs as stored_jobs
from ..store.journal import Journal
from ..store.plans import load_plan
from .desk import Desk


def submit(desk: Desk, plan_id: str) -> str:
    """Queue an approved plan and return the job's id; a plan has one job, however often it is submitted.

    Raises Refused when the plan is not approved or its approval has expired.
    """
    plan = load_plan(desk.home, plan_id)
    if (known := job_of(desk, plan)) is not None:
        return known
    valid_approval(desk.home, plan)
    job = create_job(desk.home, plan)
    Journal(desk.home.journal).append(
        "queued", job=job, plan=plan.plan, digest=plan.digest, operations=plan.operations, title=plan.title
    )
    return job


def job_of(desk: Desk, plan: Plan) -> str | None:
    """The job that runs a plan, if there is one."""
    return next((facts.job for facts in stored_jobs(desk.home) if facts.digest == plan.digest), None)


def launch(
    desk: Desk, job: str, *, workers: int = 2, rate: float | None = None, bandwidth: float | None = None
) -> int:
    """Start a runner for a job in a process and session of its own; returns its process id.

    `rate` is in operations per second, `bandwidth` in bytes per second.

    Raises Busy when a runner owns the job already, Refused when the job has ended or s3console is
    read-only.
    """
    from ..run.launch import launch as start

    if desk.config.read_only:
        raise Refused("nothing runs in read-only mode", next_step="Start without --read-only")
    folder = job_folder(desk.home, job)
    owner = JobLock.owner_of(folder)
    if owner is not None:
        raise Busy(f"job {folder.job} is run by process {owner} already")
    state = job_status(desk, folder.job).state
    if state in FINAL_JOBS and state != "done":
        raise Refused(f"job {folder.job} is {state}", next_step="Compare again and make a new plan")
    return start(
        desk.home.path, folder.job, workers=workers, rate=rate or 0.0, bandwidth=bandwidth or 0.0
    )


def job_status(desk: Desk, job: str) -> JobStatus:
    """The snapshot of a job, put right by whether its runner lives: a dead one's job is paused.

    Raises UsageError for an unknown job.
    """
    return _true_status(job_folder(desk.home, job))


def _true_status(folder: JobFolder) -> JobStatus:
    status = read_status(folder)
    owner = JobLock.owner_of(folder)
    if owner is not None:
        return replace(status, runner=owner)
    if status.state == "running":
        return replace(
            status,
            state="paused",
            runner=0,
            rate=0.0,
            in_flight=0,
            message="its runner ended without a word; resume goes on where it stopped",
        )
    return replace(status, runner=0, rate=0.0, in_flight=0)


def list_jobs(desk: Desk) -> list[JobStatus]:
    """The true status of every job, newest first; a job that cannot be read is left out."""
    found = []
    for facts in stored_jobs(desk.home):
        try:
            found.append(_true_status(JobFolder(desk.home.jobs / facts.job)))
        except S3ConsoleError:
            continue
    return found


def failures(desk: Desk, job: str, *, offset: int = 0, limit: int | None = None) -> Sequence[Failure]:
    """What failed in a job, in the order it happened."""
    return read_failures(job_folder(desk.home, job), offset=offset, limit=limit)


def control(desk: Desk, job: str, action: Action, *, by: str = "") -> JobStatus:
    """Ask the runner of a job to pause, resume, cancel or retry; returns the status at this moment.

    Pause, and cancel without a runner, are written for the next runner to see. Resume and retry
    without a runner need `launch` afterwards. Raises Refused when the job has ended.
    """
    if desk.config.read_only:
        raise Refused("jobs are not controlled in read-only mode", next_step="Start without --read-only")
    folder = job_folder(desk.home, job)
    status = _true_status(folder)
    if status.state in FINAL_JOBS and not (action == "retry" and status.state == "done" and status.failed):
        raise Refused(f"job {folder.job} is {status.state} and cannot {action}")
    request_control(folder, action, by=by)
    Journal(desk.home.journal).append(action, job=folder.job, plan=status.plan, by=by)
    return status


def plan_of(desk: Desk, status: JobStatus) -> Plan:
    """The head of the plan a job runs."""
    return load_plan(desk.home, status.plan)
