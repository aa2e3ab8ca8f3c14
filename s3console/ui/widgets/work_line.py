"""One line about work that goes on beside the screen: what, how far, for how long, and that esc stops it."""

from __future__ import annotations

import time

from textual.content import Content
from textual.widget import Widget

from s3console.ui.display import Run, Runs, content, duration, elide, width_of

_TURN = "◐◓◑◒"
_TICK = 0.25


class WorkLine(Widget):
    """Hidden while nothing goes on. `begin`, `tell` and `end` are called on the event loop."""

    DEFAULT_CSS = """
    WorkLine { height: 1; width: 1fr; padding: 0 1; background: $background; display: none; }
    """

    def __init__(self) -> None:
        super().__init__(id="work-line")
        self._what: Runs = ()
        self._so_far: Runs = ()
        self._since = 0.0

    def on_mount(self) -> None:
        self._clock = self.set_interval(_TICK, self.refresh, pause=True)

    def begin(self, *what: Run) -> None:
        """Show the line."""
        self._what, self._so_far, self._since = what, (), time.monotonic()
        self.display = True
        self._clock.resume()
        self.refresh()

    def tell(self, *so_far: Run) -> None:
        """How far it is."""
        self._so_far = so_far

    def end(self) -> None:
        """Hide the line."""
        self.display = False
        self._clock.pause()

    def render(self) -> Content:
        width = self.content_size.width
        spent = time.monotonic() - self._since
        right: list[Run] = [(f"  {duration(spent)}  ", "faint"), ("esc", "bold primary"), (" stops", "muted")]
        left: list[Run] = [(f"{_TURN[int(spent * 4) % 4]} ", "accent"), *self._what]
        if self._so_far:
            left += [("  ", ""), *self._so_far]
        left = elide(left, max(8, width - width_of(right)), middle=False)
        gap = max(0, width - width_of(left) - width_of(right))
        return content(*left, (" " * gap, ""), *right)
