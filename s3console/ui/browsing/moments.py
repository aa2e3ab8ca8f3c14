"""The time line of one key: its versions as stops, a moment between them, and what stood then."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from s3console.core.model import Entry
from s3console.core.timeline import NOW, comparable, parse_moment, standing, time_of
from s3console.ui.display import Run, key_runs, size_text, time_text

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_RELATIVE = re.compile(r"(\d{1,5})\s*([smhdw])(?:\s+ago)?")


def parse_when(text: str, now: datetime) -> str:
    """A moment as an operator writes it: a time, `3h`, `2d ago`, or `now`. Raises UsageError."""
    if text == "now":
        return NOW
    if relative := _RELATIVE.fullmatch(text):
        then = now - timedelta(**{_UNITS[relative[2]]: int(relative[1])})
        return f"{then:%Y-%m-%dT%H:%M:%SZ}"
    moment = parse_moment(text)
    return NOW if comparable(moment) > f"{now:%Y-%m-%dT%H:%M:%S}" else moment


@dataclass(frozen=True, slots=True)
class Line:
    """The history of a key, newest first as the store lists it, and the moment looked at (`NOW`: the end)."""

    history: tuple[Entry, ...] = ()
    moment: str = NOW

    @property
    def stops(self) -> list[str]:
        """The times at which something changed, oldest first."""
        return sorted({entry.modified for entry in self.history}, key=comparable)

    @property
    def standing(self) -> Entry | None:
        """The version or marker that stood at the moment; None before the first."""
        return standing(self.history, self.moment) if self.history else None

    def at(self, moment: str) -> Line:
        """The same line at another moment."""
        return Line(self.history, moment)

    def slid(self, step: int) -> Line:
        """To the next change later (1) or earlier (-1); behind the last one is now."""
        stops = self.stops
        if not stops:
            return self
        if step > 0:
            after = bisect_right(stops, self.moment) if self.moment else len(stops)
            return self.at(stops[after] if after < len(stops) else NOW)
        before = bisect_left(stops, self.moment) if self.moment else len(stops)
        if self.moment == NOW and stops:
            before = len(stops)
        return self.at(stops[max(0, before - 1)])

    def turned(self, hours: int, now: str) -> Line:
        """Some hours on or back from the moment; `now` is the present, past which it does not go."""
        there = time_of(self.moment or now) + timedelta(hours=hours)
        text = f"{there:%Y-%m-%dT%H:%M:%SZ}"
        return self.at(NOW if comparable(text) >= comparable(now) else text)


def bar_runs(line: Line, width: int) -> list[Run]:
    """The line as a rule with a mark for each change and a knob for the moment; changes stand evenly."""
    stops = line.stops
    room = max(12, width - 6)
    spots = [round((n + 1) * (room - 1) / (len(stops) + 1)) for n in range(len(stops))]
    knob = _knob(line, stops, spots, room)
    marks = dict(zip(spots, stops, strict=True))
    deleted = {entry.modified for entry in line.history if entry.is_delete_marker}
    runs: list[Run] = []
    for cell in range(room):
        if cell == knob:
            runs.append(("●", "bold primary"))
        elif cell in marks:
            runs.append(("×", "warning") if marks[cell] in deleted else ("┼", "foreground"))
        else:
            runs.append(("─", "primary" if cell < knob else "rule"))
    return [*runs, ("  now", "bold primary" if not line.moment else "faint")]


def _knob(line: Line, stops: Sequence[str], spots: Sequence[int], room: int) -> int:
    if not line.moment or not stops:
        return room - 1
    at = bisect_right(stops, line.moment)
    if at == 0:
        return max(0, spots[0] // 2)
    if stops[at - 1] == line.moment:
        return spots[at - 1]
    following = spots[at] if at < len(spots) else room - 1
    return (spots[at - 1] + following) // 2


def standing_runs(line: Line) -> list[Run]:
    """What stood at the moment, in words."""
    entry = line.standing
    if entry is None:
        return [("nothing that the store still knows", "muted")]
    version = key_runs((entry.version_id or "null")[:12], "muted")
    if entry.is_delete_marker:
        return [("deleted", "bold warning"), (": a delete marker hid the key  ", "muted"), *version]
    return [("present", "bold ok"), (f"  {size_text(entry.size)}  ", "foreground"), ("version ", "muted"),
            *version]


def moment_runs(line: Line) -> list[Run]:
    """The moment in words."""
    if not line.moment:
        return [("now", "bold foreground")]
    return [(time_text(line.moment, seconds=True), "bold foreground"), (" UTC", "muted")]
