"""The tour: two lines above the strip, there only while it is under way."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from s3console.ui.console import console_of
from s3console.ui.display import Run, content, elide, width_of


class TourStrip(Widget):
    """What the step says, and what to press; made anew whenever the guide went on."""

    DEFAULT_CSS = """
    TourStrip {
        height: 2; width: 1fr; padding: 0 1; margin: 0 1; background: $field; display: none;
        border-left: thick $primary;
    }
    """

    def __init__(self) -> None:
        super().__init__(id="tour-strip")

    def render(self) -> Content:
        guide = console_of(self).guide
        width = self.content_size.width
        says: list[Run] = [(guide.step.says, "foreground")]
        number: list[Run] = [(f"tour {guide.number}", "muted")]
        says = elide(says, max(10, width - width_of(number) - 2), middle=False)
        does: list[Run] = [(guide.step.keys, "bold primary"), ("  " if guide.step.keys else "", ""),
                           (guide.step.does, "muted")]
        leave: list[Run] = [("esc", "bold primary"), (" leave", "muted")]
        does = elide(does, max(10, width - width_of(leave) - 2), middle=False)
        return content(
            *says, (" " * max(2, width - width_of(says) - width_of(number)), ""), *number, ("\n", ""),
            *does, (" " * max(2, width - width_of(does) - width_of(leave)), ""), *leave)
