"""What a PagedTable shows: rows behind a source that gives any window of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from s3console.ui.display import Runs

Row = TypeVar("Row")
RowOut = TypeVar("RowOut", covariant=True)


class RowSource(Protocol[RowOut]):
    """Rows by rank. `fast` says that `rows` answers in about a millisecond and may run on the UI thread;
    otherwise the table asks for windows in a thread, newest wish first."""

    fast: bool

    def count(self) -> int: ...

    def rows(self, start: int, stop: int) -> Sequence[RowOut]: ...


@dataclass(slots=True)
class ListRows(Generic[Row]):
    """A source over rows that are already in memory."""

    items: Sequence[Row] = ()
    fast: bool = True

    def count(self) -> int:
        return len(self.items)

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        return self.items[start:stop]


def _position(row: object, index: int) -> Hashable:
    return index


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column. `cell` turns a row into runs; width 0 shares what is left.

    `middle` cuts long texts in the middle (keys, whose end tells them apart); `from_width` hides the
    column in a table narrower than that, `below` in one at least that wide.
    """

    label: str | Runs
    cell: Callable[[Row], Runs]
    width: int = 0
    right: bool = False
    middle: bool = False
    from_width: int = 0
    below: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Layout(Generic[Row]):
    """Columns of a table and how a row is told from others (`identity(row, index)`) for marks."""

    columns: tuple[Column[Row], ...]
    identity: Callable[[Row, int], Hashable] = _position
    header: bool = True
    gap: int = 2

    def widths(self, room: int) -> list[tuple[Column[Row], int]]:
        """The columns that fit into `room` cells, with their widths."""
        shown = [column for column in self.columns if column.from_width <= room < column.below]
        fixed = sum(column.width for column in shown) + self.gap * max(0, len(shown) - 1)
        flexible = sum(1 for column in shown if not column.width)
        share = max(4, (room - fixed) // flexible) if flexible else 0
        return [(column, column.width or share) for column in shown]
