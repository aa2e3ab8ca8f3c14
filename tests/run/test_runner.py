"""The runner as a process over a real server: approval, place, pause, resume, cancel, retry, limits."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crash.real_job import RealJob

from s3console.core.model import JobStatus
from s3console.store.jobs import JobLock, read_failures, request_control
from s3console.store.journal import Journal


@pytest.fixture
def make(ministack: Any, aws_env: Any, tmp_path: Path) -> Iterator[Callable[..., RealJob]]:
    aws_env(ministack)
    built: list[RealJob] = []

    def build(**changes: Any) -> RealJob:
        built.append(RealJob(ministack, tmp_path / "home", **{"misnamed": 30, "missing": 30, **changes}))
        return built[-1]

    yield build
    for job in built:
        if (owner := JobLock.owner_of(job.folder)) is not None:
            os.kill(owner, signal.SIGKILL)


def until(job: RealJob, wanted: Callable[[JobStatus], bool], seconds: float = 120.0) -> JobStatus:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = job.status()
        assert status.planned == status.done + status.failed + status.skipped + status.remaining
        if wanted(status):
            return status
        time.sleep(0.02)
    raise AssertionError(f"never came: {job.status()}; {job.logs()}")


def test_a_job_runs_to_its_end_and_a_second_start_changes_nothing(make: Any) -> None:
    job = make()
    job.wait(pid=job.launch())
    job.check_end()
    assert job.status().requests.get("CopyObject") == 60
    before = job.versions()
    job.wait(pid=job.launch())
    assert job.versions() == before
    assert job.status().state == "done"
    acts = [r.what for r in Journal(job.home.journal).read(newest_first=False)]
    assert acts[0] == "job start"
    assert acts[-1] == "job finish"
    assert "batch begins" in acts


def test_without_approval_nothing_is_sent(make: Any) -> None:
    job = make(approved=False)
    before = job.versions()
    job.wait(pid=job.launch())
    assert job.status().state == "queued"
    assert "approve" in job.status().message
    assert job.versions() == before
    job.approve()
    job.wait(pid=job.launch())
    job.check_end()


def test_pause_resume_and_a_second_runner(make: Any) -> None:
    job = make()
    pid = job.launch(rate=10)
    until(job, lambda s: s.done >= 10)
    request_control(job.folder, "pause")
    paused = until(job, lambda s: s.state == "paused")
    assert (paused.in_flight, paused.rate, paused.workers) == (0, 0.0, 0)
    assert JobLock.owner_of(job.folder) == pid
    second = job.launch()
    job.wait(pid=second)
    assert JobLock.owner_of(job.folder) == pid
    assert "is using" in job.logs()
    time.sleep(0.6)
    assert job.status().done == paused.done
    request_control(job.folder, "resume")
    request_control(job.folder, "limits", values={"rate": 0, "workers": 3})
    job.wait(pid=pid)
    job.check_end()


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_what_is_asked_before_the_runner_holds_the_job_is_obeyed(make: Any, action: Any, state: str) -> None:
    """Asked before the start, a pause was meant for an earlier runner; asked after it, for this one."""
    job = make()
    request_control(job.folder, "pause")
    pid = job.launch(rate=5)
    request_control(job.folder, action)
    assert until(job, lambda s: s.state in (state, "done")).remaining > 0
    if state == "paused":
        request_control(job.folder, "limits", values={"rate": 0})
        request_control(job.folder, "resume")
    job.wait(pid=pid)
    if state == "paused":
        job.check_end()
    else:
        assert job.status().state == "cancelled"


def test_a_pause_from_before_the_start_does_not_hold_the_job(make: Any) -> None:
    job = make(misnamed=3, missing=3)
    request_control(job.folder, "pause")
    job.wait(pid=job.launch())
    job.check_end()


def test_cancel_leaves_the_rest_as_it_is(make: Any) -> None:
    job = make()
    pid = job.launch(rate=10)
    until(job, lambda s: s.done >= 5)
    request_control(job.folder, "cancel")
    job.wait(pid=pid)
    status = job.status()
    assert status.state == "cancelled"
    assert 0 < status.remaining < status.planned
    job.check_now()
    job.wait(pid=job.launch())
    assert job.status().state == "cancelled"
    assert job.status().remaining == status.remaining


def test_sigterm_pauses_and_ends(make: Any) -> None:
    job = make()
    pid = job.launch(rate=10)
    until(job, lambda s: s.done >= 5)
    os.kill(pid, signal.SIGTERM)
    job.wait(pid=pid)
    assert job.status().state == "paused"
    assert not job.alive()
    job.wait(pid=job.launch())
    job.check_end()


def test_what_changed_since_the_plan_is_skipped_and_its_deletes_are_not_sent(make: Any) -> None:
    job = make()
    job.s3.delete_object(Bucket=job.left, Key="m/0000 %+é")
    job.left_s3.put_object(Bucket=job.left, Key="m/0001 %+é", Body=b"other bytes")
    taken = next(op for op in job.operations if op.source and op.source.side == "right")
    assert taken.source is not None
    job.s3.put_object(Bucket=job.right, Key=taken.target.key, Body=b"somebody was faster")
    job.s3.put_object(Bucket=job.right, Key="held", Body=b"the witness changed")
    pid = job.launch()
    paused = until(job, lambda s: s.state == "paused")
    assert "surprise" in paused.message, "a delete job stops where it finds something else"
    request_control(job.folder, "resume")
    job.wait(pid=pid)
    status = job.status()
    assert (status.state, status.failed, status.skipped) == ("done", 0, 5), f"{status}; {job.logs()}"
    assert status.done == status.planned - 5
    listed = {(f.key, f.code) for f in read_failures(job.folder)}
    assert {code for _, code in listed} == {"ChangedSincePlan", "CopyNotVerified"}
    world = job.versions()
    assert any(v == taken.source.version_id for v, _, _ in world[taken.source.key]), "its source is gone"
    assert len(world[taken.target.key]) == 1
    assert "d/held" in world


def test_a_bucket_whose_versioning_changed_makes_the_job_stale(make: Any) -> None:
    job = make()
    job.s3.put_bucket_versioning(Bucket=job.right, VersioningConfiguration={"Status": "Suspended"})
    before = job.versions()
    job.wait(pid=job.launch())
    assert job.status().state == "stale", f"{job.status()}; {job.logs()}"
    assert "versioning" in job.status().message
    assert job.versions() == before


def test_the_rate_holds(make: Any) -> None:
    job = make()
    pid = job.launch(rate=30)
    began = before = time.monotonic()
    end = began + 120
    # From the last look at which nothing had been told as sent: a look that comes late makes that no later.
    while not ((status := job.status()).done or status.in_flight):
        assert before < end, job.logs()
        began, before = before, time.monotonic()
        time.sleep(0.005)
    job.wait(pid=pid)
    job.check_end()
    # What was sent and not yet told: a burst before and one after that look, of a quarter of a second each.
    assert time.monotonic() - began >= (job.plan.operations - 22) / 30


def test_no_bucket_stops_with_a_sentence(make: Any) -> None:
    job = make(misnamed=3, missing=0)
    for key, rows in job.versions().items():
        for version, _, _ in rows:
            job.s3.delete_object(Bucket=job.right, Key=key, VersionId=version)
    job.s3.delete_bucket(Bucket=job.right)
    job.wait(pid=job.launch())
    assert job.status().state == "failed"
    assert "no such bucket" in job.status().message.lower()
    assert job.status().remaining == job.status().planned


def test_an_endpoint_that_is_down_pauses_the_job(make: Any) -> None:
    job = make(misnamed=3, missing=3)
    pid = job.launch(AWS_ENDPOINT_URL="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")
    status = until(job, lambda s: s.state in ("paused", "failed"))
    assert status.state == "paused", status
    request_control(job.folder, "cancel")
    job.wait(pid=pid)
    assert job.status().state == "cancelled"
    assert job.status().remaining == job.status().planned


def test_bad_credentials_pause_and_a_new_start_goes_on(ceph: Any, aws_env: Any, tmp_path: Path) -> None:
    aws_env(ceph)
    job = RealJob(ceph, tmp_path / "home", misnamed=6, missing=6)
    job.wait(pid=job.launch(AWS_SECRET_ACCESS_KEY="wrong"))
    status = job.status()
    assert status.state == "paused", f"{status}; {job.logs()}"
    assert "credentials" in status.message
    assert status.remaining == status.planned
    job.wait(pid=job.launch())
    job.check_end()


def test_from_one_server_to_another(ceph: Any, ministack: Any, aws_env: Any, tmp_path: Path) -> None:
    aws_env(ceph)
    job = RealJob(ceph, tmp_path / "home", misnamed=6, missing=12, left_server=ministack)
    job.wait(pid=job.launch())
    job.check_end()


def test_a_full_disk_ends_the_run_and_loses_nothing(make: Any) -> None:
    job = make()
    pid = job.launch(rate=10)
    until(job, lambda s: s.done >= 5)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, 1))
    job.wait(pid=pid)
    assert not job.alive()
    assert "Traceback" not in job.logs()
    job.check_now()
    job.wait(pid=job.launch())
    job.check_end()


def test_a_refused_delete_stops_the_job_and_retry_goes_on(ceph: Any, aws_env: Any, tmp_path: Path) -> None:
    aws_env(ceph)
    job = RealJob(ceph, tmp_path / "home", misnamed=6, missing=6)
    job.s3.put_bucket_policy(Bucket=job.right, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObjectVersion",
        "Resource": f"arn:aws:s3:::{job.right}/d/d/0000"}]}))
    job.wait(pid=job.launch())
    status = job.status()
    assert status.state == "failed", f"{status}; {job.logs()}"
    assert "refused" in status.message
    assert status.failed >= 1
    assert {f.code for f in read_failures(job.folder)} == {"AccessDenied"}
    job.check_now()
    job.s3.delete_bucket_policy(Bucket=job.right)
    request_control(job.folder, "retry")
    job.wait(pid=job.launch())
    job.check_end()
    assert read_failures(job.folder) == []
