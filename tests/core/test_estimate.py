"""How long and how dear a move is: the figures that the mover's author thought aloud (SEEDS, section 3.4)."""

from __future__ import annotations

import pytest

from s3console.core.estimate import SIZES, duration_text, estimate


@pytest.mark.parametrize(("objects", "alone", "fast"), [
    (1_000, "5.6 min", "2 s"), (10_000, "56 min", "20 s"), (100_000, "9.3 h", "3.3 min"),
    (1_000_000, "3.9 days", "33 min"), (10_000_000, "39 days", "5.6 h")])
def test_times(objects: int, alone: str, fast: str) -> None:
    one = estimate(objects, "us-east-1")
    assert (duration_text(one.sequential), duration_text(one.fast)) == (alone, fast)
    assert objects in SIZES


def test_a_million_costs_what_its_requests_cost() -> None:
    """Copies at 5 dollars, two listings at half a cent for each thousand pages; deletes are free."""
    assert estimate(1_000_000, "us-east-1", looks=0).cost_usd == pytest.approx(5.01)
    assert estimate(1_000_000, "us-east-1").cost_usd == pytest.approx(5.81)
    assert estimate(0, "us-east-1").cost_usd == 0
