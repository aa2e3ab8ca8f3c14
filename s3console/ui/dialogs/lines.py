"""Lines to read in a large frame: a diff, a log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Runs, content
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout, ListRows

LINES: Layout[Runs] = Layout((Column("", lambda runs: runs),), header=False)


class LinesDialog(Dialog[None]):
    """`title` are runs, because it may hold a key."""

    CSS = """
    LinesDialog .dialog { width: 96%; height: 92%; padding: 1 1 0 1; }
    LinesDialog PagedTable { height: 1fr; }
    """
    BINDINGS: ClassVar = [Binding("q", "cancel", "back", show=False)]

    def __init__(self, title: Runs, lines: Sequence[Runs], *, head: Runs = (), note: str = "") -> None:
        super().__init__("", subtitle=note, keys=[("j k", "move")])
        self.title_runs, self.lines, self.head_runs = title, lines, head

    def body(self) -> Iterable[Widget]:
        if self.head_runs:
            yield Static(content((" ", ""), *self.head_runs))
        yield PagedTable(LINES, ListRows(self.lines), id="lines")

    def on_mount(self) -> None:
        self.query_one(".dialog").border_title = content(*self.title_runs)
