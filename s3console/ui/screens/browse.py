"""Browse: buckets, prefixes and keys; versions, details and the first bytes of a key. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from s3console.core.errors import AccessRefused, S3ConsoleError
from s3console.core.timeline import NOW
from s3console.ui import actions
from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.feed import AHEAD
from s3console.ui.browsing.listing import NameRow
from s3console.ui.console import console_of
from s3console.ui.display import Run, content, exact, key_runs, message_text
from s3console.ui.screens.timing import TimeScreen
from s3console.ui.threads import Task, run_in_thread, when_calm
from s3console.ui.widgets.browse_columns import BUCKETS, SAVED, BucketRow, names_layout
from s3console.ui.widgets.object_pane import VERSIONING_WORDS, ObjectPane
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows
from s3console.ui.widgets.work_line import WorkLine

if TYPE_CHECKING:
    from s3console.s3.facts import BucketFacts

FACTS_AHEAD = 40


class BrowseScreen(TimeScreen):
    """The first screen."""

    scope = "browse"
    BINDINGS: ClassVar = actions.bindings("browse")
    CSS = """
    #browse.-find #buckets-pane { display: none; }
    #saved-places { height: auto; max-height: 11; display: none; }
    #saved-head { padding: 1 1 0 1; }
    #saved > .paged--cursor { background: $background; }
    #saved:focus > .paged--cursor { background: $cursor; }
    """
    AUTO_FOCUS = ""

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="browse"):
            with Vertical(id="buckets-pane", classes="pane"):
                yield PagedTable(BUCKETS, id="buckets")
                with Vertical(id="saved-places"):
                    yield Static(content(("saved places", "faint")), id="saved-head")
                    yield PagedTable(SAVED, id="saved")
            with Vertical(id="list-pane", classes="pane"):
                with Horizontal(id="filter-line"):
                    yield Static("/ ", markup=False)
                    yield Input(id="filter", compact=True)
                    yield Static("", id="filter-count", markup=False)
                yield PagedTable(names_layout(lambda: self.place.prefix), self.rows, id="names")
                yield WorkLine()
            yield ObjectPane(id="object-pane", classes="pane")

    @property
    def buckets(self) -> PagedTable:
        return self.query_one("#buckets", PagedTable)

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
                     "list does not show is opened by its name with o.", "muted")]
        return [("One prefix, listed page by page. Everything here only reads. The keys c m d r w make "
                 "plans, which wait on 3 Review; nothing is sent before a plan is approved there.", "muted")]

    # buckets

    def load_buckets(self) -> None:
        """Ask for the list of buckets."""
        run_in_thread(self, lambda task: console_of(self).reader().buckets(), then=self._buckets,
                      failed=self._no_buckets, name="buckets")

    def _buckets(self, found: list[BucketFacts]) -> None:
        self.bucket_rows = [self.bucket_row(facts.name) for facts in found]
        for facts in found:
            self.facts.setdefault(facts.name, facts)
        self._show_buckets(keep=False)
        self.query_one("#buckets-pane").border_subtitle = content(exact(len(found)))
        if not found:
            self.buckets.note(("There is no bucket here yet.", "muted"))
        elif self.place.bucket and self.place.bucket in (names := [facts.name for facts in found]):
            self.buckets.cursor = names.index(self.place.bucket)
        self.ask_facts([facts.name for facts in found[:FACTS_AHEAD]])

    def _no_buckets(self, error: S3ConsoleError) -> None:
        sentence = message_text(error.sentence)
        self.buckets.show(ListRows[BucketRow]())
        hint = "Open a bucket by its name: press o." if isinstance(error, AccessRefused) else ""
        table = self.buckets if self.place.bucket else self.names
        table.note((sentence, "warning"), (f" {hint}", "muted"))
        if table is self.names:
            self.buckets.note(("No list of buckets.", "muted"))

    def _show_buckets(self, *, keep: bool) -> None:
        """The buckets of the account, and those that were opened by name because no list shows them."""
        cursor = self.buckets.cursor if keep else 0
        known = {row.name for row in self.bucket_rows}
        if self.place.bucket and self.place.bucket not in known:
            self.bucket_rows = [*self.bucket_rows, self.bucket_row(self.place.bucket)]
            cursor = len(self.bucket_rows) - 1
        self.bucket_rows = [self.bucket_row(row.name) for row in self.bucket_rows]
        self.buckets.show(ListRows(self.bucket_rows), cursor=cursor)

    def ask_facts(self, names: Sequence[str]) -> None:
        reader = console_of(self).reader

        def look(task: Task) -> None:
            for name in names:
                if task.cancelled:
                    return
                try:
                    task.tell(self._fact, name, reader().bucket(name))
                except S3ConsoleError:
                    task.tell(self._fact, name, None)

        run_in_thread(self, look, name="bucket facts")

    def _fact(self, name: str, facts: BucketFacts | None) -> None:
        if facts is None:
            self.denied.add(name)
        else:
            self.facts[name] = facts
        if self.bucket_rows or name == self.place.bucket:
            self._show_buckets(keep=True)
        if name == self.place.bucket:
            console_of(self).refresh_chrome()

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
        if self.stop_work():
            return
        if self.inspecting:
            self.close_inspection()
        elif self.query_one("#filter-line").display:
            self._close_filter()
            self.arrange_rows()
            self.set_focus(self.names)
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
