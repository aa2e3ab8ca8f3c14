"""Somebody writes all the time while a job runs: nothing newer than the plan is overwritten or deleted.

In one thread over the strict store, where a write comes between any two requests; and over real servers,
where a thread writes as fast as it can.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from crash.race_job import RaceJob, Seen, bucket_race
from crash.rig import BATCH, JOBS, Rig
from crash.strict_store import FOREIGN

from s3console.run.engine import CHANGED

INSTANT = ("deaf", "deaf names", "null")
"""Kinds where an instant stays between the look and the act: a store that ignores conditions, and "null"
versions, to whose delete no condition can be given."""
SAFE = tuple(kind for kind in sorted(JOBS) if kind not in INSTANT)


def race(kind: str, seed: int) -> tuple[Rig, Counter[str]]:
    """One job with a writer between its requests. Returns what the oracle saw and how operations ended."""
    rng = random.Random(seed)
    rig = Rig(JOBS[kind]())
    share = rng.choice((0.1, 0.3, 0.6))
    for _ in range(rng.randint(1, 2)):
        rig.process([rng.choice(FOREIGN) if rng.random() < share else "" for _ in range(60)],
                    pick=lambda n: rng.randrange(n))
    rig.converge()
    if kind not in INSTANT:
        rig.check()
    ended: Counter[str] = Counter()
    ledger = rig.ledger()
    for op in rig.job.operations:
        record, bit = ledger.record(op.index // BATCH), 1 << op.index % BATCH
        ended["done" if (record.verified | record.deleted) & bit else "left alone"] += 1
    codes = {code for _, code, _ in ledger.failures()}
    assert codes <= {CHANGED, "CopyNotVerified"}, codes
    return rig, ended


def races(runs: int, capsys: Any) -> None:
    ended: Counter[str] = Counter()
    written, begun = 0, time.process_time()
    for run in range(runs):
        kind = SAFE[run % len(SAFE)]
        rig, how = race(kind, run)
        assert rig.lost_newer() == [], f"{kind}, seed {run}: {rig.lost_newer()}"
        ended += how
        written += len(rig.newer)
    hit = sum(bool(race(kind, run)[0].lost_newer()) for kind in INSTANT for run in range(runs // 10))
    with capsys.disabled():
        print(f"\nraces: {runs:,} runs, {written:,} foreign writes, 0 lost; operations: {dict(ended)}; where "
              f"no condition can hold: {hit} of {len(INSTANT) * (runs // 10)} runs lost one in the instant; "
              f"{time.process_time() - begun:.1f} s CPU", end=" ")
    assert written > runs and ended["left alone"] > runs // 4


def test_a_writer_between_any_two_requests(capsys: Any) -> None:
    races(1000, capsys)


@pytest.mark.long
def test_a_writer_between_any_two_requests_for_long(capsys: Any) -> None:
    races(50_000, capsys)


# ---- over real servers


def race_on(server: Any, folder: Path, run: int, seen: Seen) -> None:
    """One job with a writer beside it: every second on a bucket without versions."""
    job = RaceJob(server, folder / f"home{run}", versioned=run % 2 == 0, seed=run)
    found = job.judge(job.race())
    for kind, count in found.covered.items():
        assert not count or not job.guarded(kind), f"newer than the plan and gone: {count} of {kind}"
    seen.add(found)


def tell(runs: int, seen: Seen, server: Any, buckets: str, capsys: Any) -> None:
    instants = {kind: f"{count} of {seen.written[kind]}" for kind, count in sorted((+seen.covered).items())}
    left = sum(seen.changed.values())
    with capsys.disabled():
        print(f"\nraces on {server.name}: {runs} jobs, {sum(seen.written.values())} newer writes, "
              f"{sum(seen.done.values())} operations done, {left} left alone as changed "
              f"{dict(sorted((+seen.changed).items()))}; lost or covered between look and act, "
              f"where the endpoint ignores the condition: {instants or 'none'}; {buckets}", end=" ")


def test_a_writer_beside_a_job_on_a_real_server(race_server: Any, aws_env: Any, tmp_path: Path,
                                                capsys: Any) -> None:
    aws_env(race_server)
    seen = Seen()
    for run in range(2):
        race_on(race_server, tmp_path, run, seen)
    tell(2, seen, race_server, "", capsys)
    assert sum(seen.written.values()) > 20 and sum(seen.changed.values()) > 0


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_writer_beside_many_jobs_on_a_real_server(race_server: Any, aws_env: Any, tmp_path: Path,
                                                    capsys: Any) -> None:
    aws_env(race_server)
    seen, runs = Seen(), int(os.environ.get("S3CONSOLE_RACES", "40"))
    for run in range(runs):
        race_on(race_server, tmp_path, run, seen)
    gone = [bucket_race(race_server, tmp_path / f"bucket{run}", run) for run in range(runs // 4)]
    told = (f"{len(gone)} buckets removed beside a writer: {sum(one for one, _ in gone)} went, "
            f"{sum(two for _, two in gone)} took something along")
    tell(runs, seen, race_server, told, capsys)
    assert not any(two for _, two in gone)
    assert sum(seen.changed.values()) > runs
