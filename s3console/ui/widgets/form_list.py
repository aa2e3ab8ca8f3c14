"""A form as lines: headings, choices, texts. Up and down move, Enter changes; letters stay keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from s3console.ui.display import Run, Runs, content, elide, fit


class Line(NamedTuple):
    """One line. `name` says what is changed; `on` whether a choice is taken."""

    kind: Literal["head", "choice", "text", "gap"]
    name: str = ""
    label: str = ""
    value: Runs = ()
    on: bool = False

    @property
    def changes(self) -> bool:
        """Whether the cursor stops here."""
        return self.kind in ("choice", "text")


class FormList(Widget, can_focus=True):
    """The lines of a form. `Changed` names the line on which Enter was pressed."""

    DEFAULT_CSS = """
    FormList { height: 1fr; width: 1fr; background: $background; padding: 0 1; }
    """
    BINDINGS: ClassVar = [
        Binding("down,j,tab", "move(1)", "next", show=False),
        Binding("up,k,shift+tab", "move(-1)", "previous", show=False),
        Binding("enter,space", "change", "change", show=False),
    ]

    class Changed(Message):
        """Enter on a line."""

        def __init__(self, line: Line) -> None:
            super().__init__()
            self.line = line

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.lines: Sequence[Line] = lines
        self._rows: list[int] = []
        self.cursor = next((n for n, line in enumerate(lines) if line.changes), 0)

    def show(self, lines: Sequence[Line]) -> None:
        """Other values, or other lines: the cursor stays where it is, or goes to the nearest line."""
        self.lines = lines
        if not (self.cursor < len(lines) and lines[self.cursor].changes):
            self.cursor = next((n for n, line in enumerate(lines) if line.changes), 0)
        self.refresh()

    def action_move(self, by: int) -> None:
        at = self.cursor + by
        while 0 <= at < len(self.lines):
            if self.lines[at].changes:
                self.cursor = at
                self.refresh()
                return
            at += by

    def action_change(self) -> None:
        if self.lines:
            self.post_message(self.Changed(self.lines[self.cursor]))

    def on_click(self, event: Click) -> None:
        at = event.get_content_offset_capture(self).y
        if 0 <= at < len(self._rows) and self.lines[self._rows[at]].changes:
            self.cursor = self._rows[at]
            self.refresh()
            self.action_change()

    def render(self) -> Content:
        width = self.content_size.width
        out: list[Run] = []
        self._rows = [n for n, line in enumerate(self.lines) if line.kind != "gap" or not self._tight]
        for n in self._rows:
            here = n == self.cursor and self.has_focus
            out += [("\n", "")] if out else []
            out += _drawn(self.lines[n], width, here=here)
        return content(*out)

    @property
    def _tight(self) -> bool:
        """Whether the lines need the room of the empty ones."""
        return len(self.lines) > self.content_size.height


def _drawn(line: Line, width: int, *, here: bool) -> list[Run]:
    if line.kind == "gap":
        return []
    if line.kind == "head":
        return [(line.label, "faint"), *line.value]
    mark: Run = ("▸ ", "bold primary") if here else ("  ", "")
    role = "bold foreground" if here else "foreground"
    if line.kind == "choice":
        knob: Run = ("● ", "primary") if line.on else ("○ ", "faint")
        return [mark, knob, (line.label, role if line.on or here else "muted"), *line.value]
    label: list[Run] = [(f"{line.label} ", "faint")] if line.label else []
    room = max(8, width - 2 - sum(len(text) for text, _ in label))
    value = fit(elide(line.value or [("none", "faint")], room), room)
    return [mark, *label, *value]
