"""Compare: what differs between two places, by prefix, finding by finding, and plans to repair it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.model import Kind, Plan, PrefixTotals, ReviewHeader
from s3console.ui import actions
from s3console.ui.comparing import facts
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
from s3console.ui.screens.comparing import ComparisonRunning
from s3console.ui.screens.finding_looking import FindingLooking
from s3console.ui.threads import run_in_thread
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.kind_chips import KindChips
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows

if TYPE_CHECKING:
    from s3console.store.reviews import Review


class CompareScreen(FindingLooking, ComparisonRunning):
    """Recent reviews, or the one that is open."""

    scope = "compare"
    BINDINGS: ClassVar = actions.bindings("compare")
    CSS = """
    CompareScreen #progress { height: 2; padding: 0 2; background: $background; display: none; }
    CompareScreen #review { display: none; height: 1fr; }
    CompareScreen.-open #review { display: block; layout: horizontal; }
    CompareScreen.-open #reviews-pane { display: none; }
    CompareScreen #prefix-pane { width: 60; }
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
        with Vertical(id="reviews-pane", classes="pane"):
            yield PagedTable(REVIEWS, id="reviews")
        with Horizontal(id="review"):
            with Vertical(id="prefix-pane", classes="pane"):
                yield PagedTable(prefixes_layout(()), id="prefixes")
            with Vertical(id="right"):
                with Vertical(id="findings-pane", classes="pane"):
                    yield KindChips()
                    yield PagedTable(findings_layout(self._shown_prefix), id="findings")
                with (
                    Vertical(id="finding-pane", classes="pane"),
                    VerticalScroll(id="finding-scroll", can_focus=False),
                ):
                    yield Facts(id="finding")

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
        self.shown = None
        self.add_class("-open")
        self.prefixes.show(ListRows[PrefixRow]())
        self.prefixes.focus()
        self.load_level()
        console_of(self).refresh_chrome()
        for note in review.header.notes:
            self.say(note[:1].upper() + note[1:] + ".", warn=True)

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

        def show(found: tuple[list[PrefixTotals], list[tuple[Plan, str]]]) -> None:
            if review is self.review and base == self.base:
                self._show_level(prefix_rows(base, *found))

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
        table.spec = prefixes_layout(rows)
        table.show(ListRows(rows), cursor=at, keep_marks=True)
        pane = self.query_one("#prefix-pane")
        title = key_runs(self.base, "") if self.base else [("all prefixes", "")]
        pane.border_title = content(*elide(title, (pane.size.width or 200) - 6))
        plain = [row for row in rows if not row.whole]
        review = sum(row.state == "to review" for row in plain)
        parts = [plural(len(plain), "prefix", "prefixes"), f"{exact(review)} to review"]
        pane.border_subtitle = content(" · ".join(parts))

    # messages of the tables

    def on_paged_table_highlighted(self, event: PagedTable.Highlighted) -> None:
        if event.table.id == "prefixes":
            self.show_findings(event.row)
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
