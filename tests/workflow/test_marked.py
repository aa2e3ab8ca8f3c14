"""Plans of marked names on a real server, run to their end by real runners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from workflow.mover import Mover

from s3console.core.errors import Incomplete, Refused, UsageError
from s3console.core.model import Entry, Place, Plan
from s3console.workflow.marked import (
    Marks,
    plan_marked_copy,
    plan_marked_delete,
    plan_marked_move,
    plan_marked_restore,
)
from s3console.workflow.moving import plan_empty

KEYS = ("a/1::png", "a/b/x", "a/b/y", "a/b.txt", "a/ü space")


def mover_on(ministack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, versioned: bool) -> Mover:
    for name, value in ministack.environ.items():
        monkeypatch.setenv(name, value)
    mover = Mover(ministack, tmp_path, versioned=versioned)
    for key in KEYS:
        mover.put(key, key.encode())
    return mover


def entries(mover: Mover, *keys: str) -> tuple[Entry, ...]:
    """What a listing of the source shows of these keys."""
    reader = mover.desk.reader(mover.source.connection)
    found = {e.key: e for batch in reader.listing(mover.source) for e in batch.entries()}
    return tuple(found[key] for key in keys)


def marked(mover: Mover, *keys: str, prefixes: tuple[str, ...] = ()) -> Marks:
    return Marks(Place(mover.old, "a/", mover.source.connection), entries(mover, *keys), prefixes)


def run(mover: Mover, plan: Plan) -> str:
    job, status = mover.run(plan)
    assert (status.state, status.done) == ("done", plan.operations), (status, mover.logs(job))
    return job


def test_marks_are_copied_below_a_target_and_taken_away_after_a_move(
    ministack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mover = mover_on(ministack, tmp_path, monkeypatch, versioned=True)
    marks = marked(mover, "a/1::png", "a/ü space", prefixes=("a/b/",))
    target = Place(mover.new, "to/", mover.source.connection)
    plan = plan_marked_move(mover.desk, marks, target)
    assert (plan.copy, plan.delete, plan.reversible) == (4, 0, True)
    job = run(mover, plan)
    assert sorted(mover.keys(mover.new)) == ["to/1::png", "to/b/x", "to/b/y", "to/ü space"]
    with pytest.raises(Refused, match="nothing to plan"):
        plan_marked_copy(mover.desk, marks, target)
    empty = plan_empty(mover.desk, marks.place, job)
    assert empty.delete == 4
    run(mover, empty)
    assert sorted(mover.keys(mover.old)) == ["a/b.txt"]


@pytest.mark.parametrize("versioned", [True, False])
def test_a_rename_inside_a_bucket_is_one_plan(
    ministack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, versioned: bool
) -> None:
    mover = mover_on(ministack, tmp_path, monkeypatch, versioned=versioned)
    before = mover.keys(mover.old)
    target = Place(mover.old, "z/new", mover.source.connection)
    plan = plan_marked_move(mover.desk, marked(mover, "a/1::png"), target)
    assert (plan.copy, plan.delete, plan.reversible) == (1, 1, versioned)
    if not versioned:
        return
    run(mover, plan)
    after = mover.keys(mover.old)
    assert set(after) == {*KEYS, "z/new"} - {"a/1::png"}
    assert after["z/new"] == before["a/1::png"]


def test_hidden_marks_come_back_and_versions_go_for_good(
    ministack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mover = mover_on(ministack, tmp_path, monkeypatch, versioned=True)
    mover.put("a/b.txt", b"newer")
    reader = mover.desk.reader(mover.source.connection)
    place = Place(mover.old, "a/", mover.source.connection)
    hide = plan_marked_delete(mover.desk, marked(mover, "a/1::png", prefixes=("a/b/",)))
    assert (hide.delete, hide.reversible) == (3, True)
    run(mover, hide)
    assert sorted(mover.keys(mover.old)) == ["a/b.txt", "a/ü space"]
    marker = reader.versions_of(mover.old, "a/1::png")[0]
    assert marker.is_delete_marker
    newest, oldest = reader.versions_of(mover.old, "a/b.txt")
    back = plan_marked_restore(mover.desk, Marks(place, (marker, oldest), exact=True))
    assert (back.restore, back.delete, back.reversible) == (1, 1, True)
    run(mover, back)
    assert mover.keys(mover.old)["a/b.txt"] == oldest.etag
    assert "a/1::png" in mover.keys(mover.old)
    gone = plan_marked_delete(mover.desk, Marks(place, (newest,), exact=True))
    assert (gone.delete, gone.reversible, gone.sample[0].target.version_id) == (1, False, newest.version_id)
    whole = plan_marked_delete(mover.desk, marked(mover, "a/b.txt"), versions=True)
    assert (whole.delete, whole.reversible) == (3, False)


def test_what_is_refused(ministack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mover = mover_on(ministack, tmp_path, monkeypatch, versioned=False)
    marks = marked(mover, "a/1::png", "a/b.txt")
    plain = plan_marked_delete(mover.desk, marks)
    assert not plain.reversible, "an unversioned bucket keeps nothing"
    with pytest.raises(Refused, match="keeps no versions"):
        plan_marked_restore(mover.desk, marks)
    with pytest.raises(Refused, match="same name"):
        plan_marked_copy(mover.desk, marks, marks.place)
    here = mover.source.connection
    with pytest.raises(Refused, match="overlap"):
        plan_marked_copy(mover.desk, marked(mover, prefixes=("a/b/",)), Place(mover.old, "a/b/c/", here))
    with pytest.raises(UsageError, match="ends in /"):
        plan_marked_copy(mover.desk, marks, Place(mover.new, "one", here))
    with pytest.raises(UsageError, match="nothing is marked"):
        Marks(marks.place)
    with pytest.raises(Refused, match="UTF-8"):
        Marks(marks.place, (Entry("a/\ufffd", 1, "e", ""),))

    def stop(count: int) -> None:
        raise Incomplete("stopped")

    with pytest.raises(Incomplete):
        plan_marked_delete(mover.desk, marks, progress=stop)
