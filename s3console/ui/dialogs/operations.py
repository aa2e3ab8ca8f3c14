"""All operations of a plan, in the order in which they run; marked ones can be left out of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.model import Operation
from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import content, exact, plural, size_text
from s3console.ui.plans.facts import OperationRows
from s3console.ui.plans.words import operations_layout
from s3console.ui.widgets.paged_table import PagedTable


class OperationsDialog(Dialog[list[int]]):
    """Reads the plan window by window. Answers the indexes that are to be left out, None for nothing."""

    CSS = """
    OperationsDialog .dialog { width: 96%; height: 90%; }
    OperationsDialog PagedTable { height: 1fr; }
    OperationsDialog #marked { height: 1; margin: 1 0 0 0; }
    OperationsDialog .keys { margin: 0; }
    """
    BINDINGS: ClassVar = [
        Binding("q,v", "cancel", "back", show=False),
        Binding("minus", "drop", "drop", show=False),
    ]

    def __init__(self, rows: OperationRows, *, may_drop: bool = False) -> None:
        keys = [("space", "mark"), ("-", "leave marked ones out")] if may_drop else []
        super().__init__(f"plan {rows.plan.plan}", subtitle=plural(rows.plan.operations, "operation"),
                         keys=keys)
        self.rows, self.may_drop = rows, may_drop

    def body(self) -> Iterable[Widget]:
        yield PagedTable(operations_layout(self.rows.plan.prefix), self.rows, id="operations")
        yield Static("", id="marked", markup=False)

    @property
    def operations(self) -> PagedTable:
        return self.query_one("#operations", PagedTable)

    def on_mount(self) -> None:
        self._tell()

    def on_paged_table_marked(self) -> None:
        self._tell()

    def on_paged_table_highlighted(self) -> None:
        self._tell()

    def _tell(self) -> None:
        rows: list[Operation] = list(self.operations.marks.values())
        at = (f"{exact(self.operations.cursor + 1)} of {exact(self.rows.count())}", "faint")
        if rows and self.may_drop:
            size = sum(row.target.size for row in rows)
            self.query_one("#marked", Static).update(content(
                (f"{exact(len(rows))} marked", "accent"), (f"  {size_text(size)}", "muted"),
                ("  a new plan without them takes the place of this one", "muted")))
        else:
            self.query_one("#marked", Static).update(content(at))

    def action_drop(self) -> None:
        if not self.may_drop:
            return
        marked = sorted(row.index for row in self.operations.marks.values())
        if marked:
            self.dismiss(marked)
        else:
            self.app.notify("Mark the operations to leave out with space first.", markup=False)

    def action_cancel(self) -> None:
        if self.operations.marks:
            self.operations.clear_marks()
        else:
            self.dismiss(None)
