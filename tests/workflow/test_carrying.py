"""What goes with the bytes of a copy, in one request, in parts, and from one store to another; what does
not is said before the start."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest_servers import CEPH_PROGRAMS, SCRIPTS, S3Server, _free_port, _read_env
from workflow.mover import Mover

from s3console.workflow.carrying import Carrying
from s3console.workflow.moving import plan_move

HEADERS = {"ContentType": "image/x", "CacheControl": "max-age=7", "ContentLanguage": "de",
           "ContentDisposition": "attachment; filename=x", "ContentEncoding": "identity"}
SMALLER = """
import s3console.s3.write as module

for made in (module.open_writer, module.WriteStore.__init__):
    made.__kwdefaults__.update(largest_copy=6 << 20, part_size=5 << 20)
"""


@pytest.fixture
def smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that copy above 6 MiB in parts of 5 MiB, as they do above 5 GiB."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SMALLER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))


def facts(m: Mover, bucket: str, key: str) -> dict[str, Any]:
    """Everything a reader sees of an object but its bytes, its place and its time."""
    head = m.s3.head_object(Bucket=bucket, Key=key)
    tags = m.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return {name: head.get(name) for name in (*HEADERS, "Metadata", "StorageClass", "ContentLength")} | {
        "tags": sorted((one["Key"], one["Value"]) for one in tags)}


def filled(m: Mover) -> bytes:
    large = hashlib.sha256(b"seed").digest() * (12 * 1024**2 // 32) + b"tail"
    for key, body in (("small ü", b"small"), ("empty", b""), ("large", large)):
        m.put(key, body, Metadata={"a": "b", "c-d": "e f"}, Tagging="k=v&l%20m=n", **HEADERS)
    m.put("cold", b"cold", StorageClass="STANDARD_IA")
    m.put("plain", b"plain")
    return large


def moved_whole(m: Mover, large: bytes) -> dict[str, int]:
    before = {key: facts(m, m.old, key) for key in m.keys(m.old)}
    job, status = m.run(plan_move(m.desk, m.source, m.target))
    assert (status.state, status.done) == ("done", 5), m.logs(job)
    assert {key: facts(m, m.new, key) for key in m.keys(m.new)} == before
    assert before["small ü"]["CacheControl"] == "max-age=7"
    assert before["small ü"]["tags"] == [("k", "v"), ("l m", "n")]
    assert before["cold"]["StorageClass"] == "STANDARD_IA"
    assert m.s3.get_object(Bucket=m.new, Key="large")["Body"].read() == large
    assert not m.s3.list_multipart_uploads(Bucket=m.new).get("Uploads")
    return status.requests


@pytest.mark.parametrize("versioned", [False, True])
def test_everything_goes_along_inside_a_store(s3_server: Any, aws_env: Any, tmp_path: Path, smaller: None,
                                              versioned: bool) -> None:
    aws_env(s3_server)
    m = Mover(s3_server, tmp_path, versioned=versioned)
    large = filled(m)
    requests = moved_whole(m, large)
    assert requests["UploadPartCopy"] == 3
    assert requests["CopyObject"] == 4


def test_a_large_source_that_changes_is_not_copied(ministack: Any, aws_env: Any, tmp_path: Path,
                                                   smaller: None) -> None:
    """Every part is pinned to the ETag that was reviewed."""
    aws_env(ministack)
    m = Mover(ministack, tmp_path)
    filled(m)
    plan = plan_move(m.desk, m.source, m.target)
    m.put("large", b"x" * (12 * 1024**2 + 4))
    _, status = m.run(plan)
    assert (status.done, status.skipped, status.failed) == (4, 1, 0)
    assert "large" not in m.keys(m.new)


@pytest.mark.parametrize("takes", [True, False])
def test_locks_go_along_where_asked(s3_server: Any, aws_env: Any, tmp_path: Path, takes: bool) -> None:
    aws_env(s3_server)
    m = Mover(s3_server, tmp_path, versioned=True)
    m.old, m.new = f"{m.old}-lock", f"{m.new}-lock"
    m.s3.create_bucket(Bucket=m.old, ObjectLockEnabledForBucket=True)
    m.s3.create_bucket(Bucket=m.new, ObjectLockEnabledForBucket=takes)
    m.source, m.target = (type(m.source)(name, "", s3_server.connection) for name in (m.old, m.new))
    until = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
    for key in ("held", "kept", "free"):
        m.put(key, key.encode())
    m.s3.put_object_legal_hold(Bucket=m.old, Key="held", LegalHold={"Status": "ON"})
    m.s3.put_object_retention(Bucket=m.old, Key="kept", Retention={
        "Mode": "GOVERNANCE", "RetainUntilDate": until})
    assert any("--lock carries them" in note for note in plan_move(m.desk, m.source, m.target).notes)
    plan = plan_move(m.desk, m.source, m.target, carrying=Carrying(lock=True))
    told = "are carried" if takes else "has no Object Lock"
    assert any(told in note for note in plan.notes), plan.notes
    job, status = m.run(plan)
    if not takes:
        assert (status.done, status.failed) == (1, 2), m.logs(job)
        return
    assert (status.state, status.done) == ("done", 3), m.logs(job)
    assert m.s3.get_object_legal_hold(Bucket=m.new, Key="held")["LegalHold"]["Status"] == "ON"
    kept = m.s3.get_object_retention(Bucket=m.new, Key="kept")["Retention"]
    assert (kept["Mode"], kept["RetainUntilDate"]) == ("GOVERNANCE", until)
    head = m.s3.head_object(Bucket=m.new, Key="free")
    assert "ObjectLockMode" not in head


def test_what_cannot_go_along_is_said_before(ministack: Any, aws_env: Any, tmp_path: Path) -> None:
    """Notes of the plan: nothing was sent to the target yet that could fail because of them."""
    aws_env(ministack)
    m = Mover(ministack, tmp_path)
    near, far = (f"arn:aws:kms:{region}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                 for region in ("us-east-1", "eu-west-3"))
    m.put("near", b"near", ServerSideEncryption="aws:kms", SSEKMSKeyId=near)
    m.put("far", b"far", ServerSideEncryption="aws:kms", SSEKMSKeyId=far)
    m.put("cold", b"cold", StorageClass="GLACIER")
    begun = m.s3.create_multipart_upload(Bucket=m.old, Key="parts")["UploadId"]
    sent = m.s3.upload_part(Bucket=m.old, Key="parts", UploadId=begun, PartNumber=1, Body=b"part")
    m.s3.complete_multipart_upload(Bucket=m.old, Key="parts", UploadId=begun, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": sent["ETag"]}]})
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    m.put("secret", b"secret", **key)
    m.s3.put_bucket_ownership_controls(Bucket=m.new, OwnershipControls={
        "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    notes = plan_move(m.desk, m.source, m.target, carrying=Carrying(acl=True)).notes

    def told(what: str) -> list[str]:
        return [note for note in notes if what in note]

    assert [note.rpartition(" ")[2] for note in told("KMS")] == ["(1)", "(1)"], notes
    assert told("another region") and told("BucketOwnerEnforced")
    assert told("uploaded in parts")[0].endswith("(1)")
    assert told("archive class")[0].endswith("(1)")
    try:
        m.s3.head_object(Bucket=m.old, Key="secret")
        print("MiniStack gives out objects of SSE-C without their key: that sentence is not shown here")
    except ClientError:
        assert told("SSE-C")[0].endswith("(1)")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": near}}
    m.s3.put_bucket_encryption(Bucket=m.new, ServerSideEncryptionConfiguration={"Rules": [rule]})
    notes = plan_move(m.desk, m.source, m.target).notes
    assert len(told("KMS")) == 1 and told("another region") and not told("BucketOwnerEnforced")


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_m9_an_object_of_six_gib(aws_env: Any, tmp_path: Path, capsys: Any) -> None:
    """On a gateway of its own that keeps its data on disk."""
    lacking = [program for program in CEPH_PROGRAMS if not shutil.which(program)]
    free = shutil.disk_usage(tmp_path).free
    if lacking or free < 30 << 30:
        reason = f"6 GiB need Ceph ({', '.join(lacking) or 'it is there'}) and 30 GiB ({free >> 30} are free)"
        print(reason)
        pytest.skip(reason)
    folder = tmp_path / "ceph"
    subprocess.run([str(SCRIPTS / "start-ceph-rgw.sh"), str(folder), str(_free_port((0, 1, *range(10, 30))))],
                   env=os.environ | {"STORE": "bluestore", "MEM": str(24 << 30)}, check=True, timeout=240,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        env = _read_env(folder / "env")
        server = S3Server("ceph", env["S3_ENDPOINT"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        aws_env(server)
        m = Mover(server, tmp_path)
        block = os.urandom(1 << 20) * 256
        upload = m.s3.create_multipart_upload(Bucket=m.old, Key="six", Metadata={"a": "b"})["UploadId"]
        parts = []
        for n in range(1, 25):
            sent = m.s3.upload_part(Bucket=m.old, Key="six", UploadId=upload, PartNumber=n, Body=block)
            parts.append({"PartNumber": n, "ETag": sent["ETag"]})
        m.s3.complete_multipart_upload(Bucket=m.old, Key="six", UploadId=upload,
                                       MultipartUpload={"Parts": parts})
        plan = plan_move(m.desk, m.source, m.target)
        assert plan.bytes == 6 << 30
        job, _ = m.start(plan)
        status = m.wait(job, 2400)
        assert (status.state, status.done) == ("done", 1), m.logs(job)
        head = m.s3.head_object(Bucket=m.new, Key="six")
        assert (head["ContentLength"], head["Metadata"]) == (6 << 30, {"a": "b"})
        assert status.requests["UploadPartCopy"] == 12
        for start in (0, 3 << 30, (6 << 30) - 1000):
            wanted, got = (m.s3.get_object(Bucket=bucket, Key="six", Range=f"bytes={start}-{start + 999}")
                           ["Body"].read() for bucket in (m.old, m.new))
            assert wanted == got
        with capsys.disabled():
            print(f"\n6 GiB: {status.requests}", end=" ")
    finally:
        subprocess.run([str(SCRIPTS / "stop-ceph-rgw.sh"), str(folder)], timeout=120, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
