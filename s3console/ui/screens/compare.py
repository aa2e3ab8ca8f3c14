"""Compare: what differs between two places, by prefix, finding by finding, and plans to repair it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.model import Kind, PrefixTotals, ReviewHeader
from s3console.ui import actions
from s3console.ui.comparing import facts
from s3console.ui.comparing.passing import PASSING
from s3console.ui.comparing.rows import (
    REVIEWS,
    PrefixRow,
    findings_layout,
    prefixes_layout,
    sides_runs,
)
from s3console.ui.console import console_of
from s3console.ui.display import Run, content, plural
from s3console.ui.keys_in_use import key, key_run
from s3console.ui.screens.prefix_looking import PrefixLooking
from s3console.ui.threads import run_in_thread
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.kind_chips import KindChips
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows

if TYPE_CHECKING:
    from s3console.store.reviews import Review


class CompareScreen(PrefixLooking):
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
        self.level: list[PrefixRow] = []

    def body(self) -> Iterable[Widget]:
        yield Static("", id="progress", markup=False)
        with Vertical(id="live-pane", classes="pane"):
            yield PagedTable(PASSING, id="live")
        with Vertical(id="reviews-pane", classes="pane"):
            yield PagedTable(REVIEWS, id="reviews")
        with Horizontal(id="review"):
            with Vertical(id="prefix-pane", classes="pane"):
                yield self.narrow_field("a part of a prefix, a state")
                yield PagedTable(prefixes_layout(()), id="prefixes")
                yield Static("", id="cost", markup=False)
            with Vertical(id="right"):
                with Vertical(id="findings-pane", classes="pane"):
                    yield self.finding_field()
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

    def why_not(self, action: actions.Action) -> str:
        name = action.id.partition(".")[2] if action.scope == "compare" else ""
        if name == "stop" and self.running is None:
            return "No comparison runs."
        if self.review is not None or name in ("", "start", "stop", "left", "right"):
            return ""
        if name == "up":
            return "These are all comparisons."
        if name in ("plan", "plan-copies") and self.has_class("-live"):
            return ""
        return f"Open a comparison first, or start one: {key('compare.start')}."

    def teaches(self) -> list[Run]:
        """What a newcomer has to know about this screen."""
        if self.has_class("-live") and self.review is None:
            return [("Both sides are being listed. What both listings have passed can be planned already: ",
                     "muted"), key_run("compare.plan"), (" on its line.", "muted")]
        return [("Left is what should be, right is what is checked. Each line is a prefix with what was "
                 "found there, by kind. ", "muted"), key_run("compare.plan"),
                (" makes a plan of it, ", "muted"), key_run("compare.ignore"),
                (" sets a kind aside with a note. The cost is that of the requests of a repair; "
                                           ":cost has more. Nothing here changes a bucket.", "muted")]

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
                ("Nothing was compared yet. ", "foreground"), key_run("compare.start"),
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
        self.narrow_to("")
        self.seek("")
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
                self.narrow_to("")
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
            self.narrow_to("")
            self.load_level()

    def action_step_back(self) -> None:
        if self.leaves_a_filter():
            return
        if self.prefixes.marks:
            self.prefixes.clear_marks()
        elif self.kind is not None:
            self._choose(None)
        else:
            self.action_up()

    def action_side(self, by: int) -> None:
        """Left and right: another kind of findings, or out of and into a prefix or review."""
        if self.review is None:
            if by > 0 and self.reviews.has_focus and (header := self.reviews.current) is not None:
                self.open_review(header.review)
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
