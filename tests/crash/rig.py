"""Small jobs of every kind over a strict store, run in one thread through any faults, and the oracle.

At every instant: nothing is written or deleted that the plan does not name; no bytes are deleted
before their copy stands. At the end: every operation is settled, the totals add up and say what the
world holds, and no copy took effect twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from crash.rig_jobs import JOBS, Job, repair
from crash.strict_store import Crash, Network, Version
from crash.wire import working

from s3console.core.errors import DiskFull
from s3console.core.model import Operation, Place, Plan, Ref
from s3console.core.plans import encode_operation
from s3console.run import slices
from s3console.run.batches import BatchRecord, Ledger
from s3console.run.walk import Limits, Slice, Walk

BATCH = 4
SLICES = 2
"""Slices that a worker has at a time."""


class MemoryCheckpoint:
    """A checkpoint with the promise of the real one: a commit is kept whole or not at all."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._rows: dict[str, str] = {}

    @contextlib.contextmanager
    def commit(self) -> Iterator[Callable[[str, Any], None]]:
        changed: dict[str, str] = {}

        def put(key: str, value: Any) -> None:
            changed[key] = json.dumps(value)

        yield put
        fault = self._network.script.pop(0) if self._network.script else ""
        if fault:
            self._network.met.append((fault, "commit"))
        if fault == "full":
            raise DiskFull("the disk is full")
        if fault == "crash-before":
            raise Crash
        self._rows.update(changed)
        if fault == "crash-after":
            raise Crash

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self._rows[key]) if key in self._rows else default

    def keys(self, prefix: str) -> Sequence[str]:
        return sorted(k for k in self._rows if k.startswith(prefix))


class MemoryPlan:
    def __init__(self, job: Job) -> None:
        ops = job.operations
        kinds = Counter(op.kind for op in ops)
        self.plan = Plan(
            "p", "d", "", "", "", None, Place("right"), len(ops),
            kinds["copy"] + kinds["download"], kinds["restore"],
            kinds["delete"], 0, 0, {}, 0.0, 0.0, not kinds["delete"], job.versioning, batch_size=BATCH)
        self._ops = ops

    def batch(self, number: int) -> Sequence[Operation]:
        return self._ops[number * BATCH:(number + 1) * BATCH]

    def lines(self, number: int) -> Sequence[str]:
        return [encode_operation(op) for op in self.batch(number)]


@dataclass(slots=True)
class Rig:
    """One job under test. `order` picks which of the operations in flight gets the next answer."""

    job: Job
    lose: bool = False
    keep_script: bool = False
    violations: list[str] = field(default_factory=list)
    network: Network = field(init=False)
    checkpoint: MemoryCheckpoint = field(init=False)
    writes: Counter[int] = field(default_factory=Counter)
    foreign: int = 0
    newer: list[tuple[str, str, Version]] = field(default_factory=list)
    lost: bool = False
    touched: set[tuple[str, str]] = field(default_factory=set)
    wrong: set[tuple[str, str]] = field(default_factory=set)
    before: dict[tuple[str, str], list[Version]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.network = Network(self.job.world)
        self.network.foreign = self._foreign_write
        self.checkpoint = MemoryCheckpoint(self.network)
        self.job.world.watch = self._watch
        self.job.world.past.clear()
        self.before = {(b, k): list(v) for b, keys in self.job.world.buckets.items() for k, v in keys.items()}

    # ---- the world outside

    def _foreign_write(self, where: str, ref: Ref) -> None:
        self.foreign += 1
        if where == "later":
            ref = self.job.operations[-1].target
        if ref.bucket not in self.job.world.buckets:
            return
        self.touched.add((ref.bucket, ref.key))
        if self.job.operations[0].kind == "bucket":
            self.touched.add((ref.bucket, ""))
            if where == "target":
                self.job.world.uploads.add((ref.bucket, "begun", "u"))
                return
        stood = self.job.world.buckets[ref.bucket].get(ref.key, [])
        body = b"foreign%d" % self.foreign
        if stood and stood[0].body and self.foreign % 2:
            # As long as what was reviewed: its size gives nobody away.
            body = hashlib.sha256(body).hexdigest().encode()[:len(stood[0].body)]
        made = self.job.world.put(ref.bucket, ref.key, body)
        self.newer.append((ref.bucket, ref.key, made))

    def _watch(self, what: str, bucket: str, key: str, version: Version) -> None:
        if what == "put":
            self._watch_put(bucket, key, version)
        elif what == "delete":
            self._watch_delete(bucket, key, version)
        elif what == "marker":
            self._watch_marker(bucket, key)
        elif what == "abort":
            if not self._approved("abort", bucket, key, version.version_id):
                self.violations.append(f"aborted an upload of {key}, which is not approved")
        elif any(one[0] == bucket for one in self.job.world.uploads) \
                and not (self.network.met and self.network.met[-1] == ("foreign-target", "bucket")) \
                and ("late", "bucket") not in self.network.met:
            self.violations.append(f"removed {bucket} with an upload in it")

    def _approved(self, kind: str, bucket: str, key: str, version_id: str) -> list[Operation]:
        return [op for op in self.job.operations
                if op.kind == kind and op.target[1:4] == (bucket, key, version_id)]

    def _watch_marker(self, bucket: str, key: str) -> None:
        fits, hidden = self._approved("delete", bucket, key, ""), self.job.world.buckets[bucket][key][1:2]
        body = self._body(self.job.operations[fits[0].after]) if fits and fits[0].after is not None else None
        if not fits or not hidden or (hidden[0].etag != fits[0].target.etag and hidden[0].body != body):
            self.violations.append(f"made a delete marker on {key} that was not approved")
            return
        self.writes[fits[0].index] += 1

    def _watch_put(self, bucket: str, key: str, version: Version) -> None:
        fits = [op for op in self.job.operations if op.source is not None and op.kind != "delete"
                and (op.target.bucket, op.target.key) == (bucket, key)]
        mine = [op for op in fits if self._body(op) == version.body]
        if not mine and not self.job.honours and any(
                op.source is not None and (op.source.bucket, op.source.key) in self.touched for op in fits):
            # A store that ignores conditions leaves an instant between look and copy; what was copied
            # then must never be called verified, which `check` sees to.
            self.wrong.add((bucket, key))
            return
        if not mine:
            self.violations.append(f"wrote {key}, which is not approved with these bytes")
            return
        self.writes[mine[0].index] += 1
        older = self.job.world.buckets[bucket][key][1:] if bucket in self.job.world.versioned else []
        if mine[0].expect == "absent" and older and not older[0].marker and self.job.honours:
            self.violations.append(f"wrote over what stood at {key}")
        late = older and any(older[0] is made for _, _, made in self.newer)
        if late and mine[0].expect != "any" and self.job.honours:
            self.violations.append(f"wrote over what came later at {key}")

    def lost_newer(self) -> list[str]:
        """Keys of what somebody wrote after the plan and what does not stand any more."""
        last = {(bucket, key): made for bucket, key, made in self.newer}
        return [key for bucket, key, made in self.newer
                if not any(made is one for one in self.job.world.buckets.get(bucket, {}).get(key, []))
                and (bucket in self.job.world.versioned or last[bucket, key] is made)]

    def _body(self, op: Operation) -> bytes | None:
        source = op.source
        assert source is not None
        first = self.before.get((source.bucket, source.key), [])
        pin = source.version_id
        return next((v.body for v in first if not pin or v.version_id == pin), None)

    def _watch_delete(self, bucket: str, key: str, version: Version) -> None:
        versioned = bucket in self.job.world.versioned
        fits = [op for op in self.job.operations if op.kind == "delete"
                and (op.target.bucket, op.target.key) == (bucket, key)
                and (op.target.version_id == version.version_id if versioned
                     else op.target.etag == version.etag)]
        if not fits and (
                ((self._is_null(bucket, key) or not self.job.honours) and self._raced())
                or (not self.job.honours and self._was_shown(bucket, key))):
            # No condition goes with the delete of a "null" version, and none holds where the store ignores
            # them: between look and delete is an instant.
            return
        if not fits:
            self.violations.append(f"deleted {key} {version.version_id}, which is not approved")
            return
        op = fits[0]
        if op.word("latest") is not None and not self._raced() \
                and self.job.world.buckets[bucket][key][0] is not version:
            self.violations.append(f"deleted {key} {version.version_id}, which is not the latest any more")
        proofs = [self.job.operations[op.after].target] if op.after is not None else []
        if op.witness is not None:
            proofs.append(op.witness)
        for proof in proofs:
            held = self.job.world.buckets[proof.bucket].get(proof.key, [])
            if not any(v.body == version.body and v is not version and not v.marker for v in held):
                self.violations.append(
                    f"deleted {key} {version.version_id} while {proof.key} does not hold it")

    def _raced(self) -> bool:
        """Whether somebody wrote between the look and the delete, or the look or the delete was of old."""
        met = self.network.met
        return ("stale", "head") in met or ("late", "delete") in met or bool(
            met and met[-1][0].startswith("foreign") and met[-1][1] in ("delete", "delete-one"))

    def _was_shown(self, bucket: str, key: str) -> bool:
        """Whether the last look at a name showed what was approved."""
        return any(op.target.etag == self.network.shown.get((bucket, key)) for op in self.job.operations
                   if op.kind == "delete" and (op.target.bucket, op.target.key) == (bucket, key))

    def _is_null(self, bucket: str, key: str) -> bool:
        return any((op.target.bucket, op.target.key, op.target.version_id) == (bucket, key, "null")
                   for op in self.job.operations)

    def _lose_a_copy(self) -> None:
        """While the job was down, somebody removed one of its copies."""
        for bucket, keys in self.job.world.buckets.items():
            for key, versions in keys.items():
                made = next((v for v in versions if v.by == "job"), None)
                if made is not None and not self.lost and self._source_stands(bucket, key):
                    self.lost = True
                    self.touched.add((bucket, key))
                    self.job.world.remove(bucket, key, made)
                    return

    def _source_stands(self, bucket: str, key: str) -> bool:
        return any(op.source is not None and (op.target.bucket, op.target.key) == (bucket, key)
                   and self.job.world.find(op.source.bucket, op.source.key, op.source.version_id)
                   for op in self.job.operations)

    # ---- the job

    def ledger(self) -> Ledger:
        return Ledger(self.checkpoint, len(self.job.operations), BATCH)

    def process(self, script: Sequence[str], *, pick: Callable[[int], int] = lambda n: 0,
                retry: bool = False) -> str:
        """One life of a runner. Returns done, crash, pause, stop, or full (of the disk)."""
        self.network.script = list(script)
        walk: Walk | None = None
        try:
            walk = Walk(MemoryPlan(self.job), self.ledger(), now=lambda: "", announce=lambda *_, **__: None,
                        limits=Limits(canary=2))
            if retry:
                walk.retry()
            return self._walk(walk, pick)
        except Crash:
            if self.lose:
                self._lose_a_copy()
            return "crash"
        except DiskFull:
            # The real checkpoint gives its reserve back to the disk, for one more commit.
            with contextlib.suppress(DiskFull, Crash):
                if walk is not None:
                    walk.commit()
            return "full"
        finally:
            if not self.keep_script:
                self.network.script = []

    def _walk(self, walk: Walk, pick: Callable[[int], int]) -> str:
        out: dict[int, tuple[Slice, int]] = {}
        turn = 0
        with working(self.network, shared=self.job.shared, honours=self.job.honours, guarded=self.job.guarded,
                     unversioned=self.job.versioning == "Unversioned", pick=pick) as worker:
            while True:
                while len(out) < SLICES and (work := walk.next(3)) is not None:
                    worker.give(slices.slice_line(work))
                    out[work.number] = work, len(work)
                if out:
                    for packed in worker.turn():
                        self._take_in(walk, out, packed)
                    turn += 1
                    # The real runner commits by the clock: reports are known before they are on disk.
                    if not turn % 2:
                        walk.commit()
                elif walk.halt is not None:
                    walk.commit()
                    return walk.halt.how
                elif walk.finished:
                    walk.commit()
                    return "done"
                elif walk.parked:
                    walk.wake()
                else:
                    raise AssertionError("the walk neither goes on nor ends")

    @staticmethod
    def _take_in(walk: Walk, out: dict[int, tuple[Slice, int]], packed: Any) -> None:
        """What a worker reported of a slice, perhaps of a part of it."""
        work, left = out.pop(packed["slice"])
        if left > packed["count"]:
            out[work.number] = work, left - packed["count"]
        slices.take_in(walk, work, packed)

    # ---- the end

    def converge(self, *, retries: int = 2) -> None:
        """Run without faults until nothing is left to do; refused operations are tried again."""
        for _ in range(8):
            end = self.process(())
            totals = self.ledger().totals()
            if end == "done" and (not totals.failed or not retries):
                return
            if end in ("done", "stop"):
                retries -= 1
                end = self.process((), retry=True)
        raise AssertionError("the job did not converge")

    def check(self) -> tuple[int, int, int]:
        """The oracle. Returns done, failed, skipped."""
        self.network.settle()
        assert not self.violations, self.violations[0]
        ledger, ops = self.ledger(), self.job.operations
        totals = ledger.totals()
        assert totals.done + totals.failed + totals.skipped == len(ops), f"totals do not add up: {totals}"
        doubled = any(fault in ("duplicate", "late") for fault, _ in self.network.met)
        for op in ops:
            record, bit = ledger.record(op.index // BATCH), 1 << op.index % BATCH
            held = self.job.world.buckets.get(op.target.bucket, {}).get(op.target.key, [])
            touched = (op.target.bucket, op.target.key) in self.touched
            if op.removes and not op.target.version_id and ("stale", "head") in self.network.met:
                # What a name holds is only known by looking, and that look was of old.
                assert self.writes[op.index] <= 1 or touched, f"two markers on {op.target.key}"
            elif op.removes:
                stands = self._stands(op, held)
                assert not (record.deleted & bit and stands), f"said deleted and stands: {op.target.key}"
                assert record.deleted & bit or stands or touched, f"gone and not said so: {op.target.key}"
                assert self.writes[op.index] <= 1 or touched, f"two markers on {op.target.key}"
            else:
                body = self._body(op)
                assert not record.verified & bit or touched or any(v.body == body for v in held), \
                    f"said copied and is not there: {op.target.key}"
                wrong = tuple(op.target[1:3]) in self.wrong and not self.writes[op.index]
                assert not (record.verified & bit and wrong), f"said copied, not these bytes: {op.target.key}"
                most = 0 if op.word("look") is not None else 1
                if not (touched or self.lost or (doubled and (op.expect == "any" or not self.job.honours))):
                    assert self.writes[op.index] <= most, f"copied twice: {op.target.key}"
                if record.verified & bit and op.word("acl") is not None and not touched:
                    assert tuple(op.target[1:3]) in self.job.world.access, "access list not carried"
                if record.verified & bit and op.word("lock") is not None and not touched:
                    assert tuple(op.target[1:3]) in self.job.world.locks, "lock not carried"
            self._check_made(op, record, bit, held)
        return totals.done, totals.failed, totals.skipped

    def _stands(self, op: Operation, held: Sequence[Version]) -> bool:
        target = op.target
        if op.kind == "abort":
            return tuple(target[1:4]) in self.job.world.uploads
        if op.kind == "bucket":
            return target.bucket in self.job.world.buckets
        if not target.version_id and target.bucket in self.job.world.versioned:
            body = self._body(self.job.operations[op.after]) if op.after is not None else None
            return bool(held) and not held[0].marker and (held[0].etag == target.etag or held[0].body == body)
        return any(v.version_id == target.version_id if target.version_id not in ("", "null")
                   else v.etag == target.etag for v in held)

    def _check_made(self, op: Operation, record: BatchRecord, bit: int, held: Sequence[Version]) -> None:
        """What undo will believe: an id without doubt names what this job made, and none is missing."""
        made = record.made.get(str(op.index % BATCH), "")
        if record.doubt & bit or (op.target.bucket, op.target.key) in self.touched or self.lost:
            return
        mine = [v.version_id for v in held if v.by == "job"]
        if made:
            assert made in mine, f"said to have made {made} of {op.target.key}"
        elif record.verified & bit and op.target.bucket in self.job.world.versioned:
            raise AssertionError(f"does not say what it made of {op.target.key}")


__all__ = ["BATCH", "JOBS", "Job", "MemoryCheckpoint", "MemoryPlan", "Rig", "repair"]
