"""The oracle itself is tested: each classic mistake, put into the engine on purpose, must be caught."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from crash.rig import JOBS, MemoryCheckpoint, Rig
from crash.strict_store import CRASHES, FAULTS, FOREIGN, HARMLESS, StrictStore

from s3console.core.errors import DiskFull
from s3console.run import chains, copying, lanes, removing, slices
from s3console.run.batches import Ledger
from s3console.run.engine import Copy, Delete, Head, Outcome, RemoveBucket
from s3console.run.loop import Loop
from s3console.run.transport import Transport
from s3console.run.walk import Walk
from s3console.s3 import lean_writes
from s3console.s3.facts import CopyOutcome, Glance
from s3console.s3.lean_writes import Verdicts
from s3console.s3.steps import Trouble
from s3console.s3.straight import Straight
from s3console.s3.write import WriteStore

Patch = Callable[[pytest.MonkeyPatch], None]


def _changed(real: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda self, request: real(self, change(request))


def _requests(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    for name in ("_perform", "steps", "straight"):
        monkeypatch.setattr(Transport, name, _changed(getattr(Transport, name), change))


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
    def trusting(operation: Any, manner: Any, **_: Any) -> Any:
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
    def blind(operation: Any, manner: Any, **_: Any) -> Any:
        answer = yield Delete((operation.target._replace(version_id="null"),))
        return Outcome(operation.index, "deleted" if answer[0] == "ok" else "pending")

    monkeypatch.setattr(slices, "deleting_one", blind)


def believes_that_witnesses_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "_holds", lambda ref, found, *, versions: True)


def deletes_whatever_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing was asked for, and what it shows is not looked at."""
    def blind(operations: Any, manner: Any) -> Any:
        yield from looking(operations, manner)
        return frozenset(op.index for op in operations)

    looking = removing.looking_at_names
    monkeypatch.setattr(slices, "looking_at_names", blind)


def no_look_at_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_exact", lambda operation: False)


def silence_is_success(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(operations: Any, manner: Any) -> Any:
        yield Delete(tuple(op.target for op in operations))
        return [Outcome(op.index, "deleted") for op in operations]

    monkeypatch.setattr(slices, "deleting", trusting)


def no_look_after_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "witnesses", lambda *_, **__: ())


def delete_before_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "verified", lambda self, index: True)
    monkeypatch.setattr(chains, "witnesses", lambda *_, **__: ())


def send_again_without_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    real = copying.copying
    monkeypatch.setattr(slices, "copying", lambda op, manner, *, look=False, **more: real(op, manner, **more))


def forgets_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryCheckpoint, "keys", lambda self, prefix: ())


def counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = Ledger.apply

    def twice(self: Ledger, operation: Any, outcome: Outcome) -> None:
        apply(self, operation, outcome)
        if outcome.result == "deleted":
            self.record(operation.index // self.batch_size).skipped |= 1 << operation.index % self.batch_size

    monkeypatch.setattr(Ledger, "apply", twice)


def _without_condition(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda ref, **_: real(ref)


def straight_copies_without_a_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    straight = WriteStore.straight_copy
    monkeypatch.setattr(WriteStore, "straight_copy", lambda self, source, target, *, expect, **_: straight(
        self, source, target, expect="any"))


def straight_copies_prove_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(act: Any, answer: Any) -> CopyOutcome:
        key = act.target
        return CopyOutcome(key.etag or dict(act.headers).get("x-amz-copy-source-if-match", "").strip('"'), "")

    monkeypatch.setattr(lean_writes, "_copied", trusting)


def lanes_believe_every_answer_to_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "made_copy", lambda answer, etag: "" if answer.status == 200 else None)


def lanes_believe_every_answer_to_a_delete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "all_deleted", lambda answer, expected: answer.status == 200)


def lanes_copy_without_a_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes.CopyLane, "_guard", lambda self, expect: ("", ""))


def lanes_copy_without_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Straight.copy
    monkeypatch.setattr(Straight, "copy", lambda self, source, bucket, key, guard, *, pin=True: copy(
        self, [*source[:3], "", *source[4:]], bucket, key, guard, pin=False))


def lanes_send_again_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy whose answer proves nothing is sent once more, over whatever stands there."""
    off_lane, sent = Loop._off_lane, set()

    def again(self: Loop, off: Any) -> None:
        lane, number = off.sent.on.lane, off.sent.number
        tried = (id(lane), number) in sent
        if tried or isinstance(off.came, Trouble) or not isinstance(lane, lanes.CopyLane):
            off_lane(self, off)
            return
        sent.add((id(lane), number))
        row = lane._rows[number]
        ready = lane.straight.copy(row[3], row[2][1], row[2][2], ("", ""))
        self._many.send(lane.straight.acts, ready, off.sent)

    monkeypatch.setattr(Loop, "_off_lane", again)


def lanes_delete_names_whatever_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    delete_named = Straight.delete_named

    def blind(self: Straight, bucket: str, keys: Any, etags: Any) -> Any:
        ready, expected = delete_named(self, bucket, keys, etags)
        return ready._replace(body=re.sub(rb"<ETag>.*?</ETag>", b"", ready.body)), expected

    monkeypatch.setattr(Straight, "delete_named", blind)


def believes_every_answer_to_a_delete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_writes, "_deleted", lambda act, answer, expected: Verdicts(everything=True))


def takes_a_page_for_success(monkeypatch: pytest.MonkeyPatch) -> None:
    read = lean_writes._deleted_one
    monkeypatch.setattr(lean_writes, "_deleted_one", lambda act, answer: read(act, answer._replace(
        body=b"" if b"<html" in answer.body else answer.body)))


def compares_with_a_source_that_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    verifying = copying._verifying

    def sure(operation: Any, source: Any, etag: str, manner: Any) -> Any:
        steps, answer = verifying(operation, source, etag, manner), None
        while True:
            try:
                request = steps.send(answer)
            except StopIteration as end:
                return end.value
            same = isinstance(request, Head) and request.ref == source
            answer = ("ok", Glance(source.size, source.etag, "")) if same else (yield request)

    monkeypatch.setattr(copying, "_verifying", sure)


def undoes_what_is_not_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_guarded", lambda operation: False)


def forgets_the_source_of_an_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "_without_witness", lambda operation, manner: iter(()))
    monkeypatch.setattr(chains, "witnesses", lambda *_, **__: ())


def hides_whatever_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_writes, "deleting_one", _without_condition(lean_writes.deleting_one))


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
    monkeypatch.setattr(slices, "copying", lambda op, manner, *, look=False, looked=False: copying._copying(
        op, manner, look=look, looked=looked))


def forgets_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    real = copying.copying

    def without(op: Any, manner: Any, **more: Any) -> Any:
        return real(replace(op, how=op.how.replace(" lock", "")), manner, **more)

    monkeypatch.setattr(slices, "copying", without)


def does_not_wait_for_the_version_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "ready", lambda ledger, operation: "go")


def expects_the_etag_of_the_source_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "refined", lambda ledger, of_plan, operation: operation)


def goes_on_after_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = Ledger.commit

    def deaf(self: Ledger, **more: Any) -> Any:
        try:
            return commit(self, **more)
        except DiskFull:
            self._dirty.clear()
            return []

    monkeypatch.setattr(Ledger, "commit", deaf)


BUGS: tuple[Patch, ...] = (
    lanes_believe_every_answer_to_a_copy, lanes_believe_every_answer_to_a_delete,
    lanes_copy_without_a_condition, lanes_copy_without_a_version, lanes_send_again_by_themselves,
    lanes_delete_names_whatever_they_hold,
    straight_copies_without_a_condition, straight_copies_prove_themselves,
    believes_every_answer_to_a_delete, takes_a_page_for_success, compares_with_a_source_that_moved,
    undoes_what_is_not_on_top, forgets_the_source_of_an_undo, hides_whatever_stands_there,
    aborts_every_upload_of_the_key, removes_a_bucket_without_looking, claims_what_stood_there,
    forgets_what_it_made, gives_up_on_the_archive, forgets_the_access_list,
    commit_before_the_act, no_verify, no_version_pin, no_delete_pin, overwrite, no_delete_etag,
    believes_that_witnesses_stand, deletes_whatever_was_seen,
    no_look_at_null, silence_is_success, no_look_after_resume, delete_before_proof,
    send_again_without_looking, forgets_what_it_did, counts_twice,
    forgets_the_lock, does_not_wait_for_the_version_below,
    expects_the_etag_of_the_source_below, goes_on_after_a_full_disk,
)


FIRST = {
    "lanes_believe_every_answer_to_a_copy": "plain", "lanes_believe_every_answer_to_a_delete": "plain",
    "lanes_copy_without_a_condition": "plain", "lanes_copy_without_a_version": "plain",
    "lanes_send_again_by_themselves": "plain", "lanes_delete_names_whatever_they_hold": "names",
    "expects_the_etag_of_the_source_below": "history", "does_not_wait_for_the_version_below": "history",
    "no_look_at_null": "null", "send_again_without_looking": "missing", "no_look_after_resume": "repair",
    "delete_before_proof": "repair", "no_version_pin": "repair", "no_delete_pin": "repair",
    "compares_with_a_source_that_moved": "deaf", "forgets_the_source_of_an_undo": "undo",
    "claims_what_stood_there": "complete", "forgets_the_lock": "archived",
    "believes_that_witnesses_stand": "repair", "deletes_whatever_was_seen": "deaf names",
    "forgets_the_access_list": "archived", "gives_up_on_the_archive": "archived",
}
"""The kind of job where a bug shows soonest; it is tried first."""
Case = tuple[str, list[str], list[str], bool]


def singles(bug: str) -> Iterator[Case]:
    """Single faults at every request of every kind of job, as the sweep has them."""
    for kind in sorted(JOBS, key=lambda kind: kind != FIRST.get(bug, kind)):
        for at in range(30):
            for fault in (*CRASHES, *FOREIGN, *(f for f in FAULTS if f not in (*CRASHES, *FOREIGN))):
                for lose in (True, False) if fault in CRASHES else (False,):
                    yield kind, [""] * at + [fault], [], lose


def several() -> Iterator[Case]:
    """Random ones in two lives of a job."""
    rng = random.Random(1)
    for _ in range(2000):
        first = [rng.choice(FAULTS) if rng.random() < 0.15 else "" for _ in range(30)]
        second = [rng.choice(FAULTS) if rng.random() < 0.15 else "" for _ in range(30)]
        yield rng.choice(list(JOBS)), first, second, rng.random() < 0.5


def complaint(bug: str, cases: Iterable[Case]) -> str:
    """The first complaint of the oracle about the mutated engine, "" when there is none."""
    for kind, first, second, lose in cases:
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
            return f"{bug}, {kind}: {error}"
    return ""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_each_seeded_bug_is_caught(bug: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    found = complaint(bug.__name__, chain(singles(bug.__name__), several()))
    print(found)
    assert found


def test_the_engine_as_it_is_gives_no_complaint() -> None:
    """The sweep tries the single faults."""
    assert complaint("none", several()) == ""
