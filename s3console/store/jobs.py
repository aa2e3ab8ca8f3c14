"""The folders of jobs, and the small files by which a job and its lookers talk.

jobs/<id>/job.json         what the job is; written once
jobs/<id>/lock             held by the runner that owns the job
jobs/<id>/checkpoint/      the runner's own record (store/checkpoint.py)
jobs/<id>/status.json      snapshot, replaced by the runner; read by everyone
jobs/<id>/control.json     numbered requests of the lookers; read by the runner
jobs/<id>/failures.jsonl   one line per failed operation
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from ..core.errors import NotReachable, S3ConsoleError
from ..core.model import JobStatus, Plan
from .facts import pack, read_facts, unpack
from .home import (
    SCHEMA,
    Home,
    damaged,
    disk,
    names,
    new_id,
    now,
    resolve_id,
    stamp,
    sync_directory,
    write_all,
    write_json,
)
from .lock import OwnerLock

Action = Literal["pause", "resume", "cancel", "retry", "limits"]
KEPT_REQUESTS = 64


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a job is, from its creation on: which sealed plan it runs. `planned` counts operations."""

    job: str
    plan: str
    digest: str
    created: str
    planned: int
    batch_size: int
    title: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """One request to the runner. Numbers rise by one; `limits` carries new workers or rate in `values`."""

    number: int
    action: Action
    at: str
    by: str = ""
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """One operation that failed for good: its index in the plan, S3 error code, and a sentence."""

    index: int
    kind: str
    key: str
    code: str
    message: str
    at: str
    version_id: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class _Requests:
    requests: tuple[Control, ...] = ()


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The paths of one job."""

    path: Path

    @property
    def job(self) -> str:
        return self.path.name

    @property
    def facts(self) -> Path:
        return self.path / "job.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def control(self) -> Path:
        return self.path / "control.json"

    @property
    def failures(self) -> Path:
        return self.path / "failures.jsonl"


class JobLock(OwnerLock):
    """Held by the one runner of a job for as long as it lives. `owner_of(folder)` tells who it is."""

    def __init__(self, folder: JobFolder) -> None:
        super().__init__(folder.lock, f"job {folder.job}")

    @staticmethod
    def owner_of(folder: JobFolder) -> int | None:
        """The process id of the living runner, or None."""
        return OwnerLock.owner(folder.lock)


def create_job(home: Home, plan: Plan, *, moment: datetime | None = None) -> str:
    """Make the folder of a new job for a sealed plan and return the job's id. It starts as `queued`.

    Raises DiskFull, NotReachable.
    """
    while True:
        job = new_id(moment=moment)
        folder = JobFolder(home.jobs / job)
        with disk(folder.path):
            try:
                folder.path.mkdir(mode=0o700)
            except FileExistsError:
                continue
        break
    created = stamp(moment or now())
    facts = JobFacts(
        job=job,
        plan=plan.plan,
        digest=plan.digest,
        created=created,
        planned=plan.operations,
        batch_size=plan.batch_size,
        title=plan.title,
        prefix=plan.prefix,
    )
    status = JobStatus(
        job=job,
        plan=plan.plan,
        state="queued",
        planned=plan.operations,
        done=0,
        failed=0,
        skipped=0,
        updated=created,
        title=plan.title,
        prefix=plan.prefix,
    )
    write_status(folder, status)
    # Last, because a folder without it is not a job yet.
    write_json(folder.facts, {"schema": SCHEMA, **pack(facts)}, mode=0o400)
    with disk(home.jobs):
        sync_directory(home.jobs)
    return job


def job_folder(home: Home, text: str) -> JobFolder:
    """The folder of a job by its id, or by a beginning or end that fits one job only. Raises UsageError."""
    return JobFolder(home.jobs / resolve_id(home.jobs, text, "job"))


def load_job(folder: JobFolder) -> JobFacts:
    """What the job is. Raises DamagedState, NewerState, NotReachable."""
    facts = read_facts(folder.facts, JobFacts)
    if facts.job != folder.job:
        raise damaged(folder.facts, "the file belongs to another job")
    return facts


def list_jobs(home: Home, *, problems: list[S3ConsoleError] | None = None) -> list[JobFacts]:
    """All jobs, newest first. One that cannot be read is left out and its error goes into `problems`."""
    found = []
    for name in names(home.jobs):
        folder = JobFolder(home.jobs / name)
        if not os.path.lexists(folder.facts):
            continue
        try:
            found.append(load_job(folder))
        except S3ConsoleError as error:
            if problems is not None:
                problems.append(error)
    return sorted(found, key=lambda facts: facts.job, reverse=True)


def write_status(folder: JobFolder, status: JobStatus) -> None:
    """Replace the snapshot. After a power cut it may be older; the checkpoint is what counts."""
    write_json(folder.status, {"schema": SCHEMA, **pack(status)}, sync_folder=False)


def read_status(folder: JobFolder) -> JobStatus:
    """The last snapshot as it was written; whether its runner still lives tells `JobLock.owner_of`."""
    return read_facts(folder.status, JobStatus)


def request_control(
    folder: JobFolder,
    action: Action,
    *,
    by: str = "",
    values: Mapping[str, float] | None = None,
    moment: datetime | None = None,
) -> Control:
    """Ask the runner for something; it sees the request when it next reads. Several lookers may ask at once.

    The last 64 requests are kept. Raises DiskFull, NotReachable.
    """
    with _alone(folder.path / "control.lock"):
        known = _read_requests(folder)
        number = known[-1].number + 1 if known else 1
        request = Control(number, action, stamp(moment or now()), by, dict(values or {}))
        kept = (*known, request)[-KEPT_REQUESTS:]
        write_json(folder.control, {"schema": SCHEMA, **pack(_Requests(kept))})
    return request


def read_control(folder: JobFolder, after: int = 0) -> list[Control]:
    """The requests with a number above `after`, oldest first; empty when there is none."""
    return [request for request in _read_requests(folder) if request.number > after]


def _read_requests(folder: JobFolder) -> tuple[Control, ...]:
    if not folder.control.exists():
        return ()
    return read_facts(folder.control, _Requests).requests


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time, waiting; the kernel gives the lock back when a writer dies."""
    with disk(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def append_failures(folder: JobFolder, failures: Sequence[Failure]) -> None:
    """Add lines to failures.jsonl, durable when it returns. Raises DiskFull, NotReachable."""
    if not failures:
        return
    lines = [json.dumps(pack(failure), ensure_ascii=True, separators=(",", ":")) for failure in failures]
    data = ("\n".join(lines) + "\n").encode("ascii")
    with disk(folder.failures):
        descriptor = os.open(
            folder.failures, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                data = b"\n" + data  # a line torn by a kill stays apart from the next
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_failures(folder: JobFolder, *, offset: int = 0, limit: int | None = None) -> list[Failure]:
    """Failures in the order they were written. A line torn by a kill is left out."""
    found: list[Failure] = []
    try:
        file = folder.failures.open("rb")
    except FileNotFoundError:
        return found
    except OSError as error:
        raise NotReachable(
            "the failures of the job cannot be read",
            where=folder.job,
            next_step="Check the mode of its folder",
        ) from error
    with file:
        for line in file:
            try:
                failure = unpack(Failure, json.loads(line))
            except ValueError:
                continue
            if offset > 0:
                offset -= 1
                continue
            if limit is not None and len(found) >= limit:
                break
            found.append(failure)
    return found
