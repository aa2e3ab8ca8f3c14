"""Windows of ordered listings as columns, and how two of them are aligned at the speed of list slices."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import compress
from operator import gt

from .errors import ListingIncomplete, S3ConsoleError
from .model import Batch, Side

_STRIDE = 256


@dataclass(slots=True)
class Columns:
    """Rows of one side as columns of equal length; `keys` are relative to the place."""

    keys: list[str]
    sizes: list[int]
    etags: list[str]
    modified: list[str]
    classes: list[str]
    version_ids: list[str]
    latest: list[bool]
    markers: list[bool]

    def __len__(self) -> int:
        return len(self.keys)

    def extend(self, batch: Batch, cut: int) -> None:
        """Append a page; `cut` characters of prefix are taken off every key."""
        self.keys += [key[cut:] for key in batch.keys] if cut else batch.keys
        self.sizes += batch.sizes
        self.etags += batch.etags
        self.modified += batch.modified
        self.classes += batch.storage_classes
        if batch.version_ids is not None:
            self.version_ids += batch.version_ids
            self.latest += batch.latest or [True] * len(batch)
            self.markers += batch.markers or [False] * len(batch)

    def take(self, count: int) -> Columns:
        """Remove and return the first `count` rows."""
        taken = Columns(*(getattr(self, name)[:count] for name in _NAMES))
        for name in _NAMES:
            del getattr(self, name)[:count]
        return taken

    def drop_from(self, start: int) -> None:
        """Forget the rows from `start` on."""
        for name in _NAMES:
            del getattr(self, name)[start:]

    def chosen(self, flags: Sequence[bool]) -> Columns:
        """The rows whose flag is set."""
        return Columns(*(list(compress(getattr(self, name), flags)) for name in _NAMES))

    def side(self, at: int, prefix: str) -> Side:
        """One row as a fact with its full key."""
        versioned = bool(self.version_ids)
        return Side(
            prefix + self.keys[at], self.sizes[at], self.etags[at], self.modified[at], self.classes[at],
            self.version_ids[at] if versioned else "",
            self.latest[at] if versioned else True,
            self.markers[at] if versioned else False,
        )  # fmt: skip


_NAMES = tuple(item.name for item in fields(Columns))


def empty_columns() -> Columns:
    """Columns without a row."""
    return Columns([], [], [], [], [], [], [], [])


def split_history(rows: Columns) -> tuple[Columns, Columns]:
    """Current objects, and everything else: noncurrent versions and delete markers."""
    if not rows.version_ids:
        return rows, empty_columns()
    current = list(map(gt, rows.latest, rows.markers))
    if all(current):
        return rows, empty_columns()
    return rows.chosen(current), rows.chosen([not flag for flag in current])


class Feed:
    """One side of a merge: whole keys of a batched stream, taken window by window."""

    def __init__(self, batches: Iterable[Batch], prefix: str, given: str | None = None) -> None:
        self._batches = iter(batches)
        self._cut = len(prefix)
        self._given = given
        self.rows = empty_columns()
        self.ended = False
        self.failure: S3ConsoleError | None = None

    def fill(self) -> None:
        """Hold at least two distinct keys, or know that the stream ended or broke."""
        keys = self.rows.keys
        while not self.ended and (not keys or keys[0] == keys[-1]):
            try:
                batch = next(self._batches)
            except StopIteration:
                self.ended = True
            except ListingIncomplete as error:
                self.ended, self.failure = True, error
                if self.rows.version_ids:
                    # A page border may have cut the versions of the last key in two.
                    self.rows.drop_from(self._start_of_last())
            else:
                self.rows.extend(batch, self._cut)

    def _start_of_last(self) -> int:
        keys = self.rows.keys
        at = len(keys)
        while at and keys[at - 1] == keys[-1]:
            at -= 1
        return at

    def bound(self) -> str | None:
        """The last key known to be whole, in the buffer or given out before."""
        keys = self.rows.keys
        if self.ended:
            return keys[-1] if keys else self._given
        if not self.rows.version_ids:
            return keys[-1] if keys else self._given
        at = self._start_of_last()
        return keys[at - 1] if at else self._given

    def take(self, cut: str | None) -> Columns:
        """Remove and return everything up to and including `cut` (None: everything)."""
        keys = self.rows.keys
        count = len(keys) if cut is None or (keys and keys[-1] <= cut) else bisect_right(keys, cut)
        if count == len(keys):
            taken, self.rows = self.rows, empty_columns()
        else:
            taken = self.rows.take(count)
        if taken.keys:
            self._given = taken.keys[-1]
        return taken


def mismatches(left: Columns, right: Columns) -> Iterator[tuple[int | None, int | None]]:
    """Positions where two windows do not hold the same key, size and ETag, in key order.

    Gives (left, None) for a key only in left, (None, right) for one only in right, and (left, right)
    for a key in both with other size or ETag. Equal stretches are passed over slice by slice.
    """
    at, other = 0, 0
    keys, right_keys = left.keys, right.keys
    many, right_many = len(keys), len(right_keys)
    while at < many and other < right_many:
        stride = min(_STRIDE, many - at, right_many - other)
        if not _equal(left, right, at, other, stride):
            stride = _equal_stretch(left, right, at, other, stride)
        at += stride
        other += stride
        if at >= many or other >= right_many or stride == _STRIDE:
            continue
        key, right_key = keys[at], right_keys[other]
        if key == right_key:
            yield at, other
            at += 1
            other += 1
        elif key < right_key:
            yield at, None
            at += 1
        else:
            yield None, other
            other += 1
    for rest in range(at, many):
        yield rest, None
    for rest in range(other, right_many):
        yield None, rest


def _equal(left: Columns, right: Columns, at: int, other: int, stride: int) -> bool:
    return (
        left.keys[at : at + stride] == right.keys[other : other + stride]
        and left.etags[at : at + stride] == right.etags[other : other + stride]
        and left.sizes[at : at + stride] == right.sizes[other : other + stride]
    )


def _equal_stretch(left: Columns, right: Columns, at: int, other: int, stride: int) -> int:
    """How many rows are equal before the first difference within a stride that is not equal."""
    low, high = 0, stride
    while high - low > 1:
        middle = (low + high) // 2
        if _equal(left, right, at + low, other + low, middle - low):
            low = middle
        else:
            high = middle
    return low if not _equal(left, right, at + low, other + low, 1) else low + 1
