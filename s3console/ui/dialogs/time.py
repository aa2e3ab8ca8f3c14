"""t: a time, and whether the place is looked at as it was then, or restored to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar, NamedTuple

from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input, Static

from s3console.core.errors import S3ConsoleError
from s3console.core.timeline import NOW
from s3console.ui.browsing.moments import parse_when
from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Run, ago, content, key_runs, message_text, time_text


class TimeAnswer(NamedTuple):
    """`look` at the place as it was at the moment (`NOW`: as it is), or `restore` it to that."""

    act: str
    moment: str


class TimeDialog(Dialog[TimeAnswer]):
    """A field for the time. With `choose` only the time is asked for."""

    CSS = """
    TimeDialog .dialog { width: 80; }
    TimeDialog Input { margin: 1 0; }
    TimeDialog #time-says { height: 1; }
    """
    BINDINGS: ClassVar = [Binding("ctrl+r", "restore", "restore", show=False, priority=True)]

    def __init__(self, place: str, moment: str, *, choose: bool = False) -> None:
        keys = [("enter", "take it")] if choose else [("enter", "look at it as it was"),
                                                      ("ctrl+r", "restore to it…")]
        super().__init__("time", subtitle="reads only", keys=keys)
        self.place, self.moment, self.choose = place, moment, choose

    def body(self) -> Iterable[Widget]:
        yield Static(content(("the state of ", "muted"), *key_runs(self.place, "bold foreground"),
                             (" at", "muted")))
        yield Input(self.moment, id="time-field", compact=True, placeholder="2024-06-25 10:11")
        yield Static("", id="time-says", markup=False)
        runs: list[Run] = [("\n2024-06-25 10:11", "muted"), (" UTC, or ", "faint"), ("+02:00", "muted"),
                           (" behind it, ", "faint"), ("3h", "muted"), (" or ", "faint"), ("2d", "muted"),
                           (" ago" if self.choose else " ago, ", "faint")]
        yield Static(content(*runs, ("" if self.choose else "now", "muted")))

    def on_mount(self) -> None:
        self._say(self.moment)

    def _read(self, text: str) -> str:
        return parse_when(text.strip(), datetime.now(UTC))

    def _say(self, text: str) -> None:
        says = self.query_one("#time-says", Static)
        if not text.strip():
            says.update("")
            return
        try:
            moment = self._read(text)
        except S3ConsoleError as error:
            says.update(content((message_text(error.what), "faint")))
            return
        says.update(content(("as it is now", "ok")) if moment == NOW else content(
            (time_text(moment, seconds=True), "foreground"), (" UTC", "muted"),
            (f"  {ago(moment, datetime.now(UTC))} ago", "faint")))

    def on_input_changed(self, event: Input.Changed) -> None:
        self._say(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._answer("look")

    def action_restore(self) -> None:
        if not self.choose:
            self._answer("restore")

    def _answer(self, act: str) -> None:
        try:
            moment = self._read(self.query_one(Input).value)
        except S3ConsoleError as error:
            self.query_one("#time-says", Static).update(content((message_text(error.sentence), "warning")))
            return
        if moment == NOW and (self.choose or act == "restore"):
            self.query_one("#time-says", Static).update(content(("A restore needs a time in the past.",
                                                                 "warning")))
            return
        self.dismiss(TimeAnswer(act, moment))
