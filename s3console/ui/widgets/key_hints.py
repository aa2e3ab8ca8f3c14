"""The last line: the keys that matter here, in the order of how often they are needed."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from s3console.ui import actions
from s3console.ui.console import console_of
from s3console.ui.display import Run, content, width_of

GAP = 3


class KeyHints(Widget):
    """One line made from the registry of actions; a click does what the key does."""

    DEFAULT_CSS = """
    KeyHints { height: 1; width: 1fr; padding: 0 2; background: $background; }
    """

    def __init__(self, scope: str) -> None:
        super().__init__(id="key-hints")
        self.scope = scope
        self._spots: list[tuple[int, int, str]] = []

    def render(self) -> Content:
        app = console_of(self)
        width = self.content_size.width
        shown = [
            action for action in actions.hints(self.scope, read_only=not app.live)
            if app.keymap.keys(action) and self.screen.check_action(action.name, ()) is not False
            and not app.why_not(action)
        ]

        def cells(action: actions.Action) -> int:
            return width_of([(app.keymap.shown(action), "")]) + 1 + len(action.label) + GAP

        last = [action for action in shown if action.hint >= 90]
        tail = sum(map(cells, last)) - GAP
        used, kept = 0, []
        for action in shown:
            if action.hint >= 90 or used + cells(action) + tail > width:
                break
            used += cells(action)
            kept.append(action)
        runs: list[Run] = []
        self._spots = []
        for action in [*kept, *last]:
            if last and action is last[0]:
                runs.append((" " * max(0, width - width_of(runs) - tail), ""))
            start = width_of(runs)
            runs += [(app.keymap.shown(action), "bold primary"), (f" {action.label}", "muted")]
            self._spots.append((start, width_of(runs), action.method))
            runs.append((" " * GAP, ""))
        return content(*runs[:-1])

    async def on_click(self, event: Click) -> None:
        x = event.get_content_offset_capture(self).x
        for start, end, method in self._spots:
            if start <= x < end:
                await console_of(self).perform(method)
