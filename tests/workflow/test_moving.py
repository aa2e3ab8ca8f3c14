"""The mover and undo over real servers: the vectors m1 to m12 of SEEDS 3.5, each by its number."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from workflow.mover import Mover

from s3console.core.errors import Refused
from s3console.core.model import Place
from s3console.store.home import stamp
from s3console.store.jobs import job_folder, read_failures
from s3console.workflow.moving import plan_abort, plan_delete_bucket, plan_empty, plan_move
from s3console.workflow.moving_versions import plan_move_versions
from s3console.workflow.undoing import plan_undo_job

ODD = ["1.jpg", "11.jpg", "a.jpg", "banana.jpg", "line\nbreak", "a b", "ü/é", "p+q%41", "dir/", "empty"]


@pytest.fixture
def mover(ministack: Any, aws_env: Any, tmp_path: Path) -> Callable[..., Mover]:
    aws_env(ministack)
    return lambda **more: Mover(ministack, tmp_path, **more)


@pytest.fixture
def any_mover(s3_server: Any, aws_env: Any, tmp_path: Path) -> Callable[..., Mover]:
    aws_env(s3_server)
    return lambda **more: Mover(s3_server, tmp_path, **more)


@pytest.mark.parametrize("versioned", [False, True])
def test_m2_m3_m12_three_acts(any_mover: Any, versioned: bool) -> None:
    m = any_mover(versioned=versioned)
    for key in ODD:
        m.put(
            key, b"" if key in ("dir/", "empty") else key.encode(), ContentType="image/x", Metadata={"a": "b"}
        )
    before = m.keys(m.old)
    plan = plan_move(m.desk, m.source, m.target)
    assert (plan.copy, plan.delete, plan.reversible) == (len(ODD), 0, True)
    assert any("access lists" in note for note in plan.notes)
    job, status = m.run(plan)
    assert (status.state, status.done) == ("done", len(ODD)), m.logs(job)
    assert status.p99 >= status.p50 > 0
    assert m.keys(m.new) == before == m.keys(m.old)
    with pytest.raises(Refused, match="not empty"):
        plan_delete_bucket(m.desk, m.source)
    empty = plan_empty(m.desk, m.source, job)
    assert (empty.delete, empty.reversible) == (len(ODD), False)
    with pytest.raises(Refused, match="number of operations"):
        from s3console.workflow.approving import approve

        approve(m.desk, empty.plan)
    second, status = m.run(empty)
    assert (status.state, status.done, status.skipped) == ("done", len(ODD), 0), m.logs(second)
    assert m.history(m.old) == []
    assert m.keys(m.new) == before
    head = m.s3.head_object(Bucket=m.new, Key="a.jpg")
    assert (head["ContentType"], head["Metadata"]) == ("image/x", {"a": "b"})
    third, status = m.run(plan_delete_bucket(m.desk, m.source))
    assert (status.state, status.done) == ("done", 1), m.logs(third)
    assert m.old not in {b["Name"] for b in m.s3.list_buckets()["Buckets"]}


def test_m1_killed_after_some_copies(mover: Any) -> None:
    m = mover()
    for i in range(120):
        m.put(f"{i}.jpg", b"%d" % i)
    # Slow enough that it is not over before a busy machine comes to kill it.
    job, _ = m.start(plan_move(m.desk, m.source, m.target), rate=10)
    m.killed_after(job, 20)
    status = m.again(job)
    assert (status.state, status.done) == ("done", 120), m.logs(job)
    assert len(m.history(m.new)) == 120, "a copy was made twice"
    assert m.keys(m.new) == m.keys(m.old)


def test_m4_m5_what_changed_or_came_later_stays(any_mover: Any) -> None:
    m = any_mover()
    for key in ("kept", "changed", "late", "gone"):
        m.put(key, key.encode())
    job, _ = m.run(plan_move(m.desk, m.source, m.target))
    m.put("changed", b"newer bytes")
    m.put("new", b"came later")
    m.s3.delete_object(Bucket=m.old, Key="gone")
    empty = plan_empty(m.desk, m.source, job)
    assert empty.delete == 2
    assert {note.split(" ")[1] for note in empty.notes} == {"changed", "were", "objects"}
    m.put("late", b"changed between plan and run")
    _, status = m.run(empty)
    assert (status.state, status.done, status.skipped) == ("done", 1, 1)
    assert set(m.keys(m.old)) == {"changed", "late", "new"}
    with pytest.raises(Refused, match="3 versions"):
        plan_delete_bucket(m.desk, m.source)


def test_m6_m8_m10_a_target_that_is_there_already(mover: Any) -> None:
    m = mover()
    for i in range(6):
        m.put(f"k{i}", b"body %d" % i)
        m.put(f"k{i}", b"body %d" % i, bucket=m.new)
    m.put("foreign", b"not of the source", bucket=m.new)
    before = m.history(m.new)
    plan = plan_move(m.desk, m.source, m.target)
    assert plan.copy == 6
    assert plan.requests == {"HeadObject": 6}
    m.put("k5", b"another, of as many bytes"[:6], bucket=m.new)
    job, status = m.run(plan)
    assert (status.done, status.skipped) == (5, 1)
    assert "CopyObject" not in status.requests
    assert [row for row in m.history(m.new) if row[0] != "k5"] == [r for r in before if r[0] != "k5"]
    assert [f.key for f in read_failures(job_folder(m.home, job))] == ["k5"]
    assert plan_empty(m.desk, m.source, job).delete == 5
    with pytest.raises(Refused, match="nothing"):
        plan_undo_job(m.desk, job)


def test_m7_refused_copies_keep_their_source(ceph: Any, aws_env: Any, tmp_path: Path) -> None:
    aws_env(ceph)
    m = Mover(ceph, tmp_path)
    for i in range(8):
        m.put(f"k{i}", b"%d" % i)
    m.s3.put_bucket_policy(
        Bucket=m.new,
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:PutObject",
                        "Resource": f"arn:aws:s3:::{m.new}/k3",
                    }
                ],
            }
        ),
    )
    job, status = m.run(plan_move(m.desk, m.source, m.target))
    assert (status.state, status.done, status.failed) == ("done", 7, 1), m.logs(job)
    assert [(f.key, f.code) for f in read_failures(job_folder(m.home, job))] == [("k3", "AccessDenied")]
    m.run(plan_empty(m.desk, m.source, job))
    assert set(m.keys(m.old)) == {"k3"}


def test_m9_a_large_object_goes_in_parts(mover: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    m = mover()
    body = bytes(range(256)) * 4096 * 11
    upload = m.s3.create_multipart_upload(Bucket=m.old, Key="large")["UploadId"]
    parts = [
        {
            "PartNumber": n + 1,
            "ETag": m.s3.upload_part(
                Bucket=m.old, Key="large", UploadId=upload, PartNumber=n + 1, Body=body[s : s + 6 << 20]
            )["ETag"],
        }
        for n, s in enumerate(range(0, len(body), 6 << 20))
    ]
    m.s3.complete_multipart_upload(
        Bucket=m.old, Key="large", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    body = m.s3.get_object(Bucket=m.old, Key="large")["Body"].read()
    job, status = m.run(plan_move(m.desk, m.source, m.target))
    assert status.done == 1, m.logs(job)
    assert m.s3.get_object(Bucket=m.new, Key="large")["Body"].read() == body
    _, status = m.run(plan_empty(m.desk, m.source, job))
    assert (status.done, m.keys(m.old)) == (1, {})


def test_m11_a_versioned_source_is_emptied_of_its_current_versions_only(any_mover: Any) -> None:
    m = any_mover(versioned=True)
    for body in (b"one", b"two", b"three"):
        m.put("k", body)
    m.put("hidden", b"h")
    m.s3.delete_object(Bucket=m.old, Key="hidden")
    plan = plan_move(m.desk, m.source, m.target)
    assert any("older versions" in note for note in plan.notes)
    job, _ = m.run(plan)
    assert m.s3.get_object(Bucket=m.new, Key="k")["Body"].read() == b"three"
    empty = plan_empty(m.desk, m.source, job)
    assert empty.delete == 1
    assert any("older versions" in note for note in empty.notes)
    m.run(empty)
    left = m.history(m.old)
    assert [(key, marker) for key, _, marker in left] == [
        ("hidden", False),
        ("hidden", True),
        ("k", False),
        ("k", False),
    ] or len(left) == 4
    with pytest.raises(Refused, match="3 versions, 1 delete marker"):
        plan_delete_bucket(m.desk, m.source)


def test_m11_every_version_in_order(any_mover: Any) -> None:
    m = any_mover(versioned=True)
    for turn in range(3):
        m.put("k", b"turn %d" % turn, Metadata={"turn": str(turn)})
        m.put("hidden/ü", b"hidden %d" % turn)
        for n in range(30):
            m.put(f"many/{n:02d}", b"%d of %d" % (turn, n))
        if not turn:
            m.s3.delete_object(Bucket=m.old, Key="k")
    m.s3.delete_object(Bucket=m.old, Key="hidden/ü")
    m.put("there", b"in the target too")
    m.put("there", b"another", bucket=m.new)
    plan = plan_move_versions(m.desk, m.source, m.target)
    assert (plan.copy, plan.delete, plan.reversible) == (96, 1, True)
    assert any("delete markers below" in note for note in plan.notes)
    assert any("are not moved (1)" in note for note in plan.notes)
    job, status = m.run(plan)
    assert (status.state, status.done, status.failed, status.skipped) == ("done", 97, 0, 0), m.logs(job)
    made = m.bodies(m.new)
    assert made.pop("there") == [b"another"]
    assert made.pop("k") == [b"turn 0", b"turn 1", b"turn 2"]
    assert made.pop("hidden/ü") == [b"hidden 0", b"hidden 1", b"hidden 2", None]
    assert made == {f"many/{n:02d}": [b"%d of %d" % (turn, n) for turn in range(3)] for n in range(30)}
    assert m.s3.head_object(Bucket=m.new, Key="k")["Metadata"] == {"turn": "2"}
    with pytest.raises(Refused, match="nothing to plan"):
        plan_move_versions(m.desk, m.source, m.target)
    m.put("k", b"came later")
    empty = plan_empty(m.desk, m.source, job)
    assert empty.delete == 97
    _, status = m.run(empty)
    assert (status.state, status.done) == ("done", 97)
    assert m.bodies(m.old) == {"k": [None, b"came later"], "there": [b"in the target too"]}
    with pytest.raises(Refused, match="not empty"):
        plan_delete_bucket(m.desk, m.source)


def test_m11_killed_in_the_middle_of_histories(mover: Any) -> None:
    m = mover(versioned=True)
    for turn in range(4):
        for n in range(20):
            m.put(f"k{n:02d}", b"%d of %d" % (turn, n))
    job, _ = m.start(plan_move_versions(m.desk, m.source, m.target), rate=7)
    m.killed_after(job, 15)
    status = m.again(job)
    assert (status.state, status.done, status.skipped) == ("done", 80, 0), m.logs(job)
    assert m.bodies(m.new) == m.bodies(m.old)


def test_histories_need_versions_on_both_sides(mover: Any) -> None:
    m = mover(versioned=False)
    m.put("k")
    with pytest.raises(Refused, match="Unversioned"):
        plan_move_versions(m.desk, m.source, m.target)


def test_the_copy_is_looked_at_right_before_its_source_goes(mover: Any) -> None:
    m = mover(target_versioned=False)
    for i in range(4):
        m.put(f"k{i}", b"%d" % i)
    job, _ = m.run(plan_move(m.desk, m.source, m.target))
    empty = plan_empty(m.desk, m.source, job)
    m.s3.delete_object(Bucket=m.new, Key="k1")
    m.put("k2", b"other", bucket=m.new)
    _, status = m.run(empty)
    assert (status.done, status.skipped) == (2, 2)
    assert set(m.keys(m.old)) == {"k1", "k2"}


def test_emptying_asks_for_the_right_job_and_place(mover: Any) -> None:
    m = mover()
    m.put("k")
    job, _ = m.run(plan_move(m.desk, m.source, m.target))
    with pytest.raises(Refused, match="copied from"):
        plan_empty(m.desk, Place(m.old, "other/", m.server.connection), job)
    with pytest.raises(Refused, match="overlap"):
        plan_move(m.desk, m.source, Place(m.old, "inside/", m.server.connection))


def test_uploads_are_aborted_and_only_those_of_the_plan(any_mover: Any) -> None:
    m = any_mover()
    mine = m.s3.create_multipart_upload(Bucket=m.old, Key="a b")["UploadId"]
    m.s3.upload_part(Bucket=m.old, Key="a b", UploadId=mine, PartNumber=1, Body=b"part")
    with pytest.raises(Refused, match="1 unfinished upload"):
        plan_delete_bucket(m.desk, m.source)
    plan = plan_abort(m.desk, m.source)
    assert (plan.operations, plan.delete_bytes, plan.reversible) == (1, 4, False)
    later = m.s3.create_multipart_upload(Bucket=m.old, Key="a b")["UploadId"]
    job, status = m.run(plan)
    assert (status.state, status.done) == ("done", 1), m.logs(job)
    found = m.s3.list_multipart_uploads(Bucket=m.old).get("Uploads", [])
    assert [one["UploadId"] for one in found] == [later]
    begun = found[0]["Initiated"]
    with pytest.raises(Refused, match="nothing to plan"):
        plan_abort(m.desk, m.source, before=stamp(begun - timedelta(seconds=1)))
    assert plan_abort(m.desk, m.source, before=stamp(begun)).operations == 1


@pytest.mark.parametrize("versioned", [True, False])
def test_undo_of_a_copy_restores_what_was(any_mover: Any, versioned: bool) -> None:
    m = any_mover(target_versioned=versioned)
    for i in range(5):
        m.put(f"k{i}", b"body %d" % i)
    if versioned:
        m.put("k0", b"older", bucket=m.new)
    m.put("other", b"not of the job", bucket=m.new)
    before, standing = m.history(m.new), m.keys(m.new)
    job, status = m.run(plan_move(m.desk, m.source, m.target))
    assert status.done == 5, m.logs(job)
    undo = plan_undo_job(m.desk, job)
    assert (undo.delete, undo.reversible) == (5, False)
    if versioned:
        m.put("k1", b"written after the job", bucket=m.new)
    second, status = m.run(undo)
    assert (status.state, status.done) == ("done", 5 - versioned), m.logs(second)
    if versioned:
        assert status.skipped == 1
        assert m.s3.get_object(Bucket=m.new, Key="k1")["Body"].read() == b"written after the job"
        assert [row for row in m.history(m.new) if row[0] != "k1"] == before
    else:
        assert m.keys(m.new) == standing
    with pytest.raises(Refused, match="nothing"):
        plan_undo_job(m.desk, second)


def test_undo_leaves_copies_whose_source_is_gone(mover: Any) -> None:
    m = mover()
    for i in range(3):
        m.put(f"k{i}", b"%d" % i)
    job, _ = m.run(plan_move(m.desk, m.source, m.target))
    m.run(plan_empty(m.desk, m.source, job))
    _, status = m.run(plan_undo_job(m.desk, job))
    assert (status.done, status.skipped) == (0, 3), "the only bytes left were deleted"
    assert len(m.keys(m.new)) == 3


def test_undo_of_hidden_objects_takes_exactly_the_markers_off(any_mover: Any) -> None:
    from s3console.workflow.planning import plan_delete

    m = any_mover(versioned=True)
    for i in range(4):
        m.put(f"d/k{i}", b"%d" % i)
    before, standing = m.history(m.old), m.keys(m.old)
    plan = plan_delete(m.desk, Place(m.old, "d/", m.server.connection))
    assert plan.reversible
    job, status = m.run(plan)
    assert status.done == 4, m.logs(job)
    assert m.keys(m.old) == {}
    m.put("d/k3", b"written again")
    undo = plan_undo_job(m.desk, job)
    assert (undo.delete, undo.reversible) == (4, True)
    _, status = m.run(undo)
    assert (status.done, status.skipped) == (3, 1)
    now = m.history(m.old)
    assert [row for row in now if row[0] != "d/k3"] == [row for row in before if row[0] != "d/k3"]
    assert {key: etag for key, etag in m.keys(m.old).items() if key != "d/k3"} == {
        key: etag for key, etag in standing.items() if key != "d/k3"
    }
    assert m.s3.get_object(Bucket=m.old, Key="d/k3")["Body"].read() == b"written again"
