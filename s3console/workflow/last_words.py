"""The last thing that any job said: a record of the journal, a failure, or the message of a runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import S3ConsoleError
from ..core.model import JobStatus
from ..store.jobs import JobFolder
from ..store.journal import Journal
from ..store.tails import last_failure
from .desk import Desk

RECORDS = 32
"""How far back in the journal a record about a job is looked for."""


@dataclass(frozen=True, slots=True)
class LastWords:
    """When (ISO 8601, UTC), which job, and what it said, raw: show it through `printable()`. `trouble` says
    that an operator should look."""

    at: str
    job: str
    text: str
    trouble: bool = False


def last_words(desk: Desk, jobs: Sequence[JobStatus], slowed: Mapping[str, int]) -> LastWords | None:
    """The newest of what these jobs said, None when they said nothing.

    `slowed` holds by job how often the store had said slow down at the look before; a job of which it has
    said so again since then speaks now. Raises NotReachable for files that cannot be read.
    """
    found = [*_of_the_journal(desk, {job.job for job in jobs})]
    for job in jobs:
        moment = job.ended or job.updated
        if job.message:
            found.append(LastWords(moment, job.job, job.message, job.state in ("paused", "failed", "stale")))
        if job.slowdowns > slowed.get(job.job, job.slowdowns):
            found.append(LastWords(moment, job.job, f"the store says slow down ({job.slowdowns:,}×)",
                                   trouble=True))  # fmt: skip
        if job.failed and (failure := _failure(desk, job.job)) is not None:
            found.append(failure)
    return max(found, key=lambda one: one.at, default=None)


def _failure(desk: Desk, job: str) -> LastWords | None:
    failure = last_failure(JobFolder(desk.home.jobs / job))
    if failure is None:
        return None
    parts = (failure.kind, failure.key, failure.code, failure.message)
    return LastWords(failure.at, job, " ".join(part for part in parts if part), trouble=True)


def _of_the_journal(desk: Desk, jobs: set[str]) -> list[LastWords]:
    try:
        records = Journal(desk.home.journal).read(limit=RECORDS)
    except S3ConsoleError:
        return []  # Journal says what is wrong with it
    for record in records:
        job = str(record.facts.get("job", ""))
        if job not in jobs:
            continue
        told = next((str(record.facts[name]) for name in ("message", "reason", "note", "phase")
                     if record.facts.get(name)), "")  # fmt: skip
        return [LastWords(record.at, job, f"{record.what}: {told}" if told else record.what,
                          record.what in ("job fail", "worker died"))]  # fmt: skip
    return []
