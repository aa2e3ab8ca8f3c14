"""Rate, window and pace, by a clock of our own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from s3console.run.limits import Pace, TokenBucket


@given(st.floats(0.5, 5000), st.lists(st.floats(0.001, 2.0), min_size=1, max_size=60))
def test_the_rate_is_never_exceeded(rate: float, steps: list[float]) -> None:
    clock, sent = 0.0, 0
    bucket = TokenBucket(rate, clock)
    for step in steps:
        clock += step
        count = bucket.available(clock)
        bucket.take(count)
        sent += count
    assert sent <= clock * rate + max(1.0, rate / 4) + 1e-6


def test_no_rate_is_no_limit() -> None:
    bucket = TokenBucket(0.0, 0.0)
    bucket.take(10**9)
    assert bucket.available(0.0) > 10**6


def test_pace_is_operations_per_second_and_a_plot() -> None:
    pace = Pace(0.0)
    rate = 0.0
    for tick in range(40):
        rate = pace.note(tick * 0.25, tick * 5)
    assert abs(rate - 20.0) < 0.01
    assert all(abs(value - 20.0) < 0.01 for value in pace.plot)
    assert 8 <= len(pace.plot) <= 10
