"""One line of text: the name of a file, a reason."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import Input, Static

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Runs, content


class NameDialog(Dialog[str]):
    """Answers the text; Enter takes it, an empty one is not taken unless `may_be_empty`."""

    def __init__(self, title: str, question: Runs, *, value: str = "", does: str = "save",
                 may_be_empty: bool = False) -> None:
        super().__init__(title, keys=(("enter", does),))
        self.question, self.value, self.may_be_empty = question, value, may_be_empty

    def body(self) -> Iterable[Widget]:
        yield Static(content(*self.question, ("\n", "")))
        yield Input(self.value, id="name-field", compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if text or self.may_be_empty:
            self.dismiss(text)
