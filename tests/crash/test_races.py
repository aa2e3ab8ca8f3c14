"""Somebody writes all the time while a job runs: nothing newer than the plan is overwritten or deleted.

In one thread over the strict store, where a write comes between any two requests; and over real servers,
where a thread writes as fast as it can.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from crash.real_job import RealJob, kill
from crash.rig import BATCH, JOBS, Rig
from crash.strict_store import FOREIGN

from s3console.run.engine import CHANGED
from s3console.store.jobs import JobLock, read_failures, request_control

INSTANT = ("deaf", "null")
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
              f"no condition can hold: {hit} of {2 * (runs // 10)} runs lost one in the instant; "
              f"{time.process_time() - begun:.1f} s CPU", end=" ")
    assert written > runs and ended["left alone"] > runs // 4


def test_a_writer_between_any_two_requests(capsys: Any) -> None:
    races(1000, capsys)


@pytest.mark.long
def test_a_writer_between_any_two_requests_for_long(capsys: Any) -> None:
    races(50_000, capsys)


# ---- over real servers


@dataclass
class Writer:
    """Writes new versions under names of the plan, from the left, the wrong and the right ones."""

    job: RealJob
    seed: int
    made: list[tuple[str, str, str]] = field(default_factory=list)

    @contextmanager
    def writing(self) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._write, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _write(self, ended: threading.Event) -> None:
        rng, client = random.Random(self.seed), self.job.server.client()
        ops = self.job.operations
        names = sorted({op.target.key for op in ops}
                       | {op.source.key for op in ops if op.source and op.source.side == "right"})
        while not ended.wait(0.01) and len(self.made) < 400:
            key, body = rng.choice(names), b"newer %d" % len(self.made)
            made = client.put_object(Bucket=self.job.right, Key=key, Body=body)
            self.made.append((key, made["VersionId"], made["ETag"].strip('"')))


def race_on(server: Any, folder: Path, seed: int) -> Counter[str]:
    job = RealJob(server, folder / "home", misnamed=45, missing=30)
    writer = Writer(job, seed)
    before = {(key, version) for key, rows in job.versions().items() for version, _, _ in rows}
    approved = {(op.target.key, op.target.version_id) for op in job.operations if op.kind == "delete"}
    pid = job.launch(rate=150.0)
    with writer.writing():
        end = time.monotonic() + 100
        while JobLock.owner_of(job.folder) != pid and time.monotonic() < end:
            time.sleep(0.01)
        while JobLock.owner_of(job.folder) == pid and time.monotonic() < end:
            if job.status().state == "paused" and job.status().runner == pid:
                assert "surprise" in job.status().message, job.status()
                request_control(job.folder, "resume")
            time.sleep(0.1)
    if JobLock.owner_of(job.folder) == pid:
        kill(pid)
    status, world = job.status(), job.versions()
    assert status.state == "done", f"{status}; {job.logs()}"
    assert status.failed == 0 and status.done + status.skipped == status.planned
    stands = {(key, version): etag for key, rows in world.items() for version, etag, _ in rows}
    for key, version, etag in writer.made:
        assert stands.get((key, version)) == etag, f"newer than the plan and gone: {key} {version}"
    assert before - set(stands) <= approved, "something went that was not approved"
    codes = {one.code for one in read_failures(job.folder)}
    assert codes <= {CHANGED, "CopyNotVerified"}, codes
    on_top = 0
    foreign = {(key, version) for key, version, _ in writer.made}
    for op in job.operations:
        rows = [(op.target.key, version) for version, _, _ in world.get(op.target.key, [])]
        if op.source is not None and rows:
            ours = [at for at, row in enumerate(rows) if row not in foreign]
            on_top += bool(ours) and ours[0] < len(rows) - 1
    return Counter(runs=1, written=len(writer.made), changed=status.skipped, done=status.done, on_top=on_top)


def tell(found: Counter[str], server: Any, capsys: Any) -> None:
    with capsys.disabled():
        print(f"\nraces on {server.name}: {dict(found)}; 0 newer versions gone", end=" ")


def test_a_writer_beside_a_job_on_a_real_server(s3_server: Any, aws_env: Any, tmp_path: Path,
                                                capsys: Any) -> None:
    aws_env(s3_server)
    found = race_on(s3_server, tmp_path, 1)
    tell(found, s3_server, capsys)
    assert found["written"] > 5


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_writer_beside_many_jobs_on_a_real_server(s3_server: Any, aws_env: Any, tmp_path: Path,
                                                    capsys: Any) -> None:
    aws_env(s3_server)
    found: Counter[str] = Counter()
    for run in range(30):
        found += race_on(s3_server, tmp_path / str(run), run)
    tell(found, s3_server, capsys)
    assert found["changed"] > 30
