"""Journal: everything that was done, newest first; filtered, exported, and undone where that can be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input

from s3console.core.errors import S3ConsoleError
from s3console.ui import actions
from s3console.ui.console import console_of
from s3console.ui.dialogs.name import NameDialog
from s3console.ui.dialogs.record import RecordDialog
from s3console.ui.display import Run, content, exact, message_text, plural
from s3console.ui.jobs import records
from s3console.ui.jobs.records import FoundRecords, JournalRows, record_facts, records_layout, what_runs
from s3console.ui.keys_in_use import key_run
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import run_in_thread
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.paged_table import PagedTable

if TYPE_CHECKING:
    from s3console.core.model import Plan
    from s3console.store.journal import Verdict

LOOK_EVERY = 1.0


class JournalScreen(ConsoleScreen):
    """Records on the left, the one on the cursor on the right."""

    scope = "journal"
    BINDINGS: ClassVar = actions.bindings("journal")
    CSS = """
    JournalScreen #record-pane { width: 44; }
    JournalScreen #record-filter { display: none; margin: 0 1; }
    JournalScreen #record { padding: 0 1; height: auto; }
    JournalScreen #record-scroll { height: 1fr; scrollbar-size-vertical: 1; }
    JournalScreen.-narrow #two { layout: vertical; }
    JournalScreen.-narrow #record-pane { width: 1fr; height: 40%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.newest = -2
        self.filter = ""

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="two"):
            with Vertical(id="records-pane", classes="pane"):
                yield Input(id="record-filter", compact=True, placeholder="a job, a plan, a name, an act")
                yield PagedTable(records_layout({}), id="records")
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

    def load(self, *, at_top: bool = True) -> None:
        """Read the newest records, when this screen is looked at and (`at_top`) stands at its top."""
        app, text = console_of(self), self.filter
        if app.screen_of_mode is not self or (at_top and self.records.cursor):
            return
        if at_top and (app.threads.active(self, "journal") or text):
            return
        desk = app.desk
        if text:
            run_in_thread(self, lambda task: records.find(task, desk, text), then=self._show,
                          failed=self.say_error, name="journal", wait=0.06)
        else:
            run_in_thread(self, lambda task: JournalRows(desk), then=self._show, failed=self.say_error,
                          name="journal")

    def _show(self, rows: JournalRows | FoundRecords) -> None:
        if rows.newest == self.newest:
            return
        self.newest = rows.newest
        self.records.spec = records_layout(rows.subjects)
        self.records.show(rows)
        word = plural(rows.count(), "record")
        if isinstance(rows, FoundRecords):
            word = f"{word} of {exact(rows.newest + 1)}" + ("" if rows.whole else ", the newest")
        self.query_one("#records-pane").border_subtitle = content(word)
        if not rows.count():
            self.query_one("#record", Facts).update([])
            if self.filter:
                self.records.note(("No record holds this text. ", "foreground"), key_run("everywhere.escape"),
                                  (" shows all of them.", "muted"))
            else:
                self.records.note(
                    ("Nothing was done yet. ", "foreground"),
                    ("Every approval and every act of a job is written here before it happens.", "muted"))

    def on_paged_table_highlighted(self, event: PagedTable.Highlighted) -> None:
        self.query_one("#record", Facts).update(record_facts(event.row))
        self.query_one("#record-pane").border_title = content(*what_runs(event.row))

    def teaches(self) -> list[Run]:
        """What a newcomer has to know about this screen."""
        return [("Every approval and every act of a job, written before it happens and chained by hashes. ",
                 "muted"), key_run("journal.undo"),
                (" on a record of a job plans what takes it back.", "muted")]

    # filter

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id != "record-filter":
            return
        event.stop()
        self.filter = event.value.strip()
        self.newest = -2
        self.load(at_top=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "record-filter":
            event.stop()
            event.input.display = bool(self.filter)
            self.records.focus()

    def narrow_to(self, text: str) -> None:
        """Only the records that hold this text."""
        field = self.query_one("#record-filter", Input)
        field.value, field.display = text, bool(text)

    def action_filter(self) -> None:
        """/: only the records that hold a text."""
        field = self.query_one("#record-filter", Input)
        field.display = True
        field.focus()

    # acts

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        self.app.push_screen(RecordDialog(record_facts(event.row), what_runs(event.row)))

    def action_undo(self) -> None:
        """u: a plan that takes back what the job of this record did."""
        record, app = self.records.current, console_of(self)
        if record is None:
            self.say("No record is on the cursor: there is nothing to take back.", warn=True)
            return
        desk = app.desk
        self.say("Looking at what the job did, and whether it can be taken back…")

        def made(plan: Plan) -> None:
            app.clear_notifications()
            self.say(f"Plan {plan.plan} takes back {plural(plan.operations, 'operation')}. "
                     "3 Review shows and approves it; S3 was not touched.")
            for note in plan.notes[:2]:
                self.say(note[:1].upper() + note[1:] + ".")
            app.poll()

        def refused(error: S3ConsoleError) -> None:
            app.clear_notifications()
            self.say_error(error)

        run_in_thread(self, lambda task: records.plan_undo(desk, record), then=made, failed=refused,
                      name="undo")

    def action_export(self) -> None:
        """e: the records that are shown, into a file."""
        what = "The records that hold the filter" if self.filter else "All records"
        self.app.push_screen(
            NameDialog("export journal", [(f"{what}, into a new file that ends in ", "muted"),
                                          (".csv", "foreground"), (", ", "muted"), (".jsonl", "foreground"),
                                          (" or ", "muted"), (".parquet", "foreground")],
                       value="journal.jsonl"),
            lambda name: self.export_to(name) if name else None)

    def export_to(self, name: str) -> None:
        """Write the records that the filter shows."""
        path, desk, text = Path(name).expanduser(), console_of(self).desk, self.filter
        run_in_thread(self, lambda task: records.export(desk, path, text), then=lambda count: self.say(
            f"{plural(count, 'record')} written to {message_text(str(path))}."),
            failed=self.say_error, name="export")

    def action_verify(self) -> None:
        """v: check the chain of hashes over the whole file."""
        desk = console_of(self).desk

        def told(verdict: Verdict) -> None:
            if verdict.whole:
                self.say(f"The journal is whole: {plural(verdict.records, 'record')}.")
            else:
                first = verdict.problems[0]
                self.say(f"Line {first.line} of the journal {first.what}; "
                         f"{plural(len(verdict.problems), 'problem')} in all.", warn=True)

        run_in_thread(self, lambda task: records.check(desk), then=told, failed=self.say_error, name="verify")

    def action_step_back(self) -> None:
        field = self.query_one("#record-filter", Input)
        if self.filter or field.display:
            field.value = ""
            field.display = False
            self.records.focus()
        else:
            self.records.cursor = 0

    def action_reload(self) -> None:
        self.newest = -2
        self.load(at_top=False)
