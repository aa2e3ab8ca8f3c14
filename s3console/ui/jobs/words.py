"""A job in words and columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3console.core.model import JobStatus
from s3console.core.prices import request_cost
from s3console.ui.display import (
    Run,
    Runs,
    ago,
    bar_runs,
    duration,
    exact,
    key_runs,
    message_text,
    money,
    path_runs,
    plural,
    short_count,
    size_text,
    time_text,
)
from s3console.ui.jobs.facts import QueueRow
from s3console.ui.keys_in_use import key_run
from s3console.ui.plans.words import KIND_ROLES, lost
from s3console.ui.widgets.facts import Fact
from s3console.ui.widgets.rows import Column, Layout

if TYPE_CHECKING:
    from s3console.store.jobs import Failure

BAR = 14
_ASIDE = ("GetBucketEncryption", "GetBucketVersioning", "GetObjectLockConfiguration", "HeadBucket",
          "GetBucketLocation")
_STATES = {"running": ("●", "accent"), "paused": ("‖", "warning"), "failed": ("×", "danger"),
           "queued": ("·", "muted"), "done": ("✓", "ok"), "cancelled": ("×", "faint"),
           "stale": ("!", "warning")}


def settled(job: JobStatus) -> int:
    """Operations that are over, however they ended."""
    return job.done + job.failed + job.skipped


def _kinds(row: QueueRow) -> list[tuple[str, int]]:
    plan = row.plan
    if plan is None:
        return []
    pairs = (("restore", plan.restore), ("copy", plan.copy), ("delete", plan.delete))
    return [(kind, number) for kind, number in pairs if number]


def bar_role(row: QueueRow) -> str:
    """The colour of the act that is at work."""
    job = row.job
    if job is not None and job.state == "done":
        return "ok" if not job.failed else "warning"
    kinds = [kind for kind, _ in _kinds(row)]
    if "delete" in kinds and (len(kinds) == 1 or (job is not None and job.phase == "deleting")):
        return "danger"
    return KIND_ROLES.get(kinds[0], "missing") if kinds else "missing"


def _what(row: QueueRow) -> Runs:
    if len(_kinds(row)) > 2:
        return [("repair", "missing")]
    runs: list[Run] = []
    for kind, _ in _kinds(row):
        runs += [("+", "faint")] if runs else []
        runs.append((kind, KIND_ROLES[kind]))
    return runs or [("job", "muted")]


def _where(row: QueueRow) -> Runs:
    prefix = row.plan.prefix if row.plan is not None else (row.job.prefix if row.job is not None else "")
    return path_runs(prefix, "foreground", "foreground") if prefix else [("whole place", "foreground")]


def _state(row: QueueRow) -> Runs:
    if row.job is None:
        return [("● needs approval", "bold danger")]
    mark, role = _STATES.get(row.job.state, ("·", "muted"))
    return [(f"{mark} {row.job.state}", role)]


def fraction(row: QueueRow) -> float:
    """How much of a job is over."""
    return settled(row.job) / row.job.planned if row.job is not None and row.job.planned else 0.0


def _bar(row: QueueRow) -> Runs:
    if row.job is None:
        return [("─" * BAR, "rule")]
    return bar_runs(fraction(row), BAR, bar_role(row))


def _percent(row: QueueRow) -> Runs:
    return [(f"{int(fraction(row) * 100)}%", "muted")] if row.job is not None else []


def _done(row: QueueRow) -> Runs:
    if row.job is None:
        plan = row.plan
        return [(f"{exact(plan.operations)} operations", "muted")] if plan is not None else []
    show = exact if row.job.planned < 1_000_000 else short_count
    return [(show(settled(row.job)), "foreground"), (f" / {show(row.job.planned)}", "muted")]


def _how(row: QueueRow) -> Runs:
    """Rate, what failed, time left; or how it ended."""
    job = row.job
    if job is None:
        return [key_run("everywhere.review"), (" review", "muted")]
    runs: list[Run] = []
    if job.state == "running":
        runs.append((f"{job.rate:,.0f}/s", "muted"))
        if job.rate > 0:
            runs.append((f"  {duration(job.remaining / job.rate)} left", "foreground"))
    if job.failed:
        runs += [("  " if runs else "", ""), (f"{exact(job.failed)} failed", "danger")]
    if job.state == "done":
        runs += [("  ", "")] if runs else [("✓ verified", "ok"), ("  ", "")]
        runs.append((time_text(job.ended)[11:], "faint"))
    elif job.state == "running" and job.phase == "finishing":
        runs = [("pausing…", "warning")]
    return runs


JOBS: Layout[QueueRow] = Layout(
    (
        Column("state", _state, width=16),
        Column("what", _what, width=14, from_width=84),
        Column("where", _where, middle=True),
        Column("", _bar, width=BAR, from_width=96),
        Column("", _percent, width=4, right=True),
        Column("done / total", _done, width=17, right=True),
        Column("rate, failed, left", _how, width=24, from_width=96),
        Column("how", _how, width=19, below=96),
    ),
    identity=lambda row, index: row.identity,
)


def _failure_key(failure: Failure) -> Runs:
    return path_runs(failure.key)


FAILURES: Layout[Failure] = Layout(
    (
        Column("act", lambda failure: [(failure.kind, KIND_ROLES.get(failure.kind, "muted"))], width=7),
        Column("key", _failure_key, middle=True),
        Column("why", lambda failure: key_runs(failure.code or "failed", "danger"), width=20),
    ),
    identity=lambda failure, index: failure.index,
)


def failure_runs(failure: Failure) -> list[Run]:
    """The sentence of a failure."""
    return [(f"operation {exact(failure.index + 1)}  ", "faint"), (message_text(failure.message), "muted")]


def pace_runs(job: JobStatus) -> list[Run]:
    """Why a job that runs is not faster, in one sentence; empty for any other."""
    if job.state != "running":
        return []
    said = _PHASES.get(job.phase)
    if said is not None:
        return [(said, "muted")]
    if job.given and job.rate >= 0.85 * job.given:
        return [(f"it is held to {job.given:,.0f}/s; ", "warning"), (":limit off", "bold primary"),
                (" lifts that", "muted")]
    if job.found:
        return [(f"the store says slow down ({exact(job.slowdowns)}×); ", "warning"),
                (f"it takes about {job.found:,.0f}/s, and the rate keeps just below", "muted")]
    if job.retries and job.slowdowns:
        return [(f"the store said slow down {exact(job.slowdowns)}×; the rate was lowered", "warning")]
    if job.remaining <= 2 * job.in_flight:
        return [("only the last operations are left", "muted")]
    if job.p50:
        return [(f"half of the answers take more than {job.p50:,.0f} ms, 1 of 100 more than "
                 f"{job.p99:,.0f} ms; ", "muted"), key_run("queue.more"), (" adds a worker", "muted")]
    return [("it has just begun", "muted")]


_PHASES = {
    "preparing": "the bucket is looked at before the first operation",
    "first operations": "the first few operations go alone, to see that they are allowed",
    "thawing": "it waits until archived objects are restored",
    "finishing": "what is in flight is finished first",
}


def cost_runs(row: QueueRow) -> list[Run]:
    """Requests so far by name, and what they cost at list prices."""
    job = row.job
    if job is None or not job.requests:
        return []
    region = (row.plan.right.connection.region if row.plan is not None else None) or "us-east-1"
    main = {name: count for name, count in job.requests.items() if count and name not in _ASIDE}
    words = ", ".join(f"{exact(count)} {name}" for name, count in sorted(main.items()))
    return [(money(request_cost(job.requests, region)), "foreground"), (" so far  ", "faint"),
            (words, "muted"),
            (f"  {exact(job.retries)} repeated" if job.retries else "", "warning")]


def job_facts(row: QueueRow) -> list[Fact]:
    """The left pane of Queue."""
    job = row.job
    if job is None:
        return _plan_facts(row)
    now = datetime.now(UTC)
    facts: list[Fact] = [("job", [(job.job, "bold foreground"), (f"  plan {job.plan}", "faint")]),
                         ("state", [*_state(row), (f"  {job.phase}" if job.phase else "", "foreground")])]
    if job.message:
        role = "warning" if job.state in ("paused", "failed", "stale") else "muted"
        facts.append(("", [(message_text(job.message), role)]))
    counts: list[Run] = [(f"{exact(job.done)} done", "ok")]
    counts += [(f"  {exact(job.failed)} failed", "danger" if job.failed else "faint"),
               (f"  {exact(job.skipped)} skipped", "warning" if job.skipped else "faint"),
               (f"  {exact(job.remaining)} to do", "muted")]
    facts.append(("counts", counts))
    copied: list[Run] = [(size_text(job.bytes), "foreground")]
    if job.runner:
        copied += [("  by ", "faint"), (plural(job.workers, "worker"), "foreground"),
                   (f", {exact(job.in_flight)} in flight", "muted")]
    facts.append(("copied", copied))
    if cost := cost_runs(row):
        facts.append(("requests", cost))
    if why := pace_runs(job):
        facts.append(("pace", why))
    times: list[Run] = []
    if job.started:
        today = job.started.startswith(f"{now:%Y-%m-%d}")
        times.append((f"began {time_text(job.started, seconds=True)[11 if today else 0:]}", "muted"))
    if job.ended:
        times.append((f"  ended {time_text(job.ended, seconds=True)[11:]}", "muted"))
    elif job.updated:
        times.append((f"  saved {ago(job.updated, now)} ago", "faint"))
    if job.runner:
        times.append((f"  process {job.runner}", "faint"))
    if times:
        facts.append(("times", times))
    return facts


def _plan_facts(row: QueueRow) -> list[Fact]:
    plan = row.plan
    if plan is None:
        return []
    return [("plan", [(plan.plan, "bold foreground")]),
            ("what", [(f"{exact(plan.operations)} operations wait for approval", "foreground")]),
            ("undo", [("yes", "ok")] if plan.reversible else
             [("NONE: ", "bold danger"), (f"it deletes {exact(plan.delete)} {lost(plan)}s", "danger")]),
            ("now", [key_run("everywhere.review"), (" reviews and approves it", "muted")])]
