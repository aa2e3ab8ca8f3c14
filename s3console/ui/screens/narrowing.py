"""/ on a table that is in memory: only the rows that hold a text, while it is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.widgets import Input

from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.widgets.paged_table import PagedTable


class Narrowing(ConsoleScreen):
    """A screen puts `narrow_field()` above its table, names the table in `narrows`, and shows its rows again
    in `narrow()`: those for which `holds()` is true of the texts of a row."""

    narrows: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.narrowed_to = ""

    @staticmethod
    def narrow_field(placeholder: str) -> Input:
        """The field; it is seen while there is a text in it."""
        field = Input(id="narrow", compact=True, placeholder=placeholder)
        field.display = False
        field.styles.margin = (0, 1)
        return field

    def narrow(self) -> None:
        """Show the rows that hold the text."""
        raise NotImplementedError

    def holds(self, *texts: str) -> bool:
        """Whether one of these texts of a row holds what was typed, in any case."""
        wanted = self.narrowed_to.casefold()
        return not wanted or any(wanted in text.casefold() for text in texts)

    def narrow_to(self, text: str) -> None:
        """Narrow as if the text had been typed; "" shows all rows."""
        field = self.query_one("#narrow", Input)
        with self.prevent(Input.Changed):
            field.value = text
        field.display = bool(text)
        if text != self.narrowed_to:
            self.narrowed_to = text
            self.narrow()

    def action_filter(self) -> None:
        """/: type what the rows have to hold."""
        field = self.query_one("#narrow", Input)
        field.display = True
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "narrow":
            event.stop()
            self.narrowed_to = event.value.strip()
            self.narrow()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "narrow":
            event.stop()
            event.input.display = bool(self.narrowed_to)
            self.query_one(self.narrows, PagedTable).focus()

    def leave_narrowing(self) -> bool:
        """Esc: whether there was something to leave."""
        if not self.narrowed_to and not self.query_one("#narrow", Input).display:
            return False
        self.narrow_to("")
        self.query_one("#narrow", Input).display = False
        self.query_one(self.narrows, PagedTable).focus()
        return True
