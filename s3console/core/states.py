"""What may follow what: the states of a job and of one operation, as pure transitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from .errors import Refused, UsageError
from .model import JobState

JobEvent = Literal["start", "pause", "resume", "finish", "fail", "cancel", "retry", "outdated"]
OperationState = Literal["remaining", "sent", "verified", "deleted", "skipped", "blocked", "failed"]
OperationEvent = Literal["send", "lost", "verify", "delete", "skip", "block", "fail", "retry"]

_JOB: Mapping[tuple[JobState, JobEvent], JobState] = {
    ("queued", "start"): "running",
    ("queued", "pause"): "paused",
    ("queued", "cancel"): "cancelled",
    ("queued", "retry"): "running",
    ("queued", "outdated"): "stale",
    ("running", "start"): "running",
    ("running", "pause"): "paused",
    ("running", "resume"): "running",
    ("running", "finish"): "done",
    ("running", "fail"): "failed",
    ("running", "cancel"): "cancelled",
    ("running", "retry"): "running",
    ("running", "outdated"): "stale",
    ("paused", "pause"): "paused",
    ("paused", "start"): "running",
    ("paused", "resume"): "running",
    ("paused", "retry"): "running",
    ("paused", "fail"): "failed",
    ("paused", "cancel"): "cancelled",
    ("paused", "outdated"): "stale",
    ("failed", "start"): "running",
    ("failed", "resume"): "running",
    ("failed", "retry"): "running",
    ("failed", "cancel"): "cancelled",
    ("failed", "outdated"): "stale",
    ("done", "retry"): "running",
    ("done", "start"): "running",
    ("stale", "cancel"): "cancelled",
    ("stale", "outdated"): "stale",
}

_OPERATION: Mapping[tuple[OperationState, OperationEvent], OperationState] = {
    ("remaining", "send"): "sent",
    ("remaining", "block"): "blocked",
    ("remaining", "retry"): "remaining",
    ("sent", "lost"): "remaining",
    ("sent", "verify"): "verified",
    ("sent", "delete"): "deleted",
    ("sent", "skip"): "skipped",
    ("sent", "block"): "blocked",
    ("sent", "fail"): "failed",
    ("failed", "retry"): "remaining",
    ("blocked", "retry"): "remaining",
}

FINAL_JOBS: frozenset[JobState] = frozenset(("done", "cancelled", "stale"))
SETTLED_OPERATIONS: frozenset[OperationState] = frozenset(
    ("verified", "deleted", "skipped", "blocked", "failed")
)


def next_job_state(state: JobState, event: JobEvent) -> JobState:
    """The state of a job after an event. Raises Refused when the event makes no sense in that state."""
    try:
        return _JOB[state, event]
    except KeyError:
        raise Refused(f"a job that is {state} cannot {event}", next_step=_advice(state)) from None


def next_operation_state(state: OperationState, event: OperationEvent) -> OperationState:
    """The state of an operation after an event. Raises UsageError for a transition that does not exist."""
    try:
        return _OPERATION[state, event]
    except KeyError:
        raise UsageError(f"an operation that is {state} cannot {event}") from None


def _advice(state: JobState) -> str:
    if state == "cancelled":
        return "make a new plan for what is left"
    if state == "stale":
        return "compare again and make a new plan"
    return "look at the job first"
