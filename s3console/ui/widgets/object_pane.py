"""The right pane of Browse: details, versions or the first bytes of what the cursor stands on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import ContentSwitcher

from s3console.core.keys import utf8_ok
from s3console.core.model import Entry
from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.listing import NameRow
from s3console.ui.browsing.moments import Line
from s3console.ui.display import (
    Run,
    Runs,
    content,
    exact,
    key_runs,
    message_text,
    path_runs,
    plural,
    size_text,
    time_text,
)
from s3console.ui.widgets.facts import Fact, Facts
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout, ListRows
from s3console.ui.widgets.time_line import TimeLine, VersionsTable
from s3console.ui.widgets.titles import set_subtitle, set_title

if TYPE_CHECKING:
    from s3console.s3.facts import BucketFacts, ObjectFacts
    from s3console.ui.browsing.preview import Preview

VERSIONING_WORDS = {"Enabled": "versioned", "Suspended": "versioning suspended", "Unversioned": "unversioned"}
View = Literal["details", "versions", "preview"]


def bucket_facts(facts: BucketFacts) -> list[Fact]:
    """What is known about a bucket."""
    out: list[Fact] = [
        ("bucket", key_runs(facts.name, "bold foreground")),
        ("region", [(facts.region, "foreground")]),
        ("versions", [(VERSIONING_WORDS.get(facts.versioning, "not known"), "foreground")]),
    ]
    if facts.object_lock:
        out.append(("lock", [("object lock is on", "warning")]))
    if facts.created:
        out.append(("created", [(time_text(facts.created), "muted")]))
    if facts.etag_is_md5 is False:
        out.append(("etag", [("not an MD5: encrypted with KMS", "muted")]))
    return out


def prefix_facts(key: str, size: Runs) -> list[Fact]:
    """What is known about a prefix; `size` is the count below it, once it was asked for."""
    count, cost, rest = list(size[:1]), list(size[1:2]), list(size[2:])
    lines = [[(text.strip(), role) for text, role in cost], [(text.lstrip(), role) for text, role in rest]]
    return [("prefix", path_runs(key, "bold foreground")),
            ("below it", count or [("z counts objects and bytes", "faint")]),
            *(("", line) for line in lines if line)]


def object_facts(row: NameRow, entry: Entry, head: ObjectFacts | None) -> list[Fact]:
    """What the listing says about a key, and what HEAD added."""
    out: list[Fact] = [("key", path_runs(row.key, "bold foreground"))]
    if not utf8_ok(row.key):
        out.append(("", [("not valid UTF-8: it can not be addressed", "warning")]))
    if entry.is_delete_marker:
        out.append(("state", [("deleted", "bold warning"), (": a delete marker hides it", "muted")]))
        out.append(("deleted", [(time_text(entry.modified, seconds=True), "foreground")]))
    else:
        bytes_runs = [(f"  {exact(entry.size)} bytes", "muted")] if entry.size >= 1024 else []
        out += [("size", [(size_text(entry.size), "foreground"), *bytes_runs]),
                ("modified", [(time_text(entry.modified, seconds=True), "foreground")]),
                ("etag", key_runs(entry.etag, "muted")),
                ("class", key_runs(entry.storage_class, "muted"))]
    if entry.version_id:
        out.append(("version", key_runs(entry.version_id, "muted")))
    if row.versions:
        out.append(("versions", [(exact(row.versions), "muted")]))
    return out + (_head_facts(head, listed=bool(entry.version_id)) if head is not None else [])


def _head_facts(head: ObjectFacts, *, listed: bool) -> list[Fact]:
    """`listed` says that the version is shown already."""
    named = (("type", head.content_type), ("encrypted", head.encryption), ("checksum", head.checksum))
    out: list[Fact] = [(label, key_runs(value, "muted")) for label, value in named if value]
    if head.version_id and head.version_id != "null" and not listed:
        out.insert(0, ("version", key_runs(head.version_id, "muted")))
    if head.tags:
        out.append(("tags", [(exact(head.tags), "muted")]))
    if head.legal_hold or head.lock_until:
        until = f"until {time_text(head.lock_until)}" if head.lock_until else "legal hold"
        out.append(("locked", [(until, "warning")]))
    for n, (name, value) in enumerate(head.metadata[:12]):
        out.append(("metadata" if not n else "",
                    [*key_runs(name, "faint"), (" ", ""), *key_runs(value, "muted")]))
    return out


LINES: Layout[Runs] = Layout((Column("", lambda runs: runs),), header=False)


class ObjectPane(Vertical):
    """Three views of one key; `view` says which is shown."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.line = Line()

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="details", id="object-views"):
            with VerticalScroll(id="details", can_focus=False):
                yield Facts(id="detail-lines", last=True)
            with Vertical(id="versions-view"):
                yield VersionsTable()
                yield TimeLine()
            yield PagedTable(LINES, id="preview")

    def on_mount(self) -> None:
        self.border_title = content("details")

    @property
    def view(self) -> View:
        current = self.query_one("#object-views", ContentSwitcher).current
        return "versions" if current == "versions-view" else "preview" if current == "preview" else "details"

    def switch(self, view: View) -> None:
        """Show another view."""
        switcher = self.query_one("#object-views", ContentSwitcher)
        switcher.current = "versions-view" if view == "versions" else view

    def title(self, *runs: Run, note: str = "") -> None:
        """Name what is shown."""
        set_title(self, content(*runs))
        set_subtitle(self, content(note))

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """The details view."""
        self.query_one("#detail-lines", Facts).update(facts)

    def show_bucket(self, facts: BucketFacts) -> None:
        """Details of a bucket."""
        self.show_facts(bucket_facts(facts))

    def show_row(
        self, row: NameRow, size: Runs, head: ObjectFacts | None = None, verdict: Sequence[Fact] = ()
    ) -> None:
        """Details of a prefix or key; `verdict` is what a comparison says about its name."""
        self.show_facts(prefix_facts(row.key, size) if row.entry is None
                        else [*object_facts(row, row.entry, head), *verdict])

    def show_versions(self, location: Location, row: NameRow, entries: Sequence[Entry]) -> None:
        """The versions of a key, newest first."""
        table = self.query_one("#versions", VersionsTable)
        table.point_out(None)
        self.line = Line(tuple(entries), self.line.moment)
        table.show(ListRows(self.line.history))
        self.move_to(self.line)
        if not entries:
            table.note(("The store lists no version of this key.", "muted"))
        markers = sum(1 for entry in entries if entry.is_delete_marker)
        note = plural(len(entries) - markers, "version")
        self.title(("versions of ", ""), *key_runs(row.key[len(location.base):], ""),
                   note=f"{note}, {plural(markers, 'delete marker')}" if markers else note)

    def move_to(self, line: Line) -> None:
        """The time line at another moment."""
        self.line = line
        self.query_one(VersionsTable).point(line)
        self.query_one(TimeLine).show(line)

    def show_preview(self, name: str, preview: Preview) -> None:
        """The first bytes of a key."""
        self.query_one("#preview", PagedTable).show(ListRows(preview.lines))
        self.title(*key_runs(name, ""), (f" · {preview.what}", ""), note=preview.note)

    def complain(self, sentence: str) -> None:
        """One sentence in place of the current view."""
        if self.view == "details":
            self.show_facts([("", [(message_text(sentence), "warning")])])
        else:
            table = self.query_one(f"#{self.view}", PagedTable)
            table.show(ListRows[Runs]())
            table.note((message_text(sentence), "warning"))
