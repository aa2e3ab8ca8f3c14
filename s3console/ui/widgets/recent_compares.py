"""The last comparisons, below the buckets of Browse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from s3console.core.model import KINDS, ReviewHeader
from s3console.ui.comparing.rows import sides_runs
from s3console.ui.display import Runs, ago, content, short_count
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout, ListRows


def _found(header: ReviewHeader) -> Runs:
    if not header.complete:
        return [("!", "warning")]
    total = sum(header.totals.get(kind, 0) for kind in KINDS)
    return [(short_count(total), "muted")] if total else [("✓", "ok")]


def _age(header: ReviewHeader) -> Runs:
    return [(ago(header.created, datetime.now(UTC)).split(" ")[0], "faint")]


COMPARED: Layout[ReviewHeader] = Layout(
    (Column("", sides_runs, middle=True),
     Column("", _found, width=5, right=True, from_width=34),
     Column("", _age, width=3, right=True)),
    identity=lambda header, index: header.review, header=False, gap=1,
)
"""The two places, how many findings, and how long ago."""


class RecentCompares(Vertical):
    """Enter on one opens it."""

    DEFAULT_CSS = """
    RecentCompares { height: auto; max-height: 6; }
    RecentCompares #compared-head { padding: 1 1 0 1; }
    RecentCompares #compared > .paged--cursor { background: $background; }
    RecentCompares #compared:focus > .paged--cursor { background: $cursor; }
    """

    def __init__(self, headers: Sequence[ReviewHeader]) -> None:
        super().__init__(id="recent-compares")
        self.headers = tuple(headers)

    def compose(self) -> ComposeResult:
        yield Static(content(("recent compares", "faint")), id="compared-head")
        table = PagedTable(COMPARED, ListRows(self.headers), id="compared")
        table.styles.height = len(self.headers)
        yield table

    def show(self, headers: Sequence[ReviewHeader]) -> None:
        """Other comparisons."""
        self.headers = tuple(headers)
        table = self.query_one("#compared", PagedTable)
        table.styles.height = len(self.headers)
        table.show(ListRows(self.headers))
        self.display = bool(self.headers)
