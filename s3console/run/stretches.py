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
_SOURCE = rf'\["(?:left|right)",{_TEXT},{_TEXT},{_TEXT},{_TEXT},(\d+),{_TEXT}\]'
_PLAIN = {
    "copy": re.compile(rf'^\[(\d+),"(?:copy|restore)",\["right",({_TEXT}),{_TEXT},{_TEXT},{_TEXT},\d+,'
                       rf'{_TEXT}\],{_SOURCE},{_TEXT},null,null,false,{_TEXT}\]\n', re.MULTILINE),
    "delete": re.compile(rf'^\[(\d+),"delete",\["right",({_TEXT}),({_TEXT}),({_TEXT}),{_TEXT},\d+,{_TEXT}\],'
                         rf'null,{_TEXT},null,null,(?:true|false),{_TEXT}\]\n', re.MULTILINE),
}
"""Lines of core.plans: index, bucket of the target, size of the source of a copy, key and version of a
delete. Nothing comes before such an operation (`after`), nothing is looked at before it (`witness`), and no
word says how it is to be done."""
_OVERWRITTEN = ('""', '"null"')
"""Versions that can be overwritten in place, as the lines write them."""


@dataclass(frozen=True, slots=True)
class Item:
    """One operation to send: `look` first when an earlier attempt may have reached the store."""

    operation: Operation
    look: bool = False
    witnesses: tuple[Ref, ...] = ()


class Stretch(NamedTuple):
    """Lines of a plan from the operation `first` on, all into one bucket.

    For copies `sizes` are the bytes that each copies. For deletes of versions that cannot be overwritten
    `keys` and `ids` are what is deleted, each as JSON text.
    """

    kind: Kind
    first: int
    bucket: str
    lines: Sequence[str]
    sizes: Sequence[int] = ()
    keys: Sequence[str] = ()
    ids: Sequence[str] = ()

    def cut(self, most: int) -> tuple[Stretch, Stretch | None]:
        """Its first `most` operations and what is left."""
        if len(self.lines) <= most:
            return self, None
        return self._part(0, most), self._part(most, len(self.lines))

    def _part(self, start: int, end: int) -> Stretch:
        return Stretch(self.kind, self.first + start, self.bucket, self.lines[start:end],
                       self.sizes[start:end], self.keys[start:end], self.ids[start:end])

    def with_next(self, other: Stretch) -> Stretch | None:
        """Both as one, where the other begins where this one ends and is of its kind."""
        if (other.kind, other.bucket, other.first, bool(other.keys)) != (
                self.kind, self.bucket, self.first + len(self.lines), bool(self.keys)):
            return None
        return Stretch(self.kind, self.first, self.bucket, [*self.lines, *other.lines],
                       [*self.sizes, *other.sizes], [*self.keys, *other.keys], [*self.ids, *other.ids])

    def items(self, *, look: bool = False) -> list[Item]:
        """Its operations one by one."""
        return [Item(operation, look) for operation in decode_operations(self.lines)]


def read_stretch(kind: Kind, first: int, lines: Sequence[str]) -> Stretch | None:
    """The stretch that these lines are; None when one of them is not plain, or not the one that is due."""
    text = "\n".join(lines)
    found = _PLAIN[kind].findall(f"{text}\n")
    if not found or len(found) != len(lines) or text.count("\n") != len(lines) - 1:
        return None
    indexes, buckets, *columns = zip(*found, strict=True)
    if buckets.count(buckets[0]) != len(buckets) or \
            list(indexes) != list(map(str, range(first, first + len(lines)))):
        return None
    if kind == "copy":
        return Stretch(kind, first, buckets[0], lines, list(map(int, columns[0])))
    keys, ids = columns
    if any(one in ids for one in _OVERWRITTEN):
        return Stretch(kind, first, buckets[0], lines)
    return Stretch(kind, first, buckets[0], lines, (), keys, ids)


class Sent:
    """A stretch that is out: bit i of `left` says that its i-th operation is not reported yet."""

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self.left = (1 << len(stretch.lines)) - 1

    def __len__(self) -> int:
        return self.left.bit_count()

    def take(self, bits: int) -> bool:
        """Count operations as reported; False, and nothing counted, where one of them is not out."""
        if bits < 0 or bits & ~self.left:
            return False
        self.left &= ~bits
        return True

    def items(self) -> dict[int, Item]:
        """What is not reported yet, one by one."""
        return {one.operation.index: one for n, one in enumerate(self.stretch.items()) if self.left >> n & 1}


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
