"""Random faults in random order over several lives of a job."""

from __future__ import annotations

from crash.rig import JOBS, Rig
from crash.strict_store import FAULTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LIVES = st.lists(
    st.tuples(
        st.lists(st.one_of(st.just(""), st.sampled_from(FAULTS)), max_size=14),
        st.lists(st.integers(0, 3), max_size=16),
    ),
    min_size=1, max_size=4,
)


@settings(max_examples=1500, deadline=None, database=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(sorted(JOBS)), lives=LIVES, lose=st.booleans())
def test_random_lives_of_a_job(kind: str, lives: list[tuple[list[str], list[int]]], lose: bool) -> None:
    rig = Rig(JOBS[kind](), lose=lose)
    for script, order in lives:
        turns = iter(order)
        rig.process(script, pick=lambda n, turns=turns: next(turns, 0) % n)
    rig.converge()
    rig.check()
