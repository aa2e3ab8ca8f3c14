"""The filter of Browse: it narrows what is loaded while it is typed; Enter goes to it, or asks the store."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input

from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.feed import AHEAD, Feed
from s3console.ui.browsing.listing import LoadedRows, NameRow
from s3console.ui.console import console_of
from s3console.ui.display import message_text
from s3console.ui.keys_in_use import key
from s3console.ui.screens.looking import KeyLooking
from s3console.ui.threads import run_in_thread

AT_ONCE = 20_000
"""So many names are searched within a few milliseconds, without a thread."""


class FilteringScreen(KeyLooking):
    """Which of the loaded rows are shown, and in which order."""

    rows: LoadedRows
    feed: Feed
    order: str

    def __init__(self) -> None:
        super().__init__()
        self.needle = ""

    def go(self, location: Location, *, remember: bool = True) -> None:
        """List another place."""
        raise NotImplementedError

    def _list_on(self, rows: int = AHEAD) -> None:
        raise NotImplementedError

    def action_filter(self) -> None:
        self.query_one("#filter-line").display = True
        self.set_focus(self.query_one("#filter", Input))
        self.titles()

    def _close_filter(self) -> None:
        self.query_one("#filter-line").display = False
        with self.prevent(Input.Changed):
            self.query_one("#filter", Input).value = ""
        self.rows.widen()

    def leave_filter(self) -> None:
        """Show all again; the cursor stays on its name."""
        row = self.names.current
        self._close_filter()
        self.arrange_rows()
        if isinstance(row, NameRow) and self.order == "name":
            rank = self.rows.rank_of(row.key)
            if rank < self.rows.count() and self.rows.name_at(rank) == row.key:
                self.names.cursor = rank
        self.set_focus(self.names)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter":
            self.arrange_rows(wait=0.06)

    def arrange_rows(self, *, wait: float = 0.0) -> None:
        """Filter and sort the loaded rows again, in a thread."""
        rows, through, by = self.rows, len(self.rows.chunks), self.order
        needle = self.query_one("#filter", Input).value
        if not needle and by == "name":
            rows.widen()
            self._narrowed(rows)
            return

        def narrow(matches: Any) -> None:
            if rows is self.rows:
                rows.narrow(needle, matches, through)
                self._narrowed(rows)

        run_in_thread(self, lambda task: rows.ordered(rows.search(needle, 0, through), by), then=narrow,
                      name="filter", wait=wait)

    def _narrowed(self, rows: LoadedRows) -> None:
        self.names.show(rows, keep_marks=True)
        if not rows.count():
            more = (f"{key('browse.find')} looks for it in all names below." if self.feed.state == "done"
                    else "Enter asks the store for names that start with it.")
            self.names.note((f"No loaded name holds this text. {more}", "muted"))
        self.titles()
        if rows.matches is not None and self.feed.state == "resting" and not self.feed.full:
            self._list_on()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: to what the filter shows; while not all is loaded the store is asked for that prefix."""
        if event.input.id != "filter":
            return
        self.needle = text = event.value
        if text and self.feed.state != "done":
            self.go(Location(self.place.bucket, self.place.base + text))
        elif not text:
            self.leave_filter()
        elif self.rows.loaded <= AT_ONCE:
            # What is typed after Enter is about the names that are left.
            console_of(self).threads.cancel(self, "filter")
            rows = self.rows
            rows.narrow(text, rows.ordered(rows.search(text), self.order), len(rows.chunks))
            self._narrowed(rows)
        else:
            self.arrange_rows()
        self.set_focus(self.names)

    def action_next_match(self, step: int) -> None:
        """n, N: the next name that holds the text last filtered by, around the end."""
        rows, needle, cursor = self.rows, self.needle, self.names.cursor
        if not needle:
            self.say(f"{key('browse.filter')} first: then this goes to the next name that holds the text.")
            return

        def jump(found: int | None) -> None:
            if found is None:
                self.say(f"No loaded name holds “{message_text(needle)}”.")
            elif rows is self.rows:
                self.names.cursor = found

        if rows.loaded <= AT_ONCE:
            jump(rows.next_holding(needle, cursor, step))
        else:
            run_in_thread(self, lambda task: rows.next_holding(needle, cursor, step), then=jump,
                          failed=self.say_error, name="match")
