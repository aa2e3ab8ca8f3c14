"""Rate and bandwidth on the wire: limits hold, and a store with a cap is used to its cap without a fight."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest_synth import alone as alone
from workflow.mover import Mover

from s3console.core.abilities import assumed
from s3console.core.model import Place
from s3console.run.limits import Throttle, Times
from s3console.run.pacing import Adaptive, Pacer
from s3console.store.home import now, stamp
from s3console.store.probes import save_abilities
from s3console.workflow.planning import plan_copy


@pytest.fixture
def mover(alone: Any, aws_env: Any, tmp_path: Path) -> Mover:
    """A desk on a synthetic server of its own, since its requests are counted; it honours every condition."""
    aws_env(alone)
    made = Mover(alone, tmp_path, buckets=False)
    for versioning in ("Enabled", "Unversioned"):
        save_abilities(made.home, replace(assumed(alone.endpoint_url, aws=True), at=stamp(now()),
                                          versioning=versioning))
    return made


def requests(server: Any, *, reset: bool = False) -> dict[str, int]:
    asked = urllib.request.Request(f"{server.endpoint_url}/_requests", method="DELETE" if reset else "GET")
    with urllib.request.urlopen(asked) as answer:
        found: dict[str, int] = json.loads(answer.read() or b"{}")
        return found


def place(m: Mover, bucket: str) -> Place:
    return Place(bucket, "", m.server.connection)


@pytest.mark.parametrize("cap", [300])
def test_a_capped_store_is_used_to_its_cap(mover: Mover, cap: int) -> None:
    m, keys = mover, cap * 20
    plan = plan_copy(m.desk, place(m, f"syn-{keys}-d1-real1"), place(m, f"syn-0-d1-rate{cap}-sink{cap}"))
    requests(m.server, reset=True)
    job, status = m.run(plan)
    assert (status.state, status.done) == ("done", keys), m.logs(job)
    told = requests(m.server)
    refused = told["COPY"] - keys
    steady = sorted(status.rates[2:-1])
    # What other processes take from the runner is not its fault: the better half of its seconds counts.
    rate = sum(steady[len(steady) // 2:]) / max(1, len(steady) - len(steady) // 2)
    print(f"cap {cap}/s: {rate:.0f}/s in the better half of {len(steady)} s, "
          f"{refused} of {told['COPY']} copies refused")
    assert refused < 0.012 * told["COPY"]
    assert rate >= 0.9 * cap, status.rates


def test_a_slow_prefix_does_not_hold_up_the_next(mover: Mover) -> None:
    """Two prefixes with a cap each, one behind the other in the plan: both are used at once."""
    m, cap, each = mover, 100, 600
    plan = plan_copy(m.desk, place(m, f"syn-{2 * each}-d2-real1"), place(m, f"syn-0-d2-rate{cap}-sink{cap}"))
    job, status = m.run(plan)
    assert (status.state, status.done) == ("done", 2 * each), m.logs(job)
    best = max(status.rates)
    print(f"caps of {cap}/s for each of two prefixes: {best:.0f}/s at best, {status.slowdowns} refused")
    assert best > 1.4 * cap, status.rates


def test_bandwidth_holds(mover: Mover) -> None:
    m = mover
    plan = plan_copy(m.desk, place(m, "syn-400-d1-real1-size100000"), place(m, "syn-0-d1-sink7"))
    began = time.monotonic()
    job, status = m.run(plan, bandwidth=8_000_000.0)
    took = time.monotonic() - began
    assert status.done == 400, m.logs(job)
    assert took >= 0.9 * 400 * 100_000 / 8_000_000 - 0.5


def simulate(caps: dict[str, int], seconds: int, *, whole: int = 1 << 30, latency: float = 0.02,
             turn: float = 0.02) -> dict[str, tuple[int, int, int]]:
    """A store that takes so many requests per second of the clock under each prefix, and `whole` in all;
    returns what each prefix got done after the first 4 s, what it asked, and what was refused.

    A refusal is told at once and keeps its place for half a second more, as a worker does that backs off.
    """
    clock, pacer, second = 0.0, Pacer(0.0), -1
    out: list[float] = []
    told: list[tuple[float, str, bool]] = []
    sums = {prefix: [0, 0, 0] for prefix in caps}
    while clock < seconds:
        if int(clock) != second:
            second, taken = int(clock), dict.fromkeys(caps, 0)
        out = [at for at in out if at > clock]
        for _, prefix, ok in [one for one in told if one[0] <= clock]:
            if ok:
                pacer.of(prefix).done += 1
            else:
                pacer.refuse(prefix, clock)
        told = [one for one in told if one[0] > clock]
        for turned in range(200):
            prefix = list(caps)[turned % len(caps)]
            finder = pacer.of(prefix)
            if len(out) >= 64 or finder.room(clock) < 1:
                continue
            finder.take(1)
            taken[prefix] += 1
            ok = taken[prefix] <= caps[prefix] and sum(taken.values()) <= whole
            sums[prefix][0] += ok and clock > 4
            sums[prefix][1] += 1
            sums[prefix][2] += not ok
            told.append((clock + latency, prefix, ok))
            out.append(clock + (latency if ok else 0.5))
        clock += turn
    return {prefix: (done, asked, bad) for prefix, (done, asked, bad) in sums.items()}


@pytest.mark.parametrize("cap", [100, 500, 1200])
def test_the_rate_that_a_store_takes_is_found(cap: int) -> None:
    ((done, asked, refused),) = simulate({"a": cap}, 60).values()
    print(f"cap {cap}: {done / cap / 56:.1%} used, {refused / asked:.2%} refused")
    assert done >= 0.9 * cap * 56
    assert refused < 0.02 * asked


def test_a_prefix_that_is_slowed_down_does_not_slow_the_others() -> None:
    found = simulate({"slow": 50, "free": 100_000}, 40)
    print(found)
    assert found["slow"][0] >= 0.85 * 50 * 36
    assert found["slow"][2] < 0.03 * found["slow"][1]
    assert found["free"][0] > 1000 * 36, "the other prefix is only held by the simulated latency"
    assert found["free"][2] == 0


def test_a_store_that_is_slow_as_a_whole_is_not_fought_prefix_by_prefix() -> None:
    found = simulate({"a": 100_000, "b": 100_000, "c": 100_000}, 60, whole=400)
    done, asked, refused = (sum(column) for column in zip(*found.values(), strict=True))
    print(f"{done / 400 / 56:.1%} used, {refused / asked:.2%} refused")
    assert done >= 0.85 * 400 * 56
    assert refused < 0.04 * asked


def test_a_limit_that_is_not_needed_any_more_goes_away() -> None:
    adaptive = Adaptive(0.0)
    for turn in range(30):
        adaptive.note(turn / 10, turn * 100, 0)
    before = adaptive.limit
    assert before > 500
    lowered = adaptive.note(3.0, 3000, 1)
    assert 0.4 * before <= lowered < before
    for turn in range(1200):
        adaptive.note(3 + turn / 10, 3000, 1)
    assert adaptive.note(130.0, 3000, 1) == 0, "after a long quiet there is no limit"


def test_times_are_kept_within_a_tenth() -> None:
    times = Times()
    for milliseconds in range(1, 1001):
        times.add(milliseconds / 1000)
    assert 450 <= times.at(0.5) <= 550
    assert 900 <= times.at(0.99) <= 1090
    other = Times(times.counts)
    other.merge(times.counts)
    assert other.at(0.5) == times.at(0.5)
    assert Times().at(0.5) == 0


def test_a_rate_that_was_given_holds() -> None:
    for rate in (10.0, 333.0):
        throttle, sent = Throttle(rate, 0.0, 0.0), 0
        for turn in range(1000):
            room = min(throttle.room(turn / 50), 40)
            throttle.take(max(0, room), 0)
            sent += max(0, room)
        assert abs(sent / 20 - rate) <= 0.05 * rate


def test_a_bandwidth_that_was_given_holds() -> None:
    throttle, sent = Throttle(0.0, 5_000_000.0, 0.0), 0
    for turn in range(1000):
        room = max(0, min(throttle.room(turn / 50), 128 if turn else 10))
        throttle.take(room, room * 70_000)
        sent += room
    assert abs(sent * 70_000 / 20 - 5_000_000) <= 0.05 * 5_000_000


@pytest.mark.parametrize(("workers", "rate"), [(1, 200.0), (2, 400.0)])
def test_the_rate_holds_at_the_server(mover: Mover, workers: int, rate: float) -> None:
    """The server counts what came within a window in the middle of the job."""
    m, keys = mover, int(rate * 5)
    plan = plan_copy(m.desk, place(m, f"syn-{keys}-d1-real1"), place(m, f"syn-0-d1-sink{int(rate)}"))
    requests(m.server, reset=True)
    seen: list[tuple[float, int, float]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            before = time.monotonic()
            count = requests(m.server).get("COPY", 0)
            seen.append((before, count, time.monotonic()))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        job, status = m.run(plan, rate=rate, workers=workers)
    finally:
        ended.set()
        watcher.join()
    assert status.done == keys, m.logs(job)
    middle = [one for one in seen if 0.15 * keys <= one[1] <= 0.95 * keys]
    (first, low, _), (_, high, last) = middle[0], middle[-1]
    told = (high - low) / (last - first)
    # A machine that others use may hold the runner up for a while, but never makes it faster.
    best = max((many - few) / (before - after) for _, few, after in middle for before, many, _ in middle
               if before - after >= 1.0)
    print(f"asked for {rate:.0f}/s, the server saw {told:.0f}/s over {last - first:.1f} s, "
          f"{best:.0f}/s at best")
    assert high - low <= 1.05 * rate * (last - first) + rate / 4, "it caught up"
    assert best >= 0.95 * rate
