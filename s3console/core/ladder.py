"""Questions of one row that bound a listing before it is cut into ranges."""

from __future__ import annotations

from dataclasses import dataclass

from .alphabet import TOP


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One key behind `after` is asked for: is there any? With `below`, the directories right below that
    directory are asked for instead."""

    after: str
    depth: int
    below: str | None = None


class Ladder:
    """A search for the longest beginning of a key that all later keys share, several depths at a time.

    It bounds the listing, and skips everything that never changes, in one or two rounds.
    """

    def __init__(self, key: str, shallow: int, deep: int) -> None:
        self._key = key
        self._depths = list(range(shallow, deep))
        self._open: list[int] = []
        self._pending = 0
        self._empty: int | None = None
        self._full = deep

    @property
    def done(self) -> bool:
        return not self._depths and not self._open and not self._pending

    @property
    def ceiling(self) -> str | None:
        """A text behind which there was nothing; None when none was found."""
        return None if self._empty is None else self._key[:self._empty + 1] + TOP

    def next(self, room: int) -> Look | None:
        """The next depth to look at, or None while answers are awaited."""
        if not self._open and not self._pending and self._depths:
            depths = self._depths
            if len(depths) > room:
                depths = sorted({depths[(at + 1) * len(depths) // (room + 1)] for at in range(room)})
            self._open = list(depths)
        if not self._open:
            return None
        self._pending += 1
        depth = self._open.pop()
        return Look(self._key[:depth + 1] + TOP, depth)

    def answered(self, depth: int, *, empty: bool | None) -> None:
        """Whether nothing lies behind a depth; None when the question was not answered."""
        self._pending -= 1
        if empty:
            self._empty = depth if self._empty is None else max(depth, self._empty)
        elif empty is not None:
            self._full = min(depth, self._full)
        if not self._pending and not self._open:
            floor = -1 if self._empty is None else self._empty
            known = empty is not None
            self._depths = [one for one in self._depths if known and floor < one < self._full]
