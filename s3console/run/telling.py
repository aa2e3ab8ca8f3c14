"""What a job says of itself in the end, and of each operation that failed."""

from __future__ import annotations

from ..core.model import Operation
from ..store.home import now, stamp
from ..store.jobs import Failure
from .batches import Totals
from .engine import Outcome


def closing_words(totals: Totals) -> str:
    """The message of a job that came to its end."""
    if not totals.failed and not totals.skipped:
        return "all operations are done"
    return f"{totals.done:,} done, {totals.failed:,} failed, {totals.skipped:,} skipped"


def failure_of(operation: Operation, outcome: Outcome) -> Failure:
    """The line of an operation that failed or was left out."""
    subject = operation.target
    return Failure(operation.index, operation.kind, subject.key, outcome.code, outcome.message, stamp(now()),
                   subject.version_id)
