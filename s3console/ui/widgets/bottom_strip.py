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


def queue_runs(jobs: Sequence[JobStatus]) -> list[Run]:
    """The most urgent job in one line, or that nothing is queued."""
    live = sorted((job for job in jobs if job.state in _ORDER), key=lambda job: _ORDER[job.state])
    if not live:
        only_reads = "" if jobs else ", nothing was sent to S3 but reads"
        return [("nothing queued", "muted"), (only_reads, "faint")]
    job = live[0]
    fraction = (job.done + job.skipped) / job.planned if job.planned else 0.0
    runs: list[Run] = [(job.state, f"bold {_STATE_ROLE[job.state]}"), ("  ", "")]
    runs += elide(key_runs(job.title or job.prefix or job.job), 40)
    runs += [("  ", ""), *bar_runs(fraction, 12, _STATE_ROLE[job.state]), (f"  {fraction:.0%}", "foreground")]
    runs.append((f"  {exact(job.done)} / {exact(job.planned)}", "muted"))
    if job.rate > 0 and job.state == "running":
        runs.append((f"  {job.rate:,.0f}/s", "muted"))
        runs.append((f"  {duration(job.remaining / job.rate)} left", "foreground"))
    if job.failed:
        runs.append((f"  {exact(job.failed)} failed", "danger"))
    if len(live) > 1:
        runs.append((f"  and {len(live) - 1} more", "faint"))
    return runs


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
        left = queue_runs(app.jobs)
        counts, dollars = app.requests_so_far()
        right: list[Run] = []
        if app.approvals_waiting:
            right += [(f"{app.approvals_waiting} awaiting approval", "danger"), ("  ", "")]
        if words := request_words(counts):
            right += [(words, "muted"), (f"  {money(dollars)} estimated", "faint")]
        else:
            right += [("no request sent yet", "faint")]
        left = elide(left, max(10, width - width_of(right) - 2), middle=False)
        gap = max(1, width - width_of(left) - width_of(right))
        return content(*left, (" " * gap, ""), *right)
