"""PagedTable over ten million rows that exist only as numbers. Run on a pty by a test."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from textual.app import App, ComposeResult

from s3console.ui import theme
from s3console.ui.display import exact, key_runs
from s3console.ui.threads import Threads
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout


class Numbers:
    """Rows by rank; `fast` False sends every window through a thread."""

    def __init__(self, count: int, *, fast: bool) -> None:
        self.total, self.fast = count, fast

    def count(self) -> int:
        return self.total

    def rows(self, start: int, stop: int) -> Sequence[int]:
        return range(start, stop)


LAYOUT: Layout[int] = Layout((
    Column("key", lambda n: key_runs(f"document{n % 300:03d}/{n:012x}/{n}::png::200"), middle=True),
    Column("size", lambda n: [(exact(n * 37 % 1_000_003), "muted")], width=10, right=True),
    Column("state", lambda n: [("missing" if n % 3 else "·", "missing" if n % 3 else "faint")], width=8),
))


class TableApp(App[None]):
    """One table and nothing else."""

    def __init__(self, count: int, *, fast: bool) -> None:
        super().__init__()
        self.threads = Threads()
        self.numbers = Numbers(count, fast=fast)
        self.register_theme(theme.DARK)
        self.theme = theme.DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme.role_defaults(theme.DARK)

    def compose(self) -> ComposeResult:
        yield PagedTable(LAYOUT, self.numbers, id="table")


if __name__ == "__main__":
    TableApp(int(sys.argv[1]), fast=sys.argv[2] == "fast").run()
