"""The JSON field names of the contract, on facts made by hand."""

from __future__ import annotations

from s3console.cli import records
from s3console.core.model import (
    Approval,
    Entry,
    Finding,
    JobStatus,
    Operation,
    Place,
    Plan,
    PrefixTotals,
    Ref,
    ReviewHeader,
    RuleFit,
    Side,
    SideTotals,
)

LEFT, RIGHT = Place("bucket1"), Place("bucket2", "doc/")


def header(*, complete: bool = True) -> ReviewHeader:
    right = SideTotals(RIGHT, 3, 30, 2, 20, 1, complete=complete, known_through=None if complete else "doc/k",
                       reason="" if complete else "it broke")
    return ReviewHeader("r1", "2024-06-25T10:11:34Z", SideTotals(LEFT, 5, 50, complete=True), right, True, 2,
                        {"missing": 1, "misnamed": 2}, (RuleFit("colon-truncate(::)", 2, 2, 0),))


def test_compare_is_the_object_of_the_contract() -> None:
    assert records.review_record(header()) == {
        "review": "r1", "complete": True,
        "left": {"place": "s3://bucket1/", "entries": 5, "bytes": 50, "complete": True},
        "right": {"place": "s3://bucket2/doc/", "entries": 3, "bytes": 30, "complete": True, "versions": 2,
                  "delete_markers": 1},
        "totals": {"same": 2, "missing": 1, "extra": 0, "differs": 0, "unknown": 0, "misnamed": 2, "junk": 0,
                   "duplicate": 0},
        "rules": [{"rule": "colon-truncate(::)", "explained": 2, "proved": 2, "contradicted": 0}],
    }


def test_an_incomplete_side_names_what_is_known() -> None:
    record = records.review_record(header(complete=False))
    assert record["complete"] is False
    assert record["right"]["known_through"] == "doc/k" and record["right"]["reason"] == "it broke"
    assert "known_through" not in record["left"]


def test_findings_carry_the_name_as_it_stands() -> None:
    left = Side("a::x", 1, "e1", "2024-06-25T10:11:34.000Z")
    right = Side("doc/a", 1, "e1", "2024-06-26T10:11:34Z", version_id="v1")
    record = records.finding_record(
        Finding("misnamed", left, right, "doc/a::x", "absent", "colon-truncate(::)", "proved"), "doc/")
    assert list(record) == ["kind", "prefix", "key", "intended_key", "version_id", "size", "etag",
                            "last_modified", "left", "right", "rule", "grade"]
    assert (record["key"], record["intended_key"], record["version_id"]) == ("doc/a", "doc/a::x", "v1")
    assert record["left"]["last_modified"] == "2024-06-25T10:11:34Z"
    missing = records.finding_record(Finding("missing", left), "")
    assert missing["key"] == "a::x" and missing["right"] is None and missing["grade"] == ""


def test_rows_of_a_review() -> None:
    record = records.prefix_record(PrefixTotals("doc/", 5, 3, 2, 1, misnamed=2, bytes=30), "open")
    assert list(record) == ["prefix", "left_entries", "right_entries", "same", "missing", "extra", "differs",
                            "unknown", "misnamed", "junk", "duplicate", "bytes", "state"]


def plan() -> Plan:
    target = Ref("right", "bucket2", "doc/\x1b", etag="e", size=3)
    return Plan("0123456789ab", "0123456789ab" + "0" * 52, "doc/", "2024-06-25T10:11:34Z", "me", LEFT, RIGHT,
                1, 0, 0, 1, 0, 3, {"DeleteObjects": 1}, 0.00000523, -0.1, False, "Unversioned",
                sample=(Operation(0, "delete", target, reason="junk"),))


def test_plans_and_their_sample() -> None:
    record = records.shown_plan_record(plan(), "ready")
    assert list(record)[:12] == ["plan", "prefix", "operations", "copy", "restore", "delete", "bytes",
                                 "requests", "cost_usd", "reversible", "digest", "state"]
    assert record["cost_usd"] == 0.000005 and record["state"] == "ready"
    assert record["sample"][0]["target"]["key"] == "doc/\x1b" and record["sample"][0]["source"] is None


def test_an_approval_names_plan_and_digest() -> None:
    record = records.approval_record(plan(), Approval("d", "me", "t1", "t2", 1, "1"), "approved")
    assert record["plan"] == "0123456789ab" and record["count"] == 1 and record["state"] == "approved"


def test_the_sum_of_a_job_holds() -> None:
    record = records.job_record(JobStatus("j", "p", "paused", 10, 4, 1, 2, 99, "s", "", 1.23456))
    assert list(record)[:6] == ["job", "plan", "state", "planned", "done", "failed"]
    assert {"skipped", "bytes", "started", "ended", "rate"} <= set(record)
    assert record["planned"] == record["done"] + record["failed"] + record["skipped"] + record["remaining"]


def test_entries_show_versions_only_when_asked() -> None:
    entry = Entry("k", 1, "e", "2024-06-25T10:11:34.120Z", version_id="v", is_latest=False)
    assert records.entry_record(entry, versions=False) == {
        "key": "k", "size": 1, "etag": "e", "last_modified": "2024-06-25T10:11:34.12Z",
        "storage_class": "STANDARD"}
    assert records.entry_record(entry, versions=True)["is_latest"] is False


def test_times_lose_empty_fractions_only() -> None:
    assert records.when("2024-06-25T10:11:34.000Z") == "2024-06-25T10:11:34Z"
    assert records.when("2024-06-25T10:11:34+00:00") == "2024-06-25T10:11:34Z"
    assert records.when("") == ""
