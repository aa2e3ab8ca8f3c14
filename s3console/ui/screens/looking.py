"""The part of Browse that looks at one key: details, versions, first bytes, size of a prefix, copying."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from s3console.core.errors import S3ConsoleError
from s3console.core.keys import utf8_ok
from s3console.core.model import Entry
from s3console.core.timeline import NOW
from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.listing import NameRow
from s3console.ui.browsing.moments import Line
from s3console.ui.console import console_of
from s3console.ui.display import Run, key_runs
from s3console.ui.keys_in_use import key
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.browse_columns import BucketRow
from s3console.ui.widgets.facts import Fact
from s3console.ui.widgets.object_pane import ObjectPane, View
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.time_line import VersionsTable

if TYPE_CHECKING:
    from s3console.s3.facts import BucketFacts, ObjectFacts
    from s3console.ui.browsing.preview import Preview
    from s3console.ui.browsing.sizes import Count


class KeyLooking(ConsoleScreen):
    """What Browse does about the row under the cursor."""

    place: Location

    def __init__(self) -> None:
        super().__init__()
        self.facts: dict[str, BucketFacts] = {}
        self.denied: set[str] = set()
        self.bucket_rows: list[BucketRow] = []
        self.heads: dict[tuple[str, str, str], ObjectFacts | None] = {}
        self.verdicts: dict[tuple[str, str], list[Fact]] = {}
        self.sizes: dict[Location, list[Run]] = {}
        self.counts: dict[Location, Count] = {}
        self.moment = NOW

    def connection_changed(self) -> None:
        """What was learned belongs to the other store, even under the same names."""
        for known in (self.facts, self.denied, self.heads, self.sizes):
            known.clear()
        super().connection_changed()

    @property
    def names(self) -> PagedTable:
        raise NotImplementedError

    def titles(self) -> None:
        """Write the titles of the panes again."""
        raise NotImplementedError

    @property
    def pane(self) -> ObjectPane:
        return self.query_one(ObjectPane)

    @property
    def inspecting(self) -> bool:
        """Whether versions or a preview are open."""
        return self.pane.view != "details"

    def bucket_row(self, name: str) -> BucketRow:
        """What the list of buckets shows about one."""
        facts = self.facts.get(name)
        if facts is None:
            return BucketRow(name, denied=name in self.denied)
        region = "" if facts.region == "?" else facts.region
        return BucketRow(name, region, facts.versioning == "Enabled", name in self.denied,
                         bool(facts.object_lock))

    # details

    def look_at(self, row: NameRow) -> None:
        """Show what is known about a row, and ask for the rest once the cursor rests on it."""
        from s3console.ui.browsing.kept import verdict

        if self.inspecting:
            self.inspect(self.pane.view)
            return
        bucket = self.place.bucket
        self.pane.title(("details", ""))
        if row.entry is None or row.deleted:
            self.pane.show_row(row, self.sizes.get(Location(bucket, row.key), []))
            return
        known = (bucket, row.key, row.entry.version_id)
        self._show_key(row)
        if known not in self.heads and utf8_ok(row.key):
            desk, reader = console_of(self).desk, console_of(self).reader

            def look(task: Task) -> tuple[ObjectFacts | None, list[Fact]]:
                return reader().head(*known), verdict(desk, bucket, row.key)

            def show(found: tuple[ObjectFacts | None, list[Fact]]) -> None:
                self.heads[known], self.verdicts[bucket, row.key] = found
                current = self.names.current
                if current is not None and current.key == row.key and not self.inspecting:
                    self._show_key(row)

            run_in_thread(self, look, then=show, name="head", wait=0.25)

    def _show_key(self, row: NameRow) -> None:
        assert row.entry is not None
        bucket = self.place.bucket
        self.pane.show_row(row, (), self.heads.get((bucket, row.key, row.entry.version_id)),
                           self.verdicts.get((bucket, row.key), ()))

    def inspect(self, view: View) -> None:
        """Open versions or preview of the key under the cursor."""
        row = self.names.current
        if row is None or row.entry is None:
            self.say("This is a prefix: versions and previews are of keys.")
            return
        self.query_one("#browse").add_class("-inspect")
        self.call_after_refresh(self.titles)
        self.pane.switch(view)
        if not utf8_ok(row.key):
            self.pane.complain("This name can not be addressed: a part of it is not valid UTF-8.")
        elif view == "versions":
            self._ask_versions(row)
        elif view == "preview":
            self._ask_preview(row, row.entry)

    def close_inspection(self) -> None:
        """Back to the three panes."""
        if self.inspecting:
            self.pane.switch("details")
            self.pane.line = Line()
            self.query_one("#browse").remove_class("-inspect")
            self.call_after_refresh(self.titles)
            self.set_focus(self.names)
            if (row := self.names.current) is not None:
                self.look_at(row)

    def _ask_versions(self, row: NameRow) -> None:
        self.pane.title(("versions of ", ""), *key_runs(row.key[len(self.place.base):], ""))
        place, reader = self.place, console_of(self).reader

        def show(entries: Sequence[Entry]) -> None:
            if self.moment and not self.pane.line.history:
                self.pane.line = Line((), self.moment)
            self.pane.show_versions(place, row, entries)
            self._ask_twins(row, entries)

        run_in_thread(self, lambda task: reader().versions_of(place.bucket, row.key), then=show,
                      failed=self._not_shown, name="inspect", wait=0.05)

    def _ask_twins(self, row: NameRow, entries: Sequence[Entry]) -> None:
        """Say beside a version that the other side of a comparison holds the same."""
        from s3console.ui.browsing.kept import Twins, twins

        desk, bucket, history = console_of(self).desk, self.place.bucket, self.pane.line.history

        def show(found: Twins | None) -> None:
            if found is not None and self.pane.line.history is history:
                self.query_one("#versions", VersionsTable).point_out(found)

        if entries:
            run_in_thread(self, lambda task: twins(desk, bucket, row.key), then=show, name="twins")

    def _ask_preview(self, row: NameRow, entry: Entry) -> None:
        from s3console.ui.browsing.footer import footer_preview
        from s3console.ui.browsing.pictures import PICTURE
        from s3console.ui.browsing.preview import LENGTH, make_preview

        name = row.key[len(self.place.base):]
        self.pane.title(*key_runs(name, ""))
        if row.deleted:
            self.pane.complain(f"The newest version is a delete marker. {key('browse.versions')} shows the "
                               "versions under it.")
            return
        bucket, reader = self.place.bucket, console_of(self).reader
        known = self.heads.get((bucket, row.key, entry.version_id))
        width = max(20, self.size.width - 46)

        def load(task: Task) -> Preview:
            data = reader().get_range(bucket, row.key, entry.version_id, 0, LENGTH)
            if data[:4] == b"PAR1":
                return footer_preview(reader(), bucket, entry, width)
            if data[:4] == b"\x89PNG" and LENGTH < entry.size <= PICTURE:
                data = reader().get_range(bucket, row.key, entry.version_id, 0, PICTURE)
            return make_preview(data, name=row.key, content_type=known.content_type if known else "",
                                total=entry.size, width=width)

        run_in_thread(self, load, then=lambda preview: self.pane.show_preview(name, preview),
                      failed=self._not_shown, name="inspect", wait=0.05)

    def _not_shown(self, error: S3ConsoleError) -> None:
        self.pane.complain(error.sentence)

    def action_versions(self) -> None:
        self._toggle("versions")
        if self.pane.view == "versions":
            # The keys of the time line belong to the table of versions.
            self.call_after_refresh(self.query_one("#versions").focus)

    def action_preview(self) -> None:
        self._toggle("preview")

    def _toggle(self, view: View) -> None:
        if self.pane.view == view:
            self.close_inspection()
        else:
            self.inspect(view)

    # size of a prefix

    def action_size(self) -> None:
        """z: count below the prefix on the cursor, or below the place; again stops, or goes on."""
        from s3console.ui.browsing.sizes import Count, count_below, count_runs, count_sentence

        app = console_of(self)
        if app.threads.active(self, "size"):
            app.threads.cancel(self, "size")
            self.say("Counting stopped.")
            return
        row = self.names.current
        below = row.key if row is not None and row.entry is None else self.place.prefix
        place = Location(self.place.bucket, below)
        if not place.bucket:
            return
        facts = self.facts.get(place.bucket)
        region = facts.region if facts is not None else ""

        def told(count: Count) -> None:
            self.counts[place], self.sizes[place] = count, count_runs(count, region)
            current = self.names.current
            seen = current is not None and current.key == below and not self.inspecting
            if current is not None and seen and self.pane.display:
                self.pane.show_row(current, self.sizes[place])
            elif count.done:
                self.say(count_sentence(place, count))

        def ended(count: Count) -> None:
            told(count)
            if count.paused:
                self.say(f"{count_sentence(place, count)} so far; {key('browse.size')} counts on.")

        before = self.counts.get(place, Count())
        start = before if before.paused else Count()
        run_in_thread(self, lambda task: count_below(app.reader, place, start, task, told), then=ended,
                      failed=self.say_error, name="size")

    # copying

    def action_copy_menu(self) -> None:
        """y: the texts by which this is known elsewhere."""
        from s3console.ui.browsing.texts import choices
        from s3console.ui.dialogs.copy_menu import CopyMenu

        row = self.names.current
        if not self.place.bucket:
            return
        entry = self._version_on_cursor() or (row.entry if row is not None else None)
        key = entry.key if entry is not None else row.key if row is not None else self.place.prefix
        facts = self.facts.get(self.place.bucket)
        found = choices(console_of(self).desk, self.place.bucket, key, entry, facts.region if facts else "")
        self.app.push_screen(CopyMenu(key_runs(f"s3://{self.place.bucket}/{key}", "bold foreground"), found))

    def _version_on_cursor(self) -> Entry | None:
        if self.pane.view == "versions":
            row = self.query_one("#versions", PagedTable).current
            return row if isinstance(row, Entry) else None
        return None
