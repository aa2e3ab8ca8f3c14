"""The embedded S3: up and filled in time, on loopback only, gone with its owner."""

from __future__ import annotations

import http.client
import importlib.util
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from s3console.core.errors import NotReachable, UsageError
from s3console.demo import stories
from s3console.demo.acts import Delete, Put, replay
from s3console.demo.distcp import LEFT, RIGHT
from s3console.demo.fill import Target, fill
from s3console.demo.hostile import HOSTILE, KEYS
from s3console.demo.server import DemoServer
from s3console.demo.site import SITE

FILL_CPU_SECONDS = 15.0


def client_of(server: DemoServer) -> Any:
    return boto3.client(
        "s3", endpoint_url=server.endpoint_url, aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key, region_name=server.region,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    started = time.process_time()
    with DemoServer() as running:
        fields = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()
        theirs = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        assert time.process_time() - started + theirs < FILL_CPU_SECONDS
        yield running


def versions(client: Any, bucket: str, **options: Any) -> list[tuple[str, str, bool]]:
    rows = []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, **options):
        rows += [(row["Key"], row["ETag"].strip('"'), row["IsLatest"]) for row in page.get("Versions", [])]
        rows += [(row["Key"], "", row["IsLatest"]) for row in page.get("DeleteMarkers", [])]
    return rows


def test_holds_what_the_stories_say(server: DemoServer) -> None:
    client = client_of(server)
    assert server.objects == stories.objects_written()
    for bucket in (LEFT, RIGHT, SITE, HOSTILE):
        stacks = replay(stories.acts(), bucket)
        wanted = sorted((key, version.etag, at == 0) for key, stack in stacks.items()
                        for at, version in enumerate(stack))
        assert sorted(versions(client, bucket.name)) == wanted, bucket.name
    assert "Contents" not in client.list_objects_v2(Bucket="move-dst")


def test_buckets_have_region_and_versioning(server: DemoServer) -> None:
    client = client_of(server)
    for bucket in stories.BUCKETS:
        region = client.get_bucket_location(Bucket=bucket.name)["LocationConstraint"] or "us-east-1"
        assert region == bucket.region
        status = client.get_bucket_versioning(Bucket=bucket.name).get("Status")
        assert status == ("Enabled" if bucket.versioned else None)


def test_times_of_the_story_are_kept(server: DemoServer) -> None:
    rows = client_of(server).list_object_versions(Bucket="site", Prefix="index.php")["Versions"]
    assert {f"{row['LastModified']:%Y-%m-%d}" for row in rows} <= {
        "2024-05-02", "2024-05-14", "2024-06-04", "2024-06-25"}


def test_pages_of_versions_neither_repeat_nor_lose(server: DemoServer) -> None:
    client = client_of(server)
    assert [row[0] for row in versions(client, "hostile", PaginationConfig={"PageSize": 7})] == sorted(KEYS)
    row = client.list_object_versions(Bucket="bucket2", Prefix="document123/document123/", MaxKeys=3)
    assert row["IsTruncated"] and row["NextVersionIdMarker"]


def test_metadata_and_tags_are_written(server: DemoServer) -> None:
    client = client_of(server)
    key = next(act.key for act in stories.acts() if isinstance(act, Put) and act.tags)
    assert client.head_object(Bucket="bucket1", Key=key)["Metadata"] == {"page": "1"}
    tags = client.get_object_tagging(Bucket="bucket1", Key=key)["TagSet"]
    assert tags == [{"Key": "origin", "Value": "scan"}]


def test_after_the_fill_the_clock_is_the_real_one(server: DemoServer) -> None:
    client = client_of(server)
    client.put_object(Bucket="move-dst", Key="now", Body=b"x")
    try:
        modified = client.head_object(Bucket="move-dst", Key="now")["LastModified"]
        assert abs(modified.timestamp() - time.time()) < 60
    finally:
        client.delete_object(Bucket="move-dst", Key="now")


def test_listens_on_loopback_only(server: DemoServer) -> None:
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{server.pid}/net/{table}").read_text().split("\n")[1:]:
            fields = line.split()
            if fields and fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == server.port:
                listening.append(fields[1].partition(":")[0])
    assert listening == ["0100007F"]


def test_a_connection_is_kept_for_many_requests(server: DemoServer) -> None:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=100)
    line.connect()
    first = line.sock
    for _ in range(1100):
        line.request("GET", "/_localstack/health")
        line.getresponse().read()
    assert line.sock is first
    line.close()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


OWNER = """
import time
from s3console.demo.server import DemoServer
server = DemoServer(filled=False).start()
print(server.pid, server.endpoint_url, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_ends_with_its_owner(how: signal.Signals, tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, env=os.environ | {"PYTHONPATH": ".", "TMPDIR": str(tmp_path)})
    assert owner.stdout is not None
    pid, url = owner.stdout.readline().split()
    with urllib.request.urlopen(f"{url}/_localstack/health", timeout=60) as answer:
        assert answer.status == 200
    owner.send_signal(how)
    owner.wait(60)
    owner.stdout.close()
    deadline = time.monotonic() + 60
    while not gone(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(int(pid))
    assert not list(tmp_path.iterdir())


def test_stop_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    running = DemoServer(filled=False).start()
    pid = running.pid
    assert pid and list(tmp_path.iterdir())
    running.stop()
    running.stop()
    assert gone(pid) and running.pid == 0 and not list(tmp_path.iterdir())


def test_port_in_use_is_one_sentence(server: DemoServer) -> None:
    with pytest.raises(NotReachable, match=rf"cannot listen on port {server.port}"):
        DemoServer(port=server.port).start()


def test_without_the_extra_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec",
                        lambda name, *more: None if name == "ministack" else real(name, *more))
    with pytest.raises(UsageError, match=r"pip install 's3console\[demo\]'"):
        DemoServer().start()


def test_secrets_of_a_target_are_not_shown() -> None:
    assert "hidden" not in repr(Target("http://127.0.0.1:1", "key", "hidden"))


SAMPLE = 300


def sample() -> list[Put | Delete]:
    acts = list(stories.acts())
    hostile = [act for act in acts if act.bucket == "hostile"]
    wrong = [act for act in acts if act.bucket == "bucket2" and act.key.startswith("document123/")][:SAMPLE]
    return wrong + hostile


def check_filled(endpoint: str, access_key: str, secret_key: str, region: str, prefix: str) -> None:
    """Fill renamed buckets over HTTP and look at them through boto3."""
    rename = {"bucket2": RIGHT._replace(name=f"{prefix}-right"),
              "hostile": HOSTILE._replace(name=f"{prefix}-odd")}
    acts = [act._replace(bucket=rename[act.bucket].name) for act in sample()]
    # Dot segments would be resolved on their way by the client that checks, not by the filler.
    acts = [act for act in acts if ".." not in act.key and "./" not in act.key]
    target = Target(endpoint, access_key, secret_key, region)
    assert fill(target, buckets=rename.values(), acts=acts, connections=4) == len(acts)
    client = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=access_key, region_name=region,
                          aws_secret_access_key=secret_key, config=Config(s3={"addressing_style": "path"}))
    stacks = replay(acts, rename["bucket2"])
    assert sorted(row[:2] for row in versions(client, rename["bucket2"].name)) == sorted(
        (key, version.etag) for key, stack in stacks.items() for version in stack)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=rename["hostile"].name)
    keys = [row["Key"] for page in pages for row in page["Contents"]]
    assert keys == sorted(replay(acts, rename["hostile"]))


def test_fill_over_http() -> None:
    with DemoServer(filled=False) as running:
        check_filled(running.endpoint_url, running.access_key, running.secret_key, running.region, "http")


def test_fill_a_server_that_checks_signatures(ceph: Any) -> None:
    check_filled(ceph.endpoint_url, ceph.access_key, ceph.secret_key, ceph.region, f"sig{os.getpid()}")
