"""y: the texts by which a name is known elsewhere; each is shown in full and put on the clipboard."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from textual.events import Key
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.errors import S3ConsoleError
from s3console.core.keys import utf8_ok
from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Run, Runs, content, elide, key_runs, message_text
from s3console.ui.threads import run_in_thread
from s3console.ui.widgets.facts import Fact, Facts


class Choice(NamedTuple):
    """One text to copy. `make` is called in a thread when it must be made first; `note` goes with it."""

    letter: str
    what: str
    text: str = ""
    make: Callable[[], str] | None = None
    note: str = ""


class CopyMenu(Dialog[None]):
    """Stays open: the text last copied stands below the choices, whole, for terminals without OSC 52."""

    CSS = """
    CopyMenu .dialog { width: 92; }
    CopyMenu #copied { margin: 1 0 0 0; height: auto; max-height: 12; }
    """

    def __init__(self, name: Runs, choices: Sequence[Choice]) -> None:
        super().__init__("copy as text", keys=[])
        self.name_runs, self.choices = name, choices
        self.copied = ""

    def body(self) -> Iterable[Widget]:
        room = max(20, min(92, int(self.app.size.width * 0.96)) - 22)
        yield Static(content(*elide(self.name_runs, room + 14), ("\n", "")))
        runs: list[Run] = []
        for n, choice in enumerate(self.choices):
            shown = elide(key_runs(choice.text, "foreground") if choice.text else [(choice.note, "faint")],
                          room)
            runs += [("\n" if n else "", ""), (choice.letter, "bold primary"),
                     (f"  {choice.what:<12}", "muted"), *shown]
        yield Static(content(*runs))
        yield Facts(id="copied", label=15)

    def on_key(self, event: Key) -> None:
        choice = next((one for one in self.choices if one.letter == (event.character or "")), None)
        if choice is None:
            if event.key == "enter":
                self.dismiss(None)
            return
        event.stop()
        make = choice.make
        if make is None:
            self._copy(choice, choice.text)
            return
        run_in_thread(self, lambda task: make(), then=lambda text: self._copy(choice, text),
                      failed=self._failed, name="copy")

    def _failed(self, error: S3ConsoleError) -> None:
        self._show([("", [(message_text(error.sentence), "warning")])])

    def _show(self, facts: list[Fact]) -> None:
        self.query_one("#copied", Facts).update(facts)

    def _copy(self, choice: Choice, text: str) -> None:
        if not utf8_ok(text):
            self._show([("", [("This name is not valid UTF-8 and can not be copied as text.", "warning")])])
            return
        self.copied = text if text.isprintable() else shlex.quote(text)
        self.app.copy_to_clipboard(self.copied)
        self._show([(choice.what, key_runs(self.copied, "bold foreground")),
                    ("", [("on the clipboard", "ok"),
                          (", if this terminal takes OSC 52; else select it here", "faint")]),
                    *([("", [(choice.note, "warning")])] if choice.note and choice.make else [])])
