"""Every fault at every request of a small job of each kind; in the long run, every pair of them."""

from __future__ import annotations

import os
import time
from itertools import product
from typing import Any

import pytest
from crash.rig import JOBS, Rig
from crash.strict_store import CRASHES, FAULTS, HARMLESS


def requests_of(kind: str) -> int:
    """How many faults can be placed: requests and commits of a run without any."""
    rig = Rig(JOBS[kind]())
    rig.network.script = script = [""] * 1000
    assert rig.process(script) == "done"
    left = len(rig.network.script)
    done, failed, skipped = rig.check()
    assert (failed, skipped) == (0, 0)
    assert done == len(rig.job.operations)
    assert not left, "the script is given back at the end of a process"
    counted = Rig(JOBS[kind]())
    counted.keep_script = True
    counted.process([""] * 1000)
    return 1000 - len(counted.network.script)


def single(kind: str, script: list[str], *, lose: bool = False) -> None:
    """One life through the script, then lives without faults until all is settled, then the oracle."""
    rig = Rig(JOBS[kind](), lose=lose)
    rig.process(script)
    rig.converge()
    done, _, _ = rig.check()
    if not lose and HARMLESS.issuperset(script):
        assert done == len(rig.job.operations), f"{[f for f in script if f]} cost an operation"


def test_the_straight_ways_of_a_worker_are_driven() -> None:
    """What goes on lanes, past the store and the engine, is part of the sweep."""
    rig = Rig(JOBS["plain"]())
    assert rig.process(()) == "done"
    rig.check()
    assert rig.network.on_lanes >= 4, "copies and a delete of several versions"


@pytest.mark.parametrize("kind", JOBS)
def test_every_fault_at_every_request(kind: str, capsys: Any) -> None:
    # A fault makes a run longer, so there is room behind its end too.
    places, cases, begun = requests_of(kind) + 6, 0, time.process_time()
    for at, fault in product(range(places), FAULTS):
        for lose in (False, True) if fault in CRASHES else (False,):
            single(kind, [""] * at + [fault], lose=lose)
            cases += 1
    spent = time.process_time() - begun
    with capsys.disabled():
        print(f"\nsweep of {kind}: {cases:,} cases ({len(FAULTS)} faults), {spent:.1f} s CPU", end=" ")
    assert cases >= places * len(FAULTS)


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", JOBS)
def test_every_pair_of_faults_at_every_pair_of_requests(kind: str, capsys: Any) -> None:
    """S3CONSOLE_PAIRS=n tries every n-th pair only."""
    places, cases, begun = requests_of(kind), 0, time.process_time()
    every = int(os.environ.get("S3CONSOLE_PAIRS", "1"))
    pairs = ((first, second) for first in range(places) for second in range(first + 1, places + 3))
    for number, ((first, second), one, other) in enumerate(product(pairs, FAULTS, FAULTS)):
        if number % every:
            continue
        script = [""] * (second + 1)
        script[first], script[second] = one, other
        try:
            single(kind, script)
        except AssertionError as error:
            raise AssertionError(f"{one} at {first}, {other} at {second}: {error}") from error
        cases += 1
    spent = time.process_time() - begun
    with capsys.disabled():
        print(f"\npairs of {kind}: {cases:,} cases, {spent:.0f} s CPU", end=" ")
    assert cases > 1000 // every
