"""A large job over a real server whose bucket is filled in seconds: many copies of few sources."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from crash.real_job import RealJob, kill, md5

from s3console.core.model import Operation, Ref
from s3console.run.launch import module_environment
from s3console.store.jobs import JobLock, read_status
from s3console.store.journal import Journal

SOURCES = 50


@dataclass
class BigJob(RealJob):
    """`size` operations: nine tenths copies, the rest deletes of versions. `keep` stays as it is. A console
    starts it at no more than `rate` operations a second, 0 for no limit."""

    size: int = 100_000
    rate: float = 0.0
    batch_size: int = 500

    def _fill(self) -> None:
        copies, deletes = self.size - self.size // 10, self.size // 10
        bodies = [b"source %d" % n for n in range(SOURCES)]
        for n, body in enumerate(bodies):
            self.left_s3.put_object(Bucket=self.left, Key=f"s/{n:02d}", Body=body)
        with ThreadPoolExecutor(16) as pool:
            versions = list(pool.map(lambda n: self._put(self.right, f"j/{n:06d}", b"j"), range(deletes)))
        self.keep = {("held", self._put(self.right, "held", b"held")): md5(b"held")}
        for n in range(copies):
            body = bodies[n % SOURCES]
            source = Ref("left", self.left, f"s/{n % SOURCES:02d}", "", md5(body), len(body))
            target = Ref("right", self.right, f"c/{n:06d}")
            self.operations.append(Operation(n, "copy", target, source, "absent"))
        for n, version in enumerate(versions):
            target = Ref("right", self.right, f"j/{n:06d}", version, md5(b"j"), 1)
            self.operations.append(Operation(copies + n, "delete", target))

    def console(self) -> subprocess.Popen[bytes]:
        """`s3console run JOB`, as a person has it in a terminal."""
        return subprocess.Popen(
            [sys.executable, "-m", "s3console", "--state-dir", str(self.home.path), "run", self.job,
             *(["--rate", f"{self.rate:g}"] if self.rate else [])],
            env=module_environment(self.server.environ), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)


@dataclass
class Figures:
    """What the kills cost. Times in seconds; `again` counts operations that a restart looked up."""

    killed: dict[str, int] = field(default_factory=dict)
    restarts: list[float] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    def note(self, victim: str) -> None:
        self.killed[victim] = self.killed.get(victim, 0) + 1

    def told(self) -> str:
        kills = ", ".join(f"{count} {name}s" for name, count in sorted(self.killed.items()))
        return (f"{sum(self.killed.values())} kills ({kills}); restarted after {_half(self.restarts):.2f} s "
                f"(half), {max(self.restarts, default=0):.2f} s (longest); looked up again: "
                f"{_half(self.again):.0f} operations (half), {max(self.again, default=0)} (most), of "
                f"{_half(self.sent):.0f} and {max(self.sent, default=0)} that were out")


def _half(values: list[Any]) -> float:
    return float(sorted(values)[len(values) // 2]) if values else 0.0


def working(job: BigJob, owner: int, seconds: float = 60.0) -> float:
    """Wait until the runner has sent something; returns when that was."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = read_status(job.folder)
        if status.runner == owner and status.state == "running" and (status.in_flight or status.requests):
            return time.monotonic()
        if status.state in ("done", "failed") and JobLock.owner_of(job.folder) is None:
            return time.monotonic()
        time.sleep(0.02)
    raise AssertionError(f"it does not start: {read_status(job.folder)}; {job.logs()}")


def owner_of(job: BigJob, seconds: float = 60.0, *, dead: int = 0) -> int:
    """The process that owns the job, once there is one; for an instant the lock names the `dead` one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        owner = JobLock.owner_of(job.folder)
        if owner is not None and owner > 0 and owner != dead:
            return owner
        time.sleep(0.01)
    raise AssertionError(f"no runner came: {job.logs()}")


def looked_up(job: BigJob, start: int) -> int:
    """Operations that the journal says were looked up again, from record `start` on."""
    records = Journal(job.home.journal).read(newest_first=False)[start:]
    return sum(record.facts.get("again", 0) for record in records if record.what == "batch begins")


def end_of(process: subprocess.Popen[bytes]) -> None:
    """Kill a console and collect it."""
    kill(process.pid)
    process.wait()


__all__ = ["BigJob", "Figures", "end_of", "looked_up", "owner_of", "working"]
