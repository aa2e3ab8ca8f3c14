"""One look before many operations: which these are, how old it may be, and what it does not let through."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from crash.rig import Rig
from crash.rig_jobs import Job
from crash.strict_store import World
from crash.wire import working

from s3console.core.errors import ServiceError
from s3console.core.model import Operation, Ref
from s3console.run import loop as loop_module
from s3console.run import slices
from s3console.run.engine import Head, Manner
from s3console.run.slices import first_round, second_round
from s3console.run.stretches import Item, Slice
from s3console.s3.facts import Glance

MD5 = "0123456789abcdef0123456789abcdef"


def manner(**more: Any) -> Manner:
    return Manner(rng=random.Random(0), pause_base=0.0, **more)


def copy(index: int, *, version: str = "", bucket: str = "left", **more: Any) -> Item:
    key = f"k{index:03d}"
    source = Ref("left", bucket, key, version, MD5, 3)
    return Item(Operation(index, "copy", Ref("right", "right", key), source, more.pop("expect", "absent")),
                **more)


def slice_of(items: list[Item], kind: Any = "copy") -> Slice:
    return Slice(1, kind, tuple(items))


def asked(task: Any) -> Any:
    return next(task.steps)


def test_copies_between_two_buckets_are_looked_at_together() -> None:
    items = [*(copy(n) for n in range(130)), *(copy(n, bucket="other") for n in range(130, 133)),
             copy(133, look=True), copy(134)]
    tasks = first_round(slice_of(items), manner())
    assert [len(task.indexes) for task in tasks] == [64, 64, 2, 3, 1, 1]
    assert [task.then is not None for task in tasks] == [True, True, True, True, False, False]
    assert {ref.key for ref in asked(tasks[0]).refs} == {f"k{n:03d}" for n in range(64)}


@pytest.mark.parametrize(("item", "how"), [
    (copy(0, version="v1", expect="any"), {}), (copy(0), {"guarded": True, "exact": True}),
    (copy(0, expect="any"), {"guarded": True})])
def test_what_needs_no_look_gets_none(item: Item, how: Any) -> None:
    tasks = first_round(slice_of([item] * 4), manner(**how))
    assert [task.then for task in tasks] == [None] * 4


def test_a_pinned_source_is_not_looked_at() -> None:
    (task,) = first_round(slice_of([copy(n, version=f"v{n}") for n in range(4)]), manner())
    assert asked(task).refs[0].bucket == "right"
    with pytest.raises(StopIteration) as end:
        task.steps.send(("ok", {"k000": (), "k001": (Glance(3, MD5, ""),), "k003": ()}))
    # One is occupied, of one nothing is known.
    assert end.value.value == {0, 3}
    requests = [next(one.steps) for one in task.then(end.value.value)]
    assert [one.looked for one in requests] == [True, False, False, True]


def test_a_look_that_fails_clears_nothing() -> None:
    (task,) = first_round(slice_of([copy(n) for n in range(4)]), manner())
    next(task.steps)
    wait = task.steps.send(("error", ServiceError("SlowDown", 503)))
    assert wait.seconds >= 0
    with pytest.raises(StopIteration) as end:
        task.steps.send(("ok", None))
    assert end.value.value == frozenset()
    assert [next(one.steps) for one in task.then(frozenset())] == [
        Head(Ref("left", "left", f"k{n:03d}", "", MD5, 3)) for n in range(4)]


def remove(index: int) -> Item:
    return Item(Operation(index, "delete", Ref("right", "right", f"k{index:03d}", "", MD5, 3)))


def test_names_are_deleted_together_only_where_no_condition_is_honoured() -> None:
    items = [remove(n) for n in range(5)]
    (alone,) = second_round(slice_of(items, "delete"), [], manner(looks=True, alone=True))
    next(alone.steps)
    with pytest.raises(StopIteration) as end:
        alone.steps.send(("ok", {f"k{n:03d}": (Glance(3, MD5, ""),) for n in range(4)}))
    single, many = alone.then(end.value.value)
    assert (single.indexes, many.indexes) == ((4,), (0, 1, 2, 3))
    assert [ref.etag for ref in next(many.steps).refs] == [MD5] * 4
    assert [one.indexes for one in many.again()] == [(0,), (1,), (2,), (3,)]
    (looked,) = second_round(slice_of(items, "delete"), [], manner(looks=True))
    assert [next(one.steps).looked for one in looked.then(frozenset(range(5)))] == [True] * 5
    assert len(second_round(slice_of(items, "delete"), [], manner())) == 5


# ---- through the loop


@contextmanager
def rigged(job: Job) -> Iterator[tuple[Rig, Any]]:
    rig = Rig(job)
    with working(rig.network, shared=True, honours=False, guarded=False, unversioned=True,
                 pick=lambda n: 0) as worker:
        yield rig, worker


def job_of(count: int) -> Job:
    world = World()
    world.bucket("right", versioned=False)
    ops = []
    for n in range(count):
        source = world.put("right", f"s/{n:03d}", b"body %d" % n)
        ops.append(Operation(n, "copy", Ref("right", "right", f"t/{n:03d}", "", "", len(source.body)),
                             world.ref("right", "right", f"s/{n:03d}", source), "absent"))
    return Job(world, ops, versioning="Unversioned", honours=False)


def carry(worker: Any, ops: list[Operation]) -> list[int]:
    worker.give(slices.slice_line(Slice(1, "copy", tuple(Item(op) for op in ops))))
    done: list[int] = []
    for _ in range(200):
        for packed in worker.turn():
            done += packed["verified"] + [one[0] for one in packed["others"]]
        if len(done) == len(ops):
            return sorted(done)
    raise AssertionError("it does not end")


def test_two_listings_do_for_many_copies() -> None:
    job = job_of(100)
    with rigged(job) as (rig, worker):
        assert carry(worker, job.operations) == list(range(100))
        assert rig.network.requests == 100 + 2 * 2
        assert worker.loop._ahead == 0 and worker.loop.idle


def test_a_look_that_is_too_old_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "FRESH", -1.0)
    job = job_of(40)
    with rigged(job) as (rig, worker):
        assert carry(worker, job.operations) == list(range(40))
        # Each is looked at by itself, source and target.
        assert rig.network.requests == 2 + 3 * 40
        assert worker.loop._ahead == 0 and worker.loop._busy == 0


def test_what_changed_before_the_look_is_left_alone() -> None:
    job = job_of(10)
    job.world.put("right", "t/003", b"newer")
    job.world.put("right", "s/007", b"newer!")
    with rigged(job) as (_, worker):
        assert carry(worker, job.operations) == list(range(10))
    assert job.world.find("right", "t/003").body == b"newer"  # type: ignore[union-attr]
    assert job.world.find("right", "t/007") is None
