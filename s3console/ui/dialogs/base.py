"""What every dialog has: a frame with a title, Esc that cancels, and its keys in the last line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from s3console.ui.display import Run, content

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer], Generic[Answer]):
    """Base of the dialogs. `cancelled()` gives the answer of Esc, `body()` the widgets."""

    BINDINGS: ClassVar = [Binding("escape", "cancel", "back", show=False)]
    danger: ClassVar[bool] = False

    def __init__(self, title: str, *, subtitle: str = "", keys: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__()
        self.heading = title
        self.subheading = subtitle
        self.keys = [*keys, ("esc", "back")]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -danger" if self.danger else "dialog") as frame:
            frame.border_title = content((self.heading, ""))
            frame.border_subtitle = content((self.subheading, ""))
            yield from self.body()
            runs: list[Run] = []
            for key, does in self.keys:
                runs += [(key, "bold primary"), (f" {does}    ", "muted")]
            yield Static(content(*runs), classes="keys", id="dialog-keys")

    def body(self) -> Iterable[Widget]:
        """The widgets between title and keys."""
        raise NotImplementedError

    def cancelled(self) -> Answer | None:
        """What Esc answers."""
        return None

    def action_cancel(self) -> None:
        self.dismiss(self.cancelled())
