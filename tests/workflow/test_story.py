"""The DistCp story on the embedded S3: found without being told, repaired by prefix, by real runners."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3console.config import load_config
from s3console.core.errors import Refused
from s3console.core.model import JobStatus, ReviewHeader
from s3console.demo import stories
from s3console.demo.server import DemoServer
from s3console.store.reviews import Review
from s3console.workflow.approving import approve
from s3console.workflow.comparing import CompareOptions, Progress, compare
from s3console.workflow.desk import Desk, open_desk, parse_place
from s3console.workflow.jobs import job_status, launch, submit
from s3console.workflow.planning import plan_copy, plan_delete, plan_repair, plan_state


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with DemoServer() as server:
        for name, value in {
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_DEFAULT_REGION": server.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        config = load_config({"endpoint_url": server.endpoint_url, "state_dir": str(tmp_path / "state")}, {})
        yield open_desk(config)


def compared(desk: Desk, *, versions: bool = True, seen: list[Progress] | None = None) -> ReviewHeader:
    left = parse_place("s3://bucket1/", desk.config.left)
    right = parse_place("s3://bucket2/", desk.config.right)
    return compare(
        desk, left, right, CompareOptions(versions=versions), None if seen is None else seen.append
    )


def finished(desk: Desk, plan: str) -> JobStatus:
    job = submit(desk, plan)
    launch(desk, job)
    deadline = time.monotonic() + 150
    while (status := job_status(desk, job)).state not in ("done", "failed", "cancelled", "stale"):
        assert status.planned == status.done + status.failed + status.skipped + status.remaining
        assert time.monotonic() < deadline, status
        time.sleep(0.1)
    return status


def test_the_story_is_found_and_repaired(desk: Desk) -> None:
    seen: list[Progress] = []
    header = compared(desk, seen=seen)
    expected = stories.expected()
    assert {"same": header.same, **header.totals} == expected.totals
    assert (header.left.entries, header.right.entries) == (expected.left_entries, expected.right_entries)
    assert (header.right.versions, header.right.delete_markers) == (
        expected.versions,
        expected.delete_markers,
    )
    assert header.complete and seen[-1].phase == "done"
    assert all(rule.contradicted == 0 or rule.rule == "colon-truncate(::)" for rule in header.rules)

    review = Review.open(desk.home, header.review)
    rows = review.prefixes(depth=1)
    assert sum(row.left_entries for row in rows) == expected.left_entries
    assert sum(row.misnamed for row in rows) == expected.misnamed
    total = JobStatus("", "", "done", 0, 0, 0, 0)
    for row in rows:
        if not row.prefix:
            continue
        try:
            plan = plan_repair(desk, header.review, row.prefix, include=("junk", "duplicate"))
        except Refused:
            continue
        assert plan_state(desk, plan) == "ready"
        approve(desk, plan.plan, count=plan.operations)
        status = finished(desk, plan.plan)
        assert (status.state, status.failed, status.skipped) == ("done", 0, 0), status
        assert plan_state(desk, plan) == "done"
        total = JobStatus("", "", "done", total.planned + status.done, total.done + status.done, 0, 0)
    assert total.done > expected.misnamed
    rest = plan_repair(desk, header.review, "", include=("junk", "duplicate"))
    approve(desk, rest.plan, count=rest.operations)
    finished(desk, rest.plan)

    store = desk.reader()
    place = parse_place("s3://bucket2/", desk.config.right)
    held = {
        entry.key: (entry.size, entry.etag)
        for batch in store.listing(place, versions=False)
        for entry in batch.entries()
    }
    wanted = {key: (facts.size, facts.etag) for key, facts in stories.end_state().items()}
    assert held == wanted
    again = compared(desk)
    assert again.same == expected.left_entries
    assert (again.totals["missing"], again.totals["differs"]) == (0, 0)
    assert again.totals["extra"] == expected.extra


def test_deletes_need_versions_completeness_and_the_right_count(desk: Desk) -> None:
    header = compared(desk, versions=False)
    with pytest.raises(Refused, match="--versions"):
        plan_repair(desk, header.review, "document002/")
    plan = plan_repair(desk, header.review, "document002/", only="copy")
    assert plan.delete == 0 and plan.reversible
    header = compared(desk)
    plan = plan_repair(desk, header.review, "document002/")
    assert plan.delete and not plan.reversible
    for count in (None, plan.operations + 1):
        with pytest.raises(Refused):
            approve(desk, plan.plan, count=count)
    with pytest.raises(Refused, match="not approved"):
        submit(desk, plan.plan)
    approve(desk, plan.plan, count=plan.operations)
    assert plan_state(desk, plan) == "approved"


def test_a_prefix_is_copied_and_deleted_by_plans_of_their_own(desk: Desk) -> None:
    source = parse_place("s3://move-src/", desk.config.connection)
    target = parse_place("s3://move-dst/kept/", desk.config.connection)
    plan = plan_copy(desk, source, target)
    assert plan.reversible and plan.copy == plan.operations
    approve(desk, plan.plan)
    assert finished(desk, plan.plan).done == plan.operations
    with pytest.raises(Refused, match="nothing to plan"):
        plan_copy(desk, source, target)
    with pytest.raises(Refused, match="whole bucket"):
        plan_delete(desk, source)
    with pytest.raises(Refused, match="overlap"):
        plan_copy(desk, target, parse_place("s3://move-dst/kept/again/", desk.config.connection))
    doomed = plan_delete(desk, target)
    approve(desk, doomed.plan, count=doomed.operations)
    assert finished(desk, doomed.plan).done == plan.operations
    left = [key for batch in desk.reader().listing(target, versions=False) for key in batch.keys]
    assert left == []
