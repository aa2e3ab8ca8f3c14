"""c and m: where the picked names go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from s3console.core.errors import S3ConsoleError
from s3console.ui.browsing.addresses import parse_address
from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Run, Runs, content, key_runs, message_text


class TargetDialog(Dialog[str]):
    """Answers the `s3://` text of the target; Enter takes it once it names a bucket."""

    CSS = """
    TargetDialog .dialog { width: 84; }
    TargetDialog Input { margin: 1 0 0 0; }
    TargetDialog #target-says { height: auto; min-height: 1; margin: 1 0 0 0; }
    """

    def __init__(self, verb: str, picked: Runs, base: str, *, value: str, known: Sequence[str] = (),
                 single: bool, note: str = "") -> None:
        super().__init__(f"{verb} to", subtitle="only a plan: nothing is sent yet",
                         keys=(("enter", f"plan the {verb}"), ("→", "take the suggestion")))
        self.verb, self.picked, self.base, self.value = verb, picked, base, value
        self.known, self.single, self.note = known, single, note

    def body(self) -> Iterable[Widget]:
        runs: list[Run] = [(f"{self.verb} ", "muted"), *self.picked, ("\nfrom ", "muted"),
                           *key_runs(self.base, "foreground")]
        yield Static(content(*runs))
        yield Input(self.value, id="target-field", compact=True, select_on_focus=False,
                    placeholder="s3://bucket/prefix/",
                    suggester=SuggestFromList(self.known, case_sensitive=True) if self.known else None)
        yield Static("", id="target-says", markup=False)

    def on_mount(self) -> None:
        field = self.query_one(Input)
        field.cursor_position = len(field.value)
        self._say(field.value)

    def _says(self, text: str) -> Run:
        if text in ("", "s3://"):
            return ("Write a bucket and a prefix; known places are suggested.", "faint")
        try:
            place = parse_address(text)
        except S3ConsoleError as error:
            return (message_text(error.what), "faint")
        if not place.prefix or place.prefix.endswith("/"):
            return ("Names stay as they are, below this place.", "muted")
        if self.single:
            return ("The copy gets exactly this name. End it with / to keep the name below it.", "muted")
        return ("A place for several names ends in /.", "warning")

    def _say(self, text: str) -> None:
        runs: list[Run] = [self._says(text.strip())]
        if self.note:
            runs.append((f"\n{self.note}", "faint"))
        self.query_one("#target-says", Static).update(content(*runs))

    def on_input_changed(self, event: Input.Changed) -> None:
        self._say(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            place = parse_address(event.value)
        except S3ConsoleError as error:
            self.query_one("#target-says", Static).update(content((message_text(error.sentence), "warning")))
            return
        if place.prefix and not place.prefix.endswith("/") and not self.single:
            return
        self.dismiss(place.uri)
