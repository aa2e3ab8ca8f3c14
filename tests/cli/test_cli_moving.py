"""plan move, plan empty, plan delete-bucket, plan abort and undo as a person calls them."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_move_from_the_first_word_to_the_last(cli: Any, ministack: Any) -> None:
    s3, old, new = ministack.client(), ministack.bucket(), ministack.bucket(versioning=True)
    for i in range(5):
        s3.put_object(Bucket=old, Key=f"k{i}", Body=b"%d" % i)
    told = cli("plan", "move", f"s3://{old}/", f"s3://{new}/", code=0)
    assert "AT 500/S" in told.out and "1,000,000" in told.out and "plan empty" in told.err
    words = f"doctor s3://{new}/ --probe --scratch s3://{new}/s3console-scratch/"
    assert "Nobody has probed this endpoint" in told.err and words in told.err
    cli(*words.split(), code=0)
    assert "probed" not in cli("plan", "copy", f"s3://{old}/", f"s3://{new}/", code=0).err
    plan = cli("plan", "move", f"s3://{old}/", f"s3://{new}/", "--json", code=0).object
    assert (plan["copy"], plan["delete"], plan["reversible"]) == (5, 0, True)
    assert [one["objects"] for one in plan["estimates"]] == [5, 10**3, 10**4, 10**5, 10**6, 10**7]
    cli("approve", plan["plan"], code=0)
    job = cli("run", plan["plan"], "--bandwidth", "50M", "--json", code=0).object
    assert job["done"] == 5 and job["p99_ms"] >= job["p50_ms"] > 0
    cli("plan", "delete-bucket", f"s3://{old}/", code=5)
    empty = cli("plan", "empty", f"s3://{old}/", "--after", job["job"], "--json", code=0).object
    assert (empty["delete"], empty["reversible"]) == (5, False)
    cli("approve", empty["plan"], code=5)
    cli("approve", empty["plan"], "--count", "5", code=0)
    assert cli("run", empty["plan"], "--json", code=0).object["done"] == 5
    last = cli("plan", "delete-bucket", f"s3://{old}/", "--json", code=0).object
    cli("approve", last["plan"], "--count", "1", code=0)
    cli("run", last["plan"], code=0)
    assert old not in {b["Name"] for b in s3.list_buckets()["Buckets"]}
    assert "per second on the whole" in cli("job", job["job"], code=0).out


def test_undo_is_a_plan_like_any_other(cli: Any, ministack: Any) -> None:
    s3, old, new = ministack.client(), ministack.bucket(), ministack.bucket(versioning=True)
    s3.put_object(Bucket=old, Key="k", Body=b"k")
    plan = cli("plan", "copy", f"s3://{old}/", f"s3://{new}/", "--json", code=0).object
    cli("approve", plan["plan"], code=0)
    job = cli("run", plan["plan"], "--json", code=0).object
    undo = cli("undo", job["job"], "--json", code=0).object
    assert (undo["delete"], undo["reversible"]) == (1, False)
    cli("approve", undo["plan"], "--count", "1", code=0)
    cli("run", undo["plan"], code=0)
    assert "Versions" not in s3.list_object_versions(Bucket=new)
    cli("undo", "no-such-job", code=2)


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "empty", "s3://b/"),
        ("plan", "delete-bucket", "s3://b/prefix/"),
        ("run", "x", "--bandwidth", "fast"),
        ("plan", "move", "s3://a/", "s3://b/", "--thaw", "soon"),
        ("plan", "move", "s3://a/"),
    ],
)
def test_calls_that_are_wrong(cli: Any, words: tuple[str, ...]) -> None:
    cli(*words, code=2)
