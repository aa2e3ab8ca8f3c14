"""Queue: jobs with their progress, what failed in them, and the keys that steer them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.model import JobStatus, Plan
from s3console.core.states import FINAL_JOBS
from s3console.ui import actions
from s3console.ui.console import console_of
from s3console.ui.display import Run, content, exact, key_runs, plural
from s3console.ui.jobs import facts
from s3console.ui.jobs.facts import QueueRow
from s3console.ui.jobs.foot import Foot, FootLook, log_runs, strip_runs
from s3console.ui.jobs.words import FAILURES, JOBS, failure_runs, job_facts, settled
from s3console.ui.keys_in_use import key_run
from s3console.ui.screens.job_steering import JobSteering
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.plot import Plot
from s3console.ui.widgets.rows import ListRows

if TYPE_CHECKING:
    from s3console.store.jobs import Failure

LOOK_EVERY = 0.1
"""Seconds. A runner tells how far it is five times a second; looking as seldom would miss some of it."""
PLOTTED = 6
FULL_LOOK = 10
"""Every so many looks the whole queue is read; in between only the jobs that run."""


class JobTable(PagedTable, inherit_bindings=False):
    """Space steers the job here, so it marks nothing."""

    BINDINGS: ClassVar = [
        binding for binding in actions.bindings("list")
        if not str(getattr(binding, "id", "")).startswith("list.mark")
    ]


class QueueScreen(JobSteering):
    """What needs approval first, then what runs."""

    scope = "queue"
    BINDINGS: ClassVar = actions.bindings("queue")
    CSS = """
    QueueScreen #jobs-pane { height: 1fr; min-height: 8; }
    QueueScreen #lower { height: 18; }
    QueueScreen.-narrow #lower { height: 60%; }
    QueueScreen.-narrow #jobs-pane { min-height: 5; }
    QueueScreen #job-pane { width: 1fr; }
    QueueScreen #job { padding: 0 1; height: auto; }
    QueueScreen #job-scroll { height: 1fr; scrollbar-size-vertical: 1; }
    QueueScreen #plot { height: 5; display: none; }
    QueueScreen #plot.-on { display: block; }
    QueueScreen.-short #plot { display: none; }
    QueueScreen #failures-pane { width: 1fr; }
    QueueScreen #foot { height: auto; padding: 0 2; display: none; }
    QueueScreen #foot.-on { display: block; }
    QueueScreen.-short #foot { display: none; }
    QueueScreen #failure { height: 2; padding: 0 1; }
    QueueScreen.-narrow #failures-pane { display: none; }
    QueueScreen.-narrow.-failed #failures-pane { display: block; width: 40%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.heads: dict[str, Plan] = {}
        self.rows: list[QueueRow] = []
        self.looks = 0
        self.failures_of = ""
        self.foot_look = FootLook()
        self.foot = Foot()

    def body(self) -> Iterable[Widget]:
        with Vertical(id="jobs-pane", classes="pane"):
            yield JobTable(JOBS, id="jobs")
        with Horizontal(id="lower"):
            with Vertical(id="job-pane", classes="pane"):
                with VerticalScroll(id="job-scroll", can_focus=False):
                    yield Facts(id="job", last=True)
                yield Plot(id="plot")
            with Vertical(id="failures-pane", classes="pane"):
                yield PagedTable(FAILURES, id="failures")
                yield Static("", id="failure", markup=False)
        yield Static("", id="foot", markup=False)

    @property
    def jobs(self) -> PagedTable:
        return self.query_one("#jobs", PagedTable)

    @property
    def row(self) -> QueueRow | None:
        """The job on the cursor."""
        row = self.jobs.current
        return row if isinstance(row, QueueRow) else None

    def on_mount(self) -> None:
        self.query_one("#jobs-pane").border_title = content("queue")
        self.query_one("#failures-pane").border_title = content("failures")
        self.set_interval(LOOK_EVERY, self.look)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.looks = 0
        self.look()

    def where_runs(self) -> list[Run]:
        row = self.row
        if row is None or row.plan is None:
            return super().where_runs()
        return [(f"s3://{row.plan.right.bucket}/", "muted"), *key_runs(row.plan.prefix)]

    def why_not(self, action: actions.Action) -> str:
        name = action.id.partition(".")[2] if action.scope == "queue" else ""
        job = self.row.job if self.row is not None else None
        if not name or name == "pause-all":
            return ""
        if job is None:
            return ("This is a plan: 3 Review approves it." if self.row is not None
                    else "There is no job here.")
        if job.state in FINAL_JOBS and name in ("pause", "cancel", "fewer", "more", "set-workers", "limit"):
            return f"This job is {job.state}: nothing of it is left to steer."
        if name == "retry" and not (job.failed or job.skipped):
            return "Nothing failed in this job."
        if name == "export" and not (job.failed or job.skipped):
            return "Nothing failed in this job: there is nothing to export."
        if name == "skip" and not (job.failed and job.remaining and job.state in ("failed", "paused")):
            return "This job did not stop at a failure: there is nothing to go on from."
        return ""

    def teaches(self) -> list[Run]:
        """What a newcomer has to know about this screen."""
        return [("Jobs run in processes of their own: they go on when the console is closed, and can be "
                 "taken up after a crash. Copies are verified before a delete of the same plan begins; "
                 "a delete plan stops at its first refusal.", "muted")]

    # looking

    def look(self) -> None:
        """Read the snapshots of the jobs, unless the last look is still under way."""
        app = console_of(self)
        if app.screen_of_mode is not self or app.threads.active(self, "look"):
            return
        desk, heads, known, foot_look = app.desk, self.heads, list(self.rows), self.foot_look
        active = [row.job.job for row in known if row.job is not None and row.job.state == "running"]
        whole = self.looks % FULL_LOOK == 0
        self.looks += 1
        if not whole and not active:
            return

        def work(task: Task) -> tuple[list[QueueRow], Foot | None]:
            if whole:
                found = facts.queue_rows(desk, heads)
                return found, foot_look.look(desk, found)
            now = {job.job: job for job in facts.job_states(desk, active)}
            return [row._replace(job=now.get(row.job.job, row.job)) if row.job is not None else row
                    for row in known], None

        def looked(found: tuple[list[QueueRow], Foot | None]) -> None:
            self.show(found[0])
            if found[1] is not None and found[1] != self.foot:
                self.show_foot(found[1])

        run_in_thread(self, work, then=looked, failed=self.say_error, name="look")

    def show_foot(self, foot: Foot) -> None:
        """Draw the lines below the panes; one without anything to tell is not there."""
        self.foot = foot
        width = self.size.width - 4
        lines = [log_runs(foot.words, width)] if foot.words is not None else []
        if strip := strip_runs(foot, width):
            lines.append(strip)
        runs = [run for n, line in enumerate(lines) for run in ([("\n", ""), *line] if n else line)]
        for static in self.query("#foot").results(Static):
            static.set_class(bool(runs), "-on")
            static.update(content(*runs))

    def on_resize(self) -> None:
        self.show_foot(self.foot)

    def show(self, rows: Sequence[QueueRow]) -> None:
        """Draw the queue; the cursor stays on its job."""
        before = self.row
        first = not self.rows
        if rows and list(rows) == self.rows and self.looks > 1:
            return
        self.rows = list(rows)
        at = next((n for n, row in enumerate(rows) if before is not None and row.identity == before.identity),
                  -1)
        if at < 0:
            at = next((n for n, row in enumerate(rows) if first and row.job is not None), 0)
        self.jobs.show(ListRows(self.rows), cursor=at)
        if not rows:
            self.jobs.note(("The queue is empty. ", "foreground"), key_run("everywhere.review"),
                           (" shows plans; an approved plan becomes a job here.", "muted"))
        jobs: list[JobStatus] = [row.job for row in rows if row.job is not None]
        parts = [f"{exact(sum(job.state == state for job in jobs))} {state}"
                 for state in ("running", "paused", "failed", "queued", "done")
                 if any(job.state == state for job in jobs)]
        waiting = len(rows) - len(jobs)
        parts = [*([f"{exact(waiting)} to approve"] if waiting else []), *parts]
        self.query_one("#jobs-pane").border_subtitle = content(" · ".join(parts))

    def on_paged_table_highlighted(self, event: PagedTable.Highlighted) -> None:
        if event.table.id == "jobs":
            self._show_job(event.row)
        elif event.table.id == "failures":
            self.query_one("#failure", Static).update(content(*failure_runs(event.row)))

    def _show_job(self, row: QueueRow) -> None:
        self.query_one("#job", Facts).update(job_facts(row))
        pane, job = self.query_one("#job-pane"), row.job
        pane.border_title = content("job" if job is not None else "plan")
        rates = list(job.rates) if job is not None else []
        plot = self.query_one("#plot", Plot)
        plot.set_class(len(rates) >= PLOTTED, "-on")
        plot.show(rates, "accent")
        self._show_failures(job)

    def _show_failures(self, job: JobStatus | None) -> None:
        mark = f"{job.job} {job.failed} {settled(job) > 0}" if job is not None else ""
        if mark == self.failures_of:
            return
        self.failures_of = mark
        table = self.query_one("#failures", PagedTable)
        self.set_class(job is not None and job.failed > 0, "-failed")
        self.query_one("#failure", Static).update(content(("", "")))
        pane = self.query_one("#failures-pane")
        if job is None or not job.failed:
            table.show(ListRows[object]())
            table.note(("✓ Nothing failed." if job is not None and settled(job) else "", "ok"))
            pane.border_subtitle = content("")
            return
        desk, name = console_of(self).desk, job.job

        def show(found: Sequence[Failure]) -> None:
            table.show(ListRows(found))
            pane.border_subtitle = content(plural(len(found), "failure"))

        run_in_thread(self, lambda task: facts.failures(desk, name), then=show, failed=self.say_error,
                      name="failures")

    # moves

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        if event.table.id != "jobs":
            return
        if event.row.job is None:
            console_of(self).action_show("review")
        else:
            self.query_one("#failures", PagedTable).focus()

    def action_step_back(self) -> None:
        self.jobs.focus()

    def action_reload(self) -> None:
        self.looks = 0
        self.look()
