"""PagedTable: a list of any length. Memory is the pages in view; every paint touches visible rows only."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events
from textual.geometry import Region
from textual.message import Message

from s3console.core.errors import S3ConsoleError
from s3console.ui import actions
from s3console.ui.widgets.page_cache import PAGE
from s3console.ui.widgets.rows import RowSource
from s3console.ui.widgets.table_view import TableView

MARK_ALL_LIMIT = 100_000


class PagedTable(TableView):
    """A table over a `RowSource`.

    Rows are opaque to the table; `Layout.columns` turn a row into runs when it is painted. Slow
    sources are read in a thread, one window at a time, the newest wish first.
    """

    BINDINGS: ClassVar = actions.bindings("list")

    class Highlighted(Message):
        """The cursor stands on another row (or the row under it arrived)."""

        def __init__(self, table: PagedTable, row: Any, index: int) -> None:
            super().__init__()
            self.table, self.row, self.index = table, row, index

        @property
        def control(self) -> PagedTable:
            return self.table

        def can_replace(self, message: Message) -> bool:
            """Of several moves that wait, only the last one counts."""
            return type(self) is type(message) is PagedTable.Highlighted and self.table is message.table

    class Opened(Highlighted):
        """Enter, or a second click, on a row."""

    class Failed(Message):
        """The source could not give a window of rows."""

        def __init__(self, table: PagedTable, error: S3ConsoleError) -> None:
            super().__init__()
            self.table, self.error = table, error

        @property
        def control(self) -> PagedTable:
            return self.table

    class Marked(Message):
        """The set of marked rows changed."""

        def __init__(self, table: PagedTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> PagedTable:
            return self.table

    # data

    def show(self, source: RowSource[Any], *, cursor: int = 0, keep_marks: bool = False) -> None:
        """Show another source."""
        self.cache.drop()
        self.cache = self._cache_of(source)
        self._notice = ()
        if not keep_marks:
            self.marks.clear()
        self._resize_virtual()
        self.set_reactive(PagedTable.cursor, max(0, min(cursor, source.count() - 1)))
        self._keep_visible()
        if self.cursor:
            self.call_after_refresh(self._keep_visible)
        self.refresh()
        self._tell_highlight()

    def grew(self) -> None:
        """The source learned about more rows: repaint only when one of them is in view."""
        before = self.virtual_size.height
        self._resize_virtual()
        self.cache.forget_partial()
        if before - self._head <= self.scroll_offset.y + self.size.height or before == self._head:
            self.refresh()
        if before == self._head and self.source.count():
            self._tell_highlight()

    def reload(self) -> None:
        """The source changed its rows in place: read them again, keep cursor and marks."""
        self.show(self.source, cursor=self.cursor, keep_marks=True)

    @property
    def current(self) -> Any:
        """The row under the cursor, or None."""
        return self.cache.row(self.cursor)

    def on_mount(self) -> None:
        self._resize_virtual()
        self._tell_highlight()

    def on_resize(self) -> None:
        self._resize_virtual()
        self._keep_visible()

    def _page_arrived(self, page: int) -> None:
        self.refresh()
        if self.cursor // PAGE == page:
            self._tell_highlight()

    def _page_failed(self, error: S3ConsoleError) -> None:
        self.post_message(self.Failed(self, error))

    # moves

    def validate_cursor(self, value: int) -> int:
        return max(0, min(value, self.source.count() - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        top = self.scroll_offset.y
        if not self._keep_visible():
            for index in (old, new):
                self.refresh(Region(0, index - top + self._head, self.size.width, 1))
        self._tell_highlight()

    def _keep_visible(self) -> bool:
        """Scroll so that the cursor is in view; True when it scrolled."""
        top, height = self.scroll_offset.y, max(1, self.size.height - self._head)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height and self.size.height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)
        else:
            return False
        return True

    def _tell_highlight(self) -> None:
        if self.is_mounted and (row := self.current) is not None:
            # Straight to the screen: on its way through six containers the paint would overtake it, and
            # what the screen says about the row would cost a second one.
            self.screen.post_message(PagedTable.Highlighted(self, row, self.cursor))

    def action_move(self, step: int) -> None:
        self.cursor += step

    def action_page(self, pages: int) -> None:
        self.cursor += pages * max(1, self.size.height - self._head - 1)

    def action_half(self, halves: int) -> None:
        self.cursor += halves * max(1, (self.size.height - self._head) // 2)

    def action_edge(self, side: int) -> None:
        self.cursor = 0 if side < 0 else self.source.count() - 1

    def action_choose(self) -> None:
        if (row := self.current) is not None:
            self.post_message(self.Opened(self, row, self.cursor))

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.y - self._head
        if event.y < self._head or not 0 <= index < self.source.count():
            return
        if index == self.cursor and event.chain >= 2:
            self.action_choose()
        self.cursor = index

    # marks

    def _toggle(self, index: int, *, to: bool | None = None) -> None:
        row = self.cache.row(index)
        if row is None:
            return
        identity = self.spec.identity(row, index)
        wanted = identity not in self.marks if to is None else to
        if wanted:
            self.marks[identity] = row
        else:
            self.marks.pop(identity, None)

    def action_mark(self) -> None:
        self._toggle(self.cursor)
        self.cursor += 1
        self._marks_changed()

    def action_mark_range(self, step: int) -> None:
        self._toggle(self.cursor, to=True)
        self.cursor += step
        self._toggle(self.cursor, to=True)
        self._marks_changed()

    def action_mark_all(self) -> None:
        if self.marks:
            self.clear_marks()
        elif not self.source.fast or self.source.count() > MARK_ALL_LIMIT:
            self.app.notify(f"Too many rows to mark one by one (the limit is {MARK_ALL_LIMIT:,}).",
                            severity="warning", markup=False)
        else:
            rows = self.source.rows(0, self.source.count())
            self.marks = {self.spec.identity(row, i): row for i, row in enumerate(rows)}
            self._marks_changed()

    def clear_marks(self) -> None:
        """Unmark everything."""
        self.marks.clear()
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.refresh()
        self.post_message(self.Marked(self))
