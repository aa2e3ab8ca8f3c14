"""Cutting one flat listing into ranges that are fetched at the same time, without knowing its keys.

Pure planning: it says what to ask next and is told what came back. A range `(low, high]` ends only
when the store says that nothing follows, or when a page goes beyond `high`; where the cuts lie
decides how fast a listing is, never what it holds.

Ranges stand in key order and are used up from the front, so that the listing comes out in order.
What is fetched ahead is bounded: a range is begun only when it is thought to start within `horizon`
pages of the front. When nothing is left to begin, the first range that is thought to hold more than
its share is cut in two, also while it is being read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from .alphabet import TOP, Alphabet, common
from .folders import Folders
from .ladder import Ladder, Look

_UNKNOWN = 1e9
_LEAST_UNPROVED = 8
_MOST_MISTAKES = 3
_LARGEST_SHARE = 4
_HALVINGS = 64
_TRUSTED = 0.7
_FILLED = 0.97
_FEW_MISSES = 3
_FREE_MISSES = 100
_OVERSPENT = 2


@dataclass(slots=True, eq=False)
class Range:
    """Keys behind `low` up to and including `high` (None: no bound). `cursor` is the last one read.

    `estimate` is how many keys are thought to be left, `reach` how many there were if it went on as
    densely to the end of its directory (0: not known), `pages` what was read and not used yet (the
    caller's own things), `way` what the caller needs to ask for the next page (None: by `cursor`).
    A range that is `gone` was taken over by the one before it; one with an `error` ends the listing.
    """

    low: str
    high: str | None
    cursor: str
    estimate: float
    reach: float = 0.0
    parent: Range | None = None
    source: Range | None = None
    first: str = ""
    listed: int = 0
    misses: int = 0
    depth: int = 0
    pages: list[object] = field(default_factory=list)
    busy: bool = False
    done: bool = False
    ended: bool = False
    gone: bool = False
    error: BaseException | None = None
    way: object = None

    @property
    def begun(self) -> bool:
        """Whether anything was asked for in this range."""
        return self.busy or self.done or self.listed > 0 or self.way is not None

    def forget(self) -> int:
        """As if nothing had been asked for in it. Returns how many pages that frees."""
        freed = len(self.pages)
        self.pages.clear()
        self.estimate += self.listed
        self.cursor, self.way, self.first, self.listed = self.low, None, "", 0
        self.done = self.ended = False
        return freed


class Ranges:
    """The plan of one listing. Not safe to use from several threads at once.

    `base` is the prefix of all keys, `keys` and `way` the page before the plan begins, `page` the rows
    of a full page. With `versions` a key may have several rows, and a range goes on until a later key
    is seen. Nothing is cut while `cuts` is False.
    """

    def __init__(self, base: str, keys: Sequence[str], *, way: object, horizon: int = 128, page: int = 1000,
                 versions: bool = False) -> None:
        self.page = page
        self.horizon = horizon
        self.versions = versions
        self.cuts = True
        self.busy = 0
        self.held = 0
        self.mistakes = 0
        self._alphabet = Alphabet()
        self._alphabet.learn(keys)
        root = Range("", None, keys[-1], _UNKNOWN, first=keys[0], listed=len(keys), way=way)
        root.depth = common(keys[0], keys[-1])
        self.live = [root]
        self._before: Range | None = None
        self._folders = Folders(base, page, horizon)
        self._ladder = Ladder(keys[-1], len(base), root.depth)
        self._ceiling = base + TOP
        self._hits = 1.0
        self._vain = self._useful = 0
        self._trust: float = _LEAST_UNPROVED

    def next(self, slots: int) -> Range | Look | None:
        """What to ask for now, with at most `slots` requests in flight; None to wait for an answer."""
        if self.busy >= slots or not self.live:
            return None
        look = self._ladder.next(max(1, slots - self.busy - 1)) if self.live[0].busy or slots == 1 else None
        if look is None and self._ladder.done and (
                asked := self._folders.next(self.live[0].cursor, self._ceiling)) is not None:
            look = Look(asked[1], 0, asked[0])
        if look is not None:
            self.busy += 1
            return look
        found = self._waiting() or (self._cut_one(slots) if self.cuts and self._ladder.done else None)
        if found is not None:
            found.busy = True
            self.busy += 1
        return found

    def looked(self, look: Look, keys: Sequence[str] | None, *, more: bool = False) -> None:
        """What is behind a look: keys, or directories and whether there are `more`; None when it could not
        be told."""
        self.busy -= 1
        if look.below is not None:
            self._folders.found(keys or (), more=more)
            return
        self._ladder.answered(look.depth, empty=None if keys is None else not keys)
        if keys:
            self._alphabet.learn(keys)
        if self._ladder.done and self._ladder.ceiling is not None:
            self._ceiling = self._ladder.ceiling
            self._alphabet.lead(self._ceiling[:-1])

    @property
    def _room(self) -> bool:
        return self.held + self.busy < self.horizon

    def _waiting(self) -> Range | None:
        one = self._first_idle()
        if one is None:
            return None
        first = one is self.live[0] and not one.pages
        return one if first or self._make_room() else None

    def _first_idle(self) -> Range | None:
        """The first range of which the next page can be asked for, if it begins within the horizon."""
        ahead = 0.0
        for one in self.live:
            if ahead >= self.horizon:
                return None
            if not one.busy and not one.done:
                return one
            ahead += len(one.pages)
            if not one.done:
                ahead += max(one.estimate / self.page, 1.0)
        return None

    def _make_room(self) -> bool:
        """Whether one more page may be held: pages that lie beyond the horizon give way to nearer ones."""
        at, ahead = 0, 0.0
        while not self._room and at < len(self.live) and ahead < self.horizon:
            one, at = self.live[at], at + 1
            ahead += len(one.pages) + (0.0 if one.done else max(one.estimate / self.page, 1.0))
        for far in reversed(self.live[at:]):
            if self._room:
                break
            if far.pages and not far.busy:
                self.held -= far.forget()
        return self._room

    def _cut_one(self, slots: int) -> Range | None:
        """A new range out of the first one that is large enough, where it may be begun at once."""
        unproved = sum(1 for one in self.live if one.busy and not one.listed)
        spare = _FREE_MISSES + self._useful
        most = self._trust if self._vain <= spare else _OVERSPENT if self._vain <= 2 * spare else 0
        if unproved >= most:
            return None
        for _ in range(_HALVINGS):
            found = self._more_than_its_share(slots)
            if found is None:
                return None
            victim, ahead, share = found
            fresh = self._cut(victim, share)
            if fresh is not None and ahead + len(victim.pages) + victim.estimate / self.page < self.horizon:
                return fresh if self._make_room() else None
        return None

    def _more_than_its_share(self, slots: int) -> tuple[Range, float, float] | None:
        """The first range within the horizon that is worth a cut, the pages thought to lie before it, and the
        keys of a share."""
        source, ahead, remaining = self._before, 0.0, 0.0
        walk: list[tuple[Range, float]] = []
        for one in self.live:
            if ahead >= self.horizon:
                break
            if one.listed:
                source = one
            elif one.source is not source and source is not None:
                self._estimate(one, source)
            ahead += len(one.pages)
            if not one.done:
                walk.append((one, ahead - len(one.pages)))
                remaining += one.estimate
                ahead += max(one.estimate / self.page, 1.0)
        most = min(remaining / self.page, self.horizon)
        share = self.page * float(min(_LARGEST_SHARE, max(1, int(most / slots))))
        for one, before in walk:
            if one.estimate >= 2 * share and self._divisible(one):
                return one, before, share
        return None

    def _end(self, one: Range) -> str:
        return one.high if one.high is not None else self._ceiling

    def _divisible(self, one: Range) -> bool:
        """False for the rest of a directory of which nothing was read yet: how dense it is, nobody knows."""
        if not self._folders.known or one.listed or self._folders.head(one.cursor) is not None:
            return True
        return self._folders.end(one.cursor, self._end(one)) < self._end(one)

    def _cut(self, victim: Range, share: float) -> Range | None:
        """Cut a range in two: it keeps the nearer part. None, and a smaller estimate, if it cannot be cut."""
        end = self._end(victim)
        middle, estimate = self._folders.cut(victim.cursor, end, share)
        reach = 0.0
        if not middle and self._folders.known and victim.reach > share and victim.misses < _FEW_MISSES:
            start = max(victim.cursor, self._folders.begins(victim.cursor))
            middle = self._alphabet.at(start, end, share * _FILLED / victim.reach) or ""
            estimate, reach = max(0.0, victim.estimate - share), victim.reach - share
        if middle and victim.cursor < middle < end:
            fresh = Range(middle, victim.high, middle, estimate, reach, victim)
            victim.high = middle
            victim.estimate = max(0.0, victim.estimate - estimate)
            victim.reach -= reach
            self.live.insert(self.live.index(victim) + 1, fresh)
            return fresh
        return self._cut_by_symbols(victim, end, share)

    def _cut_by_symbols(self, victim: Range, end: str, share: float) -> Range | None:
        middle = self._cut_by_depth(victim, end) or (
            self._cut_by_share(victim, end, share)) or self._alphabet.between(
                victim.cursor, end, blindly=victim.listed > 0)
        if middle is None or not victim.cursor < middle < end:
            victim.estimate /= 2
            return None
        depth = common(victim.cursor, end)
        low, cut, high = (self._alphabet.position(key, depth) for key in (victim.cursor, middle, end))
        behind = (high - cut) / (high - low) if low < cut < high else 0.5
        fresh = Range(middle, victim.high, middle, victim.estimate * behind, victim.reach * behind, victim)
        victim.high = middle
        victim.estimate *= 1 - behind
        victim.reach *= 1 - behind
        self.live.insert(self.live.index(victim) + 1, fresh)
        return fresh

    def _cut_by_share(self, victim: Range, end: str, share: float) -> str | None:
        """Where the density says that the share ends, as long as the density has been right."""
        if victim.misses or self._hits < _TRUSTED or not (victim.listed or victim.source):
            return None
        return self._alphabet.at(victim.cursor, end, share * _FILLED / victim.estimate)

    def _cut_by_depth(self, victim: Range, end: str) -> str | None:
        """After a cut into nothing: behind the subtree half as deep as the last page."""
        if not victim.misses or not victim.listed:
            return None
        start = common(victim.cursor, end)
        depth = (start + victim.depth) // 2
        return victim.cursor[:depth] + TOP if victim.depth - start >= 2 and depth > start else None

    def _estimate(self, one: Range, source: Range) -> None:
        """How many keys are left in a range, by the density of what was read of it or before it."""
        end = self._end(one)
        one.source = source
        if self._folders.known:
            self._estimate_in_folder(one, source, end)
            return
        depth = common(source.first, end)
        first, last, low, high = (self._alphabet.position(key, depth)
                                  for key in (source.first, source.cursor, one.cursor, end))
        if last - first > 1e-9:
            one.estimate = max(source.listed * (high - low) / (last - first), 0.5 * one.listed)
        elif one.listed:
            one.estimate = max(2.0 * self.page, one.listed)

    def _estimate_in_folder(self, one: Range, source: Range, end: str) -> None:
        """The same by what is known of directories: their usual size, and how dense the first keys of this
        one are."""
        folders = self._folders
        last = folders.end(one.cursor, end)
        head, offset, one.reach = folders.head(one.cursor), 0.0, 0.0
        if head is not None:
            depth = common(head.first, last)
            basis = (source.first, source.cursor, source.listed) if source.first >= head.first else head
            first, until, low, high, start = (
                self._alphabet.position(key, depth)
                for key in (basis[0], basis[1], max(one.cursor, head.first), last, head.first))
            if until - first > 1e-9:
                dense = basis[2] / (until - first)
                offset, one.reach = dense * (low - start), dense * (high - low)
            offset = max(offset, one.listed)
        rest = folders.rest(offset)
        one.estimate = folders.inside(one.cursor, end) + min(rest, one.reach or rest)

    def arrived(self, one: Range, keys: Sequence[str], *, more: bool, way: object) -> int:
        """Take in a page of a range. Returns how many of its rows belong to the range."""
        self._free(one)
        if one.gone:
            self._vain += 1
            return 0
        kept = self._kept(one, keys)
        self._useful += bool(kept)
        self._vain += not kept and not one.listed
        if one.parent is not None and not one.listed:
            self._hits += 0.05 * (float(kept > 0) - self._hits)
            self._trust = self._trust + 1 if kept else max(_LEAST_UNPROVED, self._trust * 0.8)
            one.parent.misses += not kept
        if kept:
            self._alphabet.learn(keys[:kept])
            self._folders.learn(one.cursor, keys[:kept])
            one.depth = common(keys[0], keys[kept - 1])
            one.first = one.first or keys[0]
            one.cursor = keys[kept - 1]
            one.listed += kept
        one.way = way
        if kept < len(keys) or (kept and one.cursor == one.high and not self.versions):
            one.done = True
        elif not more:
            one.done = one.ended = True
        elif one.listed:
            self._estimate(one, one)
        return kept

    def _kept(self, one: Range, keys: Sequence[str]) -> int:
        """Rows up to the end of the range. It takes over ranges behind it: those that nobody began, and
        those of which nothing came yet and which the page covers."""
        while True:
            kept = len(keys) if one.high is None else bisect_right(keys, one.high)
            at = self.live.index(one) + 1
            if kept == len(keys) or at >= len(self.live):
                return kept
            behind = self.live[at]
            covered = behind.high is not None and not behind.listed and behind.high < keys[-1]
            if behind.begun and not covered:
                return kept
            one.high = behind.high
            del self.live[at]
            behind.gone = True

    def broke(self, one: Range, error: BaseException) -> None:
        """A page did not come, and will not: the listing ends before it."""
        self._free(one)
        if one.gone:
            return
        one.done, one.error = True, error
        at = self.live.index(one) + 1
        for other in self.live[at:]:
            other.gone = True
            self.held -= len(other.pages)
        del self.live[at:]

    def _free(self, one: Range) -> None:
        one.busy = False
        self.busy -= 1

    def contradicted(self) -> bool:
        """Whether the store says that the listing ends with the first range, while later ranges hold keys."""
        return self.live[0].ended and any(one.listed for one in self.live[1:])

    def reopen(self) -> bool:
        """Read on behind the last key of the first range; False when that was done often enough."""
        self.mistakes += 1
        first = self.live[0]
        first.done = first.ended = False
        first.way = None
        return self.mistakes <= _MOST_MISTAKES

    def retire(self) -> bool:
        """Leave the first range behind, which is done and used up. False when this ends the listing."""
        first = self.live.pop(0)
        if first.ended:
            for other in self.live:
                other.gone = True
                self.held -= len(other.pages)
            self.live.clear()
        self._folders.passed(first.high, first.listed)
        if first.listed:
            first.parent = first.source = None
            self._before = first
        for other in self.live:
            if other.parent is first:
                other.parent = None
        return bool(self.live)
