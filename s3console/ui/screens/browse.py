"""Browse: buckets, prefixes and keys; versions, details and the first bytes of a key. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from s3console.core.timeline import NOW
from s3console.ui import actions
from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.feed import AHEAD
from s3console.ui.browsing.listing import NameRow
from s3console.ui.console import console_of
from s3console.ui.display import Run, content, key_runs
from s3console.ui.keys_in_use import key
from s3console.ui.screens.comparisons import ComparisonsScreen
from s3console.ui.threads import run_in_thread, when_calm
from s3console.ui.widgets.browse_columns import BUCKETS, SAVED, BucketRow, names_layout
from s3console.ui.widgets.object_pane import VERSIONING_WORDS, ObjectPane
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows
from s3console.ui.widgets.work_line import WorkLine

if TYPE_CHECKING:
    pass

class BrowseScreen(ComparisonsScreen):
    """The first screen."""

    scope = "browse"
    BINDINGS: ClassVar = actions.bindings("browse")
    AUTO_FOCUS = ""

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="browse"):
            with Vertical(id="buckets-pane", classes="pane"):
                field = Input(id="bucket-filter", compact=True, placeholder="a part of a name")
                field.display, field.styles.margin = False, (0, 1)
                yield field
                yield PagedTable(BUCKETS, id="buckets")
                with Vertical(id="saved-places"):
                    yield Static(content(("saved places", "faint")), id="saved-head")
                    yield PagedTable(SAVED, id="saved")
            with Vertical(id="list-pane", classes="pane"):
                with Horizontal(id="filter-line"):
                    yield Static("/ ", markup=False)
                    yield Input(id="filter", compact=True)
                    yield Static("", id="filter-count", markup=False)
                yield PagedTable(names_layout(lambda: self.place.base), self.rows, id="names")
                yield WorkLine()
            yield ObjectPane(id="object-pane", classes="pane")

    def on_mount(self) -> None:
        self.query_one("#buckets-pane").border_title = content("buckets")
        self.buckets.note(("Asking for the buckets…", "faint"))
        self.set_focus(self.buckets)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Start to ask the store, once the first frame is painted: that imports boto3."""
        start = console_of(self).start
        if start:
            self.go_to_text(start)
        self.load_places()
        self.load_compared()
        self.load_buckets()

    def where_runs(self) -> list[Run]:
        facts = self.facts.get(self.place.bucket)
        runs = super().where_runs()
        if self.place.bucket:
            runs = [*runs, ("  ", ""), *key_runs(self.place.bucket)]
        if facts is not None:
            words = [facts.region if facts.region != "?" else "", VERSIONING_WORDS.get(facts.versioning, "")]
            runs.append((" " + ", ".join(word for word in words if word), "faint"))
        return runs

    def teaches(self) -> list[Run]:
        if self.pane.view == "versions":
            return [("Every version and delete marker of one key, newest first. The time line below says "
                     "what stood at any moment: nothing is lost by a restore, which puts a copy of an old "
                     "version on top or takes a delete marker off. Deleting a version is for ever.", "muted")]
        if self.focused is self.buckets:
            return [("The buckets of this account; V: it keeps versions, L: object lock. A bucket that the "
                     f"list does not show is opened by its name with {key('everywhere.open')}.", "muted")]
        return [("One prefix, listed page by page. Everything here only reads. The keys c m d r w make "
                 "plans, which wait on 3 Review; nothing is sent before a plan is approved there.", "muted")]

    def show_saved(self) -> None:
        table, places = self.query_one("#saved", PagedTable), self.query_one("#saved-places")
        places.display = bool(self.saved)
        table.styles.height = min(8, len(self.saved))
        table.show(ListRows(self.saved))

    # messages of the tables

    def on_paged_table_highlighted(self, event: PagedTable.Highlighted) -> None:
        def look() -> None:
            if (row := self.names.current) is not None and self.focused is not self.buckets:
                self.look_at(row)

        if event.table.id == "buckets":
            self._on_bucket(event.row)
        elif event.table.id == "names":
            # The details belong to the pane that has the cursor; names also arrive behind it.
            if self.focused is not self.buckets:
                console_of(self).threads.cancel(self, "head")
                when_calm(self, look, name="look at")
            if (self.feed.state == "resting" and not self.feed.full
                    and event.index > self.rows.count() - AHEAD // 4):
                self._list_on()
            self.titles()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget is self.names and self.names.current is not None:
            self.look_at(self.names.current)
        elif event.widget is self.buckets and self.buckets.current is not None:
            self._on_bucket(self.buckets.current)

    def _on_bucket(self, row: BucketRow) -> None:
        if self.focused is not self.buckets:
            return
        if (facts := self.facts.get(row.name)) is not None:
            self.pane.show_bucket(facts)
        if row.name == self.place.bucket:
            return

        def show(name: str) -> None:
            if self.focused is self.buckets:
                self.go(Location(name), remember=False)

        run_in_thread(self, lambda task: row.name, then=show, name="bucket on cursor", wait=0.12)

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        if event.table.id == "buckets":
            if event.row.name != self.place.bucket or self.place.prefix:
                self.go(Location(event.row.name))
            self.names.focus()
        elif event.table.id == "names":
            self.open_row(event.row)
        elif event.table.id == "saved":
            self.go_to_text(event.row)

    def open_row(self, row: NameRow) -> None:
        """Into a prefix, or the first bytes of a key."""
        if row.entry is None:
            self.go(Location(self.place.bucket, row.key))
        elif row.deleted:
            self.action_versions()
        else:
            self.inspect("preview")

    def on_paged_table_marked(self) -> None:
        self.weigh_marks()

    # actions

    def action_parent(self) -> None:
        if self.inspecting:
            self.close_inspection()
        elif not self.place.prefix:
            self.buckets.focus()
        else:
            self.land_on = self.place.prefix
            self.go(self.place.parent())

    def action_enter_row(self) -> None:
        focused = self.focused
        if isinstance(focused, PagedTable) and focused.id in ("buckets", "names"):
            focused.action_choose()

    def action_history(self, step: int) -> None:
        source, target = (self.past, self.ahead) if step < 0 else (self.ahead, self.past)
        if source:
            target.append(self.place)
            self.go(source.pop(), remember=False)

    def action_toggle_deleted(self) -> None:
        self.with_deleted = not self.with_deleted
        self.say("Keys whose newest version is a delete marker are shown." if self.with_deleted
                 else "Deleted keys are hidden again.")
        self.list_again()

    def action_reload(self) -> None:
        self.load_buckets()
        self.heads.clear()
        self.verdicts.clear()
        if self.place.bucket:
            self.list_again()

    def action_step_back(self) -> None:
        if self.stop_work() or self._leave_bucket_filter():
            return
        if self.inspecting:
            self.close_inspection()
        elif self.query_one("#filter-line").display:
            self.leave_filter()
        elif self.names.marks:
            self.names.clear_marks()
        elif self.wanted:
            self.wanted = ""
            self.list_again()
        elif self.moment:
            self.moment = NOW
            self.list_again()
            console_of(self).refresh_chrome()
        elif self.focused is self.names:
            self.action_parent()
