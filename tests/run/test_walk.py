"""The order of a plan, the canary, the breaker and the ledger, without any store."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from crash.rig import BATCH, JOBS, Job, MemoryCheckpoint, MemoryPlan, Rig, repair
from crash.strict_store import Network, World
from hypothesis import given
from hypothesis import strategies as st

from s3console.core.errors import DamagedState
from s3console.core.model import Operation, Ref
from s3console.core.plans import encode_operation
from s3console.run.ahead import LEAST
from s3console.run.batches import BatchRecord, Ledger, ended_alike
from s3console.run.engine import CHANGED, Outcome
from s3console.run.slices import pack_slice, slice_line, to_line, unpack_slice
from s3console.run.stretches import read_stretch
from s3console.run.walk import Item, Limits, Slice, Walk


def copies(count: int, deletes: int = 0) -> Job:
    ops = [Operation(i, "copy", Ref("right", "b", f"k{i}"), Ref("left", "a", f"k{i}", "", "e", 1), "absent")
           for i in range(count)]
    ops += [Operation(count + i, "delete", Ref("right", "b", f"d{i}", f"v{i}"), after=i)
            for i in range(deletes)]
    return Job(World(), ops)


def walk_of(
    job: Job, checkpoint: MemoryCheckpoint | None = None, **limits: Any
) -> tuple[Walk, Ledger, list[str]]:
    said: list[str] = []
    ledger = Ledger(checkpoint or MemoryCheckpoint(Network(job.world)), len(job.operations), BATCH)
    walk = Walk(MemoryPlan(job), ledger, now=lambda: "now", announce=lambda what, **facts: said.append(
        f"{what} {facts['phase']} {facts['batch']}"), limits=Limits(**limits))
    return walk, ledger, said


def answer(walk: Walk, work: Slice, result: Any, code: str = "") -> None:
    walk.report(work.number, [Outcome(i.operation.index, result, code, etag="e", bytes=1)
                              for i in work.items])


def test_the_canary_goes_alone_in_each_phase() -> None:
    walk, _, _ = walk_of(copies(8, 8), canary=3)
    first = walk.next(100)
    assert first is not None
    assert len(first.items) == 3
    assert walk.next(100) is None
    answer(walk, first, "verified")
    rest = walk.next(100)
    assert rest is not None
    assert len(rest.items) == 5
    assert walk.next(100) is None, "no delete before every copy is settled"
    answer(walk, rest, "verified")
    delete = walk.next(100)
    assert delete is not None
    assert (delete.kind, len(delete.items)) == ("delete", 3)


def test_the_intent_is_durable_before_anything_is_sent() -> None:
    job = copies(3)
    checkpoint = MemoryCheckpoint(Network(job.world))
    walk, _, said = walk_of(job, checkpoint)
    assert walk.next(10) is not None
    assert said == ["batch begins copy 0"]
    again, _, _ = walk_of(job, checkpoint)
    work = again.next(10)
    assert work is not None
    assert all(item.look for item in work.items)


@pytest.mark.parametrize("done", [0, 7, 10])
def test_only_what_may_have_been_sent_is_looked_up_after_a_crash(done: int) -> None:
    job = copies(200)
    checkpoint = MemoryCheckpoint(Network(job.world))
    walk, ledger, _ = walk_of(job, checkpoint, canary=0)
    work = walk.next(10)
    assert work is not None and len(work) == 10
    answer(walk, Slice(work.number, "copy", work.items[:done]), "verified")
    walk.commit()
    assert ledger.reach("copy") == 10 + LEAST
    again, _, _ = walk_of(job, checkpoint, canary=0)
    looked: dict[int, bool] = {}
    while (more := again.next(16)) is not None:
        looked |= {item.operation.index: item.look for item in more.items}
    assert looked == {n: n < 10 + LEAST for n in range(done, 200)}


def test_an_intent_reaches_further_the_faster_operations_are_sent() -> None:
    walk, ledger, said = walk_of(copies(4000), canary=0)
    while (work := walk.next(10)) is not None:
        assert ledger.reach("copy") > work.items[-1].operation.index
        answer(walk, work, "verified")
    assert ledger.totals().done == 4000
    assert sum(one.startswith("batch begins") for one in said) < 20


def test_batches_that_end_alike_are_one_record() -> None:
    records = [BatchRecord(n, copied=15, verified=15) for n in (2, 3, 4)]
    records += [BatchRecord(5, copied=15, verified=7, failed=8), BatchRecord(9, copied=15, verified=15)]
    assert [(one["batch"], one["batches"], one["failed"]) for one in ended_alike(records)] == [
        (2, 3, "0"), (5, 1, "8"), (9, 1, "0")]


def test_a_canary_that_mostly_fails_pauses() -> None:
    walk, _, _ = walk_of(copies(30), canary=10)
    work = walk.next(10)
    assert work is not None
    answer(walk, work, "failed", "AccessDenied")
    assert walk.halt is not None
    assert walk.halt.how == "pause"
    assert walk.next(10) is None
    walk.go_on()
    assert walk.next(10) is not None


def test_the_breaker_opens_after_failures_in_a_row() -> None:
    walk, _, _ = walk_of(copies(40), canary=1, in_a_row=5)
    work = walk.next(1)
    assert work is not None
    answer(walk, work, "verified")
    for _ in range(5):
        work = walk.next(1)
        assert work is not None
        answer(walk, work, "failed", "AccessDenied")
    assert walk.halt is not None
    assert "5 operations in a row" in walk.halt.message


def test_a_few_failures_among_many_copies_do_not_stop_a_job() -> None:
    walk, ledger, _ = walk_of(copies(40), canary=1)
    while (work := walk.next(1)) is not None:
        answer(walk, work, "failed" if work.items[0].operation.index % 4 == 1 else "verified", "AccessDenied")
    assert walk.finished
    assert ledger.totals()[:3] == (30, 10, 0)


def test_the_first_refused_delete_stops_the_job() -> None:
    walk, ledger, _ = walk_of(copies(4, 4), canary=1)
    while walk.halt is None:
        work = walk.next(1)
        assert work is not None
        answer(walk, work, "failed" if work.kind == "delete" else "verified", "AccessDenied")
    assert walk.halt.how == "stop"
    assert ledger.totals()[:3] == (4, 1, 0)


def test_a_delete_whose_copy_was_not_verified_is_never_sent() -> None:
    walk, ledger, _ = walk_of(copies(4, 4), canary=1)
    sent = []
    while (work := walk.next(1)) is not None:
        index = work.items[0].operation.index
        sent.append(index)
        result = {0: "verified", 1: "failed", 2: "skipped", 3: "verified"}.get(index, "deleted")
        answer(walk, work, result, CHANGED)
    assert sent == [0, 1, 2, 3, 4, 7]
    assert walk.finished
    assert ledger.totals()[:3] == (4, 1, 3)
    assert walk.retry() == 3
    work = walk.next(1)
    assert work is not None
    assert work.items[0].operation.index == 1


def test_lost_and_undecided_operations_are_looked_up_and_sent_again() -> None:
    walk, _, _ = walk_of(copies(6), canary=1)
    work = walk.next(6)
    assert work is not None
    answer(walk, work, "pending")
    again = walk.next(6)
    assert again is not None
    assert again.items[0].look
    assert walk.lost(again.number) == len(again.items)
    assert walk.in_flight == 0
    third = walk.next(6)
    assert third is not None
    answer(walk, third, "verified")
    walk.report(again.number, [Outcome(0, "failed", "late")])
    assert walk.halt is None


def test_a_copy_behind_a_delete_is_refused() -> None:
    job = copies(2, 2)
    job.operations[0], job.operations[3] = job.operations[3], job.operations[0]
    walk, _, _ = walk_of(job)
    with pytest.raises(DamagedState):
        walk.next(4)


def test_a_login_that_ran_out_pauses_without_costing_an_operation() -> None:
    rig = Rig(repair())
    assert rig.process(["", "", "expired"]) == "pause"
    assert rig.ledger().totals().failed == 0
    rig.converge()
    assert rig.check() == (9, 0, 0)


@pytest.mark.parametrize("kind", JOBS)
def test_an_outage_pauses_and_fails_nothing(kind: str) -> None:
    rig = Rig(JOBS[kind]())
    assert rig.process(["timeout-before"] * 60) == "pause"
    assert rig.ledger().totals().failed == 0
    rig.converge()
    assert rig.check() == (len(rig.job.operations), 0, 0)


bits = st.integers(0, 2**60)


@given(bits, bits, bits, st.text(), st.dictionaries(st.sampled_from(["copy", "delete"]), st.integers(0, 9)))
def test_a_record_comes_back_as_it_was(a: int, b: int, c: int, intent: str, attempts: dict[str, int]) -> None:
    record = BatchRecord(3, copied=a, verified=b, failed=c, intent=intent, attempts=attempts, bytes=a,
                         etags={"1": "x"}, failures=[[1, "c", "m"]], durable=b)
    assert BatchRecord.unpack(3, record.pack()) == record


@pytest.mark.parametrize("packed", [None, {}, {"schema": 2}, {"schema": 1, "copied": "zz"}, []])
def test_a_damaged_record_is_refused(packed: Any) -> None:
    with pytest.raises(DamagedState):
        BatchRecord.unpack(0, packed)


def test_a_slice_survives_the_pipe_with_hostile_keys() -> None:
    ref = Ref("right", "b", "a\n\x1b\ud800é\u202e\"}", "v", "e", 3)
    work = Slice(7, "delete", (Item(Operation(0, "delete", ref, after=None, witness=ref), True, (ref,)),))
    line = to_line({"slice": pack_slice(work)})
    assert line.count(b"\n") == 1
    assert unpack_slice(json.loads(line)["slice"]) == work


def test_a_stretch_goes_over_the_pipe_as_it_stands_in_the_plan() -> None:
    key = "a\n\x1b\x7f\ud800é\u202e\"},]\\"
    ref = Ref("right", "b", key, "v\"", "e", 3)
    plain = [Operation(7, "delete", ref, reason="r"), Operation(8, "delete", ref, is_delete_marker=True)]
    adding = [Operation(7, "copy", ref, ref._replace(side="left"), "absent"),
              Operation(8, "restore", ref, ref, "etag:e", reason=key)]
    for kind, operations in (("delete", plain), ("copy", adding)):
        stretch = read_stretch(kind, 7, [encode_operation(one) for one in operations])
        assert stretch is not None
        work = Slice(3, kind, stretch=stretch)
        line = slice_line(work)
        assert line.count(b"\n") == 1
        # Of a delete a worker needs key and version, and nothing else.
        told = operations if kind == "copy" else [
            Operation(one.index, "delete", Ref("right", "b", key, "v\"")) for one in operations]
        assert unpack_slice(json.loads(line)["slice"]) == Slice(3, kind, tuple(map(Item, told)))
        assert (len(work), work.bytes) == (2, 6 if kind == "copy" else 0)
        assert read_stretch(kind, 8, [encode_operation(one) for one in operations]) is None


@pytest.mark.parametrize("odd", [
    {"after": 3}, {"witness": Ref("right", "b", "w")}, {"how": "latest"}, {"kind": "abort"},
    {"target": Ref("right", "other", "k")}, {"target": Ref("local", "b", "k")}, {"index": 9},
])
def test_what_needs_more_than_to_be_sent_is_no_stretch(odd: dict[str, Any]) -> None:
    plain = [Operation(i, "delete", Ref("right", "b", f"k{i}", "v")) for i in range(3)]
    assert read_stretch("delete", 0, [encode_operation(one) for one in plain]) is not None
    plain[1] = replace(plain[1], **odd)
    assert read_stretch("delete", 0, [encode_operation(one) for one in plain]) is None


def test_reports_of_a_stretch_settle_as_reports_one_by_one_do() -> None:
    """In one go or not, with an outcome reported twice or of nobody: the records are the same."""
    job = copies(8)
    plain, ledger, _ = walk_of(job, canary=0)
    work = plain.next(100)
    assert work is not None and work.stretch is not None
    assert plain.report_done(work.number, 0b101001, {5: "v5", 0: "v0"})
    assert not plain.report_done(work.number, 0b1000, {}), "reported twice"
    assert not plain.report_done(work.number, 1 << 9 | 0b10, {}), "never sent"
    assert not plain.report_done(work.number, 0b10, {4: "v"}), "a version of another"
    assert plain.in_flight == 5
    answer(plain, work, "verified")
    assert plain.in_flight == 0
    other, one_by_one, _ = walk_of(job, canary=0)
    work = other.next(100)
    assert work is not None
    other.report(work.number, [Outcome(i, "verified", etag="e", bytes=1, version_id=v)
                               for i, v in ((5, "v5"), (3, ""), (0, "v0"))])
    answer(other, work, "verified")
    assert [ledger.record(n).pack() for n in (0, 1)] == [one_by_one.record(n).pack() for n in (0, 1)]
    assert ledger.totals() == (8, 0, 0, 8)
