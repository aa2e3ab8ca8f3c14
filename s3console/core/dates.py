"""Dates and times in keys: which digits may follow one another there. Only a hint for cuts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

_STAMP = re.compile(
    r"(?<![0-9])(?:19|20)[0-9]{2}([-/_.]?)(?:[A-Za-z]+=)?(0[1-9]|1[0-2])\1(?:[A-Za-z]+=)?"
    r"(0[1-9]|[12][0-9]|3[01])(?:[-/_.T ]?(?:[A-Za-z]+=)?([01][0-9]|2[0-3])"
    r"(?:[:._-]?([0-5][0-9])(?:[:._-]?([0-5][0-9]))?)?)?(?![0-9])")


class Symbols(NamedTuple):
    """The characters that may stand somewhere, in order, and which part of the keys lies before each of
    them; `edges` has one more, 1. None for equal parts."""

    found: Sequence[str]
    edges: Sequence[float] | None = None


Digits = dict[str, Symbols]
"""What may stand somewhere by the character before; `""` for any other character."""


def _weighed(found: str, *weights: float) -> Symbols:
    return Symbols(found, [edge / sum(weights) for edge in accumulate(weights, initial=0.0)])


_ANY, _FROM_ONE = Symbols("0123456789"), Symbols("123456789")
_SIXTY: tuple[Digits, Digits] = {"": Symbols("012345")}, {"": _ANY}
_SHAPES: tuple[tuple[Digits, Digits], ...] = (
    ({"": _weighed("01", 9, 3)}, {"": _ANY, "0": _FROM_ONE, "1": Symbols("012")}),
    ({"": _weighed("0123", 9, 10, 10, 1.5)}, {"": _ANY, "0": _FROM_ONE, "3": _weighed("01", 11, 7)}),
    ({"": _weighed("012", 10, 10, 4)}, {"": _ANY, "2": Symbols("0123")}),
    _SIXTY, _SIXTY)


def digits(key: str) -> Iterator[tuple[int, Digits]]:
    """The places of a key where month, day, hour, minute and second stand, and what may stand there."""
    found = _STAMP.search(key)
    if found is None:
        return
    for group, (tens, ones) in enumerate(_SHAPES, 2):
        at = found.start(group)
        if at >= 0:
            yield at, tens
            yield at + 1, ones
