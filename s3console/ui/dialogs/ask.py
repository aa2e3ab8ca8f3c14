"""A question with two answers, for what can be undone. Enter answers No; only `y` answers Yes."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import ClassVar

from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Runs, content


class AskDialog(Dialog[bool]):
    """`y` is True; Enter, `n` and Esc are False."""

    BINDINGS: ClassVar = [
        Binding("y", "answer(True)", "yes", show=False),
        Binding("n,enter", "answer(False)", "no", show=False),
    ]

    DEAF: ClassVar[float] = 0.5

    def __init__(
        self, title: str, question: Runs, *, yes: str, no: str = "no", deaf: float = 0.0,
    ) -> None:
        """For `deaf` seconds after it appeared `y` is dropped: it was meant for something else."""
        super().__init__(title, keys=(("y", yes), ("n", no)))
        self.question, self.deaf = question, deaf
        self._since = float("inf")

    def on_mount(self) -> None:
        self._since = monotonic()

    def body(self) -> Iterable[Widget]:
        yield Static(content(*self.question))

    def cancelled(self) -> bool:
        return False

    def action_answer(self, answer: bool) -> None:
        if not answer or monotonic() - self._since >= self.deaf:
            self.dismiss(answer)
