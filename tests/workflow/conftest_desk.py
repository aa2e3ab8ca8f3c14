"""A desk over a server of the tests, and jobs run to their end by real runners."""

from __future__ import annotations

import time
from pathlib import Path

from s3console.config import load_config
from s3console.core.model import JobStatus, Plan
from s3console.store.jobs import JobLock, job_folder, request_control
from s3console.workflow.approving import approve
from s3console.workflow.desk import Desk, open_desk
from s3console.workflow.jobs import job_status, launch, submit


def desk_for(endpoint_url: str, state: Path) -> Desk:
    return open_desk(load_config({"endpoint_url": endpoint_url, "state_dir": str(state)}, {}))


def carried_out(desk: Desk, plan: Plan) -> JobStatus:
    """Approve and run a plan; everything in it must be done."""
    approve(desk, plan.plan, count=plan.operations)
    job = submit(desk, plan.plan)
    launch(desk, job)
    deadline = time.monotonic() + 150
    while (status := job_status(desk, job)).state not in ("done", "failed", "cancelled", "stale"):
        assert time.monotonic() < deadline, status
        time.sleep(0.1)
    assert (status.state, status.done) == ("done", plan.operations), status
    return status


def let_go(desk: Desk, job: str) -> None:
    """Cancel a job whose runner waits, and wait until the runner is gone: it must not outlive its test."""
    folder, asked = job_folder(desk.home, job), False
    deadline = time.monotonic() + 150
    while JobLock.owner_of(folder) is not None:
        assert time.monotonic() < deadline, job_status(desk, job)
        if job_status(desk, job).state == "paused" and not asked:
            request_control(folder, "cancel")
            asked = True
        time.sleep(0.05)
