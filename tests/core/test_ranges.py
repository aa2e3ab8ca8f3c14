"""Ranges of a listing: whatever the keys, the union is the listing; and it is much faster than one by one."""

from __future__ import annotations

import heapq
import random
import uuid
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3console.core.alphabet import TOP, Alphabet, common
from s3console.core.dates import digits
from s3console.core.ladder import Look
from s3console.core.ranges import Range, Ranges


class Walk:
    """A listing over a sorted list of keys, with answers that come after a latency drawn by `rng`."""

    def __init__(self, keys: list[str], *, page: int, slots: int, horizon: int, rng: random.Random,
                 versions: bool = False, base: str = "", jitter: float = 0.0) -> None:
        self.keys, self.page, self.slots, self.horizon = keys, page, slots, horizon
        self.rng, self.versions, self.base, self.jitter = rng, versions, base, jitter
        self.requests, self.time, self.most_held = 1, 1.0, 0
        self.lies_at = ""

    def _ask(self, after: str, way: object, count: int) -> tuple[list[str], bool, object]:
        self.requests += 1
        first = way if isinstance(way, int) else bisect_right(self.keys, after)
        rows = self.keys[first:first + count]
        more = first + count < len(self.keys)
        if self.lies_at and rows and rows[0] <= self.lies_at <= rows[-1]:
            self.lies_at, more = "", False
        return rows, more, first + len(rows)

    def _folders(self, below: str, after: str) -> tuple[list[str], bool]:
        """Directories right below one, as a store groups them."""
        found: list[str] = []
        at = bisect_right(self.keys, max(after, below))
        while at < len(self.keys) and self.keys[at].startswith(below):
            end = self.keys[at].find("/", len(below)) + 1
            if not end:
                at += 1
                continue
            if len(found) == 1000:
                return found, True
            found.append(self.keys[at][:end])
            at = bisect_right(self.keys, found[-1] + TOP)
        return found, False

    def run(self) -> list[str]:
        page = self.page
        out = self.keys[:page]
        if len(self.keys) <= page:
            return out
        plan = Ranges(self.base, out, way=page, horizon=self.horizon, page=page, versions=self.versions)
        waiting: list[tuple[float, int, Range | Look, tuple[list[str], bool, object]]] = []
        number = 0
        while plan.live:
            while (task := plan.next(self.slots)) is not None:
                number += 1
                look = isinstance(task, Look)
                answer = self._ask(task.after if look else task.cursor, None if look else task.way,
                                   1 if look else page)
                late = 1.0 if not self.jitter else self.rng.lognormvariate(0, self.jitter)
                heapq.heappush(waiting, (self.time + late, number, task, answer))
            assert waiting, "nothing is asked for and nothing is finished"
            when, _, task, (rows, more, way) = heapq.heappop(waiting)
            self.time = max(self.time, when)
            if isinstance(task, Look) and task.below is not None:
                found, more = self._folders(task.below, task.after)
                plan.looked(task, found, more=more)
            elif isinstance(task, Look):
                plan.looked(task, rows)
            else:
                kept = plan.arrived(task, rows, more=more, way=way)
                if kept and not task.gone:
                    task.pages.append(rows[:kept])
                    plan.held += 1
            self.most_held = max(self.most_held, plan.held)
            self._use_up(plan, out)
        assert plan.held == 0
        return out

    @staticmethod
    def _use_up(plan: Ranges, out: list[str]) -> None:
        while plan.live:
            first = plan.live[0]
            plan.held -= len(first.pages)
            for rows in first.pages:
                assert isinstance(rows, list)
                out += rows
            first.pages.clear()
            if not first.done:
                return
            if plan.contradicted():
                assert plan.reopen()
            elif not plan.retire():
                return


def odd_key(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.25:
        return "".join(rng.choice("ab/") for _ in range(rng.randint(1, 12)))
    if kind < 0.45:
        odd = [1, 9, 10, 13, 0x20, 0x2F, 0x7E, 0x7F, 0xE9, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0x10000,
               0x1F600, 0x10FFFF]
        return "".join(chr(rng.choice(odd)) for _ in range(rng.randint(1, 8)))
    if kind < 0.65:
        return f"p/{rng.randint(0, 99999)}"
    if kind < 0.85:
        return f"x/{rng.getrandbits(40):010x}"
    if kind < 0.9:
        return "long/" + "z" * rng.randint(900, 1019)
    return "deep/" * rng.randint(1, 30) + str(rng.randint(0, 50))


def some_keys(rng: random.Random) -> list[str]:
    count = rng.choice([0, 1, 2, 5, 50, 500, 1500])
    if rng.random() < 0.3:
        return [f"a/b/c/{number:06d}" for number in range(count)]
    return sorted({odd_key(rng) for _ in range(count)})


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_the_union_is_the_listing(seed: int, versions: bool) -> None:
    rng = random.Random(seed)
    keys = some_keys(rng)
    if versions:
        keys = [key for key in keys for _ in range(rng.choice([1, 1, 2, 7]))]
    page = rng.choice([1, 2, 3, 10, 100, 1000])
    if len(keys) / page > 400:
        keys = keys[:400 * page]
    walk = Walk(keys, page=page, slots=rng.choice([1, 2, 3, 8, 40]), horizon=rng.choice([1, 4, 30, 130]),
                rng=rng, versions=versions, jitter=rng.choice([0.0, 0.8]))
    assert walk.run() == keys
    assert walk.most_held <= walk.horizon + walk.slots + 1
    assert walk.requests <= 8 * len(keys) / page + 300, "cuts into nothing come to an end"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_an_early_end_is_seen_where_later_keys_are_known(seed: int) -> None:
    """Either the listing is whole, or it ends where the store said and nothing behind was known."""
    rng = random.Random(seed)
    keys = [f"a/{number:06d}" for number in range(3000)]
    walk = Walk(keys, page=50, slots=16, horizon=60, rng=rng)
    walk.lies_at = keys[rng.randrange(100, 2900)]
    out = walk.run()
    assert out == keys[:len(out)] and len(out) > 50


def hexadecimal(rng: random.Random) -> list[str]:
    return sorted(f"{uuid.UUID(int=rng.getrandbits(128))}.jpg" for _ in range(100_000))


def stamps(rng: random.Random) -> list[str]:
    return sorted({f"logs/2024/{rng.randint(1, 12):02d}/{rng.randint(1, 28):02d}/{rng.randint(0, 23):02d}-"
                   f"{rng.getrandbits(24):06x}.gz" for _ in range(100_000)})


def counted(_: random.Random) -> list[str]:
    return [f"warehouse/tenant-0042/db/events/raw/v1/part-{number:012d}.parquet" for number in range(100_000)]


def unpadded(_: random.Random) -> list[str]:
    return sorted(f"images/{number}.jpg" for number in range(100_000))


def counted_through(_: random.Random) -> list[str]:
    """A counter that goes on from one directory to the next: no two directories hold alike names."""
    return [f"document{number // 1000:03d}/{number:010d}.jpg" for number in range(100_000)]


def page_each(_: random.Random) -> list[str]:
    """As many directories as there are pages."""
    return [f"document{number // 100:04d}/{number:010d}.jpg" for number in range(100_000)]


def nested(_: random.Random) -> list[str]:
    return [f"document{one:03d}/{two:04d}/{three:05d}::png"
            for one in range(100) for two in range(10) for three in range(100)]


def partitions(_: random.Random) -> list[str]:
    return [f"warehouse/t{tenant}/year={year}/month={month:02d}/day={day:02d}/part-{part:05d}.parquet"
            for tenant in range(4) for year in range(2020, 2024) for month in range(1, 13)
            for day in range(1, 29) for part in range(19)]


def one_among_many(_: random.Random) -> list[str]:
    """Nearly all keys in one of many directories."""
    return [f"users/big/{number:08d}" for number in range(90_000)] + [
        f"users/u{number // 5:05d}/{number}" for number in range(10_000, 20_000)]


@pytest.mark.parametrize("family", [hexadecimal, stamps, counted, unpadded, counted_through, page_each,
                                    nested, partitions, one_among_many])
def test_many_pages_come_in_few_rounds(family: Callable[[random.Random], list[str]]) -> None:
    """A thousand pages with 56 at once: twenty times as fast as one after the other, with at most twice the
    requests, when the answers come in about the order in which they were asked for."""
    keys = family(random.Random(3))
    walk = Walk(keys, page=100, slots=56, horizon=176, rng=random.Random(4), jitter=0.1)
    assert walk.run() == keys
    pages = len(keys) / 100
    assert walk.time < pages / 20 and walk.requests < 2 * pages + 100, (pages / walk.time, walk.requests)


def hexadecimal_evenly(_: random.Random) -> list[str]:
    return [f"document000/{number * (2**48 // 100_000):012x}.jpg" for number in range(100_000)]


def counted_by_date(_: random.Random) -> list[str]:
    """Moments through a year, each with a counter."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    return [f"document000/{first + timedelta(seconds=310 * number):%Y-%m-%dT%H:%M:%SZ}-{number:010d}.jpg"
            for number in range(100_000)]


def moments(rng: random.Random) -> list[str]:
    """Moments of two years that end in the middle of a month, as chance will have it."""
    first = datetime(2023, 11, 3, tzinfo=UTC)
    return sorted({f"x/{first + timedelta(seconds=rng.random() * 5e7):%Y-%m-%dT%H:%M:%S.%f}.log"
                   for _ in range(100_000)})


def days(_: random.Random) -> list[str]:
    """Partitions by tenant and day of a real calendar."""
    found = [date(2020, 1, 1) + timedelta(days=day) for day in range(1461)]
    return [f"wh/t{tenant}/year={day.year}/month={day.month:02d}/day={day.day:02d}/part-{part:05d}.parquet"
            for tenant in range(4) for day in found for part in range(17)]


@pytest.mark.parametrize(("family", "slots", "most"), [
    (hexadecimal_evenly, 64, 1.1), (hexadecimal_evenly, 48, 1.1), (counted_by_date, 64, 1.2),
    (moments, 64, 1.5), (days, 64, 1.5), (counted, 64, 1.2),
])
def test_regular_keys_cost_few_requests_more(family: Callable[[random.Random], list[str]], slots: int,
                                             most: float) -> None:
    """Hardly a page is fetched in vain or twice, and nothing falls back to one page after the other."""
    keys = family(random.Random(3))
    walk = Walk(keys, page=100, slots=slots, horizon=3 * slots + 8, rng=random.Random(4), jitter=0.1)
    assert walk.run() == keys
    pages = len(keys) / 100
    assert walk.requests < most * pages + 30 and walk.time < pages / 20, (walk.requests, walk.time)


@pytest.mark.parametrize(("key", "places"), [
    ("logs/2024-06-25T10:11:34Z-1.gz", "06251011 34"), ("a/20240625T101134.json", "0625101134"),
    ("wh/year=2024/month=06/day=25/hour=10/p.parquet", "06 25 10"), ("b/2024/06/25/x", "06 25"),
    ("no/1234567890/date", ""), ("no/2024-13-01", ""), ("no/92024-01-011", ""),
])
def test_dates_are_found_in_keys(key: str, places: str) -> None:
    found = list(digits(key))
    assert "".join(key[at] for at, _ in found) == places.replace(" ", "")
    for at, allowed in found:
        assert key[at] in allowed.get(key[at - 1], allowed[""]).found


def test_a_date_that_is_none_is_given_up() -> None:
    """A counter that looks like a date at first is cut like a counter."""
    keys = [f"n/{number:08d}" for number in range(20240101, 20340101, 100)]
    walk = Walk(keys, page=100, slots=32, horizon=104, rng=random.Random(4))
    assert walk.run() == keys
    assert walk.requests < 2000 + 100


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
       st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
       st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), max_size=20))
def test_a_cut_lies_between(one: str, other: str, seen: Sequence[str]) -> None:
    alphabet = Alphabet()
    alphabet.learn(sorted(seen))
    low, high = sorted((one, other))
    for cut in (alphabet.between(low, high + TOP, blindly=True), alphabet.at(low, high + TOP, 0.3)):
        if cut is not None:
            assert low < cut < high + TOP and len(cut.encode()) <= 1024
    assert low[:common(low, high)] == high[:common(low, high)]
    assert low == high or low[common(low, high):][:1] != high[common(low, high):][:1]


def test_positions_rise_with_keys() -> None:
    keys = [f"a/{number:05d}" for number in range(0, 90_000, 7)]
    alphabet = Alphabet()
    for start in range(0, len(keys), 100):
        alphabet.learn(keys[start:start + 100])
    places = [alphabet.position(key, 2) for key in keys]
    assert places == sorted(places) and places[0] >= 0 and places[-1] <= 1
    middle = alphabet.at(keys[0], keys[-1], 0.5)
    assert middle is not None and abs(bisect_right(keys, middle) / len(keys) - 0.5) < 0.05
