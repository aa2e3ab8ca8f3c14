"""The first line: which screen, who is looking, where, and in words whether anything can be changed."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from s3console.ui.console import console_of
from s3console.ui.display import Run, content, elide, width_of


class ContextLine(Widget):
    """One line; made anew from the app and its screen whenever they call `refresh()`."""

    DEFAULT_CSS = """
    ContextLine { height: 1; width: 1fr; padding: 0 2; background: $background; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__(id="context-line")
        self._tabs: list[tuple[int, int, str]] = []

    def render(self) -> Content:

        app = console_of(self)
        width = self.content_size.width
        wide = width >= 96
        runs: list[Run] = [("s3console", "bold primary"), ("  ", "")]
        self._tabs = []
        for number, name, title in app.tabs():
            here = name == app.current_mode
            text = f"{number} {title}" if wide or here else str(number)
            runs.append((" ", ""))
            start = width_of(runs)
            runs.append((text, "bold foreground" if here else "faint"))
            self._tabs.append((start, start + len(text), name))
            runs.append((" ", ""))
        badge: list[Run] = [("[LIVE]", "bold live")] if app.live else [("[READ-ONLY]", "bold ok")]
        where = app.where_runs()
        room = width - width_of(runs) - width_of(badge) - 4
        for quiet in ("faint", "muted"):
            if width_of(where) > room and any(role not in ("faint", "muted", "") for _, role in where):
                where = [run for run in where if run[1] != quiet]
        shown = elide(where, room, middle=True) if room > 3 else []
        gap = max(1, width - width_of(runs) - width_of(shown) - width_of(badge) - (2 if shown else 0))
        line = [*runs, (" " * gap, ""), *shown, ("  " if shown else "", ""), *badge]
        return content(*line)

    def on_click(self, event: Click) -> None:

        x = event.get_content_offset_capture(self).x
        for start, end, name in self._tabs:
            if start <= x < end:
                console_of(self).action_show(name)
