"""The two lines below the queue: what a job said last; workers, bytes through this machine, the login."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from s3console.core.model import Connection
from s3console.core.prices import request_cost
from s3console.ui.comparing.facts import real
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.display import Run, elide, key_runs, message_text, money, size_text, width_of
from s3console.ui.jobs.facts import QueueRow
from s3console.ui.keys_in_use import key_run

if TYPE_CHECKING:
    from s3console.s3.login_end import LoginEnd
    from s3console.workflow.last_words import LastWords

WINDOW = 5.0
"""Seconds over which the bytes per second are taken."""
LOGIN_EVERY = 30.0
SOON = 600.0
"""Seconds before its end from which on a login is shown as a warning."""


class Foot(NamedTuple):
    """What both lines tell. `net` is in bytes per second; None when no job moves bytes through here."""

    words: LastWords | None = None
    login: LoginEnd | None = None
    workers: tuple[int, ...] = ()
    net: float | None = None
    in_store: bool = False
    dollars: float = 0.0


def through_here(row: QueueRow) -> bool:
    """Whether the bytes of a plan go through this machine: to files, or between two stores."""
    plan = row.plan
    if plan is None or not (plan.copy or plan.restore):
        return False
    if plan.right.scheme != "s3":
        return True
    return plan.left is not None and plan.left.connection != plan.right.connection


@dataclass(slots=True)
class Net:
    """The bytes of the jobs whose bytes go through here, over the last seconds."""

    points: dict[str, deque[tuple[float, int]]] = field(default_factory=dict)

    def tell(self, now: float, job: str, size: int) -> None:
        """`size` is what the job has copied so far, `now` seconds of any steady clock."""
        points = self.points.setdefault(job, deque())
        points.append((now, size))
        while len(points) > 2 and points[1][0] <= now - WINDOW:
            points.popleft()

    def forget(self, running: set[str]) -> None:
        """Keep these jobs only."""
        for job in self.points.keys() - running:
            del self.points[job]

    @property
    def rate(self) -> float:
        """Bytes per second."""
        total = 0.0
        for points in self.points.values():
            spent = points[-1][0] - points[0][0]
            total += max(0, points[-1][1] - points[0][1]) / spent if spent > 0 else 0.0
        return total


@dataclass(slots=True)
class FootLook:
    """Looks for what the lines tell, again and again, in one thread at a time."""

    net: Net = field(default_factory=Net)
    slowed: dict[str, int] = field(default_factory=dict)
    words: LastWords | None = None
    login: LoginEnd | None = None
    asked: tuple[Connection, float] | None = None

    def look(self, desk: DeskLike, rows: Sequence[QueueRow]) -> Foot:
        """Reads the state directory, and now and then the AWS configuration. Blocking."""
        from s3console.workflow.last_words import last_words

        now = time.monotonic()
        jobs = [row.job for row in rows if row.job is not None]
        if not jobs:
            return Foot()
        found = last_words(real(desk), jobs, self.slowed)
        if found is not None and (self.words is None or found.at >= self.words.at):
            self.words = found
        self.slowed = {job.job: job.slowdowns for job in jobs}
        running = [row for row in rows if row.job is not None and row.job.state == "running"]
        here = {row.job.job: row.job.bytes for row in running if row.job is not None and through_here(row)}
        self.net.forget(set(here))
        for job, size in here.items():
            self.net.tell(now, job, size)
        return Foot(self.words, self._login(desk.config.connection, now),
                    tuple(row.job.workers for row in running if row.job is not None),
                    self.net.rate if here else None,
                    any(row.plan is not None and row.plan.copy + row.plan.restore and not through_here(row)
                        for row in running),
                    sum(_spent(row) for row in rows))

    def _login(self, connection: Connection, now: float) -> LoginEnd | None:
        if self.asked is None or self.asked[0] != connection or now - self.asked[1] >= LOGIN_EVERY:
            from s3console.workflow.logins import login_end

            self.asked = (connection, now)
            self.login = login_end(connection)
        return self.login


def _spent(row: QueueRow) -> float:
    job = row.job
    if job is None or not job.requests:
        return 0.0
    region = (row.plan.right.connection.region if row.plan is not None else None) or "us-east-1"
    return float(request_cost(job.requests, region))


def log_runs(words: LastWords, width: int) -> list[Run]:
    """What a job said last, in one line of so many cells."""
    right: list[Run] = [("  ", ""), key_run("everywhere.journal"), (" journal", "muted")]
    left: list[Run] = [("LOG  ", "faint"), (message_text(words.at[11:19]), "muted"), ("  ", ""),
                       (words.job, "faint"), ("  ", ""),
                       *key_runs(words.text, "warning" if words.trouble else "foreground")]
    left = elide(left, max(8, width - width_of(right)), middle=False)
    return [*left, (" " * max(0, width - width_of(left) - width_of(right)), ""), *right]


def login_runs(login: LoginEnd, now: datetime) -> list[Run]:
    """How long a login still holds."""
    left = (login.at - now).total_seconds()
    role = "muted" if left > SOON else "warning" if left > 0 else "danger"
    minutes = math.ceil(left / 60)
    hours = f"{minutes // 60} h " if minutes >= 120 else ""
    rest = f"{minutes % 60 if hours else minutes} min"
    said = f"{login.what} ends in {hours}{rest}" if left > 0 else f"{login.what} has ended"
    return [(said, role)]


def strip_runs(foot: Foot, width: int, now: datetime | None = None) -> list[Run]:
    """Workers, bytes per second, login, dollars: as much of it as fits, in this order of need."""
    parts: list[list[Run]] = []
    if foot.workers:
        parts.append([("workers ", "faint"), ("+".join(map(str, foot.workers)), "foreground")])
    if foot.net is not None:
        parts.append([("net ", "faint"), (f"{size_text(round(foot.net))}/s", "foreground")])
    elif foot.in_store:
        parts.append([("net ", "faint"), ("none: copies stay in the store", "muted")])
    if foot.login is not None:
        parts.append(login_runs(foot.login, now or datetime.now(UTC)))
        parts.append([key_run("everywhere.login"), (" logs in again", "muted")])
    if foot.dollars:
        parts.append([("spent ", "faint"), (money(foot.dollars), "foreground")])
    runs: list[Run] = []
    for part in parts:
        gap: list[Run] = [("   ", "")] if runs else []
        if width_of([*runs, *gap, *part]) <= width:
            runs += [*gap, *part]
    return runs
