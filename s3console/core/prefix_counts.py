"""Listing totals per directory prefix, counted while two ordered listings pass by."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .keys import prefix_of

_MANY = 10_000
_SMALL = 20
_STRETCH = 256


@dataclass(slots=True)
class PrefixCount:
    """Listing totals of one directory prefix (relative), complete when the stream has passed it."""

    prefix: str
    left_entries: int = 0
    right_entries: int = 0
    right_bytes: int = 0
    same: int = 0


class PrefixCounter:
    """Adds windows of ordered names up into rows of at most `depth` directories.

    Directories are runs; plain names between them make the same prefix come again, so the receiver
    adds rows of one prefix up. When most directories are so small that their rows would cost as much
    as the keys, it rolls up one level higher from there on. `depth`, `open` and `rows` are the state
    from which a later counter goes on.
    """

    def __init__(self, depth: int, receive: Callable[[PrefixCount], None] | None) -> None:
        self.depth = depth
        self.open: PrefixCount | None = None
        self.rows = 0
        self._receive = receive

    def add(self, names: list[str], off: Sequence[int], others: list[str], sizes: Sequence[int]) -> None:
        """Take one window: left names, the positions among them that are not the same on the right,
        right names of current objects and their sizes in bytes."""
        at, other = 0, 0
        while at < len(names) or other < len(others):
            heads = names[at : at + 1] + others[other : other + 1]
            prefix = prefix_of(min(heads), "", self.depth)
            if self.open is None or prefix != self.open.prefix:
                self.flush()
                self.open = PrefixCount(prefix)
            end, other_end = self._run_end(names, at, prefix), self._run_end(others, other, prefix)
            self.open.left_entries += end - at
            self.open.right_entries += other_end - other
            self.open.same += end - at - (bisect_left(off, end) - bisect_left(off, at))
            self.open.right_bytes += sum(sizes[other:other_end])
            at, other = end, other_end

    def _run_end(self, keys: list[str], start: int, prefix: str) -> int:
        """The end of the run of keys that belong to `prefix`."""
        depth = self.depth
        last = len(keys)
        if prefix:
            after = prefix[:-1] + "0"
            last = last if not keys or keys[-1] < after else bisect_left(keys, after, start)
        slashes = prefix.count("/")
        if slashes == depth:
            return last
        # Names directly under a prefix have no further slash: counted in C, a stretch at a time.
        end = start
        while end < last:
            stretch = keys[end : min(end + _STRETCH, last)]
            if "".join(stretch).count("/") != slashes * len(stretch):
                break
            end += len(stretch)
        while end < last and prefix_of(keys[end], "", depth) == prefix:
            end += 1
        return end

    def flush(self) -> None:
        """Hand the open row on."""
        if self.open is not None:
            names = self.open.left_entries + self.open.right_entries
            self.rows += 1 if names < _SMALL else -1
            if self._receive is not None:
                self._receive(self.open)
            if self.depth > 1 and self.rows > _MANY:
                self.depth -= 1
                self.rows = 0
        self.open = None
