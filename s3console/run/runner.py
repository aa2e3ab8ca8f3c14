"""The process that owns a job: `python -m s3console.run.runner HOME JOB [--workers N] [--rate R]`.

It takes the job's lock, checks plan and approval, opens the checkpoint (no other process ever does)
and carries the job on. Exit codes: 0 done, 1 done with failed or skipped operations or stopped at a
refusal, 3 the state directory cannot be used, 4 paused or cancelled, 5 refused.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..core.abilities import pack_abilities
from ..core.errors import Busy, DamagedState, S3ConsoleError
from ..core.model import JobStatus, Plan
from ..store.approvals import valid_approval
from ..store.caps import load_caps
from ..store.checkpoint import Checkpoint
from ..store.digests import DigestLog
from ..store.home import Home, now, stamp
from ..store.jobs import JobFacts, JobFolder, JobLock, job_folder, load_job, read_status, write_status
from ..store.journal import Journal
from ..store.plans import SealedPlan, open_plan
from ..store.probes import valid_abilities
from .crew import Crew
from .downloading import open_ledger
from .duty import THAW_LOOK, Duty
from .heap import begin, settle
from .walk import Limits, Walk

THREADS = 8
"""For the requests of a worker that botocore has to make."""
AT_ONCE = 256
"""Requests that one worker has under way over libcurl."""
ORPHANS = 90.0
"""Seconds to wait for workers of a runner that died: they finish what they sent and end by themselves."""
BEGIN = 250.0
"""Requests per second that a job begins with, before it knows what the store takes."""
NICE = 5


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Worker processes, operations per second (0: no limit), threads of each worker, bytes per second that
    are copied (0: no limit), seconds between two looks at what is being thawed, operations that each worker
    has under way, the number of the last request made of the job before this runner was started."""

    workers: int = 2
    rate: float = 0.0
    threads: int = THREADS
    bandwidth: float = 0.0
    thaw_look: float = THAW_LOOK
    at_once: int = AT_ONCE
    asked: int = sys.maxsize


@contextmanager
def alone(path: Path, waiting: Callable[[], None], patience: float = ORPHANS) -> Iterator[int]:
    """The lock that every worker inherits: free only when no worker of an earlier runner is left.

    Yields its descriptor. Raises Busy when it is not free after `patience` seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        until, told = time.monotonic() + patience, False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    waiting()
                    told = True
                if time.monotonic() >= until:
                    raise Busy("workers of an earlier run still have requests out", where=path.parent.name,
                               next_step="wait a minute and resume the job") from None
                time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)


def check_approval(home: Home, facts: JobFacts, plan: Plan, *, started: str) -> None:
    """Refuse to run anything but exactly what was approved.

    The expiry of an approval bounds when its job may start: `started` is that time, "" for now. A job
    that did start in time is carried to its end, or a crash on a long job would need the review again.
    """
    if facts.digest != plan.digest:
        raise DamagedState("the job belongs to another plan", where=plan.plan,
                           next_step="make a new job for the plan")
    moment = datetime.strptime(started, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) if started else now()
    valid_approval(home, plan, moment=moment)


def _connections(plan: Plan) -> dict[str, dict[str, str | None]]:
    left = plan.left.connection if plan.left is not None else plan.right.connection
    return {"left": asdict(left), "right": asdict(plan.right.connection)}


def _static_login(connections: Mapping[str, Mapping[str, str | None]], environ: Mapping[str, str]) -> bool:
    """Whether the credentials are fixed for the life of this process: then only a new one can have others."""
    profiles = [c["profile"] or environ.get("AWS_PROFILE") for c in connections.values()]
    return "AWS_ACCESS_KEY_ID" in environ and not all(profiles)


def _abilities(home: Home, checkpoint: Checkpoint, versioning: str) -> dict[str, dict[str, str]]:
    """What the endpoints honour, as it was known when the job began: it does not change under a job."""
    known: dict[str, dict[str, str]] | None = checkpoint.get("abilities")
    if known is None:
        known = {endpoint: pack_abilities(one) for endpoint, one in valid_abilities(home, versioning).items()}
        with checkpoint.commit() as put:
            put("abilities", known)
    return known


def _conduct(
    home: Home, folder: JobFolder, facts: JobFacts, sealed: SealedPlan, crew: Crew, *, limits: JobLimits,
    settled: float,
) -> int:
    plan = sealed.plan
    sealed.verify()
    with Checkpoint(folder.checkpoint) as checkpoint:
        job = checkpoint.get("job") or {}
        if job and job.get("plan") != plan.digest:
            raise DamagedState("the checkpoint belongs to another plan", where=folder.job,
                               next_step="make a new job for the plan")
        check_approval(home, facts, plan, started=job.get("started", ""))
        connections = _connections(plan)
        crew.start_with({"connections": connections, "threads": limits.threads,
                         "abilities": _abilities(home, checkpoint, plan.versioning),
                         "at_once": limits.at_once, "versioning": plan.versioning,
                         "pace": max(BEGIN, 2.0 * limits.rate) / limits.workers})
        journal = Journal(home.journal)

        def announce(what: str, **more: Any) -> None:
            journal.append(what, job=folder.job, plan=plan.plan, **more)

        walk = Walk(sealed, open_ledger(checkpoint, plan, partial(DigestLog, home)),
                    now=lambda: stamp(now()), announce=announce,
                    limits=Limits(canary=load_caps(home).canary))
        duty = Duty(folder, plan, walk, crew, checkpoint, journal, at_once=limits.at_once,
                    workers=limits.workers, rate=limits.rate, bandwidth=limits.bandwidth,
                    thaw_look=limits.thaw_look, static_login=_static_login(connections, os.environ),
                    settled=settled, asked=limits.asked)
        settle()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: duty.leave())
        return duty.run()


@contextmanager
def _manned(folder: JobFolder, size: int, descriptor: int, *, early: bool) -> Iterator[Crew]:
    """The crew of a job, of which one process loads its modules already where it will surely be needed."""
    crew = Crew(size, {}, folder.path / "workers.log", keep_open=(descriptor,))
    if early:
        crew.prepare()
    try:
        yield crew
    finally:
        crew.close()


def run(home_path: Path, job: str, limits: JobLimits | None = None) -> int:
    """Own a job until it ends or is paused for good. Returns the exit code; raises S3ConsoleError."""
    home = Home.open(home_path)
    folder = job_folder(home, job)
    facts = load_job(folder)
    with JobLock(folder):

        def tell(message: str, phase: str = "") -> None:
            _show(folder, message, phase)

        limits = limits or JobLimits()
        try:
            with alone(folder.path / "workers.lock",
                       lambda: tell("waiting for the workers of the last run to end", "preparing")) as held, \
                    _manned(folder, limits.workers, held, early=_unfinished(folder)) as crew:
                # From here on nobody else has a request out.
                settled = time.monotonic()
                with open_plan(home, facts.digest) as sealed:
                    return _conduct(home, folder, facts, sealed, crew, limits=limits, settled=settled)
        except S3ConsoleError as error:
            with suppress(S3ConsoleError):
                tell(error.sentence)
            raise
        except Exception as error:
            with suppress(S3ConsoleError):
                tell(f"the runner failed unexpectedly ({type(error).__name__}); see runner.log in its folder")
            raise


def _unfinished(folder: JobFolder) -> bool:
    try:
        return read_status(folder).state in ("queued", "running", "paused")
    except S3ConsoleError:
        return False


def _show(folder: JobFolder, message: str, phase: str) -> None:
    """Put a sentence into the snapshot where no job is being carried on; a running job then is paused.
    The phase "preparing" says that it will be carried on in a moment."""
    status: JobStatus = read_status(folder)
    state = "paused" if status.state == "running" else status.state
    write_status(folder, replace(status, state=state, message=message, phase=phase, updated=stamp(now()),
                                 in_flight=0, workers=0, rate=0.0))


def main(arguments: list[str] | None = None) -> int:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="s3console.run.runner")
    parser.add_argument("home", type=Path)
    parser.add_argument("job")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--bandwidth", type=float, default=0.0)
    parser.add_argument("--thaw-look", type=float, default=THAW_LOOK)
    parser.add_argument("--asked", type=int, default=sys.maxsize)
    options = parser.parse_args(arguments)
    with suppress(OSError):
        os.nice(NICE)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    begin()
    try:
        return run(options.home, options.job, JobLimits(
            max(1, min(64, options.workers)), max(0.0, options.rate), max(1, min(64, options.threads)),
            max(0.0, options.bandwidth), max(0.05, options.thaw_look), asked=options.asked))
    except S3ConsoleError as error:
        sys.stderr.write(error.sentence + "\n")
        return error.exit_code
    except Exception:  # noqa: BLE001 - the last resort: the trace goes to the job's own log
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    sys.exit(main())
