"""One record of the journal in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Runs
from s3console.ui.widgets.facts import Fact, Facts


class RecordDialog(Dialog[None]):
    """Scrolls where a record is long; nothing is cut."""

    CSS = """
    RecordDialog .dialog { width: 96; max-width: 98%; max-height: 90%; }
    RecordDialog VerticalScroll { height: auto; max-height: 26; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar = [Binding("q,enter", "cancel", "back", show=False)]

    def __init__(self, facts: Sequence[Fact], what: Runs) -> None:
        super().__init__("".join(text for text, _ in what))
        self.facts = facts

    def body(self) -> Iterable[Widget]:
        with VerticalScroll():
            yield Facts(self.facts, label=14)
