"""Journal: everything that was done, newest first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget

from s3console.ui import actions
from s3console.ui.console import console_of
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.display import Run, Runs, content, exact, key_runs, message_text, plural, time_text
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.facts import Fact, Facts
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout

if TYPE_CHECKING:
    from s3console.store.journal import Record, Verdict

_ROLES = {"approved": "ok", "queued": "accent", "rejected": "warning", "cancel": "warning",
          "pause": "warning", "torn line": "danger", "batch begins": "muted", "worker died": "danger"}
LOOK_EVERY = 1.0


class JournalRows:
    """Records by rank, newest first; what was scrolled to is kept, the rest is read when it is needed."""

    fast = False

    def __init__(self, desk: DeskLike) -> None:
        from s3console.store.journal import Journal

        self._journal = Journal(desk.home.journal)
        self._kept: list[Record] = self._journal.read(limit=256)
        self.newest = self._kept[0].number if self._kept else -1

    def count(self) -> int:
        return self.newest + 1

    def rows(self, start: int, stop: int) -> Sequence[Record]:
        if stop > len(self._kept) < self.count():
            found = self._journal.read(limit=max(stop, 2 * len(self._kept)) + 256)
            self._kept = [record for record in found if record.number <= self.newest]
        return self._kept[start:stop]


def _what(record: Record) -> Runs:
    role = _ROLES.get(record.what, "danger" if "fail" in record.what else "foreground")
    return [(message_text(record.what), role)]


def _about(record: Record) -> Runs:
    facts = record.facts
    title = str(facts.get("title") or facts.get("job") or facts.get("plan") or "")
    runs = key_runs(title, "muted")
    for name in ("operations", "deletes", "reason", "state", "by"):
        if facts.get(name) not in (None, "", 0):
            value = facts[name]
            text = exact(value) if isinstance(value, int) else str(value)
            runs = [*runs, (f"  {name} ", "faint"), *key_runs(text, "muted")]
    return runs


RECORDS: Layout[Record] = Layout(
    (
        Column("#", lambda record: [(exact(record.number), "faint")], width=7, right=True, from_width=60),
        Column("when (UTC)", lambda record: [(time_text(record.at, seconds=True), "muted")], width=19),
        Column("what", _what, width=18),
        Column("about", _about),
    ),
    identity=lambda record, index: record.number,
)


def _value(value: Any) -> list[Run]:
    if isinstance(value, str):
        return key_runs(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return [(exact(value), "foreground")]
    return key_runs(json.dumps(value, ensure_ascii=True))


def record_facts(record: Record) -> list[Fact]:
    """One record in full."""
    head: list[Fact] = [("record", [(exact(record.number), "muted")]),
                        ("when", [(time_text(record.at, seconds=True), "foreground"), (" UTC", "faint")]),
                        ("what", [(text, f"bold {role}") for text, role in _what(record)])]
    return head + [(message_text(name)[:11], _value(value)) for name, value in record.facts.items()]


class JournalScreen(ConsoleScreen):
    """Records on the left, the one on the cursor on the right."""

    scope = "journal"
    BINDINGS: ClassVar = actions.bindings("journal")
    CSS = """
    JournalScreen #record-pane { width: 46; }
    JournalScreen #record { padding: 0 1; height: auto; }
    JournalScreen #record-scroll { height: 1fr; scrollbar-size-vertical: 1; }
    JournalScreen.-narrow #two { layout: vertical; }
    JournalScreen.-narrow #record-pane { width: 1fr; height: 40%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.newest = -2

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="two"):
            with Vertical(id="records-pane", classes="pane"):
                yield PagedTable(RECORDS, id="records")
            with (
                Vertical(id="record-pane", classes="pane"),
                VerticalScroll(id="record-scroll", can_focus=False),
            ):
                yield Facts(id="record", label=12)

    @property
    def records(self) -> PagedTable:
        return self.query_one("#records", PagedTable)

    def on_mount(self) -> None:
        self.query_one("#records-pane").border_title = content("journal")
        self.set_interval(LOOK_EVERY, self.load)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.load()

    def load(self) -> None:
        """Read the newest records, when this screen is looked at and stands at its top."""
        app = console_of(self)
        if app.screen_of_mode is not self or app.threads.active(self, "journal") or self.records.cursor:
            return
        desk = app.desk
        run_in_thread(self, lambda task: JournalRows(desk), then=self._show, failed=self.say_error,
                      name="journal")

    def _show(self, rows: JournalRows) -> None:
        if rows.newest == self.newest:
            return
        self.newest = rows.newest
        self.records.show(rows)
        self.query_one("#records-pane").border_subtitle = content(plural(rows.count(), "record"))
        if not rows.count():
            self.records.note(("Nothing was done yet. ", "foreground"),
                              ("Every approval and every act of a job is written here first.", "muted"))

    def on_paged_table_highlighted(self, event: PagedTable.Highlighted) -> None:
        self.query_one("#record", Facts).update(record_facts(event.row))
        self.query_one("#record-pane").border_title = content(*_what(event.row))

    def action_verify(self) -> None:
        """v: check the chain of hashes over the whole file."""
        desk = console_of(self).desk

        def check(task: Task) -> Verdict:
            from s3console.store.journal import verify

            return verify(desk.home.journal)

        def told(verdict: Verdict) -> None:
            if verdict.whole:
                self.say(f"The journal is whole: {plural(verdict.records, 'record')}.")
            else:
                first = verdict.problems[0]
                self.say(f"Line {first.line} of the journal {first.what}; "
                         f"{plural(len(verdict.problems), 'problem')} in all.", warn=True)

        run_in_thread(self, check, then=told, failed=self.say_error, name="verify")

    def action_step_back(self) -> None:
        self.records.cursor = 0

    def action_reload(self) -> None:
        self.newest = -2
        self.load()
