"""While a comparison lists: its roll-up grows, and what both listings have passed can be planned already."""

from __future__ import annotations

from dataclasses import replace

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Plan
from s3console.core.repair import Only
from s3console.ui.comparing import facts
from s3console.ui.comparing.child import Reached
from s3console.ui.comparing.passing import PassingRow, merged
from s3console.ui.console import console_of
from s3console.ui.display import content, exact, message_text, plural
from s3console.ui.keys_in_use import key
from s3console.ui.screens.comparing import ComparisonRunning
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows


class LivePlanning(ComparisonRunning):
    """The table above the reviews while a comparison runs."""

    def __init__(self) -> None:
        super().__init__()
        self.passing: dict[str, PassingRow] = {}

    @property
    def live_table(self) -> PagedTable:
        return self.query_one("#live", PagedTable)

    def _reached(self, reached: Reached) -> None:
        super()._reached(reached)
        merged(self.passing, reached)
        self._show_passing()

    def _show_progress(self) -> None:
        super()._show_progress()
        runs = self.running is not None
        if runs != self.has_class("-live"):
            self.set_class(runs, "-live")
            self.passing = {}
            self._show_passing()
            if runs and not self.has_class("-open"):
                self.live_table.focus()
            elif self.live_table.has_focus:
                self.query_one("#reviews", PagedTable).focus()

    def _show_passing(self) -> None:
        table, rows = self.live_table, sorted(self.passing.values(), key=lambda row: row.prefix)
        before = table.current
        at = next((n for n, row in enumerate(rows)
                   if isinstance(before, PassingRow) and row.prefix == before.prefix), 0)
        table.show(ListRows(rows), cursor=at, keep_marks=True)
        if not rows:
            table.note(("The first directories appear here as both listings pass them.", "muted"))
        passed = sum(row.passed for row in rows)
        pane = self.query_one("#live-pane")
        pane.border_title = content("listing both sides")
        word = (f"{exact(passed)} of {plural(len(rows), 'prefix', 'prefixes')} listed · "
                f"{key('compare.plan')} plans one of them")
        pane.border_subtitle = content(word if rows else "")

    def plan_passed(self, *, only: Only | None = None) -> None:
        """Plan the directory on the cursor from a comparison of its own; the other one goes on."""
        row, running = self.live_table.current, self.running
        if running is None or not isinstance(row, PassingRow) or not self.live_table.has_focus:
            return
        if not row.passed or not row.prefix:
            self.say("Both listings have to pass a directory before it can be planned." if row.prefix else
                     "Names without a directory are planned when all is listed.", warn=True)
            return
        if row.shown_state != "listed":
            self.say("Nothing differs there." if row.shown_state == "clean" else
                     f"This directory is {row.shown_state} already.")
            return
        desk, prefix = console_of(self).desk, row.prefix
        try:
            places = [facts.place_of(desk, text, right=n == 1) for n, text in enumerate(running[:2])]
        except S3ConsoleError as error:
            self.say_error(error)
            return
        if any(place.scheme != "s3" or (place.prefix and not place.prefix.endswith("/")) for place in places):
            self.say("Only directories of two s3:// places are planned before the end.", warn=True)
            return
        left, right = (f"{place.uri}{prefix}" for place in places)
        self._mark(prefix, "planning")
        self.say(f"Listing {message_text(prefix)} once more on both sides, to plan it from that…")

        def work(task: Task) -> Plan:
            return facts.plan_now(task, desk, left, right, places[1].prefix + prefix,
                                  versions=running.versions and facts.versions_wanted(desk, right), only=only)

        def made(plan: Plan) -> None:
            self._mark(prefix, "planned")
            self.say(f"Plan {plan.plan} for {message_text(prefix)}: {plural(plan.operations, 'operation')}. "
                     "It waits on 3 Review; the comparison goes on.")
            console_of(self).poll()

        def refused(error: S3ConsoleError) -> None:
            self._mark(prefix, "")
            self.say_error(error)

        run_in_thread(self, work, then=made, failed=refused, name=f"plan {prefix}")

    def _mark(self, prefix: str, state: str) -> None:
        if (row := self.passing.get(prefix)) is not None:
            self.passing[prefix] = replace(row, state=state)
            self._show_passing()
