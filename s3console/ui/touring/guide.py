"""Where the tour stands: it goes on by itself as soon as its step was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3console.ui.touring.steps import STEPS, Step

if TYPE_CHECKING:
    from s3console.ui.app import S3ConsoleApp


class Guide:
    """The tour of one session. `at` is the step that waits to be done."""

    def __init__(self) -> None:
        self.at = 0
        self.under_way = False

    @property
    def step(self) -> Step:
        return STEPS[self.at]

    @property
    def number(self) -> str:
        """`3 of 13`."""
        return f"{self.at + 1} of {len(STEPS)}"

    def begin(self) -> None:
        """Start, or go on where it was left; after its end from the start."""
        if self.at == len(STEPS) - 1:
            self.at = 0
        self.under_way = True

    def leave(self) -> None:
        """Put it away; the place is kept."""
        self.under_way = False

    def look(self, app: S3ConsoleApp) -> bool:
        """Go on over every step that was done; whether it went on."""
        before = self.at
        while self.under_way and self.at < len(STEPS) - 1 and self.step.done(app):
            self.at += 1
        return self.at != before
