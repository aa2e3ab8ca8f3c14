"""What is done with plans on the Review screen: approve, approve several, reject, reduce, compare again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Plan
from s3console.ui.console import console_of
from s3console.ui.dialogs.approve import ApproveDialog
from s3console.ui.dialogs.approve_several import ApproveSeveral
from s3console.ui.dialogs.name import NameDialog
from s3console.ui.dialogs.operations import OperationsDialog
from s3console.ui.display import exact, key_runs, message_text, plural
from s3console.ui.keys_in_use import key
from s3console.ui.plans import facts
from s3console.ui.plans.facts import OperationRows, PlanLine, PlanScan
from s3console.ui.screens.narrowing import Narrowing
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.paged_table import PagedTable

T = TypeVar("T")


class PlanActs(Narrowing):
    """The acts; what is shown is the screen's own."""

    scans: dict[str, PlanScan]
    land_on: str

    @property
    def plans(self) -> PagedTable:
        raise NotImplementedError

    @property
    def line(self) -> PlanLine | None:
        """The plan on the cursor."""
        raise NotImplementedError

    def load_plans(self) -> None:
        """Read the plans again."""
        raise NotImplementedError

    # looking at all of it, and leaving some of it out

    def action_operations(self) -> None:
        line, desk = self.line, console_of(self).desk
        if line is None:
            return

        def show(rows: OperationRows) -> None:
            self.app.push_screen(OperationsDialog(rows, may_drop=line.state == "ready"),
                                 lambda indexes: self.drop(line.plan, indexes) if indexes else None)

        run_in_thread(self, lambda task: facts.operation_rows(desk, line.plan), then=show,
                      failed=self.say_error, name="operations")

    def action_drop(self) -> None:
        """-: rows are marked in the full list, which opens."""
        line = self.line
        if line is None:
            return
        if line.state != "ready":
            self.say(f"This plan is {line.state}: nothing is dropped from it.", warn=True)
            return
        self.say("Mark operations with space; - leaves the marked ones out.")
        self.action_operations()

    def drop(self, plan: Plan, indexes: list[int]) -> None:
        """Put a new plan without some operations in the place of this one."""
        desk = console_of(self).desk
        self.say(f"Sealing plan {plan.plan} anew without {plural(len(indexes), 'operation')}…")

        def made(new: Plan) -> None:
            self.app.clear_notifications()
            gone = plan.operations - new.operations
            self.say(f"Plan {new.plan} has {plural(new.operations, 'operation')}, {exact(gone)} fewer; "
                     f"{plan.plan} was put aside.")
            self.land_on = new.digest
            self._after_act()

        run_in_thread(self, lambda task: facts.drop(desk, plan, indexes), then=made, failed=self.say_error,
                      name="drop")

    # approving

    def _next_waiting(self) -> int:
        """The next plan that waits, from the cursor on and around."""
        lines = self.plans.source.rows(0, self.plans.source.count())
        after = [*range(self.plans.cursor + 1, len(lines)), *range(self.plans.cursor)]
        return next((n for n in after if lines[n].state == "ready"), self.plans.cursor)

    def action_next_plan(self) -> None:
        self.plans.cursor = self._next_waiting()

    def action_approve(self) -> None:
        line = self.line
        if line is None or not console_of(self).live:
            return
        if self.plans.marks:
            self._approve_marked()
            return
        if line.state != "ready":
            self.say(f"This plan is {line.state}: there is nothing to approve.", warn=True)
            return
        scan = self.scans.get(line.plan.digest)
        if scan is None:
            self.say(f"The operations are still being read; press {key('review.approve')} again in a moment.")
            return
        self.app.push_screen(ApproveDialog(line.plan, scan),
                             lambda count: self.approve(line.plan, count) if count else None)

    def _approve_marked(self) -> None:
        lines = sorted(self.plans.marks.values(), key=lambda line: line.plan.prefix)
        if any(line.state != "ready" for line in lines):
            self.say("Only plans that wait can be approved: take the marks off the others.", warn=True)
            return
        lossy = next((line.plan for line in lines if not line.plan.reversible), None)
        if lossy is not None:
            self.say(f"Plan {lossy.plan} loses bytes, so it is approved alone, by its own number. "
                     "Esc takes the marks off.", warn=True)
            return
        plans = [line.plan for line in lines]
        self.app.push_screen(ApproveSeveral(plans),
                             lambda yes: self.approve_several(plans) if yes else None)

    def approve_several(self, plans: list[Plan]) -> None:
        """Approve plans that can be undone, and start their jobs."""
        app = console_of(self)
        if not app.live:
            return
        desk = app.desk

        def started(jobs: list[str]) -> None:
            self.say(f"Approved. {plural(len(jobs), 'job')} started; 4 Queue shows them.")
            self._after_act()

        self.plans.clear_marks()
        self._act(lambda: facts.approve_several(desk, plans), started, "approve several")

    def approve(self, plan: Plan, count: int) -> None:
        """Carry out what the dialog answered; the cursor goes on to the next plan."""
        app = console_of(self)
        if not app.live:
            return
        desk, at = app.desk, self._next_waiting()
        typed = "y" if plan.reversible else str(count)
        following = self.plans.source.rows(at, at + 1)
        self.land_on = following[0].plan.digest if following else ""

        def started(job: str) -> None:
            self.say(f"Approved. Job {job} runs; 4 Queue shows it.")
            self._after_act()

        def stay() -> None:
            self.land_on = plan.digest

        self._act(lambda: facts.approve_and_run(desk, plan, count=count, typed=typed), started,
                  f"approve {plan.digest}", stay)

    def _act(
        self, work: Callable[[], T], done: Callable[[T], None], name: str,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        def refused(error: S3ConsoleError) -> None:
            failed()
            self.say_error(error)
            self._after_act()

        run_in_thread(self, lambda task: work(), then=done, failed=refused, name=name)

    def _after_act(self) -> None:
        self.load_plans()
        console_of(self).poll()

    # putting aside, going back

    def action_reject(self) -> None:
        line = self.line
        if line is None:
            return
        desk = console_of(self).desk

        def put_aside(reason: str | None) -> None:
            if reason is not None:
                self._act(lambda: facts.reject(desk, line.plan, reason), lambda _: self._after_act(),
                          "reject")

        self.app.push_screen(
            NameDialog("reject", [("Why is plan ", "muted"), (line.plan.plan, "bold foreground"),
                                  (" put aside for good? The journal keeps the reason.", "muted")],
                       does="reject", may_be_empty=True), put_aside)

    def action_who(self) -> None:
        """w: who made, approved or rejected this plan, and what its job did: its records in the journal."""
        if (line := self.line) is not None:
            console_of(self).call_later(self._go_to_journal, line.plan.plan)

    async def _go_to_journal(self, text: str) -> None:
        app = console_of(self)
        await app.switch_mode("journal")
        if (narrow := getattr(app.screen_of_mode, "narrow_to", None)) is not None:
            narrow(text)

    def action_copy_menu(self) -> None:
        """y: the texts by which a plan is known elsewhere."""
        from s3console.ui.dialogs.copy_menu import Choice, CopyMenu

        if (line := self.line) is None:
            return
        plan = line.plan
        count = "" if plan.reversible else f" --count {plan.operations}"
        self.app.push_screen(CopyMenu(key_runs(plan.plan, "bold foreground"), [
            Choice("y", "place", replace(plan.right, prefix=plan.prefix).uri), Choice("i", "plan", plan.plan),
            Choice("d", "digest", plan.digest), Choice("c", "show it", f"s3console show {plan.plan}"),
            Choice("a", "approve it", f"s3console approve {plan.plan}{count}")]))

    def action_to_compare(self) -> None:
        """c: the findings that a plan was made from."""
        line = self.line
        if line is None:
            return
        if not line.plan.review:
            self.say("This plan was not made from a comparison.")
            return
        console_of(self).call_later(self._go_to_compare, line.plan)

    async def _go_to_compare(self, plan: Plan) -> None:
        app = console_of(self)
        await app.switch_mode("compare")
        screen = app.screen_of_mode
        if screen is not None and (show := getattr(screen, "show_prefix", None)) is not None:
            show(plan.review, plan.prefix)

    def action_again(self) -> None:
        """S: compare the places of this plan again, below its prefix."""
        line = self.line
        if line is None or line.plan.left is None:
            self.say("This plan has one place only: there is nothing to compare it with.")
            return
        console_of(self).call_later(self._compare_again, line.plan)

    async def _compare_again(self, plan: Plan) -> None:
        app = console_of(self)
        await app.switch_mode("compare")
        screen, left, right = app.screen_of_mode, plan.left, plan.right
        if left is None or screen is None or (ask := getattr(screen, "ask_places", None)) is None:
            return
        below = plan.prefix.removeprefix(right.prefix)
        if below and not (left.prefix.endswith("/") or not left.prefix):
            below = ""
        ask(f"{left.uri}{below if left.scheme == 's3' else ''}", f"{right.uri}{below}")

    # export

    def action_export(self) -> None:
        """e: the operations of the plan into a file."""
        line = self.line
        if line is None:
            return
        self.app.push_screen(
            NameDialog("export operations", [("A new file that ends in ", "muted"), (".csv", "foreground"),
                                             (", ", "muted"), (".jsonl", "foreground"), (" or ", "muted"),
                                             (".parquet", "foreground")],
                       value=f"plan-{line.plan.plan}.csv"),
            lambda name: self.export_to(line.plan, name) if name else None)

    def export_to(self, plan: Plan, name: str) -> None:
        """Write every operation of a plan."""
        path, desk = Path(name).expanduser(), console_of(self).desk

        def write(task: Task) -> int:
            return facts.export(desk, plan, path)

        run_in_thread(self, write, then=lambda count: self.say(
            f"{plural(count, 'operation')} written to {message_text(str(path))}."),
            failed=self.say_error, name="export")
