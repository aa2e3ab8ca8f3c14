"""What is sent to a worker: operations as items, or a stretch of the plan as it stands there.

A stretch holds plain copies, or plain deletes, that come one after the other and need nothing but to be
sent. It goes from the plan to a worker as text, and what became of it into the bitmaps, without becoming
objects in between; where anything about it is odd, it turns into items.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..core.model import Operation, Ref
from ..core.plans import decode_operations

Kind = Literal["copy", "delete"]

_TEXT = r'"[ !#-\[\]-~]*+(?:\\[ -~][ !#-\[\]-~]*+)*+"'
_TARGET = rf'\["right",({_TEXT}),{_TEXT},{_TEXT},{_TEXT},\d+,{_TEXT}\]'
_SOURCE = rf'\["(?:left|right)",{_TEXT},{_TEXT},{_TEXT},{_TEXT},(\d+),{_TEXT}\]'
_PLAIN = {
    "copy": re.compile(
        rf'\[(\d+),"(?:copy|restore)",{_TARGET},{_SOURCE},{_TEXT},null,null,false,{_TEXT}\]'),
    "delete": re.compile(rf'\[(\d+),"delete",{_TARGET},null,{_TEXT},null,null,(?:true|false),{_TEXT}()\]'),
}
"""Lines of core.plans: index, bucket of the target, size of the source. Nothing comes before such an
operation (`after`), nothing is looked at before it (`witness`), and no word says how it is to be done."""


@dataclass(frozen=True, slots=True)
class Item:
    """One operation to send: `look` first when an earlier attempt may have reached the store."""

    operation: Operation
    look: bool = False
    witnesses: tuple[Ref, ...] = ()


class Stretch(NamedTuple):
    """Lines of a plan from the operation `first` on, all into one bucket, and the bytes that each copies."""

    kind: Kind
    first: int
    bucket: str
    lines: Sequence[str]
    sizes: Sequence[int]

    def cut(self, most: int) -> tuple[Stretch, Stretch | None]:
        """Its first `most` operations and what is left."""
        rest = None
        if len(self.lines) > most:
            rest = self._replace(first=self.first + most, lines=self.lines[most:], sizes=self.sizes[most:])
        return self._replace(lines=self.lines[:most], sizes=self.sizes[:most]), rest

    def with_next(self, other: Stretch) -> Stretch | None:
        """Both as one, where the other begins where this one ends and is of its kind."""
        if (other.kind, other.bucket, other.first) != (self.kind, self.bucket, self.first + len(self.lines)):
            return None
        return self._replace(lines=[*self.lines, *other.lines], sizes=[*self.sizes, *other.sizes])

    def items(self, *, look: bool = False) -> list[Item]:
        """Its operations one by one."""
        return [Item(operation, look) for operation in decode_operations(self.lines)]


def read_stretch(kind: Kind, first: int, lines: Sequence[str]) -> Stretch | None:
    """The stretch that these lines are; None when one of them is not plain, or not the one that is due."""
    found = list(map(_PLAIN[kind].fullmatch, lines))
    if not found or not all(found):
        return None
    indexes, buckets, sizes = zip(*(one.groups() for one in found if one is not None), strict=True)
    if len(set(buckets)) > 1 or list(indexes) != list(map(str, range(first, first + len(lines)))):
        return None
    return Stretch(kind, first, buckets[0], lines, [int(size or 0) for size in sizes])


class Sent:
    """A stretch that is out: which of its operations are not reported yet."""

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self._left = set(range(stretch.first, stretch.first + len(stretch.lines)))

    def __len__(self) -> int:
        return len(self._left)

    def take(self, indexes: Sequence[int]) -> bool:
        """Count operations as reported; False, and nothing counted, where one of them is not out."""
        reported = set(indexes)
        if len(reported) != len(indexes) or not reported <= self._left:
            return False
        self._left -= reported
        return True

    def items(self) -> dict[int, Item]:
        """What is not reported yet, one by one."""
        return {one.operation.index: one for one in self.stretch.items()
                if one.operation.index in self._left}


class Slice:
    """Operations sent to one worker together; all copies, or all deletes in one bucket."""

    __slots__ = ("_items", "_sources", "kind", "number", "stretch")

    def __init__(self, number: int, kind: Kind, items: tuple[Item, ...] = (),
                 stretch: Stretch | None = None) -> None:
        self.number, self.kind, self.stretch = number, kind, stretch
        self._items = items
        self._sources: dict[int, Ref | None] | None = None

    def __len__(self) -> int:
        return len(self.stretch.lines) if self.stretch is not None else len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slice) and (self.number, self.kind, self.items) == (
            other.number, other.kind, other.items)

    __hash__ = None  # type: ignore[assignment]

    @property
    def items(self) -> tuple[Item, ...]:
        """Its operations one by one."""
        if self.stretch is not None and not self._items:
            self._items = tuple(self.stretch.items())
        return self._items

    @property
    def sources(self) -> dict[int, Ref | None]:
        """What its copies copy, by index; nothing for deletes."""
        if self._sources is None:
            self._sources = {} if self.kind == "delete" else {
                i.operation.index: i.operation.source for i in self.items}
        return self._sources

    @property
    def bytes(self) -> int:
        """How much its copies copy."""
        if self.stretch is not None:
            return sum(self.stretch.sizes)
        return sum(i.operation.source.size for i in self._items if i.operation.source is not None)
