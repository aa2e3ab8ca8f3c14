"""How fast a job may go, how fast it goes, and how long its operations take."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence


class TokenBucket:
    """At most `rate` units per second with bursts of `burst` seconds; rate 0 is no limit."""

    def __init__(self, rate: float, now: float, *, burst: float = 0.25) -> None:
        self.burst = burst
        self._at = now
        self._rate = 0.0
        self._tokens = 1.0
        self.change(rate, now)
        self._tokens = self._room

    @property
    def _room(self) -> float:
        return max(1.0, self._rate * self.burst)

    def change(self, rate: float, now: float) -> None:
        """Another rate from now on."""
        if rate != self._rate:
            if self._rate <= 0:
                self._at = now
            self.available(now)
            self._rate = rate
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


class Pace:
    """Operations per second over the last seconds, and one value per second for a plot."""

    def __init__(self, now: float, *, seconds: float = 10.0, kept: int = 300) -> None:
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


class Throttle:
    """What the operator allows: operations and bytes per second."""

    def __init__(self, rate: float, bandwidth: float, now: float) -> None:
        self.given = max(0.0, rate)
        self._operations = TokenBucket(self.given, now)
        self._bytes = TokenBucket(max(0.0, bandwidth), now)
        self._average = 0.0

    def change(self, now: float, *, rate: float | None = None, bandwidth: float | None = None) -> None:
        """Other limits from now on; None leaves one as it is."""
        if rate is not None:
            self.given = max(0.0, rate)
            self._operations.change(self.given, now)
        if bandwidth is not None:
            self._bytes.change(max(0.0, bandwidth), now)

    def room(self, now: float) -> int:
        """How many operations may be sent now."""
        size = self._bytes.available(now)
        if size < 1:
            return 0
        fits = max(1, int(size / self._average)) if self._average else size
        return min(self._operations.available(now), fits)

    def take(self, operations: int, size: int) -> None:
        """Note what was sent: so many operations that copy so many bytes."""
        self._operations.take(operations)
        self._bytes.take(size)
        self._average += 0.2 * (size / max(1, operations) - self._average)


DELETE_SLICE, GUARDED_SLICE, DELETES_AT_ONCE = 1000, 100, 8


def slice_size(phase: str, at_once: int, deletes: int, *, plain: bool) -> tuple[int, int]:
    """How many operations go to a worker together, and how many it may have.

    A store deletes the versions of one request one after the other, so several requests are under way, and a
    small job of `deletes` is cut into as many. `plain` says that nothing is looked at before them.
    """
    if phase == "copy":
        return at_once, 2 * at_once
    if not plain:
        return GUARDED_SLICE, 2 * GUARDED_SLICE
    size = min(DELETE_SLICE, max(GUARDED_SLICE, -(-deletes // DELETES_AT_ONCE)))
    return size, DELETES_AT_ONCE * size


STEP = math.log(1.1)
_log = math.log


class Times:
    """How long operations took, in steps of a tenth: `counts[n]` lie around 1.1 to the n milliseconds."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    def add(self, seconds: float) -> None:
        """Count one operation."""
        step = round(math.log(max(seconds * 1000.0, 0.01)) / STEP)
        self.counts[step] = self.counts.get(step, 0) + 1

    def add_many(self, all_seconds: Sequence[float]) -> None:
        """Count several operations."""
        counts = self.counts
        for seconds in all_seconds:
            step = round(_log(seconds * 1000.0 + 0.01) / STEP)
            counts[step] = counts.get(step, 0) + 1

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
