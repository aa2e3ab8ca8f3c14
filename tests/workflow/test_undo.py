"""Every reversible kind of operation is done and undone on real servers; then all is as it was before."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from workflow.mover import Mover

from s3console.core.model import Plan
from s3console.workflow.planning import plan_copy, plan_delete
from s3console.workflow.restoring import RestoreOptions, plan_restore
from s3console.workflow.undoing import plan_undo_job


@pytest.fixture
def mover(s3_server: Any, aws_env: Any, tmp_path: Path) -> Mover:
    aws_env(s3_server)
    return Mover(s3_server, tmp_path, versioned=True)


def clock() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_second_later() -> str:
    """A whole second, which is what Last-Modified counts in, after all that was written before and before
    all that will be written."""
    moment = clock()
    for _ in range(2):
        last = moment
        while (moment := clock()) == last:
            time.sleep(0.02)
    return last


def copies(m: Mover) -> Plan:
    """Where nothing stands, and on top of something else."""
    for i in range(4):
        m.put(f"d/k{i}", b"source %d" % i)
    m.put("d/k0", b"older", bucket=m.new)
    m.put("d/k1", b"older", bucket=m.new)
    m.s3.delete_object(Bucket=m.new, Key="d/k1")
    return plan_copy(m.desk, m.source, m.target)


def restores(m: Mover) -> Plan:
    """Older versions put on top again, one of them under a marker."""
    for i in range(3):
        m.put(f"d/k{i}", b"right %d" % i, bucket=m.new)
    moment = a_second_later()
    for i in range(2):
        m.put(f"d/k{i}", b"wrong %d" % i, bucket=m.new)
    m.s3.delete_object(Bucket=m.new, Key="d/k2")
    return plan_restore(m.desk, m.target, moment, options=RestoreOptions(markers="copy"))


def uncovers(m: Mover) -> Plan:
    """Delete markers taken off."""
    for i in range(3):
        m.put(f"d/k{i}", b"right %d" % i, bucket=m.new)
    moment = a_second_later()
    for i in range(2):
        m.s3.delete_object(Bucket=m.new, Key=f"d/k{i}")
    return plan_restore(m.desk, m.target, moment, options=RestoreOptions(markers="remove"))


def hides(m: Mover) -> Plan:
    """Delete markers put on top."""
    for i in range(3):
        m.put(f"d/k{i}", b"right %d" % i, bucket=m.new)
    from s3console.core.model import Place

    return plan_delete(m.desk, Place(m.new, "d/", m.server.connection))


@pytest.mark.parametrize("kind", [copies, restores, uncovers, hides])
def test_done_and_undone_it_is_as_before(mover: Mover, kind: Callable[[Mover], Plan]) -> None:
    m = mover
    plan = kind(m)
    assert plan.reversible
    standing, history = m.keys(m.new), m.history(m.new)
    job, status = m.run(plan)
    assert (status.state, status.done) == ("done", plan.operations), m.logs(job)
    assert (m.keys(m.new), m.history(m.new)) != (standing, history), "it did something"
    undo = plan_undo_job(m.desk, job)
    assert undo.operations == plan.operations, undo.notes
    second, status = m.run(undo)
    assert (status.state, status.done) == ("done", plan.operations), m.logs(second)
    assert m.keys(m.new) == standing
    if kind is not uncovers:
        assert m.history(m.new) == history
    else:
        assert sorted(row[0::2] for row in m.history(m.new)) == sorted(row[0::2] for row in history)


def test_what_was_written_after_an_uncovering_is_not_hidden(mover: Mover) -> None:
    m = mover
    job, status = m.run(uncovers(m))
    assert status.done == 2, m.logs(job)
    a_second_later()
    m.put("d/k0", b"written since", bucket=m.new)
    undo = plan_undo_job(m.desk, job)
    assert undo.operations == 1
    assert any("written since" in note for note in undo.notes)
    m.run(undo)
    assert m.s3.get_object(Bucket=m.new, Key="d/k0")["Body"].read() == b"written since"
    assert set(m.keys(m.new)) == {"d/k0", "d/k2"}
