"""The first thing in the demo: whether a tour is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import content


class TourOffer(Dialog[bool]):
    """Enter begins the tour."""

    CSS = """
    TourOffer .dialog { width: 66; }
    """
    BINDINGS: ClassVar = [Binding("enter,y", "begin", "begin", show=False)]

    def __init__(self) -> None:
        super().__init__("new here?", keys=(("enter", "begin the tour"),))

    def body(self) -> Iterable[Widget]:
        yield Static(content(
            ("This is the demo: a migration that went wrong.\n\n", "bold foreground"),
            ("A tour of five minutes compares two buckets, finds what\n", "foreground"),
            ("is wrong, and repairs one prefix. Each step waits for you.\n\n", "foreground"),
            (":tour", "bold primary"), (" starts it at any time.", "muted")))

    def action_begin(self) -> None:
        self.dismiss(True)
