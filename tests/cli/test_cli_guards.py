"""What keeps a job safe, as a person meets it: the guards of a place, limits, and a surprise."""

from __future__ import annotations

from typing import Any

import pytest


def test_doctor_shows_what_the_last_probe_found(cli: Any, ministack: Any) -> None:
    s3, bucket = ministack.client(), ministack.bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"k")
    place = f"s3://{bucket}/"
    told = cli("doctor", place, "--json", code=0).lines[-1]
    assert told["check"] == "guards"
    assert "never probed" in told["detail"]
    assert "delete_match" in told["detail"].partition("instead")[2]
    cli("doctor", place, "--probe", "--scratch", f"{place}scratch/", code=0)
    told = cli("doctor", place, "--json", code=0).lines[-1]
    assert "probed 20" in told["detail"]
    assert "delete_match" in told["detail"].partition("honoured:")[2].partition("instead")[0]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    told = cli("doctor", place, "--json", code=0).lines[-1]
    assert "never probed" in told["detail"], "a verdict counts for buckets of the same versioning only"
    assert "plain deletes are refused" in told["detail"]
    assert cli("plan", "delete", f"{place}k", code=5).err.count("suspended") == 1


def test_a_limit_refuses_an_approval(cli: Any, ministack: Any) -> None:
    s3, old, new = ministack.client(), ministack.bucket(), ministack.bucket(versioning=True)
    for i in range(4):
        s3.put_object(Bucket=old, Key=f"k{i}", Body=b"k")
    plan = cli("plan", "copy", f"s3://{old}/", f"s3://{new}/", "--json", code=0).object
    limits = cli.state / "limits.toml"
    limits.write_text("[approval]\noperations = 3\n")
    limits.chmod(0o600)
    assert "ne approval may cover 3 operations" in cli("approve", plan["plan"], code=5).err
    limits.write_text("[approval]\noperations = 4\n")
    cli("approve", plan["plan"], code=0)
    assert cli("run", plan["plan"], "--json", code=0).object["done"] == 4
    limits.unlink()


@pytest.mark.parametrize("versioning", [False, True])
def test_a_delete_job_stops_at_the_first_surprise(cli: Any, ministack: Any, versioning: bool) -> None:
    s3, bucket = ministack.client(), ministack.bucket(versioning=versioning)
    for i in range(30):
        s3.put_object(Bucket=bucket, Key=f"d/k{i:02d}", Body=b"%d" % i)
    plan = cli("plan", "delete", f"s3://{bucket}/d/", "--json", code=0).object
    cli("approve", plan["plan"], "--count", "30", code=0)
    s3.put_object(Bucket=bucket, Key="d/k05", Body=b"newer than the plan")
    s3.put_object(Bucket=bucket, Key="d/k20", Body=b"newer than the plan")
    ended = cli("run", plan["plan"], "--json", code=4)
    assert "surprise" in ended.object["message"] and ended.object["state"] == "paused"
    assert ended.object["done"] <= 9 and ended.object["skipped"] == 1, "only the first ten were out"
    failures = cli("job", ended.object["job"], "--failures", "--json", code=0).lines
    assert [(one["key"], one["code"]) for one in failures] == [("d/k05", "ChangedSincePlan")]
    ended = cli("run", ended.object["job"], "--json", code=1).object
    assert (ended["state"], ended["done"], ended["skipped"]) == ("done", 28, 2)
    left = {row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert left == {"d/k05", "d/k20"}


def test_histories_and_old_uploads_are_planned(cli: Any, ministack: Any) -> None:
    s3, old, new = ministack.client(), ministack.bucket(versioning=True), ministack.bucket(versioning=True)
    for turn in range(3):
        s3.put_object(Bucket=old, Key="k", Body=b"%d" % turn)
    plan = cli("plan", "move", f"s3://{old}/", f"s3://{new}/", "--versions", "--json", code=0).object
    assert (plan["copy"], plan["delete"], plan["reversible"]) == (3, 0, True)
    s3.create_multipart_upload(Bucket=old, Key="unfinished")
    cli("plan", "abort", f"s3://{old}/", "--older-than", "7d", code=5)
    cli("plan", "abort", f"s3://{old}/", "--older-than", "soon", code=2)
    plan = cli("plan", "abort", f"s3://{old}/", "--older-than", "0", "--json", code=0).object
    assert plan["operations"] == 1
    told = cli("plan", "move", f"s3://{old}/", f"s3://{new}/", "--lock", "--json", code=0).object
    assert any("Object Lock" in note for note in told["notes"])
