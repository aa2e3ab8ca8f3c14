"""Compare: what differs between two places, by prefix, finding by finding, and plans to repair it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.model import Finding, Kind, PrefixTotals, ReviewHeader
from s3console.ui import actions
from s3console.ui.comparing import facts
from s3console.ui.comparing.costs import cost_cell, cost_line
from s3console.ui.comparing.passing import PASSING
from s3console.ui.comparing.rows import (
    REVIEWS,
    PrefixRow,
    findings_layout,
    prefix_rows,
    prefixes_layout,
    sides_runs,
)
from s3console.ui.console import console_of
from s3console.ui.display import Run, content, elide, exact, key_runs, plural
from s3console.ui.screens.finding_looking import FindingLooking
from s3console.ui.screens.live_planning import LivePlanning
from s3console.ui.threads import run_in_thread
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.kind_chips import KindChips
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows
from s3console.ui.widgets.titles import set_subtitle, set_title

if TYPE_CHECKING:
    from s3console.store.reviews import Review


class CompareScreen(LivePlanning, FindingLooking):
    """Recent reviews, or the one that is open."""

    scope = "compare"
    AUTO_FOCUS = "#reviews"
    BINDINGS: ClassVar = actions.bindings("compare")
    CSS = """
    CompareScreen #progress { height: 2; padding: 0 2; background: $background; display: none; }
    CompareScreen #review { display: none; height: 1fr; }
    CompareScreen.-open #review { display: block; layout: horizontal; }
    CompareScreen.-open #reviews-pane { display: none; }
    CompareScreen #live-pane { display: none; height: 2fr; }
    CompareScreen.-live #live-pane { display: block; }
    CompareScreen.-live.-open #live-pane { display: none; }
    CompareScreen #prefix-pane { width: 60; }
    CompareScreen #cost { height: 3; padding: 1 1 0 1; }
    CompareScreen.-narrow #cost { display: none; }
    CompareScreen #right { width: 1fr; }
    CompareScreen #findings-pane { height: 1fr; }
    CompareScreen #finding-pane { height: 55%; max-height: 18; }
    CompareScreen #finding { padding: 0 1; }
    CompareScreen #finding-scroll { height: 1fr; scrollbar-size-vertical: 1; }
    CompareScreen.-wide #prefix-pane { width: 42%; }
    CompareScreen.-narrow.-open #review { layout: vertical; }
    CompareScreen.-narrow #prefix-pane { width: 1fr; height: 30%; }
    CompareScreen.-narrow #right { height: 1fr; }
    CompareScreen.-narrow #finding-pane { height: 50%; }
    CompareScreen.-narrow KindChips { margin: 0; max-height: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.review: Review | None = None
        self.base = ""
        self.kind: Kind | None = None
        self.shown: PrefixRow | None = None
        self.land_on = ""

    def body(self) -> Iterable[Widget]:
        yield Static("", id="progress", markup=False)
        with Vertical(id="live-pane", classes="pane"):
            yield PagedTable(PASSING, id="live")
        with Vertical(id="reviews-pane", classes="pane"):
            yield PagedTable(REVIEWS, id="reviews")
        with Horizontal(id="review"):
            with Vertical(id="prefix-pane", classes="pane"):
                yield PagedTable(prefixes_layout(()), id="prefixes")
                yield Static("", id="cost", markup=False)
            with Vertical(id="right"):
                with Vertical(id="findings-pane", classes="pane"):
                    yield KindChips()
                    yield PagedTable(findings_layout(self._shown_prefix, self._is_ignored), id="findings")
                with (
                    Vertical(id="finding-pane", classes="pane"),
                    VerticalScroll(id="finding-scroll", can_focus=False),
                ):
                    yield Facts(id="finding", last=True)

    @property
    def reviews(self) -> PagedTable:
        return self.query_one("#reviews", PagedTable)

    @property
    def prefixes(self) -> PagedTable:
        return self.query_one("#prefixes", PagedTable)

    def on_mount(self) -> None:
        self.query_one("#reviews-pane").border_title = content("recent comparisons")
        self.reviews.note(("Looking for reviews…", "faint"))
        self.load_reviews()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self.review is not None:
            self.load_level()

    def where_runs(self) -> list[Run]:
        if self.review is None:
            return super().where_runs()
        header = self.review.header
        runs = sides_runs(header)
        if header.right.versioning:
            word = {"Enabled": "versioned", "Unversioned": "unversioned"}.get(header.right.versioning, "")
            runs += [(f" {word}", "faint")] if word else []
        return runs if header.complete else [*runs, ("  INCOMPLETE", "bold warning")]

    def teaches(self) -> list[Run]:
        """What a newcomer has to know about this screen."""
        if self.has_class("-live") and self.review is None:
            return [("Both sides are being listed. What both listings have passed can be planned already: ",
                     "muted"), ("a", "bold primary"), (" on its line.", "muted")]
        return [("Left is what should be, right is what is checked. Each line is a prefix with what was "
                 "found there, by kind. ", "muted"), ("a", "bold primary"),
                (" makes a plan of it, ", "muted"), ("i", "bold primary"),
                (" sets a kind aside with a note. Nothing here changes a bucket.", "muted")]

    # recent reviews

    def load_reviews(self) -> None:
        """Read the headers of the stored reviews."""
        desk = console_of(self).desk
        run_in_thread(self, lambda task: facts.reviews(desk), then=self._reviews, failed=self.say_error,
                      name="reviews")

    def _reviews(self, found: list[ReviewHeader]) -> None:
        self.recent = found
        self.reviews.show(ListRows(found))
        self.query_one("#reviews-pane").border_subtitle = content(
            plural(len(found), "review") if found else "")
        if not found:
            self.reviews.note(
                ("Nothing was compared yet. ", "foreground"), ("S", "bold primary"),
                (" asks for two places, or type ", "muted"),
                (":compare s3://left/ s3://right/", "foreground"),
                (". Comparing only reads: what left has is what right should have.", "muted"))

    def open_review(self, review: str) -> None:
        desk = console_of(self).desk
        run_in_thread(self, lambda task: facts.open_review(desk, review), then=self._opened,
                      failed=self.say_error, name="open review")

    def _opened(self, review: Review) -> None:
        self.review, self.base, self.kind = review, review.header.right.place.prefix, None
        if self.land_on.startswith(self.base) and self.land_on != self.base:
            head = self.land_on.rstrip("/").rpartition("/")[0]
            self.base = max(self.base, f"{head}/" if head else "", key=len)
        self.shown = None
        self.add_class("-open")
        self.prefixes.show(ListRows[PrefixRow]())
        self.prefixes.focus()
        self.load_level()
        console_of(self).refresh_chrome()
        for note in review.header.notes:
            self.say(note[:1].upper() + note[1:] + ".", warn=True)

    def show_prefix(self, review: str, prefix: str) -> None:
        """Open a review with the cursor on a prefix."""
        self.land_on = prefix
        self.open_review(review)

    def close_review(self) -> None:
        """Back to the list of reviews."""
        self.review = None
        self.remove_class("-open")
        self.reviews.focus()
        self.load_reviews()
        console_of(self).refresh_chrome()

    # prefixes

    def load_level(self) -> None:
        """Read the counts and states of the prefixes that are open."""
        review, base, desk = self.review, self.base, console_of(self).desk
        if review is None:
            return

        def show(found: facts.Level) -> None:
            if review is self.review and base == self.base:
                self.ignoring = found.ignoring
                self._show_level(prefix_rows(base, found.totals, found.plans, found.asides))

        run_in_thread(self, lambda task: facts.level(desk, review, base), then=show,
                      failed=self.say_error, name="level")

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
        parts = [plural(len(plain), "prefix", "prefixes"), f"{exact(review)} to review",
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

    # messages of the tables

    def on_paged_table_highlighted(self, event: PagedTable.Highlighted) -> None:
        if event.table.id == "prefixes":
            self.show_findings(event.row)
            self._show_cost(event.row)
        elif event.table.id == "findings":
            self.explain_finding(event.row)
            if self.shown is not None:
                self._titles(self.shown)

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        if event.table.id == "reviews":
            self.open_review(event.row.review)
        elif event.table.id == "prefixes":
            self.go_in(event.row)

    # moves

    def go_in(self, row: PrefixRow) -> None:
        """Into the deeper prefixes of a row, or to its findings where there is nothing deeper."""
        review, prefix = self.review, row.totals.prefix
        if review is None or row.whole or row.here:
            self.findings.focus()
            return

        def show(found: list[PrefixTotals]) -> None:
            if [one.prefix for one in found] in ([], [prefix]):
                self.findings.focus()
            else:
                self.base = prefix
                self.load_level()

        run_in_thread(self, lambda task: review.prefixes(1, prefix), then=show, failed=self.say_error,
                      name="deeper")

    def action_up(self) -> None:
        if self.review is None:
            return
        if self.findings.has_focus:
            self.prefixes.focus()
        elif self.base == self.review.header.right.place.prefix:
            self.close_review()
        else:
            self.land_on = self.base
            self.base = self.base.rstrip("/").rpartition("/")[0]
            self.base = self.base + "/" if self.base else ""
            self.load_level()

    def action_step_back(self) -> None:
        if self.prefixes.marks:
            self.prefixes.clear_marks()
        elif self.kind is not None:
            self._choose(None)
        else:
            self.action_up()

    def action_side(self, by: int) -> None:
        """Left and right: another kind of findings, or out of and into a prefix."""
        if self.review is None:
            return
        if self.findings.has_focus:
            self._choose(self.query_one(KindChips).step(by))
        elif by < 0:
            self.action_up()
        elif (row := self.prefixes.current) is not None:
            self.go_in(row)

    def action_reload(self) -> None:
        if self.review is None:
            self.load_reviews()
        else:
            self.load_level()
