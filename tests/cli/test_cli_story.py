"""The DistCp story through the command line: found, explained, planned, approved, repaired."""

from __future__ import annotations

import re
import signal
import time
from typing import Any

import pytest
from conftest_cli import Cli
from conftest_servers import S3Server

from s3console.store.home import Home
from s3console.store.jobs import job_folder, read_status, request_control

DOC = "doc1/0856/8e37/0078/"
CHAIN = "colon-truncate(::)∘distcp-double-root(depth=0)"


def put(client: Any, bucket: str, **objects: str) -> None:
    for key, body in objects.items():
        client.put_object(Bucket=bucket, Key=key, Body=body.encode())


@pytest.fixture(scope="module")
def buckets(ministack: S3Server) -> tuple[str, str]:
    """left and a versioned right: 5 same, 1 missing, 1 extra, 1 differs, 6 misnamed, 1 junk, 1 duplicate."""
    left, right, client = ministack.bucket(), ministack.bucket(versioning=True), ministack.client()
    for at in range(4):
        put(client, left, **{f"{DOC}same{at}.png": f"same {at}"})
        put(client, right, **{f"{DOC}same{at}.png": f"same {at}"})
    put(client, left, **{"doc1/missing~a+b.txt": "missing", "doc1/differs.txt": "right", "doc2/x": "x"})
    put(client, right, **{"doc1/differs.txt": "WRONG", "doc1/live\x1b[31m.txt": "live write", "doc2/x": "x"})
    for page in range(1, 4):
        put(client, left, **{f"{DOC}{page}::png::200": f"png {page}",
                             f"{DOC}{page}::jpg::300": f"jpeg {page}"})
        for body in ("jpeg", "png"):
            put(client, right, **{f"doc1/{DOC}{page}": f"{body} {page}"})
    put(client, right, **{f"doc1/{DOC}3": "png 3"})
    put(client, right, **{"doc1/.distcp.tmp.attempt_1500000000000_0001_m_000001_0": "left over"})
    return left, right


@pytest.fixture(scope="module")
def review(cli: Cli, buckets: tuple[str, str]) -> Any:
    """The comparison of the story, made once."""
    left, right = buckets
    return cli("compare", f"s3://{left}/", f"s3://{right}/", "--versions", "--json", code=1).object


def test_ls_shows_levels_versions_and_the_past(cli: Cli, buckets: tuple[str, str]) -> None:
    left, right = buckets
    assert {left, right} <= {line["bucket"] for line in cli("ls", "s3://", "--json", code=0).lines}
    assert cli("ls", f"s3://{left}/", "--json", code=0).lines == [{"prefix": "doc1/"}, {"prefix": "doc2/"}]
    below = cli("ls", f"s3://{left}/doc1/", "--json").lines
    assert [line.get("prefix") or line["key"] for line in below] == [
        "doc1/0856/", "doc1/differs.txt", "doc1/missing~a+b.txt"]
    assert set(below[1]) == {"key", "size", "etag", "last_modified", "storage_class"}
    versions = cli("ls", f"s3://{right}/doc1/{DOC}", "-r", "--versions", "--json").lines
    assert len(versions) == 7 and sum(line["is_latest"] for line in versions) == 3
    assert set(versions[0]) - set(below[1]) == {"version_id", "is_latest", "is_delete_marker"}
    keys = [line["key"] for line in cli("ls", f"s3://{right}/", "-r", "--json").lines]
    assert keys == sorted(keys) and len(keys) == 11
    assert cli("ls", f"s3://{right}/", "-r", "--json", "--at", "2020-01-01").lines == []
    now = cli("ls", f"s3://{right}/", "-r", "--json", "--at", "2999-01-01T00:00:00+02:00").lines
    assert [line["key"] for line in now] == keys
    assert "doc1/live\\x1b[31m.txt" in cli("ls", f"s3://{right}/doc1/").out


def test_du_adds_up(cli: Cli, buckets: tuple[str, str]) -> None:
    lines = cli("du", f"s3://{buckets[1]}/", "--versions", "--json", code=0).lines
    assert [line["prefix"] for line in lines] == ["doc1/", "doc2/", ""]
    *rows, total = lines
    assert total.pop("total") is True and total["objects"] == 11 and total["versions"] == 4
    for name in ("objects", "bytes", "versions", "version_bytes", "delete_markers"):
        assert sum(row[name] for row in rows) == total[name]
    assert set(total) == {"prefix", "objects", "bytes", "versions", "version_bytes", "delete_markers",
                          "cost_usd_month"}
    assert cli("du", f"s3://{buckets[1]}/", "--depth", "0", "--json").lines[0]["objects"] == 11


def test_doctor_finds_everything_well(cli: Cli, buckets: tuple[str, str]) -> None:
    lines = cli("doctor", f"s3://{buckets[1]}/", "--json", code=0).lines
    assert all(line["ok"] for line in lines) and "versioning Enabled" in lines[1]["detail"]
    assert not cli("doctor", "s3://no-such-bucket-here/", "--json", code=3).lines[-1]["ok"]


def test_a_bucket_that_is_not_there(cli: Cli, buckets: tuple[str, str]) -> None:
    for words in (("ls", "s3://no-such-bucket-here/"), ("du", "s3://no-such-bucket-here/"),
                  ("compare", f"s3://{buckets[0]}/", "s3://no-such-bucket-here/")):
        assert "no-such-bucket-here" in cli(*words, "--json", code=3).err


def test_the_comparison_knows_the_story(review: Any, buckets: tuple[str, str]) -> None:
    assert review["complete"] is True
    assert review["left"]["place"] == f"s3://{buckets[0]}/" and review["left"]["entries"] == 13
    assert review["right"]["entries"] == 11 and review["right"]["versions"] == 4
    assert review["totals"] == {"same": 5, "missing": 1, "extra": 1, "differs": 1, "unknown": 0,
                                "misnamed": 6, "junk": 1, "duplicate": 1}
    assert {"rule": CHAIN, "explained": 6, "proved": 6, "contradicted": 0} in review["rules"]


def test_equal_places_end_with_0(cli: Cli, buckets: tuple[str, str]) -> None:
    same = cli("compare", f"s3://{buckets[0]}/doc2/", f"s3://{buckets[1]}/doc2/", "--json", code=0).object
    assert same["totals"]["same"] == 1


def test_reviews_and_their_rows(cli: Cli, review: Any) -> None:
    listed = {line["review"]: line for line in cli("reviews", "--json", code=0).lines}
    assert listed[review["review"]]["totals"] == review["totals"]
    rows = {line["prefix"]: line for line in cli("review", review["review"], "--json", code=0).lines}
    assert set(rows) == {"doc1/", "doc2/"} and rows["doc2/"]["state"] == "clean"
    assert (rows["doc1/"]["misnamed"], rows["doc1/"]["missing"], rows["doc1/"]["state"]) == (6, 1, "open")
    for kind, count in review["totals"].items():
        assert sum(row[kind] for row in rows.values()) == count, kind


def test_findings_by_kind_and_prefix(cli: Cli, review: Any) -> None:
    found = cli("review", review["review"], "--findings", "--json").lines
    counts: dict[str, int] = {}
    for line in found:
        counts[line["kind"]] = counts.get(line["kind"], 0) + 1
    assert counts == {kind: count for kind, count in review["totals"].items() if count and kind != "same"}
    wrong = cli("review", review["review"], "--findings", "--kind", "misnamed", "--json").lines
    assert {line["intended_key"] for line in wrong} == {
        f"{DOC}{page}::{rest}" for page in (1, 2, 3) for rest in ("png::200", "jpg::300")}
    assert all(line["rule"] == CHAIN and line["grade"] == "proved" and line["prefix"] == "doc1/"
               and line["left"]["etag"] == line["right"]["etag"] for line in wrong)
    assert cli("review", review["review"], "--findings", "--prefix", "doc2/", "--json").lines == []
    assert "live\\x1b[31m" in cli("review", review["review"], "--findings", "--kind", "extra").out
    cli("review", review["review"], "--kind", "nonsense", code=2)


def test_plan_approve_run(cli: Cli, review: Any, buckets: tuple[str, str], ministack: S3Server) -> None:
    left, right = buckets
    repair = ("plan", "repair", review["review"], "--prefix", "doc1/")
    cli("plan", "repair", review["review"], "--prefix", "doc1", code=2)
    cli(*repair, "--include", "extra", code=2)
    copies = cli(*repair, "--only", "copy", "--json", code=0).object
    assert (copies["copy"], copies["delete"], copies["reversible"]) == (8, 0, True)
    bare = cli(*repair, "--json", code=0).object
    assert (bare["operations"], bare["copy"], bare["delete"]) == (14, 8, 6)
    # The surplus version under a wrong name would stay behind and be misnamed in the next comparison.
    plan = cli(*repair, "--include", "duplicate", "--json", code=0).object
    assert (plan["operations"], plan["copy"], plan["delete"], plan["reversible"]) == (15, 8, 7, False)
    assert plan["state"] == "ready" and plan["digest"].startswith(plan["plan"]) and plan["prefix"] == "doc1/"
    shown = cli("show", plan["plan"], "--json", code=0).object
    assert shown["requests"] == plan["requests"] and len(shown["sample"]) > 0
    assert {line["plan"] for line in cli("plans", "--json").lines} >= {
        copies["plan"], bare["plan"], plan["plan"]}

    cli("run", plan["plan"], code=5)
    for wrong in ((), ("--count", "14"), ("--count", "0")):
        refused = cli("approve", plan["plan"], *wrong, "--json", code=5)
        assert refused.out == "" and not re.search(r"\b15\b", refused.err)
    assert cli("--read-only", "plan", "delete", f"s3://{right}/doc2/", "--json", code=0).object["delete"] == 1
    approved = cli("approve", plan["plan"], "--count", "15", "--json", code=0).object
    assert (approved["state"], approved["count"], approved["digest"]) == ("approved", 15, plan["digest"])
    cli("approve", plan["plan"], "--count", "15", code=5)
    cli("--read-only", "run", plan["plan"], code=5)

    job = cli("run", plan["plan"], "--json", code=0).object
    assert job["state"] == "done" and job["plan"] == plan["plan"]
    assert (job["planned"], job["done"], job["failed"], job["skipped"]) == (15, 15, 0, 0)
    assert cli("job", job["job"], "--json", code=0).object["done"] == 15
    assert cli("job", job["job"], "--failures", "--json").lines == []
    assert [line["job"] for line in cli("jobs", "--json").lines] == [job["job"]]
    assert cli("run", plan["plan"], "--json", code=0).object["job"] == job["job"]
    for word in ("pause", "resume", "cancel"):
        cli(word, job["job"], code=5)
    assert "Nothing waits" in cli("run", code=0).err

    acts = [line["what"] for line in cli("journal", "--verify", "--json", code=0).lines]
    assert acts[:2] == ["approved", "queued"] and acts[-1] == "job finish"
    after = cli("compare", f"s3://{left}/", f"s3://{right}/", "--versions", "--json", code=1).object["totals"]
    assert after["same"] == 13 and after["extra"] == 1 and after["junk"] == 1
    assert after["missing"] == after["misnamed"] == after["differs"] == 0
    body = ministack.client().get_object(Bucket=right, Key=f"{DOC}2::jpg::300")["Body"].read()
    assert body == b"jpeg 2"
    states = {line["prefix"]: line["state"] for line in cli("review", review["review"], "--json").lines}
    assert states["doc1/"] == "done"


@pytest.fixture(scope="module")
def long_job(cli: Cli, ministack: S3Server) -> str:
    """An approved plan of 300 copies."""
    source, target = ministack.bucket(), ministack.bucket()
    client = ministack.client()
    for at in range(300):
        client.put_object(Bucket=source, Key=f"k/{at:03}", Body=b"x" * (at + 1))
    plan = cli("plan", "copy", f"s3://{source}/", f"s3://{target}/", "--json", code=0).object
    assert plan["copy"] == 300 and plan["reversible"] is True
    cli("approve", plan["plan"], "--json", code=0)
    return str(plan["plan"])


def test_interrupt_pauses_and_a_second_run_ends_it(cli: Cli, long_job: str) -> None:
    # A minute of work: on a busy machine every word of the command line takes seconds.
    running = cli.start("run", long_job, "--rate", "5", "--json")
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        known = [line for line in cli("jobs", "--json").lines if line["plan"] == long_job]
        if known and known[0]["done"] > 0:
            break
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130 and "Traceback" not in err
    (job,) = (line["job"] for line in cli("jobs", "--json").lines if line["plan"] == long_job)
    paused = cli("job", job, "--json").object
    assert paused["state"] == "paused" and 0 < paused["done"] < 300 and f'"job": "{job}"' in out
    assert paused["planned"] == paused["done"] + paused["failed"] + paused["skipped"] + paused["remaining"]

    detached = cli("run", job, "--detach", "--rate", "5", "--json", code=0).object
    assert detached["job"] == job
    folder = job_folder(Home.open(cli.state), job)

    def comes_to(state: str) -> None:
        while read_status(folder).state != state:
            assert time.monotonic() < deadline, read_status(folder)
            time.sleep(0.05)

    comes_to("running")
    assert cli("pause", job, "--json", code=0).object["state"] in ("paused", "running")
    comes_to("paused")
    cli("resume", job, "--json", code=0)
    comes_to("running")
    cli("pause", job, "--json", code=0)
    comes_to("paused")
    # Nothing more is done before the last word, and then at once: the job cannot end before that word looks.
    request_control(folder, "limits", values={"rate": 0})
    ended = cli("run", "--json", code=0).object["jobs"]
    assert [(one["state"], one["done"]) for one in ended if one["job"] == job] == [("done", 300)]


def test_doctor_probes_only_where_it_may(cli: Cli, buckets: tuple[str, str]) -> None:
    place = f"s3://{buckets[1]}/"
    before = cli("ls", place, "-r", "--json").lines
    cli("doctor", place, "--probe", code=2)
    cli("doctor", place, "--probe", "--scratch", place, code=2)
    cli("doctor", place, "--probe", "--scratch", f"{place}scratch/", "--read-only", code=5)
    told = cli("doctor", place, "--probe", "--scratch", f"{place}scratch/", "--json", code=0)
    assert "writes" in told.err and "scratch/" in told.err
    assert told.lines[0]["delete_match"] == "yes" and told.lines[0]["versioning"] == "Enabled"
    assert cli("ls", place, "-r", "--json").lines == before
