"""A `y` that a hand typed: not too early after the dialog opened, and not out of a burst of keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.screen import ModalScreen
from textual.timer import Timer

from s3console.ui.widgets.number_field import NumberField

Answer = TypeVar("Answer")


class ByHand(ModalScreen[Answer]):
    """Base of dialogs that take a `y`. A pasted text that begins with y, in a terminal that does not mark
    pastes, is a burst: the `y` only counts when no other key comes right before or after it."""

    DEAF: ClassVar[float] = NumberField.DEAF
    WAIT: ClassVar[float] = 0.05
    """Seconds after a `y` in which another key takes it back; a hand is slower."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._since = float("inf")
        self._last = 0.0
        self._accepting: Timer | None = None

    def on_mount(self, event: events.Mount) -> None:
        self._since = event.time

    def too_early(self, event: events.Key) -> bool:
        """Whether a key belongs to what was typed before the dialog was there."""
        return event.time - self._since < self.DEAF

    def in_burst(self, event: events.Key) -> bool:
        """Note a key; True when it came too fast after another one, or takes a `y` back."""
        burst = event.time - self._last < NumberField.HAND
        self._last = event.time
        if self._accepting is not None:
            self._accepting.stop()
            self._accepting = None
            burst = True
        return burst

    def accept_soon(self, accept: Callable[[], object]) -> None:
        """Carry a `y` out in a moment, unless another key comes first."""

        def carry_out() -> None:
            accept()

        self._accepting = self.set_timer(self.WAIT, carry_out)
