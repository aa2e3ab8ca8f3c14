"""Browse: the last comparisons below the buckets, and the way into one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3console.core.model import ReviewHeader
from s3console.ui.console import console_of
from s3console.ui.screens.buckets import BucketsScreen
from s3console.ui.threads import run_in_thread

if TYPE_CHECKING:
    from s3console.ui.widgets.paged_table import PagedTable


class ComparisonsScreen(BucketsScreen):
    """What Browse knows of comparisons."""

    def __init__(self) -> None:
        super().__init__()
        self.compared: list[ReviewHeader] | None = None

    def load_compared(self) -> None:
        """Read the headers of the last comparisons."""
        from s3console.ui.browsing import kept

        desk = console_of(self).desk
        run_in_thread(self, lambda task: kept.compared(desk), then=self._compared, failed=self.say_error,
                      name="compared")

    def _compared(self, found: list[ReviewHeader]) -> None:
        from s3console.ui.widgets.recent_compares import RecentCompares

        before, self.compared = self.compared, found
        if shown := self.query(RecentCompares):
            if found != before:
                shown.first(RecentCompares).show(found)
        elif found:
            self.query_one("#buckets-pane").mount(RecentCompares(found))

    def on_screen_resume(self) -> None:
        if self.compared is not None:  # a comparison may have come to its end since
            self.load_compared()

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        # Textual hands it to Browse by itself.
        if event.table.id == "compared":
            console_of(self).call_later(self._open_comparison, event.row.review)

    async def _open_comparison(self, review: str) -> None:
        app = console_of(self)
        await app.switch_mode("compare")
        screen = app.screen_of_mode
        if screen is not None and (show := getattr(screen, "show_prefix", None)) is not None:
            show(review, "")
