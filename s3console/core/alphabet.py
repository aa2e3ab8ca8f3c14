"""What the keys of a listing look like, learnt from the keys seen so far: where could one cut?

Only a hint. Whatever is guessed here, a range ends where the store's own answers say that it ends.
Text compares by code points, which is the UTF-8 order of S3 (S3 User Guide, "Listing object keys").
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache

from .dates import Digits, Symbols, digits

TOP = "\U0010ffff"
"""The greatest character."""
LONGEST_KEY = 1024
"""Bytes of a key (S3 User Guide, "Naming objects")."""

_DIGITS, _HEX, _LOWER = "0123456789", "abcdef", "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_WIDTH, _REACH = 12, 48
_DEEPEST = 700
_FEW, _MANY = 6, 20
_MOST = 8
_CROSSINGS = 1
_TRIES = 3
_FRESH = (_FEW, _MANY, 40, 80, 200)

Spot = tuple[int, int]


def common(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    least = min(len(one), len(other))
    if one[:least] == other[:least]:
        return least
    low, high = 0, least
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _spots(key: str, count: int) -> list[Spot]:
    """(component, offset in it) of the first `count` + 1 places; components end at ASCII punctuation."""
    found: list[Spot] = []
    component = offset = 0
    for char in key[:count]:
        found.append((component, offset))
        if char < "\x7f" and not char.isalnum():
            component, offset = component + 1, 0
        else:
            offset += 1
    found.append((component, offset))
    return found


@lru_cache(512)
def _spot(text: str) -> Spot:
    """The place behind a text."""
    return _spots(text, len(text))[-1]


def _behind(spot: Spot, char: str) -> Spot:
    return (spot[0] + 1, 0) if char < "\x7f" and not char.isalnum() else (spot[0], spot[1] + 1)


def sendable(code: int) -> bool:
    """Whether a character may stand in a request: UTF-8, and echoed by any store."""
    return code >= 0x20 and not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF)


def _completed(seen: Sequence[str]) -> set[str]:
    """The characters seen, and the rest of the kinds they are of."""
    found = set(seen)
    if any(char in _DIGITS for char in seen):
        found.update(_DIGITS)
    lower = [char for char in seen if char in _LOWER]
    if lower:
        found.update(_LOWER if max(lower) > "f" else _HEX)
    if any(char in _UPPER for char in seen):
        found.update(_UPPER)
    return found


class Alphabet:
    """Which characters stand at which aligned place, from four keys of every page."""

    def __init__(self) -> None:
        self._seen: defaultdict[Spot, Counter[str]] = defaultdict(Counter)
        self._pages: Counter[Spot] = Counter()
        self._crossed: Counter[Spot] = Counter()
        self._leading: Spot | None = None
        self._calendar: dict[Spot, Digits] = {}
        self._tries = _TRIES
        self._symbols: dict[Spot, Symbols] = {}

    def learn(self, keys: Sequence[str]) -> None:
        """Take in one page."""
        count = len(keys)
        if not count:
            return
        if self._tries:
            self._look_for_dates(keys[0])
        touched: set[Spot] = set()
        for key in {keys[0], keys[count // 3], keys[2 * count // 3], keys[-1]}:
            for spot, char in zip(_spots(key, len(key)), key, strict=False):
                seen = self._seen[spot]
                if char not in seen:
                    self._symbols.pop(spot, None)
                    if spot in self._calendar and char not in self._calendar[spot][""].found:
                        self._calendar = {}
                seen[char] += 1
                touched.add(spot)
        for spot in touched:
            self._pages[spot] += 1
            if self._pages[spot] in _FRESH:
                self._symbols.pop(spot, None)
        depth = common(keys[0], keys[-1])
        for spot in _spots(keys[0], len(keys[0]))[depth + 1:]:
            self._crossed[spot] += 1
            if self._crossed[spot] <= _CROSSINGS:
                self._symbols.pop(spot, None)

    def _look_for_dates(self, key: str) -> None:
        self._tries -= 1
        spots = _spots(key, len(key))
        self._calendar = {spots[at]: found for at, found in digits(key)}
        if self._calendar:
            self._tries = 0

    def lead(self, text: str) -> None:
        """All keys to come begin with this text, and differ in the character behind it."""
        self._leading = _spot(text)
        self._symbols.clear()

    def _leads(self, spot: Spot) -> bool:
        """Whether a place is one of a counter that goes through the whole listing."""
        first = self._leading
        return first is not None and first[0] == spot[0] and first[1] <= spot[1]

    def _at(self, spot: Spot, before: str) -> Symbols:
        """The symbols expected at a place behind a character, in order."""
        if spot in self._calendar:
            dates = self._calendar[spot]
            return dates.get(before) or dates[""]
        known = self._symbols.get(spot)
        if known is None:
            known = self._symbols[spot] = Symbols(sorted(
                filter(lambda char: sendable(ord(char)), self._guess(spot))))
        return known

    def _guess(self, spot: Spot) -> set[str]:
        seen, pages = self._seen.get(spot), self._pages[spot]
        if not seen:
            return set()
        crossed = self._crossed[spot] >= _CROSSINGS
        if len(seen) == 1 and pages >= _FEW and (crossed or not self._leads(spot)):
            return set(seen)
        if pages >= _MANY and min(seen.values()) > 1 and (crossed or not self._leads(spot)):
            return self._rest(spot, seen)
        found = _completed(list(seen))
        if pages < _FEW and any(char in _DIGITS for char in seen):
            found.update(_HEX)  # a counter or hexadecimal: not known yet
        return found

    def _rest(self, spot: Spot, seen: Counter[str]) -> set[str]:
        """No symbol was seen only once, so none is expected that was never seen: but the listing goes upward,
        so that where most symbols of a kind were seen, the last ones may only not have come yet."""
        if len(seen) >= _MOST:
            beside = self._seen.get((spot[0], spot[1] + 1), ())
            found = _completed(list(seen)) | {char for char in beside if char in _HEX}
            if sorted(found)[:len(seen)] == sorted(seen):
                return found
        return set(seen)

    def position(self, key: str, depth: int) -> float:
        """Where a key stands, from 0 to 1, among all keys with its first `depth` characters."""
        at, width, spot, before = 0.0, 1.0, _spot(key[:depth]), key[depth - 1:depth]
        left = _WIDTH
        for char in key[depth:depth + _REACH]:
            symbols, edges = self._at(spot, before)
            count = len(symbols)
            if not count:
                break
            rank = bisect_left(symbols, char)
            if rank >= count:
                return at + width
            spot, before = _behind(spot, char), char
            if count == 1 and symbols[0] == char:
                continue
            if edges is None:
                width /= count
                at += rank * width
            else:
                at += edges[rank] * width
                width *= edges[rank + 1] - edges[rank]
            left -= 1
            if symbols[rank] != char or not left:
                break
        return at

    def at(self, low: str, high: str, fraction: float) -> str | None:
        """A text behind `low` by this part of the way to `high`; None where the symbols do not reach."""
        depth = common(low, high)
        start, end = self.position(low, depth), self.position(high, depth)
        rest, found, step = start + fraction * (end - start), low[:depth], 1.0
        spot = _spot(found)
        for _ in range(_REACH):
            symbols, edges = self._at(spot, found[-1:])
            if not symbols or step < 1e-3 * fraction * (end - start):
                break
            if edges is None:
                step /= len(symbols)
                rank = min(int(rest / step), len(symbols) - 1)
                rest -= rank * step
            else:
                rank = min(max(bisect_right(edges, rest / step), 1), len(symbols)) - 1
                rest -= edges[rank] * step
                step *= edges[rank + 1] - edges[rank]
            found += symbols[rank]
            spot = _behind(spot, symbols[rank])
        return found if low < found < high and len(found.encode()) <= LONGEST_KEY else None

    def between(self, low: str, high: str, *, blindly: bool) -> str | None:
        """A text between two others, near the middle as far as the symbols tell; None if there is none.

        `blindly`, where no symbol is known to lie between, code points are halved.
        """
        start = common(low, high)
        spots = _spots(low, len(low))
        for cut in (self._by_symbols, self._by_code)[:1 + blindly]:
            for place in range(start, min(len(low) + 1, _DEEPEST)):
                found = cut(low, high if place == start else "", place, spots[place])
                if found is not None and low < found < high and len(found.encode()) <= LONGEST_KEY:
                    return found
        return None

    def _by_symbols(self, low: str, high: str, place: int, spot: Spot) -> str | None:
        symbols = self._at(spot, low[place - 1:place]).found
        first = bisect_right(symbols, low[place]) if place < len(low) else 0
        last = bisect_left(symbols, high[place]) if place < len(high) else len(symbols)
        if last > first:
            return low[:place] + symbols[(first + last) // 2 if last - first > 1 else first]
        if place + 1 < len(high) and sendable(ord(high[place])):
            return low[:place] + high[place]
        return None

    def _by_code(self, low: str, high: str, place: int, _: Spot) -> str | None:
        """Halving of code points, printable ASCII first."""
        first = max(ord(low[place]) if place < len(low) else 0x1F, 0x1F)
        last = ord(high[place]) if place < len(high) else 0x110000
        if first < 0x7D and last > 0x7F:
            last = 0x7F
        middle = (first + last) // 2
        while middle < last and not sendable(middle):
            middle += 1
        return low[:place] + chr(middle) if first < middle < last else None
