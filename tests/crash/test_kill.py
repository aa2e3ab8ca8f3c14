"""kill -9 of runners and workers at random points of a real job over a real server.

Whatever is killed, starting the runner again ends in the same state: every copy made once, every
approved delete done, nothing else touched, and totals that say so.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from crash.real_job import RealJob, children, kill

from s3console.store.jobs import read_status

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


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_killed_jobs_end_as_if_nothing_had_happened(ministack: Any, aws_env: Any, tmp_path: Path,
                                                    seed: int) -> None:
    aws_env(ministack)
    job = RealJob(ministack, tmp_path / "home", misnamed=90, missing=60)
    killed = kill_until_done(job, seed, runners=5, workers=3)
    job.check_end()
    assert killed >= 6, f"only {killed} kills: {read_status(job.folder)}"


def test_killed_jobs_on_ceph(ceph: Any, aws_env: Any, tmp_path: Path) -> None:
    aws_env(ceph)
    job = RealJob(ceph, tmp_path / "home")
    killed = kill_until_done(job, 7, runners=3, workers=2)
    job.check_end()
    assert killed >= 3, f"only {killed} kills: {read_status(job.folder)}"
