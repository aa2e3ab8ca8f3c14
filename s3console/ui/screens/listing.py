"""The middle of Browse: one place, listed page by page while it is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widgets import Static

from s3console.core.errors import S3ConsoleError
from s3console.core.model import JobStatus, Place
from s3console.ui import bridge
from s3console.ui.browsing.addresses import Location, parse_address
from s3console.ui.browsing.feed import AHEAD, Feed, Gathered
from s3console.ui.browsing.listing import Chunk, LoadedRows, NameRow
from s3console.ui.console import console_of
from s3console.ui.display import (
    Run,
    content,
    elide,
    exact,
    key_runs,
    message_text,
    money,
    size_text,
    time_text,
    width_of,
)
from s3console.ui.keys_in_use import key
from s3console.ui.screens.filtering import AT_ONCE, FilteringScreen
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.browse_columns import names_layout
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.titles import set_subtitle, set_title
from s3console.ui.widgets.work_line import WorkLine

_STATES = {"listing": "still listing", "resting": "more as you scroll", "failed": "broken off",
           "stopped": "stopped"}


class ListingScreen(FilteringScreen):
    """Going to a place and listing it in a thread."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Location()
        self.past: list[Location] = []
        self.ahead: list[Location] = []
        self.feed = Feed(Location(), state="done")
        self.rows = LoadedRows()
        self.with_deleted = False
        self.wanted = ""
        self.order = "name"
        self.badges = False
        self.marked_bytes = 0
        self.land_on = ""
        self.changed = False

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
        self.place, self.wanted, self.order = location, "", "name"
        self.close_inspection()
        self._close_filter()
        if location.bucket and location.bucket not in self.facts and location.bucket not in self.denied:
            self.ask_facts([location.bucket])
        buckets = [row.name for row in self.bucket_rows]
        if location.bucket in buckets:
            self.query_one("#buckets", PagedTable).cursor = buckets.index(location.bucket)
        self.list_again()
        console_of(self).refresh_chrome()

    def list_again(self) -> None:
        """Start the listing of the current place from its beginning."""
        self.changed = False
        self.rows = LoadedRows(base=self.place.base)
        self.feed = Feed(self.place, versions=self.with_deleted, moment=self.moment, wanted=self.wanted)
        self._lay_out(classes=False)
        self.names.show(self.rows)
        self.query_one("#browse").set_class(bool(self.wanted), "-find")
        self.titles()
        if self.place.bucket:
            self.names.note(("Looking…" if self.wanted else "Listing…", "faint"))
            self._list_on()

    def jobs_ended(self, jobs: Sequence[JobStatus]) -> None:
        """A job that changed the place on screen: what stands there now is shown, or said to have changed."""
        from s3console.ui.jobs.facts import touched

        desk = console_of(self).desk
        run_in_thread(self, lambda task: touched(desk, jobs), then=self._see_changes, name="touched")

    def _see_changes(self, places: Sequence[Place]) -> None:
        here = self.place
        if not any(place.bucket == here.bucket and (place.prefix.startswith(here.prefix)
                                                    or here.prefix.startswith(place.prefix))
                   for place in places):
            return
        for known in (self.heads, self.verdicts, self.sizes, self.counts):
            known.clear()
        plain = not (self.names.marks or self.wanted or self.moment or self.inspecting
                     or self.query_one("#filter-line").display or self.order != "name")
        if plain and self.feed.state == "done" and self.rows.loaded <= AT_ONCE:
            row = self.names.current
            self.land_on = row.key if isinstance(row, NameRow) else ""
            self.list_again()
        else:
            self.changed = True
            self.titles()

    def _lay_out(self, *, classes: bool) -> None:
        versions = (bool(self.moment) or self.with_deleted) and not self.wanted
        self.badges = classes
        self.names.spec = names_layout(lambda: self.place.base, versions=versions, classes=classes)

    def _list_on(self, rows: int = AHEAD) -> None:
        """List in a thread until `rows` more are loaded."""
        feed, reader = self.feed, console_of(self).reader
        feed.state = "listing"
        goal = feed.loaded + rows
        if feed.wanted:
            self.query_one(WorkLine).begin(("looking for ", "muted"),
                                           *key_runs(feed.wanted, "bold foreground"))

        def pages(task: Task) -> None:
            gathered = Gathered([])
            while not task.cancelled:
                gathered.chunks.append(feed.next_chunk(reader()))
                if feed.state == "done" or feed.loaded >= goal or feed.full:
                    break
                if gathered.due():
                    task.tell(self._arrived, feed, gathered.take())
            if task.cancelled:
                feed.state = "stopped"
            elif feed.state == "listing":
                feed.state = "resting"
            task.tell(self._arrived, feed, gathered.take())

        run_in_thread(self, pages, failed=self._broke_off, name="find" if feed.wanted else "list")

    def _arrived(self, feed: Feed, chunks: Sequence[Chunk]) -> None:
        if feed is not self.feed:
            return
        for chunk in chunks:
            self.rows.add(chunk)
        if not self.badges and any(set(chunk.batch.storage_classes) - {"STANDARD", ""} for chunk in chunks):
            self._lay_out(classes=True)
            self.names.refresh()
        self.names.grew()
        if self.land_on:
            self._land()
        if not self.rows.loaded and feed.state == "done":
            self.names.note((self._nothing(), "muted"))
        if feed.wanted:
            self._found_so_far(feed)
        elif feed.state == "done" and self.order != "name":
            self.arrange_rows()
        self.titles()
        if self.rows.matches is not None and feed.state == "resting" and not feed.full:
            self._list_on()

    def _nothing(self) -> str:
        if self.wanted:
            return f"None of {exact(self.feed.seen)} names holds this text."
        if self.moment:
            return "Nothing stood here then that the store still knows."
        if self.place.base != self.place.prefix:
            return f"No name starts with this. {key('browse.find')} looks for a text in all names below."
        return "No key starts with this." if self.place.prefix else "This bucket is empty."

    def _found_so_far(self, feed: Feed) -> None:
        line = self.query_one(WorkLine)
        if feed.state != "listing":
            line.end()
            return
        facts = self.facts.get(self.place.bucket)
        dollars = bridge.cost({"ListObjectsV2": feed.requests}, facts.region if facts else "")
        line.tell((f"{exact(feed.loaded)} found in {exact(feed.seen)} names", "foreground"),
                  (f"  {exact(feed.requests)} LIST  {money(dollars)}", "faint"))

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

    def weigh_marks(self) -> None:
        """Add up what is marked: once for each change, because there may be many marks."""
        self.marked_bytes = sum(
            row.entry.size for row in self.names.marks.values() if row.entry is not None)
        self.titles()

    def titles(self) -> None:
        pane = self.query_one("#list-pane")
        room = max(10, (pane.size.width or 60) - 6)
        tail: list[Run] = [(f"  as of {time_text(self.moment, seconds=True)}", "")] if self.moment else []
        if self.wanted:
            tail = [("  find ", ""), *elide(key_runs(self.wanted, ""), 20)]
        where = elide(key_runs(self.place.uri, ""), max(8, room - width_of(tail)))
        set_title(pane, content(*where, *tail))
        loaded, shown, state = self.rows.loaded, self.rows.count(), self.feed.state
        more = _STATES.get(state, "")
        if self.feed.full and state == "resting":
            more = "the rest is not loaded: narrow with / and Enter"
        parts = [f"{exact(self.names.cursor + 1)} of {exact(shown)}"] if shown else []
        parts += [f"by {self.order}"] if self.order != "name" else []
        parts += [more] if more else []
        parts += [f"changed, {key('everywhere.refresh')} looks again"] if self.changed else []
        parts += [f"{exact(self.feed.unsure)} prefixes may be younger"] if self.feed.unsure else []
        if marks := self.names.marks:
            size = f", {size_text(self.marked_bytes)}" if self.marked_bytes else ""
            parts.append(f"{exact(len(marks))} marked{size}")
        set_subtitle(pane, content(" · ".join(parts) if self.place.bucket else ""))
        going = ", still listing" if state == "listing" else ""
        if self.query_one("#filter-line").display:
            self.query_one("#filter-count", Static).update(
                content((f" {exact(shown)} of {exact(loaded)} loaded{going}", "muted")))
