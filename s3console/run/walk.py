"""The order in which a plan is carried out: copies, proof, and only then the deletes that depend on it.

`Walk` decides which operations may be sent next and what an outcome means for the job. It makes no
request and starts no thread; the runner and the fault harness both drive it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from ..core.errors import DamagedState
from ..core.model import Operation, Plan, Ref
from .batches import MAPS, Ledger, Phase, Totals
from .engine import CHANGED, Outcome

Announce = Callable[..., None]


class PlanBatches(Protocol):
    """A sealed plan read batch by batch."""

    @property
    def plan(self) -> Plan: ...

    def batch(self, number: int) -> Sequence[Operation]: ...


@dataclass(frozen=True, slots=True)
class Item:
    """One operation to send: `look` first when an earlier attempt may have reached the store."""

    operation: Operation
    look: bool = False
    witnesses: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """Operations sent to one worker together; all copies, or all deletes in one bucket."""

    number: int
    kind: Literal["copy", "delete"]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Halt:
    """Why nothing more is sent: `pause` waits for a person, `stop` ends the run as failed."""

    how: Literal["pause", "stop"]
    message: str
    login: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop by itself. The first `canary` operations of a phase go alone."""

    canary: int = 10
    in_a_row: int = 50
    least_failures: int = 50
    share: float = 0.01


def _of_phase(operation: Operation, copies: int, phase: str) -> bool:
    """Whether an operation belongs to the phase, in a plan with `copies` operations before its deletes."""
    if operation.removes != (operation.index >= copies):
        raise DamagedState("a plan must hold its copies before its deletes",
                           next_step="make the plan again")
    return operation.removes == (phase == "delete")


class Walk:
    """The walk through one plan. Call `next` for work and `report` or `lost` for what became of it.

    `halt` says why nothing more is sent. `parked` counts operations of this round that wait for the
    archive; `wake` begins the next round.
    """

    def __init__(
        self,
        plan: PlanBatches,
        ledger: Ledger,
        *,
        now: Callable[[], str],
        announce: Announce,
        limits: Limits | None = None,
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._now = now
        self._announce = announce
        self._limits = limits or Limits()
        self._head = plan.plan
        self._copies = self._head.copy + self._head.restore
        self._cache: OrderedDict[int, Sequence[Operation]] = OrderedDict()
        self._slices: dict[int, dict[int, Item]] = {}
        self._serial = 0
        self._held: list[tuple[Operation, Outcome]] = []
        self.halt: Halt | None = None
        self.phase: Phase = "copy"
        self._enter("copy")

    @property
    def in_flight(self) -> int:
        """Operations sent and not yet answered."""
        return sum(len(s) for s in self._slices.values())

    @property
    def finished(self) -> bool:
        """Whether every operation is settled."""
        return self.phase == "done"

    @property
    def careful(self) -> bool:
        """Whether the canary is still out: nothing else is sent before it is back."""
        return self._canary_sent < self._limits.canary or self._canary_back < self._limits.canary

    @property
    def plain_deletes(self) -> bool:
        """Whether the next delete needs no look at a witness, so that many fit into one request."""
        return not self._queue or not (self._queue[0].witnesses or self._queue[0].operation.how)

    def totals(self) -> Totals:
        """What the bitmaps say now."""
        return self._ledger.totals()

    # ---- giving out work

    def next(self, most: int) -> Slice | None:
        """Up to `most` operations to send now; None when nothing may be sent before a report."""
        if self.halt is not None or most < 1:
            return None
        if self.careful:
            most = min(most, self._limits.canary - self._canary_sent)
        while True:
            if most < 1:
                return None
            self._fill(most)
            if self._queue:
                return self._cut(most)
            if self._slices or self.finished or self.parked:
                return None
            self._end_phase()
            if self.finished:
                return None
            most = min(most, self._limits.canary)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._queue: deque[Item] = deque()
        self._canary_sent = self._canary_back = 0
        self._reported = self._failed = self._in_a_row = self._changed_in_a_row = 0
        size = self._ledger.batch_size
        first, last = (0, self._copies) if phase == "copy" else (self._copies, self._head.operations)
        self._first, self._end = first // size, -(-last // size)
        self._cursor = self._first
        self.parked = 0

    def wake(self) -> None:
        """Try again what waits for the archive, once the round that found it waiting is over."""
        if self.parked and not self._slices and not self._queue and self._cursor >= self._end:
            self.parked, self._cursor = 0, self._first

    def _end_phase(self) -> None:
        self._held = self.commit()
        self._enter("delete" if self.phase == "copy" else "done")

    def _fill(self, most: int) -> None:
        while len(self._queue) < most and self._cursor < self._end:
            number, self._cursor = self._cursor, self._cursor + 1
            if not self._ledger.full(number):
                self._open(number)

    def _open(self, number: int) -> None:
        """Put the open operations of a batch of this phase on the queue, intent first."""
        operations = self._operations(number)
        settled = self._ledger.record(number).settled
        todo = [op for offset, op in enumerate(operations)
                if _of_phase(op, self._copies, self.phase) and not settled >> offset & 1]
        todo = [op for op in todo if not self._blocked(op)]
        if not todo:
            return
        self._announce("batch begins", batch=number, phase=self.phase, first=todo[0].index,
                       operations=len(todo))
        earlier = self._ledger.begin(number, self.phase, self._now())
        self._queue.extend(Item(op, earlier > 0, self._witnesses(op)) for op in todo)

    def _blocked(self, operation: Operation) -> bool:
        if operation.after is None or self._ledger.verified(operation.after):
            return False
        outcome = Outcome(operation.index, "skipped", "CopyNotVerified",
                          "its copy was not verified, so nothing was deleted")
        self._ledger.block(operation, outcome)
        self._held.append((operation, outcome))
        return True

    def _witnesses(self, operation: Operation) -> tuple[Ref, ...]:
        """What must be looked at right before a delete.

        A copy that this process proved on a versioned bucket cannot have lost its bytes by being
        overwritten; every other claim is looked at again.
        """
        found: dict[tuple[str, str, str], Ref] = {}
        if operation.witness is not None:
            w = operation.witness
            found[w.side, w.bucket, w.key] = w
        if operation.after is not None and not (
            self._ledger.verified_here(operation.after) and self._head.versioning == "Enabled"
        ):
            copy = self._operation(operation.after)
            if copy.source is None:
                raise DamagedState("a delete of the plan waits for something that is not a copy")
            target = copy.target._replace(
                etag=self._ledger.etag(copy.index, copy.source.etag), size=copy.source.size)
            found[target.side, target.bucket, target.key] = target
        return tuple(found.values())

    def _cut(self, most: int) -> Slice:
        head = self._queue[0].operation
        kind: Literal["copy", "delete"] = "delete" if head.removes else "copy"
        items: list[Item] = []
        while self._queue and len(items) < most:
            target = self._queue[0].operation.target
            if kind == "delete" and (target.side, target.bucket) != (head.target.side, head.target.bucket):
                break
            items.append(self._queue.popleft())
        self._serial += 1
        self._canary_sent += len(items)
        self._slices[self._serial] = {i.operation.index: i for i in items}
        return Slice(self._serial, kind, tuple(items))

    def _operations(self, number: int) -> Sequence[Operation]:
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        operations = self._plan.batch(number)
        start = number * self._ledger.batch_size
        if [op.index for op in operations] != list(range(start, start + self._ledger.size(number))):
            raise DamagedState(f"batch {number} of the plan does not hold its operations",
                               next_step="make the plan again")
        self._cache[number] = operations
        if len(self._cache) > 4:
            self._cache.popitem(last=False)
        return operations

    def _operation(self, index: int) -> Operation:
        number, offset = divmod(index, self._ledger.batch_size)
        return self._operations(number)[offset]

    # ---- taking in what became of it

    def report(self, number: int, outcomes: Sequence[Outcome]) -> list[tuple[Operation, Outcome]]:
        """Note outcomes of a slice; returns those that are refusals, to be written down for a person.

        An outcome for an operation that is not out (reported twice, or after it was given up) is ignored.
        """
        refused: list[tuple[Operation, Outcome]] = []
        out = self._slices.get(number, {})
        for outcome in outcomes:
            item = out.pop(outcome.index, None)
            if item is None:
                continue
            self._canary_back += 1
            if outcome.result == "waiting":
                self.parked += 1
                continue
            if outcome.result in ("pending", "pause", "stop"):
                self._queue.appendleft(replace(item, look=True))
                self._canary_back -= 1
                self._canary_sent -= 1
                if outcome.result != "pending":
                    login = outcome.result == "pause" and outcome.code != "EndpointUnreachable"
                    self._hold(outcome.result, f"{outcome.code}: {outcome.message}".rstrip(": "), login=login)
                continue
            self._ledger.apply(item.operation, outcome)
            self._judge(outcome)
            if outcome.result in ("failed", "skipped"):
                refused.append((item.operation, outcome))
        if not out:
            self._slices.pop(number, None)
        return refused

    def lost(self, number: int) -> int:
        """The worker of a slice died: what it did not report is looked up and sent again."""
        items = self._slices.pop(number, {})
        for item in items.values():
            self._queue.appendleft(replace(item, look=True))
            self._canary_sent -= 1
        return len(items)

    def go_on(self) -> None:
        """Forget why the walk halted and start counting anew."""
        self.halt = None
        self._reported = self._failed = self._in_a_row = self._changed_in_a_row = 0

    def retry(self) -> int:
        """Open failed and blocked operations again and walk from the start."""
        count = self._ledger.reopen_failed()
        self.halt = None
        self._enter("copy")
        return count

    def commit(self) -> list[tuple[Operation, Outcome]]:
        """Make everything reported so far durable; returns deletes that were held back since the last time.

        A batch that is settled now goes into the journal with its bitmaps: with the sealed plan they
        say what became of each object.
        """
        for record in self._ledger.commit():
            if self._ledger.full(record.number):
                maps = {name: f"{getattr(record, name):x}" for name in MAPS}
                self._announce("batch ends", batch=record.number, phase=self.phase, **maps)
        held, self._held = self._held, []
        return held

    def _hold(self, how: Literal["pause", "stop"], message: str, *, login: bool = False) -> None:
        if self.halt is None or (self.halt.how == "pause" and how == "stop"):
            self.halt = Halt(how, message, login)

    def _judge(self, outcome: Outcome) -> None:
        """The breaker: one refused delete, a canary that mostly failed, or a wave of failures."""
        self._reported += 1
        changed = outcome.result == "skipped" and outcome.code == CHANGED and self.phase == "delete"
        self._changed_in_a_row = self._changed_in_a_row + 1 if changed else 0
        if outcome.result != "failed":
            self._in_a_row = 0
        else:
            self._failed += 1
            self._in_a_row += 1
        limits = self._limits
        if outcome.result == "failed" and self.phase == "delete":
            self._hold("stop", f"a delete was refused ({outcome.code}): {outcome.message}")
        elif self._reported == limits.canary and self._failed * 2 > limits.canary:
            self._hold("pause", f"{self._failed} of the first {limits.canary} operations failed")
        elif self._in_a_row >= limits.in_a_row:
            self._hold("pause", f"{self._in_a_row} operations in a row failed")
        elif self._failed >= limits.least_failures and self._failed > limits.share * self._reported:
            self._hold("pause", f"{self._failed} of {self._reported} operations failed")
        elif self._changed_in_a_row >= limits.in_a_row:
            self._hold("pause", f"{self._changed_in_a_row} objects in a row changed since the plan")
