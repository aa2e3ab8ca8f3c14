"""kill -9 of runners and workers at random points of a real job over a real server.

Whatever is killed, starting the runner again ends in the same state: every copy made once, every
approved delete done, nothing else touched, and totals that say so.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from crash.big_job import BigJob, Figures, end_of, looked_up, owner_of, working
from crash.real_job import RealJob, children, kill

from s3console.store.jobs import JobLock, read_status
from s3console.store.journal import Journal

RATE = 90.0


def kill_until_done(job: RealJob, seed: int, *, runners: int, workers: int) -> int:
    """Kill at random points, in random order, so many runners and workers. Returns how many were killed."""
    rng = random.Random(seed)
    victims = ["runner"] * runners + ["worker"] * workers
    rng.shuffle(victims)
    points = sorted(rng.randrange(job.plan.operations - 5) for _ in victims)
    killed, pid = 0, job.launch(rate=RATE)
    for victim, point in zip(victims, points, strict=True):
        if job.wait(until=point, pid=pid) != "running":
            break
        time.sleep(rng.uniform(0, 0.05))
        target = pid if victim == "runner" else next(iter(rng.sample(children(pid), len(children(pid)))), 0)
        if not target:
            continue
        kill(target)
        killed += 1
        if victim == "runner":
            job.wait(pid=pid)
            job.check_now()
            pid = job.launch(rate=RATE)
    job.wait(pid=pid)
    return killed


Job = TypeVar("Job", bound=RealJob)


def enough_kills(make: Callable[[int], Job], kill_it: Callable[[Job, int], int], least: int) -> None:
    """Kill one job and look at its end; another one when it was over before there were enough kills, as may
    happen where other processes hold this one up."""
    killed = 0
    for turn in range(4):
        job = make(turn)
        killed += kill_it(job, turn)
        job.check_end()
        if killed >= least:
            return
    raise AssertionError(f"only {killed} kills: {read_status(job.folder)}")


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_killed_jobs_end_as_if_nothing_had_happened(ministack: Any, aws_env: Any, tmp_path: Path,
                                                    seed: int) -> None:
    aws_env(ministack)
    enough_kills(lambda turn: RealJob(ministack, tmp_path / f"home{turn}", misnamed=90, missing=60),
                 lambda job, turn: kill_until_done(job, seed + 100 * turn, runners=5, workers=3), 6)


def test_killed_jobs_on_ceph(ceph: Any, aws_env: Any, tmp_path: Path) -> None:
    aws_env(ceph)
    enough_kills(lambda turn: RealJob(ceph, tmp_path / f"home{turn}"),
                 lambda job, turn: kill_until_done(job, 7 + turn, runners=3, workers=2), 3)


def killed_at_random_points(job: BigJob, seed: int, kills: int, deadline: float) -> Figures:
    """Kill runner, worker or console at random points until the job is done; `deadline` ends the killing."""
    rng, figures = random.Random(seed), Figures()
    points = sorted(rng.randrange(job.plan.operations - 50) for _ in range(kills))
    console = job.console()
    pid = owner_of(job)
    working(job, pid)
    for turn, point in enumerate(points):
        state = job.wait(until=point, pid=pid, seconds=900)
        if time.monotonic() > deadline or state in ("done", "failed"):
            break
        if JobLock.owner_of(job.folder) != pid:
            # Several workers killed in a row pause a job; a person looks at it and goes on.
            assert "workers died" in read_status(job.folder).message, f"{read_status(job.folder)}"
            end_of(console)
            console = job.console()
            pid = owner_of(job, dead=pid)
            working(job, pid)
            figures.note("pause")
            continue
        victim = rng.choice(("runner", "runner", "worker", "console"))
        if victim == "worker":
            for worker in children(pid)[:1]:
                kill(worker)
        elif victim == "console":
            end_of(console)
            assert JobLock.owner_of(job.folder) == pid or read_status(job.folder).state != "running", \
                "the runner went with its console"
            console = job.console()
        else:
            before, records = read_status(job.folder), Journal(job.home.journal).verify().records
            kill(pid)
            end_of(console)
            job.wait(pid=pid)
            begun = time.monotonic()
            console = job.console()
            pid = owner_of(job, dead=pid)
            figures.restarts.append(working(job, pid) - begun)
            figures.again.append(looked_up(job, records))
            figures.sent.append(before.in_flight)
            if not turn % 20:
                job.check_now()
        figures.note(victim)
    job.wait(pid=pid, seconds=1500)
    end_of(console)
    return figures


@pytest.mark.parametrize("size", [1500])
def test_runner_worker_and_console_are_killed(ministack: Any, aws_env: Any, tmp_path: Path, size: int,
                                              capsys: Any) -> None:
    aws_env(ministack)
    def kill_it(job: BigJob, turn: int) -> int:
        figures = killed_at_random_points(job, 5 + turn, 6, time.monotonic() + 120)
        with capsys.disabled():
            print(f"\n{size:,} operations on {ministack.name}: {figures.told()}", end=" ")
        return sum(figures.killed.values())

    enough_kills(lambda turn: BigJob(ministack, tmp_path / f"home{turn}", size=size), kill_it, 3)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_large_plan_is_killed_at_two_hundred_points(s3_server: Any, aws_env: Any, tmp_path: Path,
                                                      capsys: Any) -> None:
    """S3CONSOLE_KILLS, S3CONSOLE_KILL_SECONDS and S3CONSOLE_KILL_SIZE make it shorter."""
    aws_env(s3_server)
    kills = int(os.environ.get("S3CONSOLE_KILLS", "200"))
    seconds = float(os.environ.get("S3CONSOLE_KILL_SECONDS", "2400"))
    size = int(os.environ.get("S3CONSOLE_KILL_SIZE", "100000"))
    # So slow that it does not run past the next point while it is killed and begins again.
    job = BigJob(s3_server, tmp_path / "home", size=size, rate=size / (2.5 * kills))
    figures = killed_at_random_points(job, 11, kills, time.monotonic() + seconds)
    job.check_end()
    with capsys.disabled():
        print(f"\n{size:,} operations on {s3_server.name}: {figures.told()}", end=" ")
    assert sum(figures.killed.values()) >= min(kills, 20) // 2
