"""When the tasks of a worker may begin: what the store, or one prefix of it, was found to take.

A store says "slow down" (503) per prefix or as a whole (AWS: 3,500 writes per second and prefix, "Best
practices design patterns: optimizing Amazon S3 performance"). A prefix that is refused is held back
alone, as long as it is the only one; the others go on.
"""

from __future__ import annotations

from collections import deque

from .limits import TokenBucket

START, MOST = 100.0, 100_000.0
"""Requests per second at the beginning, and where a limit counts as none."""
BREATH = 0.15
"""Seconds without anything new after a "slow down": what follows at once would be refused as well."""
TOGETHER = 0.05
"""The share of refused requests within a second above which a prefix says that it is in real trouble."""
WHOLE_STORE = 60.0
"""Seconds for which two prefixes in trouble at once count as trouble of the store."""
LEAST_KNOWN = 0.25
"""The share of what prefixes were let do that a store surely takes of them."""
PREFIXES = 1000


class Adaptive:
    """Finds the rate that a store takes: falls on "slow down" to just below what went well in the second
    before, comes back fast to nearly the rate that was refused, and goes on slowly from there.

    It begins by growing by half four times a second, until the first "slow down".
    """

    def __init__(self, now: float, start: float = START) -> None:
        self.limit = start
        self.ceiling = 0.0
        self._points: deque[tuple[float, int]] = deque([(now, 0)])
        self._slow = 0
        self._changed = self._quiet_since = now
        self._lowered = now - 1.5
        self._times = 0

    def note(self, now: float, done: int, slowdowns: int) -> float:
        """The limit now, 0 for none; `done` and `slowdowns` are running counts."""
        self._points.append((now, done))
        while len(self._points) > 2 and now - self._points[1][0] >= 1.0:
            self._points.popleft()
        refused, self._slow = slowdowns > self._slow, slowdowns
        if refused:
            self._quiet_since = now
            if now - self._lowered >= 1.5:
                self._lower(now)
        elif now - self._changed >= (1.0 if self.ceiling else 0.25):
            self._raise(now)
        return self.limit if self.limit < MOST else 0.0

    def set(self, now: float, rate: float) -> None:
        """Take up a rate as one that was refused."""
        self.ceiling = max(1.0, rate)
        self.limit = max(1.0, 0.96 * rate)
        self._changed = self._lowered = self._quiet_since = now
        self._times += 1

    def _raise(self, now: float) -> None:
        quiet = now - self._quiet_since
        if not self.ceiling:
            factor = 1.5
        elif self.limit < 0.93 * self.ceiling or quiet > 30.0:
            factor = 1.15
        else:
            # The first refusal tells little, because the second before it was not an even one.
            factor = 1.06 if self._times == 1 else 1.005 if quiet < 5.0 else 1.02
        self.limit = min(MOST, self.limit * factor)
        self._changed = now

    def _lower(self, now: float) -> None:
        (first, before), (last, done) = self._points[0], self._points[-1]
        went_well = (done - before) / (last - first) if last - first > 0.8 else 0.0
        # What was refused comes again and takes room, so the second after a refusal looks worse than it is.
        least = 0.5 if not self._times else 0.9
        self.ceiling = min(max(went_well, least * self.limit), self.limit)
        self.limit = max(1.0, 0.96 * self.ceiling)
        self._changed = self._lowered = now
        self._times += 1


class Finder:
    """The rate that a store or one prefix takes."""

    def __init__(self, now: float, start: float = START) -> None:
        self._paced = TokenBucket(0.0, now, burst=0.15)
        self._adaptive = Adaptive(now, start)
        self._repeated = 0
        self._second = (now, 0, 0)
        self.done = self.refused = 0

    def room(self, now: float) -> int:
        """How many requests may begin now. What was refused is sent again, and takes its room."""
        self._paced.change(self._adaptive.note(now, self.done, self.refused), now)
        if now - self._second[0] > 1.5:
            self._second = (now, self.done, self.refused)
        fresh = self.refused - self._repeated
        if fresh > 0:
            self._repeated = self.refused
            self._paced.take(fresh)
            self._paced.rest(BREATH)
        return self._paced.available(now)

    def take(self, count: int) -> None:
        """Note what was begun."""
        self._paced.take(count)

    def trouble(self, now: float) -> bool:
        """Whether many requests of the last second were refused."""
        since, done, refused = self._second
        bad = self.refused - refused
        return now - since <= 2.0 and bad > 2 and bad > TOGETHER * (self.done - done + bad)

    def went_well(self, now: float) -> float:
        """Requests per second that were not refused, over the last second or two."""
        since, done, _ = self._second
        return (self.done - done) / (now - since) if now - since > 0.2 else 0.0

    def begin_at(self, now: float, rate: float) -> None:
        """Take up a rate that is known to be about right."""
        self._adaptive.set(now, rate)

    @property
    def limit(self) -> float:
        """Requests per second that may begin."""
        return self._adaptive.limit

    @property
    def found(self) -> float:
        """The rate that was found, 0 while nothing was ever refused."""
        return self._adaptive.limit if self._adaptive.ceiling else 0.0


class Pacer:
    """The finders of one worker: one for the store, and one for each prefix that was refused alone."""

    def __init__(self, now: float, *, start: float = START) -> None:
        self._start = start
        self.store = Finder(now, start)
        self._alone: dict[str, Finder] = {}
        self._together_until = 0.0

    def alone(self, prefix: str) -> Finder | None:
        """The finder of a prefix that is held back by itself."""
        return self._alone.get(prefix)

    def of(self, prefix: str) -> Finder:
        """The finder that a request under a prefix counts for."""
        return self._alone.get(prefix) or self.store

    def refuse(self, prefix: str, now: float) -> None:
        """The store said "slow down" to a request under a prefix."""
        finder = self._alone.get(prefix)
        if finder is None and (now < self._together_until or len(self._alone) >= PREFIXES):
            finder = self.store
        if finder is None:
            # The prefix goes on with what was learnt so far, and the others begin anew.
            finder = self._alone[prefix] = self.store
            self.store = Finder(now, self._start)
        finder.refused += 1
        if finder is not self.store and finder.trouble(now):
            self._together(finder, now)

    def _together(self, finder: Finder, now: float) -> None:
        """Where two prefixes are in trouble at once, it is the store that refuses."""
        others = [one for one in self._alone.values() if one is not finder and one.trouble(now)]
        if others:
            went_well = self.store.went_well(now) + sum(one.went_well(now) for one in self._alone.values())
            # Where it comes to that within the first second, nothing was counted yet.
            least = LEAST_KNOWN * sum(one.limit for one in self._alone.values())
            self.store = Finder(now, self._start)
            self.store.begin_at(now, max(went_well, least))
            self._alone.clear()
            self._together_until = now + WHOLE_STORE

    @property
    def found(self) -> float:
        """The rate that was found for the store, or for all prefixes that are held back; 0 for none."""
        return self.store.found or sum(one.found for one in self._alone.values())

    @property
    def slowest(self) -> float:
        """The rate that requests may begin at, all together."""
        return self.store.limit + sum(one.limit for one in self._alone.values())
