"""The directories of a flat listing as places for cuts: where they begin is known from one request."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from .alphabet import TOP, common

_ENOUGH = 200
_SMALL = 50.0
_BEYOND = 1.5
_FADING = 0.9


class Head(NamedTuple):
    """The first keys of a directory: how many lie from `first` to `last`."""

    first: str
    last: str
    many: int


class Folders:
    """The directories at the level where the keys of a listing part.

    They are asked for, a thousand at a time, while they are of a size that makes them worth a request.
    How many keys they hold is learnt from those that were left behind, the last ones above all.
    """

    def __init__(self, base: str, page: int, horizon: int) -> None:
        self._base = base
        self._page, self._largest = page, horizon * page / 2
        self._names: list[str] = []
        self._heads: dict[int, Head] = {}
        self._below: str | None = None
        self._asked = self._more = False
        self._keys = self._at = 0
        self._many = self._held = 0.0
        self._size: float | None = None
        """Keys of a directory; None while none was left behind."""

    @property
    def known(self) -> bool:
        """Whether cuts between directories are finer than what is fetched ahead."""
        return self._size is not None and self._size < self._largest

    def next(self, cursor: str, ceiling: str) -> tuple[str, str] | None:
        """The directory to ask about, and behind which name: at first, and when the known names run out."""
        if self._asked:
            return None
        if self._below is None:
            same = cursor[:common(cursor, ceiling)]
            self._below, after = max(self._base, same[:same.rfind("/") + 1], key=len), cursor
            if "/" not in cursor[len(self._below):]:
                return None
        else:
            left = len(self._names) - bisect_right(self._names, cursor)
            if not self._more or left > _ENOUGH or (self._size or self._page) < _SMALL:
                return None
            after = self._names[-1] + TOP
        self._asked = True
        return self._below, after

    def found(self, names: Sequence[str], *, more: bool) -> None:
        """Take in what was asked for, in order."""
        last = self._names[-1] if self._names else ""
        fresh = [name for name in names if name > last]
        self._names += fresh
        self._asked, self._more = False, more and bool(fresh)

    def learn(self, before: str, keys: Sequence[str]) -> None:
        """A page of keys that follow one another behind `before`."""
        at = bisect_right(self._names, keys[-1]) - 1
        if at >= 0 and at not in self._heads and self._names[at] >= before:
            start = bisect_right(keys, self._names[at])
            if start < len(keys):
                self._heads[at] = Head(keys[start], keys[-1], len(keys) - start)

    def passed(self, through: str | None, keys: int) -> None:
        """A range up to and including this key was left behind, with so many keys."""
        self._keys += keys
        at = bisect_right(self._names, through) - 1 if through is not None else 0
        if at > self._at:
            many = at - self._at
            self._many, self._held = _FADING * self._many + many, _FADING * self._held + self._keys
            self._size = self._held / self._many
            self._at, self._keys = at, 0
            for gone in [one for one in self._heads if one < at]:
                del self._heads[gone]

    def head(self, cursor: str) -> Head | None:
        """The first keys of the directory in which reading goes on behind `cursor`, when they are known."""
        return self._heads.get(bisect_right(self._names, cursor) - 1)

    def begins(self, cursor: str) -> str:
        """The first key of the directory in which reading goes on, "" when it is not known."""
        head = self.head(cursor)
        return "" if head is None else head.first

    def end(self, cursor: str, high: str) -> str:
        """Where the directory behind `cursor` ends, at most `high`."""
        at = bisect_right(self._names, cursor)
        return min(high, self._names[at]) if at < len(self._names) else high

    def rest(self, offset: float) -> float:
        """How many keys are thought to follow the first `offset` keys of a directory. One that is larger
        than the others is thought to go on as long again."""
        size = self._size
        if size is None:
            return max(2.0 * self._page, 2 * offset)
        return max(size - offset, (0.1 if offset < _BEYOND * size else 1.0) * offset)

    def inside(self, low: str, high: str) -> float:
        """How many keys are thought to lie in the directories that begin between two places."""
        return self._between(low, high)[2]

    def _between(self, low: str, high: str) -> tuple[int, int, float]:
        first, last = bisect_right(self._names, low), bisect_left(self._names, high)
        return first, last, max(0, last - first) * (self._size or self._page)

    def cut(self, low: str, high: str, share: float) -> tuple[str, float]:
        """The directory that begins behind about this many keys, and how many keys lie from there on; ""
        when none begins between the two places."""
        first, last, keys = self._between(low, high)
        if first >= last or not self.known:
            return "", 0.0
        at = min(first + max(0, int(share * (last - first) / keys) - 1), last - 1)
        return self._names[at], keys * (last - at) / (last - first)
