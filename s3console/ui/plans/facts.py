"""What is read from sealed plans, reviews and approvals for a screen. Blocking: call these in a thread."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from s3console.core.errors import Refused, S3ConsoleError
from s3console.core.model import Operation, Plan, PrefixTotals
from s3console.ui.comparing.facts import real
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.keys_in_use import key
from s3console.ui.threads import Task

if TYPE_CHECKING:
    from s3console.store.plans import SealedPlan

RANDOM_SHOWN = 2
_ENDED = ("stale", "rejected", "cancelled", "failed")
_ORDER = {"ready": 0, "approved": 1, "stale": 2, "failed": 3, "paused": 3, "running": 4, "queued": 4,
          "done": 5, "cancelled": 6, "rejected": 7}


class PlanLine(NamedTuple):
    """A plan, its state, and why it can not be approved any more where that is so."""

    plan: Plan
    state: str
    why: str = ""


@dataclass(slots=True)
class PlanScan:
    """What reading the operations told: how many were read, why, and how each delete is made safe.

    `after_copy` deletes wait for a verified copy of this plan, `witnessed` ones for a HEAD of the right
    name, `by_name` ones have neither. `kept` counts what the review found here beside the plan.
    """

    read: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    after_copy: int = 0
    witnessed: int = 0
    by_name: int = 0
    markers: int = 0
    overwrites: int = 0
    delete_keys: int = 0
    samples: tuple[tuple[str, Operation], ...] = ()
    kept: PrefixTotals | None = None

    def add(self, operations: Sequence[Operation]) -> None:
        """Count some operations."""
        last = ""
        for operation in operations:
            self.read += 1
            if operation.kind != "delete":
                self.overwrites += operation.expect.startswith("etag:")
                continue
            self.reasons[operation.reason] += 1
            self.delete_keys += operation.target.key != last
            last = operation.target.key
            if operation.is_delete_marker:
                self.markers += 1
            elif operation.after is not None:
                self.after_copy += 1
            elif operation.witness is not None:
                self.witnessed += 1
            else:
                self.by_name += 1


def plan_lines(desk: DeskLike) -> list[PlanLine]:
    """All plans: those that wait first, oldest first; then those that run or ran, newest first."""
    from s3console.store.plans import list_plans
    from s3console.workflow.jobs import list_jobs
    from s3console.workflow.planning import plan_state
    from s3console.workflow.staleness import why_ended

    plans = list_plans(desk.home)
    jobs = list_jobs(real(desk)) if plans else []
    lines = [PlanLine(plan, state, why_ended(real(desk), plan, jobs) if state in _ENDED else "")
             for plan in plans for state in (plan_state(real(desk), plan, jobs),)]
    waiting = [line for line in lines if line.state == "ready"]
    others = [line for line in lines if line.state != "ready"]
    waiting.sort(key=lambda line: (line.plan.created, line.plan.prefix))
    return waiting + sorted(others, key=lambda line: _ORDER.get(line.state, 8))


def scan_plan(task: Task, desk: DeskLike, plan: Plan, tell: Callable[[PlanScan], None]) -> PlanScan:
    """Read the operations of a plan. Samples are told at once, counts as they grow."""
    from s3console.store.plans import open_plan

    scan = PlanScan()
    with open_plan(desk.home, plan.digest) as sealed:
        scan.samples = _samples(sealed)
        scan.kept = _kept(desk, plan)
        for number in range(sealed.batches):
            if task.cancelled:
                break
            scan.add(sealed.batch(number))
            if number % 40 == 39:
                task.tell(tell, scan)
                task.rest(0.01)
    return scan


def _samples(sealed: SealedPlan) -> tuple[tuple[str, Operation], ...]:
    size, total = sealed.plan.batch_size, sealed.plan.operations
    if total <= 4:
        return tuple((f"{op.index + 1}", op) for op in sealed.batch(0))
    middle = sorted(random.Random(sealed.plan.digest).sample(range(1, total - 1), RANDOM_SHOWN))
    chosen = [("first", 0), *(("random", index) for index in middle), ("last", total - 1)]
    return tuple((name, sealed.batch(index // size)[index % size]) for name, index in chosen)


def _kept(desk: DeskLike, plan: Plan) -> PrefixTotals | None:
    from s3console.store.reviews import Review
    from s3console.ui.comparing.rows import added_up

    if not plan.review:
        return None
    try:
        with Review.open(desk.home, plan.review) as review:
            return added_up(plan.prefix, review.prefixes(1, plan.prefix))
    except S3ConsoleError:
        return None


class OperationRows:
    """All operations of a plan by rank; a window reads one batch or two."""

    fast = False

    def __init__(self, sealed: SealedPlan) -> None:
        self._sealed = sealed
        self._turn = threading.Lock()

    @property
    def plan(self) -> Plan:
        return self._sealed.plan

    def count(self) -> int:
        return self._sealed.plan.operations

    def rows(self, start: int, stop: int) -> Sequence[Operation]:
        size = self._sealed.plan.batch_size
        with self._turn:
            found = [operation for number in range(start // size, -(-stop // size))
                     for operation in self._sealed.batch(number)]
        first = start // size * size
        return found[start - first:stop - first]


def operation_rows(desk: DeskLike, plan: Plan) -> OperationRows:
    """The operations of a plan as a source of rows. Raises DamagedState."""
    from s3console.store.plans import open_plan

    return OperationRows(open_plan(desk.home, plan.digest))


def approve_and_run(desk: DeskLike, plan: Plan, *, count: int | None, typed: str) -> str:
    """Approve a plan, queue its job, start the runner, and return the job's id. Raises Refused, Busy."""
    from s3console.workflow.approving import approve
    from s3console.workflow.jobs import launch, submit

    approve(real(desk), plan.digest, count=count, typed=typed)
    job = submit(real(desk), plan.digest)
    try:
        launch(real(desk), job)
    except OSError as error:
        raise Refused("the plan is approved and its runner could not be started",
                      where=error.strerror or type(error).__name__,
                      next_step=f"Press {key('queue.pause')} on it in 4 Queue to try again") from error
    return job


def approve_several(desk: DeskLike, plans: Sequence[Plan]) -> list[str]:
    """Approve plans that can all be undone, and start their jobs. Raises Refused before the first when one
    of them can not."""
    if any(not plan.reversible for plan in plans):
        raise Refused("a plan that cannot be undone is approved by its own number",
                      next_step=f"Approve it alone, with {key('review.approve')}")
    return [approve_and_run(desk, plan, count=None, typed="y") for plan in plans]


def drop(desk: DeskLike, plan: Plan, indexes: Sequence[int]) -> Plan:
    """A new plan without some operations; the old one is rejected as replaced. Raises Refused."""
    from s3console.workflow.reducing import plan_without

    return plan_without(real(desk), plan.digest, indexes)


def export(desk: DeskLike, plan: Plan, path: Path) -> int:
    """Write the operations of a plan into a new file. Raises UsageError, Refused, DiskFull."""
    from s3console.store.plans import open_plan
    from s3console.workflow.exporting import OPERATION_COLUMNS, export_rows, operation_cells

    with open_plan(desk.home, plan.digest) as sealed:
        return export_rows(path, OPERATION_COLUMNS, map(operation_cells, sealed.all_operations()))


def reject(desk: DeskLike, plan: Plan, reason: str) -> None:
    """Put a plan aside for good. Raises Refused."""
    from s3console.workflow.approving import reject as put_aside

    put_aside(real(desk), plan.digest, reason)
