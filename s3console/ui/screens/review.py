"""Review: plans that wait, each in full, approved one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Plan
from s3console.ui import actions
from s3console.ui.console import console_of
from s3console.ui.dialogs.approve import ApproveDialog
from s3console.ui.dialogs.name import NameDialog
from s3console.ui.dialogs.operations import OperationsDialog
from s3console.ui.display import Run, content, exact, key_runs, plural
from s3console.ui.plans import facts
from s3console.ui.plans.facts import OperationRows, PlanLine, PlanScan
from s3console.ui.plans.words import PLANS, plan_facts, state_runs
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows
from s3console.ui.widgets.samples import Samples


class ReviewScreen(ConsoleScreen):
    """Plans on the left, the one on the cursor on the right."""

    scope = "review"
    BINDINGS: ClassVar = actions.bindings("review")
    CSS = """
    ReviewScreen #plans-pane { width: 52; }
    ReviewScreen #plan-pane { width: 1fr; }
    ReviewScreen #plan { padding: 0 1; height: auto; }
    ReviewScreen #plan-scroll { height: 1fr; scrollbar-size-vertical: 1; }
    ReviewScreen Samples { padding: 0 1; }
    ReviewScreen.-narrow #two { layout: vertical; }
    ReviewScreen.-narrow #plans-pane { width: 1fr; height: 35%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.scans: dict[str, PlanScan] = {}
        self.land_on = ""

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="two"):
            with Vertical(id="plans-pane", classes="pane"):
                yield PagedTable(PLANS, id="plans")
            with (
                Vertical(id="plan-pane", classes="pane"),
                VerticalScroll(id="plan-scroll", can_focus=False),
            ):
                yield Facts(id="plan", label=8)
                yield Samples()

    @property
    def plans(self) -> PagedTable:
        return self.query_one("#plans", PagedTable)

    @property
    def line(self) -> PlanLine | None:
        """The plan on the cursor."""
        row = self.plans.current
        return row if isinstance(row, PlanLine) else None

    def on_mount(self) -> None:
        self.query_one("#plans-pane").border_title = content("plans")
        self.plans.note(("Looking for plans…", "faint"))

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.load_plans()

    def where_runs(self) -> list[Run]:
        line = self.line
        if line is None:
            return super().where_runs()
        return [(f"s3://{line.plan.right.bucket}/", "muted"), *key_runs(line.plan.prefix)]

    def load_plans(self) -> None:
        """Read the plans and their states."""
        desk = console_of(self).desk
        run_in_thread(self, lambda task: facts.plan_lines(desk), then=self._loaded, failed=self.say_error,
                      name="plans")

    def _loaded(self, lines: list[PlanLine]) -> None:
        wanted = self.land_on or (self.line.plan.digest if self.line else "")
        self.land_on = ""
        at = next((n for n, line in enumerate(lines) if line.plan.digest == wanted), 0)
        self.plans.show(ListRows(lines), cursor=at)
        ready = sum(line.state == "ready" for line in lines)
        self.query_one("#plans-pane").border_subtitle = content(
            f"{exact(ready)} of {plural(len(lines), 'plan')} wait" if lines else "")
        if not lines:
            self.plans.note(("No plan yet. ", "foreground"), ("2", "bold primary"), (" and ", "muted"),
                            ("a", "bold primary"), (" plan the repair of a prefix.", "muted"))
            self.query_one("#plan", Facts).update([])
        console_of(self).refresh_chrome()

    # the plan on the cursor

    def on_paged_table_highlighted(self, event: PagedTable.Highlighted) -> None:
        if event.table.id == "plans":
            self.show_plan(event.row)

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        if event.table.id == "plans":
            self.action_operations()

    def show_plan(self, line: PlanLine) -> None:
        """Fill the right pane, and read the operations for what makes them safe."""
        plan, desk = line.plan, console_of(self).desk
        self._draw(line)
        if plan.digest in self.scans and self.scans[plan.digest].read == plan.operations:
            return

        def told(scan: PlanScan) -> None:
            self.scans[plan.digest] = scan
            if (now := self.line) is not None and now.plan.digest == plan.digest:
                self._draw(now)

        run_in_thread(self, lambda task: facts.scan_plan(task, desk, plan, told), then=told,
                      failed=self.say_error, name="scan", wait=0.05)

    def _draw(self, line: PlanLine) -> None:
        scan = self.scans.get(line.plan.digest)
        pane = self.query_one("#plan-pane")
        pane.border_title = content(f"plan {self.plans.cursor + 1} of {self.plans.source.count()}")
        pane.border_subtitle = content(*state_runs(line.state), f"  sha256 {line.plan.digest[:16]}…")
        lines = plan_facts(line, scan)
        if line.state == "ready":
            hint: list[Run] = [("A", "bold primary"), (" approves this one plan", "foreground")] \
                if console_of(self).live else \
                [("This console is read-only. ", "ok"), (":write on", "bold primary"),
                 (" allows approvals.", "muted")]
            lines += [("", []), ("now", hint)]
        self.query_one("#plan", Facts).update(lines)
        self.query_one(Samples).show(scan.samples if scan is not None else (), line.plan.prefix)
        console_of(self).refresh_chrome()

    def live_changed(self) -> None:
        """`:write on` or `off`."""
        if (line := self.line) is not None:
            self._draw(line)

    # acts

    def action_operations(self) -> None:
        line, desk = self.line, console_of(self).desk
        if line is None:
            return

        def show(rows: OperationRows) -> None:
            self.app.push_screen(OperationsDialog(rows))

        run_in_thread(self, lambda task: facts.operation_rows(desk, line.plan), then=show,
                      failed=self.say_error, name="operations")

    def action_next_plan(self) -> None:
        self.plans.cursor = self._next_waiting()

    def _next_waiting(self) -> int:
        """The next plan that waits, from the cursor on and around."""
        lines = self.plans.source.rows(0, self.plans.source.count())
        after = [*range(self.plans.cursor + 1, len(lines)), *range(self.plans.cursor)]
        return next((n for n in after if lines[n].state == "ready"), self.plans.cursor)

    def action_approve(self) -> None:
        line = self.line
        if line is None or not console_of(self).live:
            return
        if line.state != "ready":
            self.say(f"This plan is {line.state}: there is nothing to approve.", warn=True)
            return
        scan = self.scans.get(line.plan.digest)
        if scan is None:
            self.say("The operations are still being read; press A again in a moment.")
            return
        self.app.push_screen(ApproveDialog(line.plan, scan),
                             lambda count: self.approve(line.plan, count) if count else None)

    def approve(self, plan: Plan, count: int) -> None:
        """Carry out what the dialog answered; the cursor goes on to the next plan."""
        app = console_of(self)
        if not app.live:
            return
        desk, at = app.desk, self._next_waiting()
        typed = "y" if plan.reversible else str(count)
        following = self.plans.source.rows(at, at + 1)
        self.land_on = following[0].plan.digest if following else ""

        def work(task: Task) -> str:
            return facts.approve_and_run(desk, plan, count=count, typed=typed)

        def started(job: str) -> None:
            self.say(f"Approved. Job {job} runs; 4 Queue shows it.")
            self._after_act()

        def refused(error: S3ConsoleError) -> None:
            self.land_on = plan.digest
            self.say_error(error)
            self._after_act()

        run_in_thread(self, work, then=started, failed=refused, name=f"approve {plan.digest}")

    def _after_act(self) -> None:
        self.load_plans()
        console_of(self).poll()

    def action_reject(self) -> None:
        line = self.line
        if line is None:
            return
        desk = console_of(self).desk

        def put_aside(reason: str | None) -> None:
            if reason is not None:
                run_in_thread(self, lambda task: facts.reject(desk, line.plan, reason),
                              then=lambda _: self._after_act(), failed=self.say_error, name="reject")

        self.app.push_screen(
            NameDialog("reject", [("Why is this plan put aside for good? The journal keeps it.", "muted")],
                       does="reject", may_be_empty=True), put_aside)

    def action_reload(self) -> None:
        self.load_plans()
