"""A field for the one number that approves: digits typed by hand, nothing pasted, nothing in a burst."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from s3console.ui.display import Run, content, exact


class NumberField(Widget, can_focus=True):
    """Knows the right number. Enter says `Right` when it stands there, and nothing before."""

    DEFAULT_CSS = """
    NumberField { height: 1; width: 30; background: $field; padding: 0 1; }
    """
    DEAF: ClassVar[float] = 0.5
    """Seconds after it appeared in which keys are dropped: they were meant for something else."""
    HAND: ClassVar[float] = 0.008
    """Seconds between two keys below which they did not come from a hand."""

    class Right(Message):
        """Enter was pressed on the right number."""

    class Changed(Message):
        """What stands in the field, and a word about what was refused."""

        def __init__(self, text: str, *, right: bool, refused: str = "") -> None:
            super().__init__()
            self.text, self.right, self.refused = text, right, refused

    def __init__(self, wanted: int) -> None:
        super().__init__(id="number")
        self.wanted = wanted
        self.text = ""
        self._since = float("inf")
        self._last = 0.0

    @property
    def right(self) -> bool:
        """Whether the right number stands in the field."""
        return self.text == str(self.wanted)

    def on_mount(self, event: events.Mount) -> None:
        self._since = event.time

    def render(self) -> Content:
        room = len(exact(self.wanted)) + 2
        cursor: list[Run] = [("█" if self.has_focus else "", "foreground")]
        return content((self.text, "bold ok" if self.right else "foreground"), *cursor,
                       (" " * max(0, room - len(self.text)), ""))

    def _set(self, text: str, refused: str = "") -> None:
        self.text = text
        self.refresh()
        self.post_message(self.Changed(text, right=self.right, refused=refused))

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self._set("", "a paste is not taken: type the number")

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            return
        early = event.time - self._since < self.DEAF
        burst = event.time - self._last < self.HAND
        self._last = event.time
        digit = event.character if event.character and event.character in "0123456789" else ""
        if early:
            event.stop()
            event.prevent_default()
        elif digit and burst:
            event.stop()
            self._set("", "that came faster than a hand types: type the number")
        elif digit:
            event.stop()
            self._set((self.text + digit)[:19])
        elif event.key in ("backspace", "delete", "ctrl+h"):
            event.stop()
            self._set(self.text[:-1])
        elif event.key == "ctrl+u":
            event.stop()
            self._set("")
        elif event.key == "enter":
            event.stop()
            if self.right:
                self.post_message(self.Right())
