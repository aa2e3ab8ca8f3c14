"""b: saved and recent places; b again saves the place on screen, d forgets the one on the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from textual.binding import Binding
from textual.widget import Widget

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Runs, path_runs
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout, ListRows


class PlaceLine(NamedTuple):
    """One place of the list."""

    uri: str
    saved: bool


class PlacesAnswer(NamedTuple):
    """What is to be done with a place: `go`, `save` or `forget`."""

    act: str
    uri: str


def _where(line: PlaceLine) -> Runs:
    return path_runs(line.uri, "foreground", "muted")


def _state(line: PlaceLine) -> Runs:
    return [("saved", "accent")] if line.saved else [("recent", "faint")]


PLACES: Layout[PlaceLine] = Layout(
    (Column("place", _where, middle=True), Column("", _state, width=6)),
    identity=lambda line, index: line.uri, header=False,
)


class PlacesDialog(Dialog[PlacesAnswer]):
    """Enter goes to the place on the cursor."""

    CSS = """
    PlacesDialog .dialog { width: 84; height: auto; }
    PlacesDialog PagedTable { height: 14; }
    """
    BINDINGS: ClassVar = [
        Binding("b", "save", "save", show=False), Binding("d", "forget", "forget", show=False),
        Binding("q", "cancel", "back", show=False),
    ]

    def __init__(self, here: str, saved: Sequence[str], recent: Sequence[str]) -> None:
        keys = [("enter", "go there")]
        if here and here not in saved:
            keys.append(("b", "save this place"))
        if saved:
            keys.append(("d", "forget"))
        super().__init__("places", subtitle="kept in the state directory", keys=keys)
        self.here = here
        self.lines = [PlaceLine(uri, True) for uri in saved]
        self.lines += [PlaceLine(uri, False) for uri in recent if uri not in saved and uri != here]

    def body(self) -> Iterable[Widget]:
        yield PagedTable(PLACES, ListRows(self.lines), id="places-table")

    def on_mount(self) -> None:
        table = self.query_one(PagedTable)
        table.styles.height = max(3, min(14, len(self.lines)))
        if not self.lines:
            table.note(("Nothing is saved yet. ", "muted"), ("b", "bold primary"),
                       (" saves the place you look at.", "muted"))

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        event.stop()
        self.dismiss(PlacesAnswer("go", event.row.uri))

    def action_save(self) -> None:
        if self.here:
            self.dismiss(PlacesAnswer("save", self.here))

    def action_forget(self) -> None:
        line = self.query_one(PagedTable).current
        if isinstance(line, PlaceLine) and line.saved:
            self.dismiss(PlacesAnswer("forget", line.uri))
