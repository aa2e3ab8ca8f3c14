"""The last line: the keys that matter here, in the order of how often they are needed."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from s3console.ui import actions
from s3console.ui.console import console_of
from s3console.ui.display import Run, content, width_of


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
            if self.screen.check_action(action.name, ()) is not False
        ]
        last = [action for action in shown if action.hint >= 90]
        first = [action for action in shown if action.hint < 90]
        tail = sum(len(actions.key_name(a.keys[0])) + len(a.label) + 3 for a in last)
        used, kept = 0, []
        for action in first:
            need = len(actions.key_name(action.keys[0])) + len(action.label) + 3
            if used + need + tail > width:
                break
            used += need
            kept.append(action)
        runs: list[Run] = []
        self._spots = []
        for action in [*kept, *last]:
            if runs:
                runs.append(("  ", ""))
            start = width_of(runs)
            runs += [(actions.key_name(action.keys[0]), "bold primary"), (f" {action.label}", "muted")]
            self._spots.append((start, width_of(runs), action.method))
        return content(*runs)

    async def on_click(self, event: Click) -> None:
        x = event.get_content_offset_capture(self).x
        for start, end, method in self._spots:
            if start <= x < end:
                await console_of(self).perform(method)
