"""The synthetic server against what its bucket names promise, read by boto3 and by s3console."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest_servers import S3Server

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Place
from s3console.s3.connect import open_reader
from s3console.s3.transport import Patience

ODD = " +%é&\"\n.jpg"
HASTY = Patience(sleep=lambda _: None)


def promised(count: int, folders: int, *, ending: Callable[[int], str] = lambda _: ".jpg",
             absent: Callable[[int], bool] = lambda _: False,
             folder: Callable[[int], str] = lambda d: f"document{d:03d}/") -> list[str]:
    per = -(-count // folders)
    return [f"{folder(i // per)}{i:010d}{ending(i)}" for i in range(count) if not absent(i)]


def doubled(number: int) -> str:
    return f"document{number:03d}/" * (2 if number % 2 == 0 else 1)


CASES: dict[str, list[str]] = {
    "syn-0": [],
    "syn-1-d1": promised(1, 1),
    "syn-1000-d1": promised(1000, 1),
    "syn-2001-d1": promised(2001, 1),
    "syn-2500-d10-miss7-etag5-grow3-part4": promised(2500, 10, absent=lambda i: i % 7 == 0),
    "syn-2500-d3-mark10-v2": promised(2500, 3, absent=lambda i: i % 10 == 0),
    "syn-1500-d7-odd3": promised(1500, 7, ending=lambda i: ODD if i % 3 == 0 else ".jpg"),
    "syn-1500-d4-colon1": promised(1500, 4, ending=lambda _: "::jpg"),
    "syn-1500-d4-colon1-cut5-double2": promised(
        1500, 4, ending=lambda i: "" if i % 5 == 0 else "::jpg", folder=doubled),
}


def listed(client: Any, operation: str, bucket: str, **options: Any) -> list[str]:
    pages = client.get_paginator(operation).paginate(Bucket=bucket, **options)
    return [one["Key"] for page in pages for one in page.get("Contents", [])]


@pytest.mark.parametrize("bucket", CASES)
def test_listings_hold_what_the_name_says(synthetic: S3Server, aws_env: Callable[[S3Server], None],
                                          bucket: str) -> None:
    aws_env(synthetic)
    client, wanted = synthetic.client(), CASES[bucket]
    assert listed(client, "list_objects_v2", bucket) == wanted == sorted(wanted)
    assert listed(client, "list_objects", bucket) == wanted
    place = Place(bucket, connection=synthetic.connection)
    ours = open_reader(synthetic.connection, patience=HASTY).listing(place)
    assert [key for batch in ours for key in batch.keys] == wanted
    assert ours.proof.complete
    assert ours.proof.requests == max(1, -(-len(wanted) // 1000))
    if len(wanted) > 10:
        after = wanted[len(wanted) // 2]
        behind = wanted[len(wanted) // 2 + 1:]
        assert listed(client, "list_objects_v2", bucket, StartAfter=after) == behind
        assert listed(client, "list_objects_v2", bucket, StartAfter=after + "\x00") == behind
        prefix = wanted[-1][:len("document000/")]
        assert listed(client, "list_objects_v2", bucket, Prefix=prefix) == [
            key for key in wanted if key.startswith(prefix)]


@pytest.mark.parametrize("bucket", ["syn-2500-d10-miss7", "syn-1500-d4-colon1-cut5-double2"])
def test_levels_are_grouped(synthetic: S3Server, bucket: str) -> None:
    client, keys = synthetic.client(), CASES.get(bucket) or promised(2500, 10, absent=lambda i: i % 7 == 0)

    def level(prefix: str) -> tuple[list[str], list[str]]:
        found: tuple[list[str], list[str]] = ([], [])
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, Delimiter="/", PaginationConfig={"PageSize": 3})
        for page in pages:
            assert page["KeyCount"] == len(page.get("Contents", [])) + len(page.get("CommonPrefixes", []))
            found[0].extend(one["Prefix"] for one in page.get("CommonPrefixes", []))
            found[1].extend(one["Key"] for one in page.get("Contents", []))
        return found

    groups, plain = level("")
    assert groups == sorted({key[:key.index("/") + 1] for key in keys})
    assert plain == []
    for group in groups[:2]:
        rest = [key[len(group):] for key in keys if key.startswith(group)]
        assert level(group) == (sorted({group + name[:name.index("/") + 1] for name in rest if "/" in name}),
                                [group + name for name in rest if "/" not in name])


@pytest.mark.parametrize("page_size", [1000, 7])
def test_versions_are_in_document_order(synthetic: S3Server, page_size: int) -> None:
    count = 1200 if page_size == 1000 else 40
    bucket, client = f"syn-{count}-d3-v3-mark10-miss7-odd4", synthetic.client()
    found = []
    for page in client.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": page_size}):
        rows = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        assert len(rows) <= page_size
        found += [(one["Key"], one["VersionId"], one["IsLatest"], "ETag" not in one) for one in rows]
    keys = promised(count, 3, ending=lambda i: ODD if i % 4 == 0 else ".jpg")
    assert sorted(found) == [(keys[i], f"{i:010d}.{v}", v == 0, v == 0 and i % 10 == 0)
                             for i in range(count) if i % 7 for v in range(3)]


def test_versions_of_one_key_span_pages(synthetic: S3Server, aws_env: Callable[[S3Server], None]) -> None:
    aws_env(synthetic)
    place = Place("syn-3-d1-v1700", connection=synthetic.connection)
    listing = open_reader(synthetic.connection, patience=HASTY).listing(place, versions=True)
    ids = [one for batch in listing for one in batch.version_ids or ()]
    assert ids == [f"{i:010d}.{v}" for i in range(3) for v in range(1700)]
    assert 6 <= listing.proof.requests <= 40


def test_objects_and_copies(synthetic: S3Server) -> None:
    client, key = synthetic.client(), "document000/0000000005.jpg"
    body = client.get_object(Bucket="syn-100-d1-real1-size10240", Key=key)
    assert hashlib.md5(body["Body"].read()).hexdigest() == body["ETag"].strip('"')
    part = client.get_object(Bucket="syn-100-d1-size10240", Key=key, Range="bytes=10-19")
    assert part["Body"].read() == b"x" * 10
    sink = "syn-0-sink71"
    with pytest.raises(ClientError, match="404"):
        client.head_object(Bucket=sink, Key=key)
    done = client.copy_object(Bucket=sink, Key=key, CopySource={"Bucket": "syn-100-d1-grow5", "Key": key})
    head = client.head_object(Bucket=sink, Key=key)
    assert head["ETag"] == done["CopyObjectResult"]["ETag"]
    assert head["ContentLength"] == 1025
    with pytest.raises(ClientError, match="NoSuchKey"):
        client.copy_object(Bucket=sink, Key="x", CopySource={"Bucket": "syn-100-d1", "Key": "not there"})
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.copy_object(Bucket=sink, Key=key, CopySource=f"syn-100-d1/{key}", IfNoneMatch="*")
    wanted = [{"Key": f"{number:04d} &", "VersionId": f"{number:010d}.0"} for number in range(1000)]
    gone = client.delete_objects(Bucket="syn-1000-v2", Delete={"Objects": wanted})["Deleted"]
    assert [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in gone] == wanted


@pytest.mark.parametrize("fault", ["throttle2", "refuse2", "html2", "blank2", "torn2", "again2", "drop2"])
@pytest.mark.parametrize("versions", [False, True])
def test_faults_break_a_listing(synthetic: S3Server, aws_env: Callable[[S3Server], None], fault: str,
                                versions: bool) -> None:
    aws_env(synthetic)
    place = Place(f"syn-3000-d1-{fault}", connection=synthetic.connection)
    listing = open_reader(synthetic.connection, patience=HASTY).listing(place, versions=versions)
    with pytest.raises(S3ConsoleError):
        list(listing)
    assert not listing.proof.complete
    assert listing.proof.entries in (1000, 2000)


def test_requests_are_counted_and_throttled(synthetic: S3Server) -> None:
    def counts() -> dict[str, int]:
        with urllib.request.urlopen(f"{synthetic.endpoint_url}/_requests") as answer:
            found: dict[str, int] = json.load(answer)
            return found

    client, before = synthetic.client(), counts()
    for number in range(3):
        client.head_object(Bucket="syn-10-d1", Key=f"document000/{number:010d}.jpg")
    assert counts()["HEAD"] >= before.get("HEAD", 0) + 3
    for bucket in ("syn-10-err1", "syn-10-rate0"):
        with pytest.raises(ClientError, match="SlowDown"):
            client.list_objects_v2(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        client.list_objects_v2(Bucket="syn-10-word1")
