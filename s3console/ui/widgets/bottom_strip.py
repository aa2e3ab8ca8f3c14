"""The line above the key hints: what runs, what waits, and what looking has cost so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content
from textual.widget import Widget

from s3console.core.model import JobStatus
from s3console.ui.console import console_of
from s3console.ui.display import Run, bar_runs, content, duration, elide, exact, key_runs, money, width_of

_ORDER = {"running": 0, "failed": 1, "paused": 2, "queued": 3}
_STATE_ROLE = {"running": "accent", "failed": "danger", "paused": "warning", "queued": "muted"}


def request_words(counts: Mapping[str, int]) -> str:
    """`49 LIST, 3 HEAD`: requests so far under their short names."""
    short = dict.fromkeys(("LIST", "HEAD", "GET"), 0)
    for name, count in counts.items():
        if name.startswith("List"):
            word = "LIST"
        elif name.startswith("Head"):
            word = "HEAD"
        else:
            word = "GET" if name.startswith("Get") else name
        short[word] = short.get(word, 0) + count
    return ", ".join(f"{count:,} {word}" for word, count in short.items() if count)


def queue_runs(jobs: Sequence[JobStatus], *, name: int = 40, bar: int = 12) -> list[Run]:
    """The most urgent job in one line, or that nothing is queued; `name` and `bar` are cells at most."""
    live = sorted((job for job in jobs if job.state in _ORDER), key=lambda job: _ORDER[job.state])
    if not live:
        only_reads = "" if jobs else ", nothing was sent to S3 but reads"
        return [("nothing queued", "muted"), (only_reads, "faint")]
    job = live[0]
    settled = job.planned - job.remaining
    fraction = settled / job.planned if job.planned else 0.0
    runs: list[Run] = [(job.state, f"bold {_STATE_ROLE[job.state]}"), ("  ", "")]
    runs += elide(key_runs(job.prefix or job.title or job.job), name)
    runs += [("  ", ""), *bar_runs(fraction, bar, _STATE_ROLE[job.state])]
    runs.append((f"  {int(fraction * 100)}%", "foreground"))
    runs.append((f"  {exact(settled)} / {exact(job.planned)}", "muted"))
    if job.rate > 0 and job.state == "running":
        runs.append((f"  {job.rate:,.0f}/s", "muted"))
        runs.append((f"  {duration(job.remaining / job.rate)} left", "foreground"))
    if job.failed:
        runs.append((f"  {exact(job.failed)} failed", "danger"))
    if len(live) > 1:
        runs.append((f"  and {len(live) - 1} more", "faint"))
    return runs


def looked_runs(counts: Mapping[str, int], dollars: float, waiting: int) -> list[list[Run]]:
    """The right end, from the fullest wording to the shortest."""
    call: list[Run] = [(f"{waiting} awaiting approval", "danger")] if waiting else []
    gap: list[Run] = [("  ", "")] if waiting else []
    words = request_words(counts)
    if not words:
        return [[*call, *gap, ("no request sent yet", "faint")], call]
    cost: Run = (f"{money(dollars)} estimated", "faint")
    return [[*call, *gap, (words, "muted"), ("  ", ""), cost], [*call, *gap, cost], call, []]


class BottomStrip(Widget):
    """One line; made anew from the app whenever it calls `refresh()`."""

    DEFAULT_CSS = """
    BottomStrip { height: 1; width: 1fr; padding: 0 2; background: $background; }
    """

    def __init__(self) -> None:
        super().__init__(id="bottom-strip")

    def render(self) -> Content:
        app = console_of(self)
        width = self.content_size.width
        counts, dollars = app.requests_so_far()
        wordings = looked_runs(counts, dollars, app.approvals_waiting)
        left, right = queue_runs(app.jobs), wordings[-1]
        for wording in wordings:
            if width_of(left) + 2 + width_of(wording) <= width:
                right = wording
                break
        else:
            left = elide(queue_runs(app.jobs, name=24, bar=6), max(10, width), middle=False)
        gap = max(1, width - width_of(left) - width_of(right))
        return content(*left, (" " * gap, ""), *right)
