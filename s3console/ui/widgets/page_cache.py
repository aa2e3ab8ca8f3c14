"""The windows of a row source that a table holds: a few pages, newest wishes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from textual.message_pump import MessagePump

from s3console.core.errors import S3ConsoleError
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.rows import RowSource

PAGE = 128
PAGES_KEPT = 8
PAGES_WANTED = 4


class PageCache:
    """Pages of one source. `arrived(page)` and `failed(error)` are told about pages read in a thread."""

    def __init__(
        self, node: MessagePump, source: RowSource[Any], *, arrived: Callable[[int], None],
        failed: Callable[[S3ConsoleError], None],
    ) -> None:
        self.source = source
        self.pages: OrderedDict[int, Sequence[Any]] = OrderedDict()
        self._node = node
        self._arrived = arrived
        self._failed = failed
        self._wanted: list[int] = []
        self._loading = False
        self._dropped = False

    def drop(self) -> None:
        """The table shows something else: what is still on its way is not wanted."""
        self._dropped = True
        self._wanted.clear()

    def row(self, index: int) -> Any:
        """The row, or None while it is on its way or when there is none."""
        if not 0 <= index < self.source.count():
            return None
        page, offset = divmod(index, PAGE)
        rows = self.pages.get(page)
        if rows is None:
            if not self.source.fast:
                self._want(page)
                return None
            rows = self._read(page)
            self._keep(page, rows)
        else:
            self.pages.move_to_end(page)
        return rows[offset] if offset < len(rows) else None

    def forget_partial(self) -> None:
        """Pages at the end of a source that grew are read again."""
        for page in [page for page, rows in self.pages.items() if len(rows) < PAGE]:
            del self.pages[page]

    def _read(self, page: int) -> Sequence[Any]:
        return self.source.rows(page * PAGE, min((page + 1) * PAGE, self.source.count()))

    def _keep(self, page: int, rows: Sequence[Any]) -> None:
        self.pages[page] = rows
        while len(self.pages) > PAGES_KEPT:
            self.pages.popitem(last=False)

    def _want(self, page: int) -> None:
        if page in self._wanted:
            self._wanted.remove(page)
        self._wanted.append(page)
        del self._wanted[:-PAGES_WANTED]
        self._pump()

    def _pump(self) -> None:
        if self._loading or self._dropped or not self._wanted:
            return
        self._loading = True
        page = self._wanted.pop()

        def load(task: Task) -> Sequence[Any]:
            return self._read(page)

        def loaded(rows: Sequence[Any]) -> None:
            self._loading = False
            if not self._dropped:
                self._keep(page, rows)
                self._arrived(page)
                self._pump()

        def broken(error: S3ConsoleError) -> None:
            self._loading = False
            self._wanted.clear()
            if not self._dropped:
                self._failed(error)

        run_in_thread(self._node, load, then=loaded, failed=broken, name=f"page {page} of {id(self)}")
