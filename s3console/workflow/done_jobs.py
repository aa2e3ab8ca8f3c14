"""What a job that is over did, operation by operation, from its own checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import Refused
from ..core.model import JobStatus, Operation
from ..run.batches import Ledger
from ..store.checkpoint import Checkpoint
from ..store.jobs import JobLock, job_folder, load_job
from ..store.plans import SealedPlan, open_plan
from .desk import Desk
from .jobs import job_status


class DoneJob:
    """The sealed plan of a job with the record of what became of each operation."""

    def __init__(self, status: JobStatus, sealed: SealedPlan, ledger: Ledger) -> None:
        self.job, self.sealed, self.ledger = status.job, sealed, ledger
        self.started, self.ended = status.started, status.ended
        self.plan = sealed.plan

    def _bit(self, index: int, name: str) -> bool:
        number, offset = divmod(index, self.ledger.batch_size)
        return bool(getattr(self.ledger.record(number), name) >> offset & 1)

    def verified(self, operation: Operation) -> bool:
        """Whether a copy was made and its bytes were proved."""
        return self._bit(operation.index, "verified")

    def deleted(self, operation: Operation) -> bool:
        """Whether a delete was done."""
        return self._bit(operation.index, "deleted")

    def doubtful(self, operation: Operation) -> bool:
        """Whether it is not proved that this job made what the operation was to make."""
        return self._bit(operation.index, "doubt")

    def made(self, operation: Operation) -> str:
        """The version or marker that the operation made, "" where none is known."""
        number, offset = divmod(operation.index, self.ledger.batch_size)
        return self.ledger.record(number).made.get(str(offset), "")

    def etag(self, operation: Operation) -> str:
        """The ETag that a verified copy has."""
        return self.ledger.etag(operation.index, operation.source.etag if operation.source else "")


@contextmanager
def done_job(desk: Desk, job: str) -> Iterator[DoneJob]:
    """Open the record of a job that does not run any more.

    Raises UsageError for an unknown job, Refused for one that may still go on, DamagedState.
    """
    folder = job_folder(desk.home, job)
    status = job_status(desk, folder.job)
    if JobLock.owner_of(folder) is not None or status.state not in ("done", "failed", "cancelled", "stale"):
        raise Refused(f"job {folder.job} is {status.state}", next_step="Let it end, or cancel it, first")
    if not status.started:
        raise Refused(f"job {folder.job} never began, so there is nothing that it did")
    with JobLock(folder), open_plan(desk.home, load_job(folder).digest) as sealed:
        sealed.verify()
        with Checkpoint(folder.checkpoint) as checkpoint:
            yield DoneJob(status, sealed, Ledger(checkpoint, sealed.plan.operations,
                                                 sealed.plan.batch_size))  # fmt: skip
