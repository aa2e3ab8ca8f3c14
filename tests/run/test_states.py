"""The state machines of jobs and operations."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3console.core.errors import Refused, UsageError
from s3console.core.model import JobState
from s3console.core.states import (
    FINAL_JOBS,
    SETTLED_OPERATIONS,
    JobEvent,
    OperationEvent,
    OperationState,
    next_job_state,
    next_operation_state,
)


@given(st.lists(st.sampled_from(get_args(JobEvent)), max_size=12))
def test_any_events_lead_from_state_to_state_or_are_refused(events: list[JobEvent]) -> None:
    state: JobState = "queued"
    for event in events:
        try:
            state = next_job_state(state, event)
        except Refused as error:
            assert error.next_step
        assert state in get_args(JobState)


@pytest.mark.parametrize("state", sorted(FINAL_JOBS))
def test_a_job_that_is_over_only_runs_again_when_asked_to_retry(state: JobState) -> None:
    for event in ("resume", "pause", "finish", "fail"):
        with pytest.raises(Refused):
            next_job_state(state, event)  # type: ignore[arg-type]


def test_a_cancelled_job_never_runs_again() -> None:
    for event in get_args(JobEvent):
        with pytest.raises(Refused):
            next_job_state("cancelled", event)


@given(st.lists(st.sampled_from(get_args(OperationEvent)), max_size=12))
def test_a_settled_operation_stays_settled_unless_it_is_tried_again(events: list[OperationEvent]) -> None:
    state: OperationState = "remaining"
    for event in events:
        before = state
        try:
            state = next_operation_state(state, event)
        except UsageError:
            continue
        if before in SETTLED_OPERATIONS:
            assert event == "retry"
            assert before in ("failed", "blocked")
