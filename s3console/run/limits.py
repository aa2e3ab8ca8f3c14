"""How fast a job may go: operations per second, and how many may be out at once."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping


class TokenBucket:
    """At most `rate` units per second with bursts of `burst` seconds; rate 0 is no limit."""

    def __init__(self, rate: float, now: float, *, burst: float = 0.25) -> None:
        self._burst = burst
        self._at = now
        self._rate = 0.0
        self._tokens = self._room = 1.0
        self.change(rate, now)
        self._tokens = self._room

    def change(self, rate: float, now: float) -> None:
        """Another rate from now on."""
        if rate != self._rate:
            if self._rate <= 0:
                self._at = now
            self.available(now)
            self._rate = rate
            self._room = max(1.0, rate * self._burst)
            self._tokens = min(self._tokens, self._room)

    def available(self, now: float) -> int:
        """How many units may be spent now; below 1 after more was taken than there was."""
        if self._rate <= 0:
            return 1 << 30
        self._tokens = min(self._room, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return int(self._tokens)

    def rest(self, seconds: float) -> None:
        """Nothing for so many seconds, unless more than that is owed already."""
        self._tokens = min(self._tokens, -seconds * self._rate)

    def take(self, count: int) -> None:
        """Note what was spent."""
        if self._rate > 0:
            self._tokens -= count


class Window:
    """How many operations may be out: grows by a tenth per second, falls by a quarter on a slow-down, never
    below half of the most. The rate is kept elsewhere (`Adaptive`); this spares a store that answers late."""

    def __init__(self, most: int, now: float) -> None:
        self._most = most
        self._size = float(most)
        self._slow = 0
        self._at = now

    def size(self, slowdowns: int, now: float) -> int:
        """The window now; `slowdowns` is the running count of "slow down" answers."""
        if now - self._at >= 1.0:
            factor = 0.75 if slowdowns > self._slow else 1.1
            self._size = min(float(self._most), max(1.0, self._most / 2, self._size * factor))
            self._at, self._slow = now, slowdowns
        return int(self._size)


class Pace:
    """Operations per second over the last seconds, and one value per second for a plot."""

    def __init__(self, now: float, *, seconds: float = 10.0, kept: int = 60) -> None:
        self._points: deque[tuple[float, int]] = deque()
        self._seconds = seconds
        self._second = (now, 0)
        self._started = False
        self.plot: deque[float] = deque(maxlen=kept)

    def note(self, now: float, settled: int) -> float:
        """Note how many operations are settled; returns the rate."""
        if not self._started:
            self._second, self._started = (now, settled), True
        self._points.append((now, settled))
        while len(self._points) > 2 and now - self._points[0][0] > self._seconds:
            self._points.popleft()
        since, before = self._second
        if now - since >= 1.0:
            self.plot.append(round(max(0, settled - before) / (now - since), 1))
            self._second = (now, settled)
        (first, low), (last, high) = self._points[0], self._points[-1]
        return max(0.0, (high - low) / (last - first)) if last > first else 0.0


class Adaptive:
    """Finds the rate that a store takes: falls on "slow down" to just below what went well in the second
    before, comes back fast to nearly the rate that was refused, and goes on slowly from there.

    It begins by growing by half twice a second, until the first "slow down".
    """

    START, MOST = 100.0, 100_000.0

    def __init__(self, now: float) -> None:
        self.limit = self.START
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
        elif now - self._changed >= (1.0 if self.ceiling else 0.5):
            self._raise(now)
        return self.limit if self.limit < self.MOST else 0.0

    def _raise(self, now: float) -> None:
        quiet = now - self._quiet_since
        if not self.ceiling:
            factor = 1.5
        elif self.limit < 0.93 * self.ceiling or quiet > 30.0:
            factor = 1.15
        else:
            # The first refusal tells little, because the second before it was not an even one.
            factor = 1.06 if self._times == 1 else 1.005 if quiet < 5.0 else 1.02
        self.limit = min(self.MOST, self.limit * factor)
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


BREATH = 0.15
"""Seconds without anything new after a "slow down": what follows at once would be refused as well."""


class Throttle:
    """Every limit on sending: the operator's rate and bandwidth, and what the store itself can take."""

    def __init__(self, rate: float, bandwidth: float, now: float) -> None:
        self._given = rate
        self._operations = TokenBucket(rate, now)
        self._bytes = TokenBucket(bandwidth, now)
        self._paced = TokenBucket(0.0, now, burst=0.15)
        self._adaptive = Adaptive(now)
        self._repeated = 0

    def change(self, now: float, *, rate: float | None = None, bandwidth: float | None = None) -> None:
        """Other limits from now on; None leaves one as it is."""
        if rate is not None:
            self._operations.change(max(0.0, rate), now)
        if bandwidth is not None:
            self._bytes.change(max(0.0, bandwidth), now)

    def room(self, now: float, done: int, slowdowns: int) -> int:
        """How many operations may be sent now. What was refused is sent again, and takes its room."""
        self._paced.change(self._adaptive.note(now, done, slowdowns), now)
        fresh = slowdowns - self._repeated
        if fresh > 0:
            self._repeated = slowdowns
            self._paced.take(fresh)
            self._paced.rest(BREATH)
        if self._bytes.available(now) < 1:
            return 0
        return min(self._operations.available(now), self._paced.available(now))

    def crowd(self, most: int, least: int) -> int:
        """How many operations may be out: what the store takes in a fifth of a second, `least` to `most`."""
        found = self._adaptive.limit
        return max(least, min(most, int(found / 5)))

    def take(self, operations: int, size: int) -> None:
        """Note what was sent: so many operations that copy so many bytes."""
        self._operations.take(operations)
        self._paced.take(operations)
        self._bytes.take(size)

    @property
    def found(self) -> float:
        """The rate that the store was found to take, 0 while it never refused one."""
        return self._adaptive.limit if self._adaptive.ceiling else 0.0


STEP = math.log(1.1)


class Times:
    """How long operations took, in steps of a tenth: `counts[n]` lie around 1.1 to the n milliseconds."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    def add(self, seconds: float) -> None:
        """Count one operation."""
        step = round(math.log(max(seconds * 1000.0, 0.01)) / STEP)
        self.counts[step] = self.counts.get(step, 0) + 1

    def merge(self, other: Mapping[int, int]) -> None:
        """Add the counts of another."""
        for step, count in other.items():
            self.counts[step] = self.counts.get(step, 0) + count

    def at(self, share: float) -> float:
        """The milliseconds below which this share of the operations stayed, within a tenth; 0 for none."""
        total = sum(self.counts.values())
        seen = 0
        for step, count in sorted(self.counts.items()):
            seen += count
            if seen >= share * total:
                return round(math.exp(step * STEP), 1)
        return 0.0
