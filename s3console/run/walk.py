"""The order in which a plan is carried out: copies, proof, and only then the deletes that depend on it.

`Walk` decides which operations may be sent next and what an outcome means for the job. It makes no
request and starts no thread; the runner and the fault harness both drive it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from ..core.errors import DamagedState
from ..core.model import Operation
from . import chains
from .ahead import Ahead
from .batches import Ledger, Phase, Totals
from .breaker import Breaker, Halt, Limits
from .engine import Outcome
from .reading import Batches, PlanBatches
from .stretches import Item, Sent, Slice, Stretch, read_stretch

__all__ = ["Halt", "Item", "Limits", "PlanBatches", "Slice", "Walk"]

Announce = Callable[..., None]
NOT_LOGIN = ("EndpointUnreachable", "LocalDisk")
"""Codes of a pause that no new login ends."""


def _of_phase(operation: Operation, copies: int, phase: str) -> bool:
    """Whether an operation belongs to the phase, in a plan with `copies` operations before its deletes."""
    if operation.removes != (operation.index >= copies):
        raise DamagedState("a plan must hold its copies before its deletes",
                           next_step="make the plan again")
    return operation.removes == (phase == "delete")


def _one_by_one(slices: dict[int, dict[int, Item] | Sent], number: int) -> dict[int, Item]:
    """What is out of a slice, as items from now on."""
    out = slices.get(number, {})
    if isinstance(out, Sent):
        out = slices[number] = out.items()
    return out


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
        self._batches = Batches(plan, ledger)
        self._slices: dict[int, dict[int, Item] | Sent] = {}
        self._serial = 0
        self._held: list[tuple[Operation, Outcome]] = []
        self._ahead = Ahead()
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
        head = self._queue[0] if self._queue else None
        return not isinstance(head, Item) or not (head.witnesses or head.operation.how)

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
            work = self._cut(most)
            if work is not None:
                return work
            if self._queue and not self._slices and self._ledger.pending:
                # A copy that waits for another one waits until the proof of that is on disk.
                self._held = self.commit()
                continue
            if not self._queue and self._cursor < self._end:
                continue
            if self._queue or self._slices or self.finished or self.parked:
                return None
            self._end_phase()
            if self.finished:
                return None
            most = min(most, self._limits.canary)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._queue: deque[Item | Stretch] = deque()
        self._canary_sent = self._canary_back = 0
        size = self._ledger.batch_size
        first, last = (0, self._copies) if phase == "copy" else (self._copies, self._head.operations)
        self._first, self._end = first // size, -(-last // size)
        self._cursor = self._first
        self._looked = self._ledger.reach(phase)
        self.parked = 0
        warned = phase == "delete" and chains.left_out(self._ledger, self._copies)
        self._breaker = Breaker(self._limits, warned=warned)

    def wake(self) -> None:
        """Try again what waits for the archive, once the round that found it waiting is over."""
        stuck = self._cursor >= self._end or not any(
            isinstance(one, Stretch) or chains.ready(self._ledger, one.operation) == "go"
            for one in self._queue)
        if self.parked and not self._slices and stuck:
            self._queue.clear()
            self.parked, self._cursor = 0, self._first
            self._looked = self._ledger.reach(self.phase)

    def _end_phase(self) -> None:
        self._held = self.commit()
        self._enter("delete" if self.phase == "copy" else "done")

    def _fill(self, most: int) -> None:
        while self._cursor < self._end and len(self._queue) < most:
            head = self._queue[0] if self._queue else None
            if isinstance(head, Stretch) and len(head.lines) >= most:
                return
            number, self._cursor = self._cursor, self._cursor + 1
            if not self._ledger.full(number):
                self._open(number)

    def _open(self, number: int) -> None:
        """Put the open operations of a batch of this phase on the queue."""
        if self._open_plain(number):
            return
        operations = self._batches.of(number)
        settled = self._ledger.record(number).settled
        todo = [op for offset, op in enumerate(operations)
                if _of_phase(op, self._copies, self.phase) and not settled >> offset & 1]
        todo = [op for op in todo if not self._blocked(op)]
        again = sum(op.index < self._looked for op in todo)
        if again:
            self._announce("batch begins", batch=number, phase=self.phase, first=todo[0].index,
                           operations=len(todo), again=again)
        enabled = self._head.versioning == "Enabled"
        self._queue.extend(Item(op, op.index < self._looked, chains.witnesses(
            self._ledger, self._batches.operation, op, enabled=enabled)) for op in todo)

    def _open_plain(self, number: int) -> bool:
        """The same for a batch of which nothing was sent and that holds only plain operations."""
        record, first = self._ledger.record(number), number * self._ledger.batch_size
        size = self._ledger.size(number)
        if record.settled or first < self._looked or self.phase == "done" or (
                first + size > self._copies if self.phase == "copy" else first < self._copies):
            return False
        lines = self._plan.lines(number)
        stretch = read_stretch(self.phase, first, lines) if len(lines) == size else None
        if stretch is None:
            return False
        last = self._queue[-1] if self._queue else None
        joined = last.with_next(stretch) if isinstance(last, Stretch) else None
        if joined is not None:
            self._queue[-1] = joined
        else:
            self._queue.append(stretch)
        return True

    def _intend(self, last: int) -> None:
        """Before operations up to `last` are sent: write down that they may be."""
        if self.phase == "done":
            return
        begin, end = (0, self._copies) if self.phase == "copy" else (self._copies, self._head.operations)
        first = max(self._ledger.reach(self.phase), begin)
        if last < first:
            return
        end = min(end, last + 1 + self._ahead.more())
        self._announce("batch begins", batch=first // self._ledger.batch_size, phase=self.phase, first=first,
                       operations=end - first, again=0)
        for ended in self._ledger.ended(self._ledger.send_up_to(first, end, self.phase, self._now())):
            self._announce("batch ends", phase=self.phase, **ended)

    def _blocked(self, operation: Operation) -> bool:
        if not operation.removes or operation.after is None or self._ledger.verified(operation.after):
            return False
        return self._block(operation)

    def _block(self, operation: Operation) -> bool:
        outcome = Outcome(operation.index, "skipped", "CopyNotVerified",
                          "its copy was not verified, so nothing was deleted" if operation.removes else
                          "the version before it was not copied, so this one was not put on top")
        self._ledger.block(operation, outcome)
        self._held.append((operation, outcome))
        return True

    def _cut(self, most: int) -> Slice | None:
        """The next operations that need not wait for another one; None where all do."""
        head = self._queue[0] if self._queue else None
        if isinstance(head, Stretch):
            self._queue.popleft()
            head, rest = head.cut(most)
            if rest is not None:
                self._queue.appendleft(rest)
            if not self.careful:
                self._intend(head.first + len(head.lines) - 1)
                return self._sent(Slice(self._serial + 1, head.kind, stretch=head), Sent(head))
            self._queue.extendleft(reversed(head.items()))
        items: list[Item] = []
        waiting: list[Item] = []
        while self._queue and len(items) < most:
            item = self._queue.popleft()
            if isinstance(item, Stretch):
                self._queue.appendleft(item)
                break
            if items and item.operation.removes and not chains.beside(item.operation, items[0].operation):
                waiting.append(item)
                break
            ready = chains.ready(self._ledger, item.operation)
            if ready == "wait":
                waiting.append(item)
            elif ready == "go":
                operation = chains.refined(self._ledger, self._batches.operation, item.operation)
                items.append(item if operation is item.operation else replace(item, operation=operation))
            else:
                self._block(item.operation)
        self._queue.extendleft(reversed(waiting))
        if not items:
            return None
        self._intend(max(item.operation.index for item in items))
        kind: Literal["copy", "delete"] = "delete" if items[0].operation.removes else "copy"
        return self._sent(Slice(self._serial + 1, kind, tuple(items)), {i.operation.index: i for i in items})

    def _sent(self, work: Slice, out: dict[int, Item] | Sent) -> Slice:
        self._serial = work.number
        self._canary_sent += len(work)
        self._slices[work.number] = out
        return work

    # ---- taking in what became of it

    def report(self, number: int, outcomes: Sequence[Outcome]) -> list[tuple[Operation, Outcome]]:
        """Note outcomes of a slice; returns those that are refusals, to be written down for a person.

        An outcome for an operation that is not out (reported twice, or after it was given up) is ignored.
        """
        refused: list[tuple[Operation, Outcome]] = []
        out = _one_by_one(self._slices, number)
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
                    login = outcome.result == "pause" and outcome.code not in NOT_LOGIN
                    how: Literal["pause", "stop"] = "pause" if outcome.result == "pause" else "stop"
                    self._hold(Halt(how, f"{outcome.code}: {outcome.message}".rstrip(": "), login))
                continue
            self._ledger.apply(item.operation, outcome)
            self._hold(self._breaker.judge(outcome, self.phase))
            if outcome.result in ("failed", "skipped"):
                refused.append((item.operation, outcome))
        if not out:
            self._slices.pop(number, None)
        return refused

    def report_done(self, number: int, bits: int, made: Mapping[int, str]) -> bool:
        """Note that all went well with operations of a stretch, those whose bits are set, and what versions
        some of them made; False, and nothing noted, where that has to be told by `report`."""
        out = self._slices.get(number)
        if not isinstance(out, Sent) or not all(bits >> n & 1 for n in made) or not out.take(bits):
            return False
        stretch = out.stretch
        self._ledger.apply_done("verified" if stretch.kind == "copy" else "deleted", stretch.first, bits,
                                stretch.sizes, made)
        count = bits.bit_count()
        self._canary_back += count
        self._hold(self._breaker.went_well(count))
        if not out.left:
            del self._slices[number]
        return True

    def lost(self, number: int) -> int:
        """The worker of a slice died: what it did not report is looked up and sent again."""
        items = _one_by_one(self._slices, number)
        self._slices.pop(number, None)
        for item in items.values():
            self._queue.appendleft(replace(item, look=True))
            self._canary_sent -= 1
        return len(items)

    def go_on(self) -> None:
        """Forget why the walk halted and start counting anew."""
        self.halt = None
        self._breaker = Breaker(self._limits, warned=True)

    def retry(self) -> int:
        """Open failed and blocked operations again and walk from the start."""
        count = self._ledger.reopen_failed()
        self.halt = None
        self._enter("copy")
        return count

    def commit(self) -> list[tuple[Operation, Outcome]]:
        """Make everything reported so far durable; returns deletes that were held back since the last time.

        Batches that are settled now go into the journal with their bitmaps: with the sealed plan they
        say what became of each object.
        """
        for ended in self._ledger.ended(self._ledger.commit()):
            self._announce("batch ends", phase=self.phase, **ended)
        held, self._held = self._held, []
        return held

    def _hold(self, halt: Halt | None) -> None:
        if halt is not None and (self.halt is None or (self.halt.how == "pause" and halt.how == "stop")):
            self.halt = halt
