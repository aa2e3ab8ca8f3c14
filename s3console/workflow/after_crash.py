"""What a job that ended without a word may have sent, and what the store says about it now. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.model import Operation, Plan
from ..run.batches import BatchRecord, Ledger, Phase
from ..store.checkpoint import Checkpoint
from ..store.jobs import JobFolder, JobLock, job_folder, load_job, read_status
from ..store.plans import SealedPlan, open_plan
from .desk import Desk

if TYPE_CHECKING:
    from ..s3.read import ReadStore

MOST_LOOKS = 400
_THREADS = 8


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What may have been sent when a runner ended.

    `in_flight` operations were sent and not answered by the last snapshot. Up to `open` operations of
    batches that were begun have no outcome on disk; of them `looked` were asked for, and `done` stand in
    the store as if they had been done. The next runner looks at all of them again before it sends any.
    """

    in_flight: int
    open: int
    looked: int = 0
    done: int = 0

    @property
    def to_do(self) -> int:
        """Operations that were looked at and have to be sent."""
        return self.looked - self.done


def under_way(desk: Desk, job: str, *, most: int = MOST_LOOKS) -> UnderWay:
    """Read the checkpoint of a job that has no runner, and ask the store about what it left open.

    At most `most` objects are asked for, one HEAD each. Raises Busy when a runner has the job, and what
    the store raises.
    """
    folder = job_folder(desk.home, job)
    in_flight = read_status(folder).in_flight
    if not folder.checkpoint.exists():
        return UnderWay(in_flight, 0)
    with JobLock(folder), open_plan(desk.home, load_job(folder).digest) as sealed:
        waiting, count = _begun(folder, sealed, most)
        plan = sealed.plan
    if not waiting:
        return UnderWay(in_flight, count)
    reader = desk.reader(plan.right.connection)
    with ThreadPoolExecutor(_THREADS) as pool:
        done = sum(pool.map(lambda operation: _stands(reader, plan, operation), waiting))
    return UnderWay(in_flight, count, len(waiting), done)


def _begun(folder: JobFolder, sealed: SealedPlan, most: int) -> tuple[list[Operation], int]:
    """The first open operations of begun batches, and how many there are in all."""
    found: list[Operation] = []
    count = 0
    copies = sealed.plan.copy + sealed.plan.restore
    with Checkpoint(folder.checkpoint) as checkpoint:
        ledger = Ledger(checkpoint, sealed.plan.operations, sealed.plan.batch_size)
        for number in range(ledger.batches):
            record = ledger.record(number)
            if not record.attempts or ledger.full(number):
                continue
            for operation in _open(sealed.batch(number), record, ledger, copies):
                count += 1
                if len(found) < most:
                    found.append(operation)
    return found, count


def _open(operations: Sequence[Operation], record: BatchRecord, ledger: Ledger,
          copies: int) -> Iterator[Operation]:
    for offset, operation in enumerate(operations):
        phase: Phase = "copy" if operation.index < copies else "delete"
        sent = operation.index < ledger.reach(phase) and record.attempts.get(phase)
        if sent and not record.settled >> offset & 1:
            yield operation


def _stands(reader: ReadStore, plan: Plan, operation: Operation) -> bool:
    """Whether the store looks as if the operation had been done."""
    target = operation.target
    if operation.kind in ("copy", "restore"):
        now = reader.head(target.bucket, target.key)
        source = operation.source
        return now is not None and source is not None and (now.etag, now.size) == (source.etag, source.size)
    if operation.kind != "delete" or operation.is_delete_marker:
        return False
    pinned = target.version_id if plan.versioning != "Unversioned" else ""
    return reader.head(target.bucket, target.key, pinned) is None
