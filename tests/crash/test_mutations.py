"""The oracle itself is tested: each classic mistake, put into the engine on purpose, must be caught."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from crash.rig import JOBS, MemoryCheckpoint, Rig
from crash.strict_store import CRASHES, FAULTS, FOREIGN, HARMLESS, StrictStore

from s3console.core.errors import DiskFull
from s3console.run import chains, copying, removing, slices
from s3console.run.batches import Ledger
from s3console.run.engine import Copy, Delete, Outcome, RemoveBucket
from s3console.run.transport import Transport
from s3console.run.walk import Walk

Patch = Callable[[pytest.MonkeyPatch], None]


def _requests(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    perform = Transport._perform
    monkeypatch.setattr(Transport, "_perform", lambda self, request: perform(self, change(request)))


def commit_before_the_act(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Ledger.begin

    def early(self: Ledger, number: int, phase: Any, at: str) -> int:
        before = begin(self, number, phase, at)
        if phase == "copy":
            self.record(number).verified |= (1 << min(2, self.size(number))) - 1
            self._dirty.add(number)
            self.commit()
        return before

    monkeypatch.setattr(Ledger, "begin", early)


def no_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(operation: Any, manner: Any, *, look: bool = False) -> Any:
        yield Copy(operation.source, operation.target, operation.expect)
        return Outcome(operation.index, "verified", etag=operation.source.etag)

    monkeypatch.setattr(slices, "copying", trusting)


def no_version_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    _requests(monkeypatch, lambda r: r._replace(source=r.source._replace(version_id=""))
              if isinstance(r, Copy) else r)


def no_delete_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    _requests(monkeypatch, lambda r: Delete(tuple(x._replace(version_id="") for x in r.refs))
              if isinstance(r, Delete) else r)


def overwrite(monkeypatch: pytest.MonkeyPatch) -> None:
    _requests(monkeypatch, lambda r: r._replace(expect="any") if isinstance(r, Copy) else r)


def no_delete_etag(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(operation: Any, manner: Any) -> Any:
        answer = yield Delete((operation.target._replace(version_id="null"),))
        return Outcome(operation.index, "deleted" if answer[0] == "ok" else "pending")

    monkeypatch.setattr(slices, "deleting_one", blind)


def no_look_at_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_exact", lambda operation: False)


def silence_is_success(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(operations: Any, manner: Any) -> Any:
        yield Delete(tuple(op.target for op in operations))
        return [Outcome(op.index, "deleted") for op in operations]

    monkeypatch.setattr(slices, "deleting", trusting)


def no_look_after_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Walk, "_witnesses", lambda self, operation: ())


def delete_before_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "verified", lambda self, index: True)
    monkeypatch.setattr(Walk, "_witnesses", lambda self, operation: ())


def send_again_without_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    real = copying.copying
    monkeypatch.setattr(slices, "copying", lambda op, manner, *, look=False: real(op, manner))


def forgets_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryCheckpoint, "keys", lambda self, prefix: ())


def counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = Ledger.apply

    def twice(self: Ledger, operation: Any, outcome: Outcome) -> None:
        apply(self, operation, outcome)
        if outcome.result == "deleted":
            self.record(operation.index // self.batch_size).skipped |= 1 << operation.index % self.batch_size

    monkeypatch.setattr(Ledger, "apply", twice)


def undoes_what_is_not_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_guarded", lambda operation: False)


def forgets_the_source_of_an_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "_without_witness", lambda operation, manner: iter(()))
    monkeypatch.setattr(Walk, "_witnesses", lambda self, operation: ())


def hides_whatever_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    delete_object = StrictStore.delete_object

    def blind(self: StrictStore, ref: Any) -> Any:
        now = self._world.find(ref.bucket, ref.key)
        return delete_object(self, ref._replace(etag=now.etag) if now else ref)

    monkeypatch.setattr(StrictStore, "delete_object", blind)


def aborts_every_upload_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of_them(self: StrictStore, ref: Any) -> None:
        for name in sorted(self._world.uploads):
            abort_upload(self, ref._replace(version_id=name[2]))

    abort_upload = StrictStore.abort_upload
    monkeypatch.setattr(StrictStore, "abort_upload", all_of_them)


def removes_a_bucket_without_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(operation: Any, manner: Any) -> Any:
        answer = yield RemoveBucket(operation.target)
        return Outcome(operation.index, "deleted" if answer[0] == "ok" else "skipped", "BucketNotEmpty")

    monkeypatch.setattr(slices, "removing_bucket", blind)


def claims_what_stood_there(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = copying._looking

    def sure(operation: Any, source: Any, manner: Any) -> Any:
        found = yield from looking(operation, source, manner)
        return found and replace(found, sure=True)

    monkeypatch.setattr(copying, "_looking", sure)


def forgets_what_it_made(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = Ledger.apply
    monkeypatch.setattr(Ledger, "apply", lambda self, operation, outcome: apply(
        self, operation, replace(outcome, version_id="")))


def gives_up_on_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Walk.report
    monkeypatch.setattr(Walk, "report", lambda self, number, outcomes: report(self, number, [
        replace(o, result="failed") if o.result == "waiting" else o for o in outcomes]))


def forgets_the_access_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "copying", lambda op, manner, *, look=False: copying._copying(
        op, manner, look=look))


def forgets_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    real = copying.copying

    def without(op: Any, manner: Any, *, look: bool = False) -> Any:
        return real(replace(op, how=op.how.replace(" lock", "")), manner, look=look)

    monkeypatch.setattr(slices, "copying", without)


def does_not_wait_for_the_version_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "ready", lambda ledger, operation: "go")


def expects_the_etag_of_the_source_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "refined", lambda ledger, of_plan, operation: operation)


def goes_on_after_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = Ledger.commit

    def deaf(self: Ledger) -> Any:
        try:
            return commit(self)
        except DiskFull:
            self._dirty.clear()
            return []

    monkeypatch.setattr(Ledger, "commit", deaf)


BUGS: tuple[Patch, ...] = (
    undoes_what_is_not_on_top, forgets_the_source_of_an_undo, hides_whatever_stands_there,
    aborts_every_upload_of_the_key, removes_a_bucket_without_looking, claims_what_stood_there,
    forgets_what_it_made, gives_up_on_the_archive, forgets_the_access_list,
    commit_before_the_act, no_verify, no_version_pin, no_delete_pin, overwrite, no_delete_etag,
    no_look_at_null, silence_is_success, no_look_after_resume, delete_before_proof,
    send_again_without_looking, forgets_what_it_did, counts_twice,
    forgets_the_lock, does_not_wait_for_the_version_below,
    expects_the_etag_of_the_source_below, goes_on_after_a_full_disk,
)


def scripts() -> Iterator[tuple[str, list[str], list[str], bool]]:
    """Single faults at every request of every kind of job, then random pairs of them."""
    for kind in JOBS:
        for at in range(30):
            for fault in (*CRASHES, *FOREIGN, *(f for f in FAULTS if f not in (*CRASHES, *FOREIGN))):
                for lose in (True, False) if fault in CRASHES else (False,):
                    yield kind, [""] * at + [fault], [], lose
    rng = random.Random(1)
    for _ in range(2000):
        first = [rng.choice(FAULTS) if rng.random() < 0.15 else "" for _ in range(30)]
        second = [rng.choice(FAULTS) if rng.random() < 0.15 else "" for _ in range(30)]
        yield rng.choice(list(JOBS)), first, second, rng.random() < 0.5


def caught(bug: str) -> str:
    """The first complaint of the oracle about the mutated engine, "" when there is none."""
    for kind, first, second, lose in scripts():
        rig = Rig(JOBS[kind](), lose=lose)
        try:
            rig.process(first)
            rig.process(second)
            rig.converge()
            done, _, _ = rig.check()
            harmless = not lose and HARMLESS.issuperset(first + second)
            if harmless and done != len(rig.job.operations):
                return f"{bug}: a passing fault cost an operation"
        except (AssertionError, KeyError) as error:
            return f"{bug}: {error}"
    return ""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_each_seeded_bug_is_caught(bug: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    complaint = caught(bug.__name__)
    print(complaint)
    assert complaint


def test_the_engine_as_it_is_gives_no_complaint() -> None:
    assert caught("none") == ""
