"""Every fault at every request of a small job of each kind."""

from __future__ import annotations

import pytest
from crash.rig import JOBS, Rig
from crash.strict_store import CRASHES, FAULTS, HARMLESS


def requests_of(kind: str) -> int:
    """How many faults can be placed: requests and commits of a run without any."""
    rig = Rig(JOBS[kind]())
    script = [""] * 1000
    rig.network.script = script
    assert rig.process(script) == "done"
    counted = Rig(JOBS[kind]())
    steps = 1000
    counted.process([""] * steps)
    done, failed, skipped = rig.check()
    assert (failed, skipped) == (0, 0)
    assert done == len(rig.job.operations)
    return rig.network.requests


@pytest.mark.parametrize("kind", JOBS)
def test_every_fault_at_every_request(kind: str) -> None:
    places = requests_of(kind) + 12
    cases = 0
    for at in range(places):
        for fault in FAULTS:
            for lose in (False, True) if fault in CRASHES else (False,):
                rig = Rig(JOBS[kind](), lose=lose)
                rig.process([""] * at + [fault])
                rig.converge()
                done, _, _ = rig.check()
                if fault in HARMLESS and not lose:
                    assert done == len(rig.job.operations), f"{fault} at request {at} cost an operation"
                cases += 1
    assert cases > 200
