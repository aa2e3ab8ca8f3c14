"""Credentials that expire while a job runs, and a clock that is wrong: the job pauses, says so, goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path

import pytest
from servers.odd_server import FAULTS, Answer, OddServer, Row

from s3console.core.model import Approval, Connection, JobStatus, Operation, Place, Ref
from s3console.run import launch
from s3console.store.approvals import save_approval
from s3console.store.home import Home, now, stamp
from s3console.store.jobs import JobFolder, JobLock, create_job, job_folder, read_status, request_control
from s3console.store.plan_writer import PlanWriter

COPIES = 300
MD5 = "1" * 32


@pytest.fixture
def job(odd_server: OddServer, tmp_path: Path) -> Iterator[JobFolder]:
    """A job of copies on the odd server, which answers each copy with the ETag of its source."""
    odd_server.rows["bucket"] = [Row("a", 5, MD5, "v1")]
    home = Home.create(tmp_path / "home")
    place = Place("bucket", "", Connection(profile="work", endpoint_url=odd_server.endpoint_url))
    with PlanWriter(home) as writer:
        writer.add([Operation(n, "copy", Ref("right", "bucket", f"new/{n}"),
                              Ref("right", "bucket", "a", "v1", MD5, 5)) for n in range(COPIES)])
        plan = writer.seal(prefix="", left=None, right=place, created_by="tester", versioning="Enabled",
                           requests={})
    save_approval(home, Approval(plan.digest, "tester", stamp(now()), stamp(now() + timedelta(hours=1)),
                                 COPIES, "typed"))
    folder = job_folder(home, create_job(home, plan))
    yield folder
    if (owner := JobLock.owner_of(folder)) is not None:
        os.kill(owner, signal.SIGKILL)


def login(folder: Path, name: str) -> dict[str, str]:
    """Credentials in a file, as a login writes them."""
    file = folder / "credentials"
    file.write_text(f"[work]\naws_access_key_id = {name}\naws_secret_access_key = secret-of-{name}\n")
    return {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_CONFIG_FILE": os.devnull,
            "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_REGION": "us-east-1"}


def start(job: JobFolder, environ: dict[str, str]) -> int:
    return launch(job.path.parents[1], job.job, rate=25.0, extra_env=environ)


def until(job: JobFolder, state: str, seconds: float = 150.0) -> JobStatus:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = read_status(job)
        if status.state == state:
            return status
        time.sleep(0.02)
    logs = [(job.path / name).read_text() for name in ("runner.log", "workers.log")
            if (job.path / name).exists()]
    raise AssertionError(f"never {state}: {read_status(job)} {logs}")


def test_expired_credentials_pause_the_job_and_new_ones_go_on(
    odd_server: OddServer, job: JobFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    start(job, login(tmp_path, "OLD"))
    end = time.monotonic() + 150
    # Slow enough that most is still to do when a busy machine comes to this.
    while read_status(job).done < 50 and time.monotonic() < end:
        time.sleep(0.01)
    odd_server.fault("expired", call="CopyObject")
    paused = until(job, "paused")
    assert "ExpiredToken" in paused.message
    assert 50 <= paused.done < COPIES and paused.failed == 0
    odd_server.call_faults.clear()
    login(tmp_path, "NEW")
    before = len(odd_server.seen)
    request_control(job, "limits", values={"rate": 150.0})
    request_control(job, "resume")
    done = until(job, "done")
    assert (done.done, done.failed, done.skipped) == (COPIES, 0, 0)
    keys = {headers["authorization"].partition("Credential=")[2].partition("/")[0]
            for _, _, headers in odd_server.seen[before:] if "authorization" in headers}
    assert keys == {"NEW"}


def test_a_wrong_clock_is_named(odd_server: OddServer, job: JobFolder, tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    body = (b"<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and "
            b"the current time is too large.</Message></Error>")
    monkeypatch.setitem(FAULTS, "wrong-clock", lambda _: Answer(403, body=body, headers={
        "Date": formatdate(time.time() - 3600, usegmt=True)}))
    odd_server.fault("wrong-clock", call="CopyObject")
    start(job, login(tmp_path, "KEY"))
    paused = until(job, "paused")
    assert "RequestTimeTooSkewed" in paused.message
    assert "3,6" in paused.message and "ahead of" in paused.message, paused.message
    assert paused.done == paused.failed == 0
