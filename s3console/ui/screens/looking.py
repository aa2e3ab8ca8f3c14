"""The part of Browse that looks at one key: details, versions, first bytes, size of a prefix, copying."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from s3console.core.errors import S3ConsoleError
from s3console.core.keys import utf8_ok
from s3console.core.model import Entry
from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.listing import NameRow
from s3console.ui.browsing.preview import LENGTH, Preview, make_preview
from s3console.ui.console import console_of
from s3console.ui.dialogs.menu import MenuDialog
from s3console.ui.display import Run, elide, exact, key_runs, plural, size_text
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.browse_columns import BucketRow
from s3console.ui.widgets.object_pane import ObjectPane, View
from s3console.ui.widgets.paged_table import PagedTable

if TYPE_CHECKING:
    from s3console.s3.facts import BucketFacts, ObjectFacts


class KeyLooking(ConsoleScreen):
    """What Browse does about the row under the cursor."""

    place: Location

    def __init__(self) -> None:
        super().__init__()
        self.facts: dict[str, BucketFacts] = {}
        self.denied: set[str] = set()
        self.bucket_rows: list[BucketRow] = []
        self.heads: dict[tuple[str, str, str], ObjectFacts | None] = {}
        self.sizes: dict[Location, list[Run]] = {}

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
        return BucketRow(name, region, facts.versioning == "Enabled", name in self.denied)

    # details

    def look_at(self, row: NameRow) -> None:
        """Show what is known about a row, and ask for the rest once the cursor rests on it."""
        if self.inspecting:
            self.inspect(self.pane.view)
            return
        bucket = self.place.bucket
        self.pane.title(("details", ""))
        if row.entry is None or row.deleted:
            self.pane.show_row(row, self.sizes.get(Location(bucket, row.key), []))
            return
        known = (bucket, row.key, row.entry.version_id)
        self.pane.show_row(row, (), self.heads.get(known))
        if known not in self.heads and utf8_ok(row.key):
            reader = console_of(self).reader

            def show(head: ObjectFacts | None) -> None:
                self.heads[known] = head
                current = self.names.current
                if current is not None and current.key == row.key and not self.inspecting:
                    self.pane.show_row(row, (), head)

            run_in_thread(self, lambda task: reader().head(*known), then=show, name="head", wait=0.25)

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
            self.query_one("#browse").remove_class("-inspect")
            self.call_after_refresh(self.titles)
            self.set_focus(self.names)
            if (row := self.names.current) is not None:
                self.look_at(row)

    def _ask_versions(self, row: NameRow) -> None:
        self.pane.title(("versions of ", ""), *key_runs(row.key[len(self.place.prefix):], ""))
        place, reader = self.place, console_of(self).reader

        def show(entries: Sequence[Entry]) -> None:
            self.pane.show_versions(place, row, entries)

        run_in_thread(self, lambda task: reader().versions_of(place.bucket, row.key), then=show,
                      failed=self._not_shown, name="inspect", wait=0.05)

    def _ask_preview(self, row: NameRow, entry: Entry) -> None:
        name = row.key[len(self.place.prefix):]
        self.pane.title(*key_runs(name, ""))
        if row.deleted:
            self.pane.complain("The newest version is a delete marker. Press v for the versions under it.")
            return
        bucket, reader = self.place.bucket, console_of(self).reader
        known = self.heads.get((bucket, row.key, entry.version_id))
        width = max(20, self.size.width - 46)

        def load(task: Task) -> Preview:
            data = reader().get_range(bucket, row.key, entry.version_id, 0, LENGTH)
            return make_preview(data, name=row.key, content_type=known.content_type if known else "",
                                total=entry.size, width=width)

        run_in_thread(self, load, then=lambda preview: self.pane.show_preview(name, preview),
                      failed=self._not_shown, name="inspect", wait=0.05)

    def _not_shown(self, error: S3ConsoleError) -> None:
        self.pane.complain(error.sentence)

    def action_versions(self) -> None:
        self._toggle("versions")

    def action_preview(self) -> None:
        self._toggle("preview")

    def _toggle(self, view: View) -> None:
        if self.pane.view == view:
            self.close_inspection()
        else:
            self.inspect(view)

    # size of a prefix

    def action_size(self) -> None:
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

        def told(objects: int, size: int, requests: int, *, done: bool) -> None:
            runs: list[Run] = [(f"{plural(objects, 'object')}  {size_text(size)}", "foreground"),
                               (f"  {plural(requests, 'request')}", "faint")]
            self.sizes[place] = runs if done else [*runs, ("  counting…", "accent")]
            current = self.names.current
            if current is not None and current.key == below and not self.inspecting:
                self.pane.show_row(current, self.sizes[place])
            elif done:
                self.say(f"{place.uri}: {exact(objects)} objects, {size_text(size)}")

        def count(task: Task) -> None:
            objects, size, requests, token, last = 0, 0, 0, "", 0.0
            while not task.cancelled:
                page = app.reader().page(place.bucket, place.prefix, delimiter="", token=token)
                objects, size = objects + len(page.batch), size + sum(page.batch.sizes)
                requests += 1
                token = page.next_token
                if not token:
                    break
                if time.monotonic() - last > 0.25:
                    last = time.monotonic()
                    task.tell(lambda o=objects, s=size, r=requests: told(o, s, r, done=False))
            task.tell(lambda: told(objects, size, requests, done=True))

        run_in_thread(self, count, failed=self.say_error, name="size")

    # copying

    def action_copy_menu(self) -> None:
        row = self.names.current
        if row is None or not self.place.bucket:
            return
        entry = self._version_on_cursor() or row.entry
        texts = {"y": f"s3://{self.place.bucket}/{row.key}", "k": row.key,
                 "a": f"arn:aws:s3:::{self.place.bucket}/{row.key}"}
        what = {"y": "URI", "k": "key", "a": "ARN", "v": "version id"}
        if entry is not None and entry.version_id:
            texts["v"] = entry.version_id
        choices = [(letter, what[letter], elide(key_runs(text), 54)) for letter, text in texts.items()]
        self.app.push_screen(MenuDialog("copy", choices),
                             lambda letter: self._copy(texts[letter]) if letter else None)

    def _version_on_cursor(self) -> Entry | None:
        if self.pane.view == "versions":
            row = self.query_one("#versions", PagedTable).current
            return row if isinstance(row, Entry) else None
        return None

    def _copy(self, text: str) -> None:
        if not utf8_ok(text):
            self.say("This name is not valid UTF-8 and can not be copied as text.", warn=True)
            return
        safe = text if text.isprintable() else shlex.quote(text)
        self.app.copy_to_clipboard(safe)
        self.say(f"Copied: {safe}")
