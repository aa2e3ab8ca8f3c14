"""What has been done so far: one record of bitmaps per batch of a plan, kept in the checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import Any, Literal, NamedTuple, Protocol

from ..core.errors import DamagedState
from ..core.model import Operation
from .engine import UNPROVED, Outcome

SCHEMA = 1
FAILURES_KEPT = 20

Phase = Literal["copy", "delete", "done"]


class CheckpointStore(Protocol):
    """The few things a job asks of its checkpoint; a value is JSON, a commit is all or nothing."""

    def commit(self) -> AbstractContextManager[Callable[[str, Any], None]]: ...

    def get(self, key: str, default: Any = None) -> Any: ...

    def keys(self, prefix: str) -> Sequence[str]: ...


class Totals(NamedTuple):
    """Recomputed from the bitmaps each time; nothing is ever counted up."""

    done: int
    failed: int
    skipped: int
    bytes: int


MAPS = ("copied", "verified", "deleted", "skipped", "blocked", "failed")


@dataclass(slots=True)
class BatchRecord:
    """Bit i of each map belongs to operation i of the batch.

    `copied`: a copy was acknowledged. `verified`: its bytes were proved. `skipped`: changed since plan.
    `blocked`: a delete whose copy was not verified. `attempts` counts how often each phase was begun;
    the record is written with that count before the first request is sent. `etags` holds the ETag of
    copies that differ from their source (multipart, KMS). `bytes` is what the verified copies hold.
    `made` names the versions and delete markers that the operations made, for undo; `doubt` marks those
    of which it is not proved that this job made them.
    """

    number: int
    copied: int = 0
    verified: int = 0
    deleted: int = 0
    skipped: int = 0
    blocked: int = 0
    failed: int = 0
    attempts: dict[str, int] = field(default_factory=dict)
    intent: str = ""
    bytes: int = 0
    etags: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    doubt: int = 0
    failures: list[list[Any]] = field(default_factory=list)
    durable: int = 0

    @property
    def settled(self) -> int:
        """The operations that need nothing more."""
        return self.verified | self.deleted | self.skipped | self.blocked | self.failed

    def pack(self) -> dict[str, Any]:
        """The record as JSON."""
        return {"schema": SCHEMA, **{name: f"{getattr(self, name):x}" for name in MAPS},
                "attempts": self.attempts, "intent": self.intent, "bytes": self.bytes,
                "etags": self.etags, "made": self.made, "doubt": f"{self.doubt:x}",
                "failures": self.failures}

    @classmethod
    def unpack(cls, number: int, packed: Any) -> BatchRecord:
        """The inverse of `pack`. Raises DamagedState for anything else."""
        try:
            if packed["schema"] != SCHEMA:
                raise ValueError("schema")
            maps = {name: int(packed[name], 16) for name in MAPS}
            record = cls(number, **maps, attempts=dict(packed["attempts"]), intent=packed["intent"],
                         bytes=packed["bytes"], etags=dict(packed["etags"]),
                         made=dict(packed.get("made", {})), doubt=int(packed.get("doubt", "0"), 16),
                         failures=list(packed["failures"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedState(f"the checkpoint's record of batch {number} cannot be read",
                               next_step="restore the state directory from a backup, or make a new plan"
                               ) from error
        record.durable = record.verified
        return record


def ended_alike(records: Iterable[BatchRecord]) -> list[dict[str, Any]]:
    """Settled batches for the journal, in order: those that follow each other with the same bitmaps in one,
    `batches` of them from `batch` on."""
    found: list[dict[str, Any]] = []
    for record in records:
        maps = {name: f"{getattr(record, name):x}" for name in MAPS}
        last = found[-1] if found else None
        if last is not None and record.number == last["batch"] + last["batches"] and \
                all(last[name] == value for name, value in maps.items()):
            last["batches"] += 1
        else:
            found.append({"batch": record.number, "batches": 1, **maps})
    return found


_BITS = bytes.maketrans(b"01", b"\0\1")


def _flags(bits: int) -> bytes:
    """Its bits as truth values, the lowest first."""
    return f"{bits:b}"[::-1].encode("ascii").translate(_BITS)


def _key(number: int) -> str:
    return f"batch/{number:010d}"


class Ledger:
    """The records of one job in memory, and the only writer of them to the checkpoint.

    Not thread safe: it belongs to the thread that owns the checkpoint.
    """

    def __init__(self, checkpoint: CheckpointStore, operations: int, batch_size: int) -> None:
        self._checkpoint = checkpoint
        self.operations = operations
        self.batch_size = batch_size
        self._records: dict[int, BatchRecord] = {}
        self._dirty: set[int] = set()
        self._fresh: dict[int, int] = {}
        self._reach: dict[str, int] = dict(checkpoint.get("reach") or {})
        for key in checkpoint.keys("batch/"):
            number = int(key.partition("/")[2])
            self._records[number] = BatchRecord.unpack(number, checkpoint.get(key))

    @property
    def batches(self) -> int:
        """How many batches the plan has."""
        return -(-self.operations // self.batch_size)

    def size(self, number: int) -> int:
        """How many operations a batch has; only the last may be short."""
        return min(self.batch_size, self.operations - number * self.batch_size)

    def record(self, number: int) -> BatchRecord:
        """The record of a batch, empty when it was never begun."""
        known = self._records.get(number)
        return known if known is not None else BatchRecord(number)

    def full(self, number: int) -> bool:
        """Whether every operation of the batch is settled."""
        return self.record(number).settled == (1 << self.size(number)) - 1

    def reach(self, phase: Phase) -> int:
        """Below this index an operation of the phase may have been sent; none from it on was."""
        known = self._reach.get(phase)
        if known is not None:
            return known
        begun = [r.number for r in self._records.values() if r.attempts.get(phase)]
        return min(self.operations, (max(begun) + 1) * self.batch_size) if begun else 0

    def begin(self, number: int, phase: Phase, at: str) -> int:
        """Note that operations of this batch are about to be sent; returns earlier attempts. It is durable
        after `send_up_to`."""
        record = self._records.setdefault(number, BatchRecord(number))
        before = record.attempts.get(phase, 0)
        record.attempts[phase] = before + 1
        record.intent = at
        self._dirty.add(number)
        return before

    def ended(self, records: Iterable[BatchRecord]) -> list[dict[str, Any]]:
        """Which of these batches are settled, for the journal."""
        return ended_alike(one for one in records if self.full(one.number))

    def send_up_to(self, first: int, end: int, phase: Phase, at: str) -> list[BatchRecord]:
        """Write down that operations from `first` up to below `end` may be sent from now on, those before
        `first` having been so already. Durable when it returns; returns what `commit` does."""
        before, self._reach = self._reach, {**self._reach, phase: end}
        try:
            for number in range(first // self.batch_size, -(-end // self.batch_size)):
                if number * self.batch_size >= first or not self.record(number).attempts.get(phase):
                    self.begin(number, phase, at)
            return self.commit(reached=True)
        except BaseException:
            self._reach = before
            raise

    def apply(self, operation: Operation, outcome: Outcome) -> None:
        """Note a final outcome; it is durable after the next `commit`."""
        number, offset = divmod(operation.index, self.batch_size)
        record, bit = self._records.setdefault(number, BatchRecord(number)), 1 << offset
        if record.settled & bit:
            return
        self._dirty.add(number)
        if outcome.result in ("verified", "deleted"):
            record.doubt |= 0 if outcome.sure else bit
            if outcome.version_id:
                record.made[str(offset)] = outcome.version_id
        if outcome.result == "verified":
            record.copied |= bit
            record.verified |= bit
            record.bytes += outcome.bytes
            self._fresh[number] = self._fresh.get(number, 0) | bit
            if operation.source is not None and outcome.etag != operation.source.etag:
                record.etags[str(offset)] = outcome.etag
        elif outcome.result == "deleted":
            record.deleted |= bit
        else:
            self._refuse(record, bit, operation, outcome)

    def apply_done(self, result: Literal["verified", "deleted"], first: int, bits: int,
                   sizes: Sequence[int], made: Mapping[int, str]) -> None:
        """`apply` for operations that surely went well: bit i is the operation `first` + i, a copy with the
        ETag of its source and these many bytes; `made` names the versions that some of them made."""
        start = first
        while bits:
            number, offset = divmod(start, self.batch_size)
            here = bits & (1 << self.batch_size - offset) - 1
            record = self._records.setdefault(number, BatchRecord(number))
            fresh = here << offset & ~record.settled
            if fresh:
                self._dirty.add(number)
            if result == "deleted":
                record.deleted |= fresh
            elif fresh:
                record.copied |= fresh
                record.verified |= fresh
                self._fresh[number] = self._fresh.get(number, 0) | fresh
                record.bytes += sum(compress(islice(sizes, start - first, None), _flags(fresh >> offset)))
            bits >>= self.batch_size - offset
            start += self.batch_size - offset
        for n, version_id in made.items():
            number, offset = divmod(first + n, self.batch_size)
            self._records[number].made.setdefault(str(offset), version_id)

    def _refuse(self, record: BatchRecord, bit: int, operation: Operation, outcome: Outcome) -> None:
        if outcome.result == "skipped":
            record.skipped |= bit
        elif outcome.result == "failed":
            record.failed |= bit
            record.copied |= bit if outcome.code == UNPROVED else 0
        else:
            raise AssertionError(f"{outcome.result} settles nothing")
        self._remember(record, operation, outcome)

    def block(self, operation: Operation, outcome: Outcome) -> None:
        """A delete that may not be sent because its copy was not verified; `retry` opens it again."""
        number, offset = divmod(operation.index, self.batch_size)
        record = self._records.setdefault(number, BatchRecord(number))
        record.blocked |= 1 << offset
        self._dirty.add(number)
        self._remember(record, operation, outcome)

    def _remember(self, record: BatchRecord, operation: Operation, outcome: Outcome) -> None:
        if len(record.failures) < FAILURES_KEPT:
            record.failures.append([operation.index, outcome.code, outcome.message])

    @property
    def pending(self) -> bool:
        """Whether something waits for the next `commit`."""
        return bool(self._dirty)

    def verified(self, index: int) -> bool:
        """Whether the proof of this copy is on disk."""
        number, offset = divmod(index, self.batch_size)
        return bool(self.record(number).durable >> offset & 1)

    def verified_here(self, index: int) -> bool:
        """Whether this process itself proved the copy, rather than an earlier run."""
        number, offset = divmod(index, self.batch_size)
        return bool(self._fresh.get(number, 0) >> offset & 1)

    def etag(self, index: int, otherwise: str) -> str:
        """The ETag the verified copy has."""
        number, offset = divmod(index, self.batch_size)
        return self.record(number).etags.get(str(offset), otherwise)

    def reopen_failed(self) -> int:
        """Make failed and blocked operations remaining again; returns how many."""
        count = 0
        for record in self._records.values():
            again = record.failed | record.blocked
            if again:
                count += again.bit_count()
                record.failed = record.blocked = 0
                record.failures = [f for f in record.failures
                                   if not again >> (f[0] % self.batch_size) & 1]
                self._dirty.add(record.number)
        self.commit()
        return count

    def totals(self) -> Totals:
        """Sums over the bitmaps."""
        done = failed = skipped = copied = 0
        for record in self._records.values():
            done += (record.verified | record.deleted).bit_count()
            failed += record.failed.bit_count()
            skipped += (record.skipped | record.blocked).bit_count()
            copied += record.bytes
        return Totals(done, failed, skipped, copied)

    def failures(self) -> Iterable[list[Any]]:
        """The kept failures in plan order: [index, code, message]."""
        for number in sorted(self._records):
            yield from self._records[number].failures

    def commit(self, *, reached: bool = False) -> list[BatchRecord]:
        """Write every changed record in one transaction, and how far the job has `reached`; returns the
        records that were written."""
        if not self._dirty and not reached:
            return []
        changed = [self._records[n] for n in sorted(self._dirty)]
        with self._checkpoint.commit() as put:
            for record in changed:
                put(_key(record.number), record.pack())
            if reached:
                put("reach", self._reach)
        for record in changed:
            record.durable = record.verified
        self._dirty.clear()
        return changed
