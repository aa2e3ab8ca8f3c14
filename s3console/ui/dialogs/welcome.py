"""The first thing after a crash: which jobs stopped, and whether they go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.widget import Widget
from textual.widgets import Static

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Run, content, elide, exact, fit, key_runs, plural, time_text
from s3console.ui.jobs.facts import Interrupted
from s3console.ui.jobs.words import settled


class WelcomeBack(Dialog[str]):
    """Answers "continue", "journal", or None: everything stays paused."""

    DEAF: ClassVar[float] = 0.5
    CSS = """
    WelcomeBack .dialog { width: 84; }
    """

    def __init__(self, jobs: Sequence[Interrupted], *, may_write: bool) -> None:
        self.jobs, self.may_write = jobs, may_write and any(job.valid for job in jobs)
        keys = [("c", "allow writing and continue")] if self.may_write else []
        super().__init__("welcome back", subtitle="nothing is sent until you say so",
                         keys=[*keys, ("p", "keep paused"), ("5", "journal")])
        self._since = float("inf")

    def body(self) -> Iterable[Widget]:
        last = max((one.job.updated for one in self.jobs), default="")
        runs: list[Run] = [(f"{plural(len(self.jobs), 'job')} stopped before the end.", "bold foreground"),
                           (f"  Last saved {time_text(last)} UTC.\n\n", "muted")]
        for one in self.jobs[:8]:
            job = one.job
            runs += [*fit(elide(key_runs(job.prefix or job.title or job.job), 30), 30),
                     (f"  {exact(settled(job)):>9} of {exact(job.planned):<9}", "muted")]
            runs.append(("  can go on\n", "ok") if one.valid
                        else ("  approval ended: plan again\n", "warning"))
        if len(self.jobs) > 8:
            runs.append((f"and {len(self.jobs) - 8} more\n", "faint"))
        runs.append(("\nWhat was in flight is checked against S3 before it is sent again.", "muted"))
        if not self.may_write:
            runs.append(("\nThis console is read-only; ", "ok"))
            runs.append(("4 Queue shows the jobs.", "muted"))
        yield Static(content(*runs))

    def on_mount(self, event: events.Mount) -> None:
        self._since = event.time

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape" or event.time - self._since < self.DEAF:
            return
        if event.key == "c" and self.may_write:
            event.stop()
            self.dismiss("continue")
        elif event.key == "5":
            event.stop()
            self.dismiss("journal")
        elif event.key in ("p", "enter"):
            event.stop()
            self.dismiss(None)
