"""Rate and bandwidth on the wire: limits hold, and a store with a cap is used to its cap without a fight."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from workflow.mover import Mover

from s3console.core.abilities import assumed
from s3console.core.model import Place
from s3console.run.limits import Adaptive, Throttle, Times
from s3console.store.home import now, stamp
from s3console.store.probes import save_abilities
from s3console.workflow.planning import plan_copy


@pytest.fixture
def mover(synthetic: Any, aws_env: Any, tmp_path: Path) -> Mover:
    """A desk on the synthetic server, which is known to honour every condition."""
    aws_env(synthetic)
    made = Mover(synthetic, tmp_path, buckets=False)
    for versioning in ("Enabled", "Unversioned"):
        save_abilities(made.home, replace(assumed(synthetic.endpoint_url, aws=True), at=stamp(now()),
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
    steady = list(status.rates)[2:-1]
    rate = sum(steady) / max(1, len(steady))
    print(f"cap {cap}/s: {rate:.0f}/s over {len(steady)} s, {refused} of {told['COPY']} copies refused")
    assert refused < 0.02 * told["COPY"]
    assert rate >= 0.9 * cap, status.rates


def test_bandwidth_holds(mover: Mover) -> None:
    m = mover
    plan = plan_copy(m.desk, place(m, "syn-400-d1-real1-size100000"), place(m, "syn-0-d1-sink7"))
    began = time.monotonic()
    job, status = m.run(plan, bandwidth=8_000_000.0)
    took = time.monotonic() - began
    assert status.done == 400, m.logs(job)
    assert took >= 0.9 * 400 * 100_000 / 8_000_000 - 0.5


def simulate(cap: int, seconds: int, *, latency: float = 0.02, turn: float = 0.02) -> tuple[float, float]:
    """A store that takes `cap` per second of the clock; returns the share of its cap used, and of refusals.

    A refusal is told at once and keeps its place for half a second more, as a worker does that backs off.
    """
    clock, throttle = 0.0, Throttle(0.0, 0.0, 0.0)
    out: list[float] = []
    told: list[tuple[float, bool]] = []
    done = slow = taken = asked = good = second = 0
    while clock < seconds:
        if int(clock) != second:
            second, taken = int(clock), 0
        out = [at for at in out if at > clock]
        for _, ok in [one for one in told if one[0] <= clock]:
            done, slow = done + ok, slow + (not ok)
        told = [one for one in told if one[0] > clock]
        room = min(throttle.room(clock, done, slow), 64 - len(out))
        for _ in range(max(0, room)):
            throttle.take(1, 0)
            taken, asked = taken + 1, asked + 1
            ok = taken <= cap
            good += ok and clock > 4
            told.append((clock + latency, ok))
            out.append(clock + (latency if ok else 0.5))
        clock += turn
    return good / (cap * (seconds - 4)), 1 - (done + sum(ok for _, ok in told)) / asked


@pytest.mark.parametrize("cap", [100, 500, 1200])
def test_the_rate_that_a_store_takes_is_found(cap: int) -> None:
    used, refused = simulate(cap, 60)
    print(f"cap {cap}: {used:.1%} used, {refused:.2%} refused")
    assert used >= 0.9
    assert refused < 0.02


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
            room = min(throttle.room(turn / 50, sent, 0), 40)
            throttle.take(max(0, room), 0)
            sent += max(0, room)
        assert abs(sent / 20 - rate) <= 0.05 * rate
