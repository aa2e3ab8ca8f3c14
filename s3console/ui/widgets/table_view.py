"""How a PagedTable is drawn: line by line, only the lines in view."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Self

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from s3console.core.errors import S3ConsoleError
from s3console.ui.display import Run, Runs, css_style, elide, fit, width_of
from s3console.ui.widgets.page_cache import PageCache
from s3console.ui.widgets.rows import Layout, ListRows, RowSource

LINES_KEPT = 160


class TableView(ScrollView, can_focus=True):
    """Rows of a source as lines, with a header, a cursor row, marks, and a sentence while it is empty."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"paged--header", "paged--cursor"}
    DEFAULT_CSS = """
    TableView { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; background: $background;
      & > .paged--header { color: $faint; }
      & > .paged--cursor { background: $cursor-blur; }
      &:focus > .paged--cursor { background: $cursor; }
    }
    """
    cursor: reactive[int] = reactive(0, repaint=False)

    def __init__(
        self, layout: Layout[Any], source: RowSource[Any] | None = None, *, id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        self._lines: dict[tuple[int, bool, str], tuple[Any, Strip]] = {}
        self._lines_for: tuple[Any, int, int] = (None, 0, 0)
        super().__init__(id=id, classes=classes)
        self.spec = layout
        self.marks: dict[Hashable, Any] = {}
        self.cache = self._cache_of(source if source is not None else ListRows[Any]())
        self._notice: Runs = ()
        self._styles_of: dict[tuple[str, bool], RichStyle] = {}

    def _cache_of(self, source: RowSource[Any]) -> PageCache:
        return PageCache(self, source, arrived=self._page_arrived, failed=self._page_failed)

    @property
    def source(self) -> RowSource[Any]:
        """What is shown."""
        return self.cache.source

    def _page_arrived(self, page: int) -> None:
        self.refresh()

    def _page_failed(self, error: S3ConsoleError) -> None:
        self.note((error.sentence, "warning"))

    def note(self, *runs: Run) -> None:
        """One sentence in place of rows, while there are none."""
        self._notice = runs
        self.refresh()

    @property
    def _head(self) -> int:
        return 1 if self.spec.header else 0

    @property
    def _room(self) -> int:
        """Cells of a line; a scroll bar takes one of them."""
        return self.size.width - (1 if self.show_vertical_scrollbar else 0)

    def _resize_virtual(self) -> None:
        self.virtual_size = Size(self.size.width, self.source.count() + self._head)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_of = {}
        self._lines.clear()

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False,
    ) -> Self:
        """Draw again. Without regions what a row shows may have changed: nothing drawn before is kept."""
        if repaint and not regions:
            self._lines.clear()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _style(self, role: str, on_cursor: bool) -> RichStyle:
        found = self._styles_of.get((role, on_cursor))
        if found is None:
            base = self.visual_style
            words = role.replace("faint", "muted") if on_cursor else role
            if on_cursor and self.has_focus and self.app.current_theme.ansi:
                # Sixteen colours leave no hue that can be read on the colour of the cursor.
                words = " ".join(word for word in role.split() if word in ("bold", "underline"))
            style = Style(background=base.background, foreground=base.foreground)
            if on_cursor:
                style += Style(background=self.get_visual_style("paged--cursor").background)
            if words:
                style += Style.parse(css_style(words), self.app.theme_variables)
            found = self._styles_of[role, on_cursor] = style.rich_style
        return found

    def _strip(self, cells: Sequence[Runs], *, mark: str, on_cursor: bool) -> Strip:
        blank = self._style("", on_cursor)
        segments = [Segment(mark, self._style("primary", on_cursor))]
        for n, ((column, width), runs) in enumerate(zip(self._widths(), cells, strict=True)):
            if n:
                segments.append(Segment(" " * self.spec.gap, blank))
            for text, role in fit(runs, width, right=column.right, middle=column.middle):
                segments.append(Segment(text, self._style(role, on_cursor)))
        return Strip(segments).adjust_cell_length(self._room, blank)

    def _widths(self) -> list[tuple[Any, int]]:
        return self.spec.widths(self._room - 2)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines of the view, ready for the terminal.

        Textual remembers lines by their place on the screen, so one step of scrolling draws them all. Rows
        keep what they were drawn as, with all that is made of it further down.
        """
        width = self.size.width
        drawn_for = (self.spec, width, self._room)
        if drawn_for != self._lines_for or len(self._lines) > LINES_KEPT:
            self._lines.clear()
            self._lines_for = drawn_for
        filters, (_, background) = self.get_line_filters(), self.background_colors
        strips = []
        for y in crop.line_range:
            strip = self.render_line(y)
            for one in filters:
                strip = strip.apply_filter(one, background)
            strips.append(strip)
        if crop.column_span != (0, width):
            return [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """One line of the view: the header, a row, a row that is on its way, or the notice."""
        if self.spec.header and y == 0:
            return self._kept((-1, False, ""), None, self._head_line)
        index = self.scroll_offset.y + y - self._head
        if index >= self.source.count():
            return self._notice_line(y - self._head)
        row = self.cache.row(index)
        on_cursor = index == self.cursor
        blank = self._style("", on_cursor)
        if row is None:
            waiting = Segment(f" {index + 1:,} …", self._style("faint", on_cursor))
            return Strip([waiting]).adjust_cell_length(self.size.width, blank)
        mark = "▌" if self.marks and self.spec.identity(row, index) in self.marks else " "
        return self._kept((index, on_cursor, mark), row, lambda: self._strip(
            [c.cell(row) for c, _ in self._widths()], mark=mark, on_cursor=on_cursor))

    def _kept(self, name: tuple[int, bool, str], row: Any, draw: Callable[[], Strip]) -> Strip:
        """A line as it was drawn before, if the row behind it is still the same."""
        known = self._lines.get(name)
        if known is None or known[0] is not row:
            blank = self._style("", name[1])
            known = self._lines[name] = (row, draw().adjust_cell_length(self.size.width, blank))
        return known[1]

    def _head_line(self) -> Strip:
        labels = [[(c.label, "faint")] if isinstance(c.label, str) else c.label for c, _ in self._widths()]
        return self._strip(labels, mark=" ", on_cursor=False)

    def _notice_line(self, y: int) -> Strip:
        blank = self._style("", False)
        width = self.size.width
        if self.source.count() or not self._notice or width < 8:
            return Strip.blank(width, blank)
        lines = _wrap(self._notice, width - 4)
        if not 1 <= y <= len(lines):
            return Strip.blank(width, blank)
        segments = [Segment("  ", blank)]
        segments += [Segment(text, self._style(role, False)) for text, role in lines[y - 1]]
        return Strip(segments).adjust_cell_length(width, blank)


def _wrap(runs: Runs, width: int) -> list[list[Run]]:
    """Runs broken at spaces into lines of at most `width` cells."""
    lines: list[list[Run]] = [[]]
    room = width
    for text, role in runs:
        for n, word in enumerate(text.split(" ")):
            if n and room < width:
                lines[-1].append((" ", role))
                room -= 1
            piece = elide([(word, role)], width)
            need = width_of(piece)
            if need > room:
                lines.append([])
                room = width
            lines[-1].extend(piece)
            room -= need
    return lines
