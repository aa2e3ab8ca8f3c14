"""The `:` line: words with completion, in place of the key hints while it is open."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from s3console.ui.display import content


class CommandLine(Horizontal):
    """One input line behind a `:`; Enter submits, Escape closes, Up brings the last command back."""

    DEFAULT_CSS = """
    CommandLine { height: 1; width: 1fr; padding: 0 2; background: $background; display: none; }
    CommandLine Static { width: 1; }
    CommandLine Input { width: 1fr; height: 1; border: none; padding: 0; background: $background; }
    """
    BINDINGS: ClassVar = [
        Binding("escape", "close", "close", show=False),
        Binding("up", "earlier", "earlier", show=False),
        Binding("tab", "complete", "complete", show=False, priority=True),
    ]

    class Entered(Message):
        """A command was typed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(id="command-line")
        self._past: list[str] = []
        self._before: Widget | None = None

    def compose(self) -> ComposeResult:
        yield Static(content((":", "bold primary")))
        yield Input(id="command-input", compact=True, select_on_focus=False)

    @property
    def field(self) -> Input:
        return self.query_one("#command-input", Input)

    def open(self, words: list[str], text: str = "") -> None:
        """Show the line with these words to complete, and put the cursor in it."""
        self.field.suggester = SuggestFromList(words, case_sensitive=False)
        self.field.value = text
        self.field.cursor_position = len(text)
        self._before = self.screen.focused
        self.display = True
        self.screen.set_focus(self.field)

    def action_close(self) -> None:
        self.display = False
        self.screen.query_one("#key-hints").display = True
        self.screen.set_focus(self._before)

    def action_earlier(self) -> None:
        if self._past:
            self.field.value = self._past[-1]
            self.field.cursor_position = len(self.field.value)

    def action_complete(self) -> None:
        self.field.action_cursor_right()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        self.action_close()
        if text:
            self._past.append(text)
            self.post_message(self.Entered(text))
