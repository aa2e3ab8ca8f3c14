"""The left of Browse: the buckets of the account, what is known about each, and a filter over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.widgets import Input

from s3console.core.errors import AccessRefused, S3ConsoleError
from s3console.ui.console import console_of
from s3console.ui.display import content, exact, message_text
from s3console.ui.keys_in_use import key
from s3console.ui.screens.timing import TimeScreen
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.browse_columns import BucketRow
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows

if TYPE_CHECKING:
    from s3console.s3.facts import BucketFacts

FACTS_AHEAD = 40


class BucketsScreen(TimeScreen):
    """The list of buckets."""

    @property
    def buckets(self) -> PagedTable:
        return self.query_one("#buckets", PagedTable)

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
        elif self.place.bucket:
            self._point_at(self.place.bucket)
        self.ask_facts([facts.name for facts in found[:FACTS_AHEAD]])

    def _no_buckets(self, error: S3ConsoleError) -> None:
        sentence = message_text(error.sentence)
        self.buckets.show(ListRows[BucketRow]())
        by_name = f"Open a bucket by its name: press {key('everywhere.open')}."
        hint = by_name if isinstance(error, AccessRefused) else ""
        table = self.buckets if self.place.bucket else self.names
        table.note((sentence, "warning"), (f" {hint}", "muted"))
        if table is self.names:
            self.buckets.note(("No list of buckets.", "muted"))

    def _show_buckets(self, *, keep: bool) -> None:
        """The buckets of the account, and those that were opened by name because no list shows them."""
        row = self.buckets.current
        here = row.name if keep and isinstance(row, BucketRow) else ""
        known = {row.name for row in self.bucket_rows}
        if self.place.bucket and self.place.bucket not in known:
            here = self.place.bucket
            self.bucket_rows = [*self.bucket_rows, self.bucket_row(here)]
        self.bucket_rows = [self.bucket_row(row.name) for row in self.bucket_rows]
        text = self.query_one("#bucket-filter", Input).value.strip().casefold()
        self.buckets.show(ListRows([row for row in self.bucket_rows if text in row.name.casefold()]))
        if not self.buckets.source.count():
            self.buckets.note(("No bucket holds this text.", "muted"))
        self._point_at(here)

    def _point_at(self, bucket: str) -> None:
        rows = self.buckets.source.rows(0, self.buckets.source.count())
        at = next((n for n, row in enumerate(rows) if row.name == bucket), -1)
        if at >= 0:
            self.buckets.cursor = at

    def action_filter(self) -> None:
        """/: narrows the list that has the cursor: the buckets, or the names."""
        if self.focused is self.buckets:
            field = self.query_one("#bucket-filter", Input)
            field.display = True
            field.focus()
        else:
            super().action_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        # Textual hands it to the filter of the names by itself.
        if event.input.id == "bucket-filter":
            self._show_buckets(keep=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "bucket-filter":
            event.input.display = bool(event.value)
            self.buckets.focus()

    def _leave_bucket_filter(self) -> bool:
        field = self.query_one("#bucket-filter", Input)
        if not field.display or self.focused not in (field, self.buckets):
            return False
        field.value, field.display = "", False
        self.buckets.focus()
        return True

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
