"""The prefixes of an open review: one level of them with counts, states and costs, and a filter over it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widgets import Static

from s3console.core.model import Finding, JobStatus
from s3console.ui.comparing import facts
from s3console.ui.comparing.costs import cost_cell, cost_line, cost_lines
from s3console.ui.comparing.rows import PrefixRow, prefix_rows, prefixes_layout
from s3console.ui.console import console_of
from s3console.ui.dialogs.lines import LinesDialog
from s3console.ui.display import content, elide, exact, key_runs, plural
from s3console.ui.screens.finding_looking import FindingLooking
from s3console.ui.screens.live_planning import LivePlanning
from s3console.ui.threads import run_in_thread
from s3console.ui.widgets.rows import ListRows
from s3console.ui.widgets.titles import set_subtitle, set_title


class PrefixLooking(LivePlanning, FindingLooking):
    """What is shown of the level that is open."""

    narrows = "#prefixes"
    level: list[PrefixRow]
    land_on: str

    def jobs_ended(self, jobs: Sequence[JobStatus]) -> None:
        if self.review is not None:
            self.load_level()

    def load_level(self) -> None:
        """Read the counts and states of the prefixes that are open."""
        review, base, desk = self.review, self.base, console_of(self).desk
        if review is None:
            return

        def show(found: facts.Level) -> None:
            if review is self.review and base == self.base:
                self.ignoring = found.ignoring
                self.level = prefix_rows(base, found.totals, found.plans, found.asides)
                self.narrow()

        run_in_thread(self, lambda task: facts.level(desk, review, base), then=show,
                      failed=self.say_error, name="level")

    def narrow(self) -> None:
        """Show the prefixes that hold the text of the filter, below the totals."""
        self._show_level([row for row in self.level if row.whole or self.holds(row.name, row.state)])

    def action_filter(self) -> None:
        if self.review is not None and self.findings.has_focus:
            self.open_finding_field()
        elif self.review is not None:
            super().action_filter()

    def _show_level(self, rows: list[PrefixRow]) -> None:
        table = self.prefixes
        before = table.current
        wanted = self.land_on or (before.totals.prefix if isinstance(before, PrefixRow) else None)
        here = isinstance(before, PrefixRow) and before.whole
        self.land_on = ""
        at = next((n for n, row in enumerate(rows) if row.totals.prefix == wanted and row.whole == here), -1)
        if at < 0:
            at = next((n for n, row in enumerate(rows) if row.totals.prefix == wanted and not row.whole), -1)
        if at < 0:
            at = next((n for n, row in enumerate(rows)
                       if row.state == "to review" and not (row.whole or row.here)), 0)
        header = self.review.header if self.review is not None else None
        table.spec = prefixes_layout(rows, lambda row: cost_cell(row, header))
        table.show(ListRows(rows), cursor=at, keep_marks=True)
        pane = self.query_one("#prefix-pane")
        title = key_runs(self.base, "") if self.base else [("all prefixes", "")]
        set_title(pane, content(*elide(title, (pane.size.width or 200) - 6)))
        plain = [row for row in rows if not row.whole]
        review = sum(row.state == "to review" for row in plain)
        done = sum(row.state in ("done", "clean", "ignored") for row in plain)
        shown = f"{exact(len(plain))} of " if len(rows) < len(self.level) else ""
        parts = [shown + plural(len(self.level) - 1, "prefix", "prefixes"), f"{exact(review)} to review",
                 f"{exact(done)} settled"]
        set_subtitle(pane, content(" · ".join(parts)))

    def _is_ignored(self, finding: Finding) -> bool:
        return self.ignored_by(finding) is not None

    def _show_cost(self, row: PrefixRow) -> None:
        """What the repair of the prefix on the cursor, and of all that is shown, comes to."""
        if self.review is None:
            return
        header, first = self.review.header, self.prefixes.source.rows(0, 1)
        runs = cost_line("this line", row, header) if not row.whole else []
        whole = cost_line("all of it", first[0], header) if first else []
        self.query_one("#cost", Static).update(content(*runs, ("\n" if runs else "", ""), *whole))

    def action_cost(self) -> None:
        """`:cost`: what the estimates are made of."""
        row, first = self.prefixes.current, self.prefixes.source.rows(0, 1)
        if self.review is not None and isinstance(row, PrefixRow) and first:
            self.app.push_screen(LinesDialog([("what a repair costs", "")],
                                             cost_lines(row, first[0], self.review.header)))
