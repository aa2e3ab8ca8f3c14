"""Review: plans that wait, each in full, approved one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget

from s3console.core.model import JobStatus
from s3console.ui import actions
from s3console.ui.console import console_of
from s3console.ui.display import Run, content, exact, key_runs, plural, size_text
from s3console.ui.keys_in_use import key, key_run
from s3console.ui.plans import facts
from s3console.ui.plans.facts import PlanLine, PlanScan
from s3console.ui.plans.words import PLANS, STATE_WORDS, now_runs, plan_facts, state_runs
from s3console.ui.screens.plan_acts import PlanActs
from s3console.ui.threads import run_in_thread
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows
from s3console.ui.widgets.samples import Samples


class ReviewScreen(PlanActs):
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

    narrows = "#plans"

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[PlanLine] = []
        self.seen: set[str] | None = None
        self.arriving = False
        self.scans: dict[str, PlanScan] = {}
        self.land_on = ""

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="two"):
            with Vertical(id="plans-pane", classes="pane"):
                yield self.narrow_field("a prefix, a state, a title, a plan")
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
        self.arriving = True
        self.load_plans()

    def jobs_ended(self, jobs: Sequence[JobStatus]) -> None:
        if console_of(self).screen_of_mode is self:
            self.load_plans()

    def where_runs(self) -> list[Run]:
        line = self.line
        if line is None:
            return super().where_runs()
        return [(f"s3://{line.plan.right.bucket}/", "muted"), *key_runs(line.plan.prefix)]

    def why_not(self, action: actions.Action) -> str:
        name = action.id.partition(".")[2] if action.scope == "review" else ""
        line = self.line
        if not name or name == "filter":
            return ""
        if line is None:
            return f"There is no plan here: {key('compare.plan')} on 2 Compare makes one."
        if name in ("approve", "drop", "reject") and line.state != "ready" and not self.plans.marks:
            return f"This plan is {line.state}: only one that waits can be changed or approved."
        if name == "findings" and not line.plan.review:
            return "This plan was not made from a comparison."
        if name == "again" and line.plan.left is None:
            return "This plan has one place only: there is nothing to compare it with."
        return ""

    def teaches(self) -> list[Run]:
        """What a newcomer has to know about this screen."""
        return [("A plan is a sealed list of operations for one prefix. ", "muted"),
                key_run("list.choose"), (" reads all of it, ", "muted"),
                key_run("review.drop"), (" leaves marked ones out, ", "muted"),
                key_run("review.approve"),
                (" approves it: by its number where bytes are lost, by y where all can be undone. Only then "
                 "anything is sent.", "muted")]

    def load_plans(self) -> None:
        """Read the plans and their states."""
        desk = console_of(self).desk
        run_in_thread(self, lambda task: facts.plan_lines(desk), then=self._loaded, failed=self.say_error,
                      name="plans")

    def _loaded(self, lines: list[PlanLine]) -> None:
        self.lines = lines
        ready = [line.plan.digest for line in lines if line.state == "ready"]
        new = [digest for digest in ready if self.seen is not None and digest not in self.seen]
        if self.arriving and new and not self.land_on:
            # Who made a plan and comes here means that one, wherever the cursor was left.
            self.land_on = new[0]
        self.seen, self.arriving = {line.plan.digest for line in lines}, False
        self.narrow()

    def narrow(self) -> None:
        """Show the plans that hold the text of the filter; the cursor stays on its plan."""
        lines = [line for line in self.lines if self.holds(
            line.plan.prefix, line.plan.title, line.plan.plan, STATE_WORDS.get(line.state, line.state))]
        wanted = self.land_on or (self.line.plan.digest if self.line else "")
        self.land_on = ""
        at = next((n for n, line in enumerate(lines) if line.plan.digest == wanted), 0)
        waiting = {line.plan.digest: line for line in self.lines if line.state == "ready"}
        self.plans.marks = {digest: waiting[str(digest)] for digest in self.plans.marks
                            if str(digest) in waiting}
        self.plans.show(ListRows(lines), cursor=at, keep_marks=True)
        self._count()
        if not lines and self.lines:
            self.plans.note((f"None of {plural(len(self.lines), 'plan')} holds this text. ", "foreground"),
                            key_run("everywhere.escape"), (" shows all of them.", "muted"))
        elif not lines:
            self.plans.note(("No plan yet. ", "foreground"), key_run("everywhere.compare"),
                            (" and ", "muted"), key_run("compare.plan"),
                            (" plan the repair of a prefix.", "muted"))
            self.query_one("#plan", Facts).update([])
        console_of(self).refresh_chrome()

    def _count(self) -> None:
        lines, shown = self.lines, self.plans.source.count()
        ready = sum(line.state == "ready" for line in lines)
        stale = sum(line.state == "stale" for line in lines)
        waits = "waits" if ready == 1 else "wait"
        parts = [f"{exact(ready)} of {plural(len(lines), 'plan')} {waits}"] if lines else []
        if self.plans.marks:
            size = sum(line.plan.bytes for line in self.plans.marks.values())
            parts = [f"{exact(len(self.plans.marks))} marked, {size_text(size)}"]
        elif stale:
            parts.append(f"{exact(stale)} stale")
        if shown < len(lines):
            parts.insert(0, f"{exact(shown)} shown")
        self.query_one("#plans-pane").border_subtitle = content(" · ".join(parts))

    def on_paged_table_marked(self, event: PagedTable.Marked) -> None:
        if event.table.id == "plans":
            self._count()

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
        lines = [*plan_facts(line, scan), ("", []), ("now", now_runs(line, live=console_of(self).live))]
        self.query_one("#plan", Facts).update(lines)
        self.query_one(Samples).show(scan.samples if scan is not None else (), line.plan.prefix)
        console_of(self).refresh_chrome()

    def live_changed(self) -> None:
        """`:write on` or `off`."""
        if (line := self.line) is not None:
            self._draw(line)

    def action_step_back(self) -> None:
        if not self.leave_narrowing() and self.plans.marks:
            self.plans.clear_marks()

    def action_reload(self) -> None:
        self.load_plans()
