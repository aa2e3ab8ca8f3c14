"""The first thing after a crash: which jobs stopped, what they may have sent, and whether they go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.errors import S3ConsoleError
from s3console.ui.console import console_of
from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import (
    Run,
    Runs,
    ago,
    content,
    elide,
    exact,
    fit,
    key_runs,
    message_text,
    plural,
    time_text,
)
from s3console.ui.jobs.facts import Interrupted, looked_up
from s3console.ui.jobs.words import settled
from s3console.ui.threads import run_in_thread

if TYPE_CHECKING:
    from s3console.workflow.after_crash import UnderWay

SHOWN = 8


class WelcomeBack(Dialog[str]):
    """Answers "continue", "queue", "journal", or None: everything stays paused."""

    DEAF: ClassVar[float] = 0.5
    CSS = """
    WelcomeBack .dialog { width: 84; max-width: 98%; padding: 1 2; }
    """

    def __init__(self, jobs: Sequence[Interrupted], *, may_write: bool) -> None:
        self.jobs, self.may_write = jobs, may_write and any(job.valid for job in jobs)
        safe = sum(job.valid for job in jobs)
        some = "" if safe == len(jobs) else f" {safe} of {len(jobs)}"
        keys = [("c", f"allow writing, continue{some}")] if self.may_write else []
        super().__init__("welcome back", subtitle="nothing is sent until you say so",
                         keys=[*keys, ("p", "keep paused"), ("4", "look first"), ("5", "journal")])
        del self.keys[-1]  # esc is what p says
        self._since = float("inf")
        self.found: dict[str, UnderWay] = {}
        self.looking = True

    def body(self) -> Iterable[Widget]:
        yield Static("", id="welcome", markup=False)

    def on_mount(self, event: events.Mount) -> None:
        self._since = event.time
        self._draw()
        desk, names = console_of(self).desk, [one.job.job for one in self.jobs]
        run_in_thread(self, lambda task: looked_up(task, desk, names, self._answered),
                      then=lambda _: self._looked(), failed=lambda _: self._looked(), name="look up")

    def _answered(self, job: str, found: UnderWay) -> None:
        self.found[job] = found
        self._draw()

    def _looked(self) -> None:
        self.looking = False
        self._draw()

    def _draw(self) -> None:
        self.query_one("#welcome", Static).update(content(*self.runs()))

    def runs(self) -> list[Run]:
        """What happened, job by job, and what was asked of the store about it."""
        last = max((one.job.updated for one in self.jobs), default="")
        runs: list[Run] = [
            (f"{plural(len(self.jobs), 'job')} stopped before the end", "bold foreground"),
            (": the runner was killed, crashed or paused.\n", "foreground"),
            (f"Last saved {time_text(last, seconds=True)} UTC, {ago(last, datetime.now(UTC))} ago.\n\n",
             "muted")]
        for one in self.jobs[:SHOWN]:
            job = one.job
            name = key_runs(job.prefix, "foreground") if job.prefix else key_runs(job.title or job.job)
            runs += [*fit(elide(name, 34), 34),
                     (f"  {exact(settled(job)):>9} of {exact(job.planned):<9}", "muted")]
            runs.append(("  ✓ safe to continue\n", "ok") if one.valid else ("  ! plan it again\n", "warning"))
            if not one.valid:
                runs.append((f"    {message_text(one.why)}\n", "faint"))
        if len(self.jobs) > SHOWN:
            runs.append((f"and {len(self.jobs) - SHOWN} more\n", "faint"))
        runs += [("\n", ""), *self._lookup(), ("\n", "")]
        valid = sum(one.valid for one in self.jobs)
        runs += [("Approvals still valid: ", "muted"), (f"{valid} of {len(self.jobs)}", "foreground"),
                 ("     ", ""), ("s", "bold primary"), (" lists the operations", "muted")]
        if not self.may_write and valid:
            runs += [("\nThis console is read-only; ", "ok"), ("4 Queue shows the jobs.", "muted")]
        return runs

    def _lookup(self) -> list[Run]:
        flying = sum(one.in_flight for one in self.found.values())
        looked = sum(one.looked for one in self.found.values())
        done = sum(one.done for one in self.found.values())
        if self.looking:
            return [("Asking the store what became of what was under way… ", "muted"),
                    (f"{exact(looked)} looked up so far" if looked else "", "faint")]
        if not looked:
            return [("Nothing was under way: every operation that was sent has an answer.", "muted")]
        head = f"{plural(flying, 'operation')} in flight when it stopped. " if flying else ""
        more = sum(one.open for one in self.found.values()) - looked
        return [(head, "foreground"), (f"Of {exact(looked)} without an answer on disk ", "muted"),
                (f"{exact(done)} {'is' if done == 1 else 'are'} done already, ", "ok"),
                (f"{exact(looked - done)} to do", "foreground"),
                (f" ({exact(more)} more were not asked for)" if more else "", "faint"),
                (".\nThis was a read-only look; each is looked at again before it is sent.", "muted")]

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape" or event.time - self._since < self.DEAF:
            return
        if event.key == "s":
            event.stop()
            self._choose_plan()
            return
        answers = {"4": "queue", "5": "journal", "p": None, "enter": None}
        if event.key == "c" and self.may_write:
            event.stop()
            self.dismiss("continue")
        elif event.key in answers:
            event.stop()
            self.dismiss(answers[event.key])

    def _choose_plan(self) -> None:
        """s: everything that a job was approved for, of which it sends what is not done yet."""
        from s3console.ui.dialogs.menu import MenuDialog

        if len(self.jobs) == 1:
            self._show_plan(self.jobs[0])
            return
        named = {str(n + 1): one for n, one in enumerate(self.jobs[:SHOWN])}
        choices: list[tuple[str, str, Runs]] = [
            (letter, f"{exact(one.job.remaining)} to do", key_runs(one.job.prefix or one.job.title))
            for letter, one in named.items()]
        self.app.push_screen(MenuDialog("operations of", choices),
                             lambda letter: self._show_plan(named[letter]) if letter else None)

    def _show_plan(self, one: Interrupted) -> None:
        from s3console.ui.dialogs.operations import OperationsDialog
        from s3console.ui.jobs.facts import plan_of
        from s3console.ui.plans.facts import OperationRows, operation_rows

        desk = console_of(self).desk

        def show(rows: OperationRows) -> None:
            self.app.push_screen(OperationsDialog(rows))

        def failed(error: S3ConsoleError) -> None:
            self.app.notify(message_text(error.sentence), severity="warning", markup=False)

        run_in_thread(self, lambda task: operation_rows(desk, plan_of(desk, one.job)), then=show,
                      failed=failed, name="operations")
