"""The versions of a key as a table with a time line below it: the state of the key at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from s3console.core.model import Entry
from s3console.core.timeline import NOW
from s3console.ui import actions
from s3console.ui.browsing.moments import Line, bar_runs, moment_runs, standing_runs
from s3console.ui.display import Run, Runs, content, elide, key_runs, size_text, time_text, width_of
from s3console.ui.keys_in_use import key
from s3console.ui.widgets.browse_columns import class_badge
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout

if TYPE_CHECKING:
    from s3console.ui.browsing.kept import Twins

_KEYS = (("versions.earlier versions.later", "change"), ("versions.hour-back versions.hour-on", "hour"),
         ("versions.day-back versions.day-on", "day"), ("versions.diff", "diff"),
         ("browse.restore", "restore"), ("browse.delete", "delete"), ("browse.download", "download"),
         ("browse.time", "whole place"), ("browse.copy-menu", "copy text"))

TWIN = 12
"""Cells for the name of the other bucket beside a version."""


class TimeLine(Widget):
    """The bar, the moment, what stood then, and the keys."""

    DEFAULT_CSS = """
    TimeLine { height: 6; width: 1fr; padding: 1 1 0 1; background: $background; }
    """

    def __init__(self) -> None:
        super().__init__(id="time-line")
        self.line = Line()

    def show(self, line: Line) -> None:
        """Show another moment or key."""
        self.line = line
        self.refresh()

    def render(self) -> Content:
        line, width = self.line, self.content_size.width
        if not line.history:
            return content(("", ""))
        runs: list[Run] = [("time   ", "faint"), *bar_runs(line, width - 7), ("\nas of  ", "faint"),
                           *moment_runs(line), ("\nthen   ", "faint"), *standing_runs(line), ("\n\n", "")]
        keys: list[Run] = []
        for names, does in _KEYS:
            shown = " ".join(key(name) for name in names.split()).replace("← →", "←→")
            more: list[Run] = [(shown, "bold primary"), (f" {does}   ", "muted")]
            if width_of(keys) + width_of(more) <= width + 3:
                keys += more
        return content(*runs, *keys)


class VersionsTable(PagedTable):
    """The versions, newest first. Its keys move the time line; the version that stood then is pointed at."""

    BINDINGS: ClassVar = actions.bindings("versions")

    class Asked(Message):
        """A key of the time line: `slide` by changes, `turn` by hours, `diff`."""

        def __init__(self, act: str, by: int = 0) -> None:
            super().__init__()
            self.act, self.by = act, by

    def __init__(self) -> None:
        self.line = Line()
        self.twins: Twins | None = None
        super().__init__(self._layout(), id="versions")

    def _layout(self) -> Layout[Entry]:
        def when(entry: Entry) -> Runs:
            return [(time_text(entry.modified, seconds=True), "foreground")]

        def size(entry: Entry) -> Runs:
            return [("·", "faint")] if entry.is_delete_marker else [(size_text(entry.size), "muted")]

        return Layout(
            (Column("", self._pointer, width=1),
             Column("when (UTC)", when, width=19),
             Column("version", lambda e: key_runs(e.version_id or "null", "muted"), middle=True),
             Column("size", size, width=9, right=True),
             Column("class", lambda e: [] if e.is_delete_marker else class_badge(e.storage_class),
                    width=5, from_width=90),
             Column("state", self._state, width=24 + TWIN if self.twins is not None else 22, from_width=52)),
            identity=lambda entry, index: entry.version_id or index,
        )

    def _pointer(self, entry: Entry) -> Runs:
        if self.line.moment == NOW or entry is not self.line.standing:
            return [(" ", "")]
        return [("●", "primary")]

    def _state(self, entry: Entry) -> Runs:
        if entry.is_delete_marker:
            return [("delete marker", "warning"), (", current" if entry.is_latest else "", "accent")]
        state: Run = ("current", "accent") if entry.is_latest else ("previous", "faint")
        if self.twins is None or not self.twins.has(entry):
            return [state]
        where = elide(key_runs(self.twins.where, "ok"), TWIN)
        return [(f"{state[0]:<8}", state[1]), ("  = ", "ok"), *where, (" (same ETag)", "faint")]

    def point_out(self, twins: Twins | None) -> None:
        """Say which versions the other side of a comparison holds too; None where that is not known."""
        if twins != self.twins:
            self.twins = twins
            self.spec = self._layout()
            self.refresh()

    def point(self, line: Line) -> None:
        """Show which version stood at a moment."""
        self.line = line
        self.refresh()

    def action_slide(self, by: int) -> None:
        self.post_message(self.Asked("slide", by))

    def action_turn(self, by: int) -> None:
        self.post_message(self.Asked("turn", by))

    def action_diff_versions(self) -> None:
        self.post_message(self.Asked("diff"))
