"""A small menu: one letter per choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.events import Key
from textual.widget import Widget
from textual.widgets import Static

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Run, Runs, content


class MenuDialog(Dialog[str]):
    """Answers the letter that was pressed; `choices` are (letter, what it is, the text it stands for)."""

    def __init__(self, title: str, choices: Sequence[tuple[str, str, Runs]], *, about: Runs = ()) -> None:
        super().__init__(title)
        self.choices, self.about = choices, about

    def body(self) -> Iterable[Widget]:
        runs: list[Run] = [*self.about, ("\n\n", "")] if self.about else []
        room = max(12, *(len(what) + 2 for _, what, _ in self.choices))
        for n, (letter, what, shown) in enumerate(self.choices):
            runs += [("\n" if n else "", ""), (letter, "bold primary"), (f"  {what:<{room}}", "muted"),
                     *shown]
        yield Static(content(*runs))

    def on_key(self, event: Key) -> None:
        letter = event.character or ""
        if letter and any(letter == choice[0] for choice in self.choices):
            event.stop()
            self.dismiss(letter)
