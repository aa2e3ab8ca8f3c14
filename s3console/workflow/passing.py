"""Counts of first directories while both listings pass by: what a comparison can say before it is done."""

from __future__ import annotations

from typing import NamedTuple

from ..core.prefix_counts import PrefixCount

MOST_ROWS = 200
"""Rows told at a time; those that changed and were not told wait for the next report."""


class Passing(NamedTuple):
    """Entries of a first directory so far, by side, and how many are the same under the same name.

    `prefix` is relative to both places. `passed` says that both listings have gone beyond it, so that
    nothing more comes: only then may it be compared and planned on its own.
    """

    prefix: str
    left: int
    right: int
    same: int
    passed: bool


class Passed:
    """Adds directories up to their first one, and tells what changed since it was last asked.

    Keys come in order, so a directory that was left is complete and can be forgotten. Memory: the rows
    that were not told yet.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[int]] = {}
        self._changed: dict[str, None] = {}

    def add(self, row: PrefixCount) -> None:
        """Take the counts of one directory."""
        first = row.prefix[: row.prefix.find("/") + 1]
        counts = self._rows.setdefault(first, [0, 0, 0])
        for at, number in enumerate((row.left_entries, row.right_entries, row.same)):
            counts[at] += number
        self._changed[first] = None

    def told(self, reached: str, *, ended: bool = False) -> tuple[Passing, ...]:
        """What changed, at most 200 rows; `reached` is the last key that both listings have passed."""
        rows: list[Passing] = []
        for prefix in list(self._changed)[:MOST_ROWS]:
            # Names without a directory come among the directories, to the very end.
            passed = ended or (bool(prefix) and not reached.startswith(prefix) and prefix < reached)
            left, right, same = self._rows[prefix]
            rows.append(Passing(prefix, left, right, same, passed))
            if passed or not reached.startswith(prefix) or not prefix:
                del self._changed[prefix]
            if passed:
                del self._rows[prefix]
        return tuple(rows)
