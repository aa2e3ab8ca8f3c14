"""All operations of a plan, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding
from textual.widget import Widget

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import plural
from s3console.ui.plans.facts import OperationRows
from s3console.ui.plans.words import OPERATIONS
from s3console.ui.widgets.paged_table import PagedTable


class OperationsDialog(Dialog[None]):
    """Reads the plan window by window."""

    CSS = """
    OperationsDialog .dialog { width: 96%; height: 90%; }
    OperationsDialog PagedTable { height: 1fr; }
    """
    BINDINGS: ClassVar = [Binding("q,v", "cancel", "back", show=False)]

    def __init__(self, rows: OperationRows) -> None:
        super().__init__(f"plan {rows.plan.plan}", subtitle=plural(rows.plan.operations, "operation"))
        self.rows = rows

    def body(self) -> Iterable[Widget]:
        yield PagedTable(OPERATIONS, self.rows, id="operations")
