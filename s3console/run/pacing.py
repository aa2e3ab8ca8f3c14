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
BREATH, PROBE = 0.1, 0.05
"""Seconds without anything new after a "slow down", since what follows at once would be refused as well, and
seconds between two requests that find out whether it is over."""
TOGETHER = 0.05
"""The share of refused requests within a second above which a prefix says that it is in real trouble."""
WHOLE_STORE = 60.0
"""Seconds for which two prefixes in trouble at once count as trouble of the store."""
LEAST_KNOWN = 0.25
"""The share of what prefixes were let do that a store surely takes of them."""
PREFIXES = 1000
STEP = 0.25
"""Seconds between two steps while no rate was refused yet."""
BELOW = 0.96
"""The share of a rate that was refused at which one stays."""
REST, LONGEST_REST = 3.0, 60.0
"""Seconds without a "slow down" before more is tried, at first and at most."""
LEAST_LEFT, LONG_PAUSE = 0.6, 0.45
"""The share of a rate that one pause of a store can take away, and the seconds from which a pause is long."""
SAME = 0.1
"""Rates that differ by less are the same."""
BURST, STEADY_BURST = 0.15, 0.06
"""Seconds whose requests may begin at once, and that while a rate is known: a store that counts by the second
refuses what comes in one although the next could take it."""


class Adaptive:
    """Finds the rate that a store takes: falls on "slow down" to just below what went well in the second
    before, comes back fast to nearly the rate that was refused, rests there, and then looks for more.

    It begins by growing by a third four times a second, or more slowly where answers take long, until the
    first "slow down". The more often the same rate is refused, the longer it rests.
    """

    def __init__(self, now: float, start: float = START) -> None:
        self.limit = start
        self.ceiling = 0.0
        self.step = STEP
        self._points: deque[tuple[float, int]] = deque([(now, 0)])
        self._slow = 0
        self._changed = self._quiet_since = self._refused_at = now
        self._lowered = now - 1.5
        self._times = 0
        self._rest = REST
        self._sure = True

    def note(self, now: float, done: int, slowdowns: int) -> float:
        """The limit now, 0 for none; `done` and `slowdowns` are running counts."""
        self._points.append((now, done))
        while len(self._points) > 2 and now - self._points[1][0] >= 1.0:
            self._points.popleft()
        refused, self._slow = slowdowns > self._slow, slowdowns
        if refused:
            if now - self._quiet_since > 0.5:
                self._refused_at = now
            self._quiet_since = now
            if now - self._lowered >= 1.5:
                self._lower(now)
        elif now - self._changed >= (1.0 if self.ceiling else self.step):
            self._raise(now)
        return self.limit if self.limit < MOST else 0.0

    def set(self, now: float, rate: float) -> None:
        """Take up a rate as one that was refused."""
        self.ceiling = max(1.0, rate)
        self.limit = max(1.0, BELOW * rate)
        self._changed = self._lowered = self._quiet_since = now
        self._times += 1

    def refine(self, now: float) -> None:
        """The store takes requests again. After a long pause, what went well in the last second, with the
        pause in it, tells more than the second before it, unless that said what had been found before."""
        first, before = self._points[0]
        done = self._points[-1][1]
        if now - first > 0.8 and now - self._refused_at > LONG_PAUSE and not self._sure:
            self.ceiling = min(self.ceiling, max((done - before) / (now - first), LEAST_LEFT * self.ceiling))
            self.limit = min(self.limit, max(1.0, BELOW * self.ceiling))
            self._changed = now

    def _raise(self, now: float) -> None:
        quiet = now - self._quiet_since
        if not self.ceiling:
            factor = 1.35
        elif self.limit < 0.93 * self.ceiling or quiet > self._rest + 15.0:
            factor = 1.15
        elif self._times == 1:
            # The first refusal tells little, because the second before it was not an even one.
            factor = 1.06
        else:
            factor = 1.0 if quiet < self._rest else 1.02
        self.limit = min(MOST, self.limit * factor)
        self._changed = now

    def _lower(self, now: float) -> None:
        (first, before), (last, done) = self._points[0], self._points[-1]
        went_well = (done - before) / (last - first) if last - first > 0.8 else 0.0
        # What was refused comes again and takes room, so the second after a refusal looks worse than it is.
        least = 0.5 if not self._times else 0.9
        ceiling = min(max(went_well, least * self.limit), self.limit)
        same = abs(ceiling - self.ceiling) < SAME * self.ceiling
        self._sure = same and now - self._lowered > REST
        self._rest = min(LONGEST_REST, 2.0 * self._rest) if same else REST
        self.ceiling = ceiling
        self.limit = max(1.0, BELOW * self.ceiling)
        self._changed = self._lowered = now
        self._times += 1


class Finder:
    """The rate that a store or one prefix takes."""

    def __init__(self, now: float, start: float = START) -> None:
        self._paced = TokenBucket(0.0, now, burst=BURST)
        self._adaptive = Adaptive(now, start)
        self._repeated = self._begun = 0
        self._probe_at, self._went_well = 0.0, -1
        self._second = (now, 0, 0)
        self.done = self.refused = 0

    def room(self, now: float) -> int:
        """How many requests may begin now."""
        # A step is judged by answers to what was sent within it.
        out = max(0, self._begun - self.done - self.refused)
        self._adaptive.step = max(STEP, 2.0 * out / self._adaptive.limit)
        self._paced.change(self._adaptive.note(now, self.done, self.refused), now)
        self._paced.burst = STEADY_BURST if self._adaptive.ceiling else BURST
        if now - self._second[0] > 1.5:
            self._second = (now, self.done, self.refused)
        fresh = self.refused - self._repeated
        if fresh > 0:
            self._repeated = self.refused
            self._probe_at, self._went_well = now + BREATH, -1
        return self._paced.available(now) if self._open(now) else int(now >= self._probe_at)

    def _open(self, now: float) -> bool:
        """Whether the store takes requests again since the last "slow down": it is asked with one now and
        then, and the first that goes well ends it. What it answers before that was sent before."""
        if not self._probe_at:
            return True
        if now < self._probe_at:
            return False
        if self._went_well < 0:
            self._went_well = self.done
        if self.done == self._went_well:
            return False
        self._probe_at = 0.0
        self._adaptive.refine(now)
        self._paced.rest(0.0)
        return True

    def take(self, count: int) -> None:
        """Note what was begun, or is sent again."""
        self._begun += count
        self._paced.take(count)
        if self._probe_at:
            self._probe_at += PROBE

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

    @property
    def split(self) -> bool:
        """Whether any prefix is held back by itself."""
        return bool(self._alone)

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
