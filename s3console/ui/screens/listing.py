"""The middle of Browse: one place, listed page by page while it is looked at, and narrowed by a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.widgets import Input, Static

from s3console.core.errors import S3ConsoleError
from s3console.ui.browsing.addresses import Location, parse_address
from s3console.ui.browsing.feed import AHEAD, Feed, Gathered
from s3console.ui.browsing.listing import Chunk, LoadedRows
from s3console.ui.console import console_of
from s3console.ui.display import content, elide, exact, key_runs, message_text
from s3console.ui.screens.looking import KeyLooking
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.paged_table import PagedTable

_STATES = {"listing": "still listing", "resting": "more as you scroll", "failed": "broken off"}


class ListingScreen(KeyLooking):
    """Going to a place, listing it in a thread, and what the filter shows of it."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Location()
        self.past: list[Location] = []
        self.ahead: list[Location] = []
        self.feed = Feed(Location(), state="done")
        self.rows = LoadedRows()
        self.with_deleted = False
        self.land_on = ""

    @property
    def names(self) -> PagedTable:
        return self.query_one("#names", PagedTable)

    def ask_facts(self, names: Sequence[str]) -> None:
        """Ask for region and versioning of these buckets."""
        raise NotImplementedError

    # going places

    def go_to_text(self, text: str) -> None:
        """Go to what an operator typed; a name without a slash at its end lands on that key."""
        try:
            location = parse_address(text)
        except S3ConsoleError as error:
            self.say_error(error)
            return
        if location.prefix and not location.prefix.endswith("/"):
            self.land_on = location.prefix
            location = Location(location.bucket, location.parent().prefix)
        self.go(location)
        self.set_focus(self.names)

    def go(self, location: Location, *, remember: bool = True) -> None:
        """List another place."""
        if remember and self.place.bucket and location != self.place:
            self.past.append(self.place)
            self.ahead.clear()
        self.place = location
        self.close_inspection()
        self._close_filter()
        if location.bucket and location.bucket not in self.facts and location.bucket not in self.denied:
            self.ask_facts([location.bucket])
        self.list_again()
        console_of(self).refresh_chrome()

    def list_again(self) -> None:
        """Start the listing of the current place from its beginning."""
        self.rows = LoadedRows(base=self.place.prefix)
        self.feed = Feed(self.place, versions=self.with_deleted)
        self.names.show(self.rows)
        self.titles()
        if self.place.bucket:
            self.names.note(("Listing…", "faint"))
            self._list_on()

    def _list_on(self, rows: int = AHEAD) -> None:
        """List in a thread until `rows` more are loaded."""
        feed, reader = self.feed, console_of(self).reader
        feed.state = "listing"
        goal = feed.loaded + rows

        def pages(task: Task) -> None:
            gathered = Gathered([])
            while not task.cancelled:
                gathered.chunks.append(feed.next_chunk(reader()))
                if feed.state == "done" or feed.loaded >= goal or feed.full:
                    break
                if gathered.due():
                    task.tell(self._arrived, feed, gathered.take())
            if feed.state == "listing":
                feed.state = "resting"
            task.tell(self._arrived, feed, gathered.take())

        run_in_thread(self, pages, failed=self._broke_off, name="list")

    def _arrived(self, feed: Feed, chunks: Sequence[Chunk]) -> None:
        if feed is not self.feed:
            return
        for chunk in chunks:
            self.rows.add(chunk)
        self.names.grew()
        if self.land_on:
            self._land()
        if not self.rows.loaded and feed.state == "done":
            nothing = "No key starts with this." if self.place.prefix else "This bucket is empty."
            self.names.note((nothing, "muted"))
        self.titles()
        if self.rows.matches is not None and feed.state == "resting" and not feed.full:
            self._list_on()

    def on_resize(self) -> None:
        self.call_after_refresh(self.titles)

    def _land(self) -> None:
        rank = self.rows.rank_of(self.land_on)
        if rank < self.rows.count() or self.feed.state == "done":
            found = self.rows.rows(rank, rank + 1)
            if found and found[0].key in (self.land_on, self.land_on + "/"):
                self.names.cursor = rank
            self.land_on = ""

    def _broke_off(self, error: S3ConsoleError) -> None:
        self.feed.state = "failed"
        self.titles()
        if self.rows.loaded:
            self.say_error(error)
        else:
            self.names.note((message_text(error.sentence), "warning"))

    def titles(self) -> None:
        pane = self.query_one("#list-pane")
        room = max(10, (pane.size.width or 60) - 6)
        pane.border_title = content(*elide(key_runs(self.place.uri, ""), room))
        loaded, shown, state = self.rows.loaded, self.rows.count(), self.feed.state
        more = _STATES.get(state, "")
        if self.feed.full and state == "resting":
            more = "the rest is not loaded: narrow with / and Enter"
        parts = [f"{exact(self.names.cursor + 1)} of {exact(shown)}"] if shown else []
        parts += [more] if more else []
        parts += [f"{exact(len(self.names.marks))} marked"] if self.names.marks else []
        pane.border_subtitle = content(" · ".join(parts) if self.place.bucket else "")
        tail = ", still listing" if state == "listing" else ""
        self.query_one("#filter-count", Static).update(
            content((f" {exact(shown)} of {exact(loaded)} loaded{tail}", "muted")))

    # filter

    def action_filter(self) -> None:
        self.query_one("#filter-line").display = True
        self.set_focus(self.query_one("#filter", Input))
        self.titles()

    def _close_filter(self) -> None:
        self.query_one("#filter-line").display = False
        with self.prevent(Input.Changed):
            self.query_one("#filter", Input).value = ""
        self.rows.widen()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id != "filter":
            return
        needle, rows, through = event.value, self.rows, len(self.rows.chunks)
        if not needle:
            rows.widen()
            self._narrowed(rows)
            return

        def narrow(matches: Any) -> None:
            if rows is self.rows:
                rows.narrow(needle, matches, through)
                self._narrowed(rows)

        run_in_thread(self, lambda task: rows.search(needle, 0, through), then=narrow, name="filter",
                      wait=0.06)

    def _narrowed(self, rows: LoadedRows) -> None:
        self.names.show(rows, keep_marks=True)
        if not rows.count():
            self.names.note(("No loaded name holds this text. Enter asks the store for it.", "muted"))
        self.titles()
        if rows.matches is not None and self.feed.state == "resting" and not self.feed.full:
            self._list_on()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "filter" and (text := event.value):
            self.go(Location(self.place.bucket, self.place.prefix + text))
        self.set_focus(self.names)
