"""Encryption and checksum algorithm go along where the bytes are copied part by part or streamed."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

import pytest
from conftest_servers import S3Server

from s3console.core.model import Connection, Ref
from s3console.s3.facts import ObjectFacts
from s3console.s3.intent import algorithm, encryption, kept_sums, key_region, own_sum
from s3console.s3.write import WriteStore

MIB = 1024**2
KEY = "arn:aws:kms:eu-west-3:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def facts(**more: Any) -> ObjectFacts:
    return ObjectFacts("b", "k", 1, "e", "", **more)


def upload(client: Any, bucket: str, key: str, **more: Any) -> tuple[Ref, bytes]:
    """An object in two parts, larger than what is copied in one request."""
    bodies = [hashlib.sha256(b"%d" % n).digest() * (size // 32) for n, size in enumerate((5 * MIB, 2 * MIB))]
    begun = client.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]
    parts = []
    for number, body in enumerate(bodies, 1):
        sent = client.upload_part(Bucket=bucket, Key=key, UploadId=begun, PartNumber=number, Body=body,
                                  **{name: more[name] for name in ("ChecksumAlgorithm",) if name in more})
        parts.append({"PartNumber": number, "ETag": sent["ETag"], **kept_sums(sent)})
    client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=begun, MultipartUpload={"Parts": parts})
    etag = client.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
    return Ref("right", bucket, key, "", etag, 7 * MIB), b"".join(bodies)


@pytest.mark.parametrize("name", ["SHA256", "CRC32"])
def test_the_checksum_algorithm_goes_along(s3_server: S3Server, store: WriteStore, client: Any,
                                           name: str) -> None:
    bucket, other = s3_server.bucket(), s3_server.bucket()
    source, body = upload(client, bucket, "large", ChecksumAlgorithm=name)
    client.put_object(Bucket=bucket, Key="small", Body=b"small", ChecksumAlgorithm=name)
    small = Ref("right", bucket, "small", "", hashlib.md5(b"small").hexdigest(), 5)
    shown = client.head_object(Bucket=bucket, Key="small", ChecksumMode="ENABLED").get(f"Checksum{name}")
    store.copy_across(store.read, source, Ref("right", other, "streamed"), expect="absent")
    store.copy_across(store.read, small, Ref("right", other, "small"), expect="absent")
    store.copy(source, Ref("right", other, "in parts"), expect="absent")
    for key in ("streamed", "in parts"):
        assert client.get_object(Bucket=other, Key=key)["Body"].read() == body
    if not shown:
        print(f"{s3_server.name} keeps no checksums, so none can go along")
        return
    assert client.head_object(Bucket=other, Key="small", ChecksumMode="ENABLED")[f"Checksum{name}"] == shown
    of_source = client.head_object(Bucket=bucket, Key="large", ChecksumMode="ENABLED").get(f"Checksum{name}")
    for key in ("streamed", "in parts"):
        head = client.head_object(Bucket=other, Key=key, ChecksumMode="ENABLED")
        if of_source and not head.get(f"Checksum{name}"):
            print(f"{s3_server.name} forgets the checksum of an upload in parts ({key})")
            continue
        assert bool(head.get(f"Checksum{name}")) == bool(of_source), key


def test_kms_goes_along_inside_a_store(s3_server: S3Server, store: WriteStore, client: Any) -> None:
    if s3_server.name == "ceph":
        print("this Ceph gateway has no KMS: it cannot show that a key is carried")
        pytest.skip("this Ceph gateway has no KMS")
    bucket, other = s3_server.bucket(), s3_server.bucket()
    source, _ = upload(client, bucket, "large", ServerSideEncryption="aws:kms", SSEKMSKeyId=KEY)
    seen = client.head_object(Bucket=bucket, Key="large")
    assert seen.get("ServerSideEncryption") == "aws:kms", f"{s3_server.name} forgets the encryption"
    store.copy(source, Ref("right", other, "in parts"), expect="absent")
    store.copy_across(store.read, source, Ref("right", other, "streamed"), expect="absent")
    for key in ("in parts", "streamed"):
        head = client.head_object(Bucket=other, Key=key)
        wanted = "aws:kms", seen.get("SSEKMSKeyId")
        assert (head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")) == wanted, key


def test_what_goes_along_where(store: WriteStore) -> None:
    class Other:
        connection = Connection("elsewhere")
        calls = store.read.calls

    there: Any = Other()
    kms = facts(encryption="aws:kms", kms_key=KEY, bucket_key=True)
    assert encryption(store.read, store.read, kms) == {
        "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY, "BucketKeyEnabled": True}
    assert encryption(store.read, there, kms) == {}, "the key is not known to another store"
    plain = facts(encryption="AES256")
    assert encryption(store.read, store.read, plain) == {"ServerSideEncryption": "AES256"}
    assert encryption(store.read, there, plain) == {}
    assert encryption(store.read, store.read, facts(encryption="SSE-C AES256")) == {}
    assert encryption(store.read, store.read, facts()) == {}
    assert (key_region(KEY), key_region("alias/mine"), key_region("")) == ("eu-west-3", "", "")


def test_sums_are_those_of_the_body() -> None:
    sha = base64.b64encode(hashlib.sha256(b"body").digest()).decode()
    assert own_sum("SHA256", b"body") == {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": sha}
    crc = base64.b64encode(binascii.crc32(b"body").to_bytes(4, "big")).decode()
    assert own_sum("CRC32", b"body") == {"ChecksumAlgorithm": "CRC32", "ChecksumCRC32": crc}
    assert own_sum("CRC32C", b"body") == own_sum("", b"body") == {}
    assert [algorithm(facts(checksum=one)) for one in ("", "SHA1:x", "CRC64NVME:y")] == ["", "SHA1", ""]
    answer = {"ETag": "e", "ChecksumCRC32": "x", "ChecksumType": "COMPOSITE", "ChecksumSHA1": ""}
    assert kept_sums(answer) == {"ChecksumCRC32": "x"}
