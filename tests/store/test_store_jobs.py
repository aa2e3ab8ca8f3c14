"""Job folders: ids, the lock, snapshots, requests and failures."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from s3console.core.errors import Busy, DamagedState, DiskFull, NewerState, S3ConsoleError, UsageError
from s3console.core.model import JobStatus, Plan
from s3console.store.home import Home
from s3console.store.jobs import (
    Failure,
    JobFolder,
    JobLock,
    append_failures,
    create_job,
    job_folder,
    list_jobs,
    load_job,
    read_control,
    read_failures,
    read_status,
    request_control,
    write_status,
)

MakePlan = Callable[..., Plan]


@pytest.fixture
def folder(home: Home, make_plan: MakePlan) -> JobFolder:
    return job_folder(home, create_job(home, make_plan()))


def test_a_new_job_is_queued(home: Home, make_plan: MakePlan) -> None:
    plan = make_plan()
    job = create_job(home, plan, moment=datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC))
    assert job.startswith("20261121-123456-00")
    folder = job_folder(home, job)
    facts = load_job(folder)
    assert (facts.job, facts.plan, facts.digest, facts.planned) == (job, plan.plan, plan.digest, 12)
    status = read_status(folder)
    assert (status.state, status.planned, status.remaining, status.title) == ("queued", 12, 12, plan.title)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(UsageError):
        job_folder(home, "nope")


def test_jobs_are_listed_newest_first(home: Home, make_plan: MakePlan) -> None:
    jobs = [create_job(home, make_plan(), moment=datetime(2026, 1, day, tzinfo=UTC)) for day in (2, 3, 1)]
    (home.jobs / "20260101-000000-half").mkdir()
    (home.jobs / jobs[2] / "job.json").chmod(0o600)
    (home.jobs / jobs[2] / "job.json").write_text("{")
    problems: list[S3ConsoleError] = []
    assert [facts.job for facts in list_jobs(home, problems=problems)] == [jobs[1], jobs[0]]
    assert [type(problem) for problem in problems] == [DamagedState]


def test_a_snapshot_is_replaced_whole(folder: JobFolder) -> None:
    status = replace(
        read_status(folder), state="running", done=5, rates=(1.0, 2.5), requests={"CopyObject": 7}
    )
    stop = threading.Event()
    seen: set[int] = set()

    def look() -> None:
        while not stop.is_set():
            seen.add(read_status(folder).done)

    looker = threading.Thread(target=look)
    looker.start()
    for done in range(5000):
        write_status(folder, replace(status, done=done % 12, message="“\ud800" * 200))
        if done >= 100 and len(seen) > 1:
            break
    stop.set()
    looker.join()
    assert len(seen) > 1
    write_status(folder, status)
    assert read_status(folder) == status
    folder.status.write_text('{"schema": 9}')
    with pytest.raises(NewerState):
        read_status(folder)


def test_a_status_of_the_wrong_shape_is_damaged(folder: JobFolder) -> None:
    for text in ('{"schema": 1}', '{"schema": 1, "job": 7}', ""):
        folder.status.write_text(text)
        with pytest.raises(DamagedState):
            read_status(folder)


def test_requests_are_numbered_and_read_once(folder: JobFolder) -> None:
    assert read_control(folder) == []
    first = request_control(folder, "pause", by="alice")
    second = request_control(folder, "limits", values={"workers": 4, "rate": 2.5})
    assert (first.number, second.number) == (1, 2)
    assert read_control(folder) == [first, second]
    assert read_control(folder, after=first.number) == [second]
    assert read_control(folder, after=2) == []
    for _ in range(100):
        request_control(folder, "resume")
    assert [request.number for request in read_control(folder)] == list(range(39, 103))


def test_requests_of_several_lookers_are_all_kept(folder: JobFolder) -> None:
    threads = [
        threading.Thread(target=lambda: [request_control(folder, "retry") for _ in range(10)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [request.number for request in read_control(folder)] == list(range(1, 41))


def test_one_runner_at_a_time(folder: JobFolder, child_environ: dict[str, str]) -> None:
    assert JobLock.owner_of(folder) is None
    code = (
        "import sys, pathlib; from s3console.store.jobs import JobFolder, JobLock\n"
        "JobLock(JobFolder(pathlib.Path(sys.argv[1]))).acquire(); print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=child_environ,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    assert JobLock.owner_of(folder) == child.pid
    with pytest.raises(Busy, match=f"process {child.pid} is using the job {folder.job}") as caught:
        JobLock(folder).acquire(patience=0)
    assert caught.value.exit_code == 5
    child.kill()
    child.communicate()
    assert JobLock.owner_of(folder) is None
    with JobLock(folder) as lock:
        assert lock.held
        assert JobLock.owner_of(folder) == os.getpid()
        with pytest.raises(Busy):
            JobLock(folder).acquire(patience=0)
    assert JobLock.owner_of(folder) is None


def test_a_looker_never_makes_a_runner_fail(folder: JobFolder) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            JobLock.owner_of(folder)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(50):
            with JobLock(folder):
                pass
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


def failure(index: int) -> Failure:
    return Failure(index, "copy", f"“\ud800\n{index}", "AccessDenied", "no", "2026-01-01T00:00:00Z")


def test_failures_are_kept_and_a_torn_line_is_passed_over(folder: JobFolder) -> None:
    assert read_failures(folder) == []
    append_failures(folder, [failure(1), failure(2)])
    with folder.failures.open("ab") as file:
        file.write(b'{"index": 3, "ki')
    append_failures(folder, [failure(4)])
    append_failures(folder, [])
    assert read_failures(folder) == [failure(1), failure(2), failure(4)]
    assert read_failures(folder, offset=1, limit=1) == [failure(2)]
    assert folder.failures.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_said(folder: JobFolder, file_limit) -> None:  # type: ignore[no-untyped-def]
    status: JobStatus = read_status(folder)
    with file_limit(100):
        for act in (
            lambda: write_status(folder, status),
            lambda: request_control(folder, "pause"),
            lambda: append_failures(folder, [failure(1)]),
        ):
            with pytest.raises(DiskFull):
                act()
    assert read_status(folder) == status
