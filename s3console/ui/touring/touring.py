"""The tour as a part of the console: offered in the demo, shown on every screen, left with esc."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.timer import Timer

from s3console.ui.session import Session
from s3console.ui.touring.guide import Guide
from s3console.ui.widgets.tour_strip import TourStrip

if TYPE_CHECKING:
    from s3console.ui.app import S3ConsoleApp

LOOKS = 0.2
"""Seconds between two looks whether the step was done."""


class Touring(Session):
    """What a session does about its tour."""

    _guide: Guide | None = None
    _looking: Timer | None = None

    @property
    def guide(self) -> Guide:
        if self._guide is None:
            self._guide = Guide()
        return self._guide

    def offer_tour(self) -> None:
        """Ask once whether it is wanted."""
        from s3console.ui.dialogs.tour_offer import TourOffer

        self.remember(tour_offered=True)
        self.push_screen(TourOffer(), lambda wanted: self.action_tour() if wanted else None)

    def action_tour(self) -> None:
        """Begin, or go on where it was left."""
        if not cast("S3ConsoleApp", self).demo:
            self.notify("The tour belongs to the demo: leave, and start `s3console demo`.",
                        severity="warning", markup=False)
            return
        self.guide.begin()
        if self._looking is None:
            self._looking = self.set_interval(LOOKS, self._look)
        self._looking.resume()
        self.show_tour()

    def leave_tour(self) -> None:
        self.guide.leave()
        if self._looking is not None:
            self._looking.pause()
        self.show_tour()
        self.notify("The tour is put away; :tour goes on with it.", markup=False)

    def show_tour(self) -> None:
        """Draw the strip of the current screen, or hide it."""
        screen = self.screen_of_mode
        if screen is not None and screen.is_mounted:
            for strip in screen.query(TourStrip):
                strip.display = self.guide.under_way
                strip.refresh()

    def _look(self) -> None:
        if self.guide.look(cast("S3ConsoleApp", self)):
            self.show_tour()
