"""The probe on every server: its verdicts are those measured by hand, and nothing of it stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conftest_servers import S3Server
from contract_tools import opened

from s3console.core.abilities import pack_abilities, unpack_abilities
from s3console.core.errors import Refused, ServiceError
from s3console.core.model import Place, Ref
from s3console.s3.probe import OBJECTS, announcement, folder, probe
from s3console.s3.write import WriteStore

EXPECTED = {
    "ministack": {"copy_source": "yes", "copy_absent": "ignored", "put_absent": "yes", "put_match": "yes",
                  "complete_absent": "yes", "delete_match": "yes", "delete_each": "yes", "attributes": "yes",
                  "ordered": "yes"},
    "ceph": {"copy_source": "ignored", "copy_absent": "ignored", "put_absent": "yes", "put_match": "refused",
             "complete_absent": "ignored", "delete_match": "ignored", "delete_each": "ignored",
             "attributes": "refused", "ordered": "yes"},
}


@pytest.mark.parametrize("versioning", [False, True])
def test_verdicts_are_those_of_the_server_and_nothing_stays(
    s3_server: S3Server, store: WriteStore, client: Any, versioning: bool
) -> None:
    scratch = Place(s3_server.bucket(versioning=versioning), "scratch %+/", s3_server.connection)
    client.put_object(Bucket=scratch.bucket, Key="scratch %+/mine", Body=b"mine")
    found = probe(store.read, scratch, "0123", at="2026-01-01T00:00:00Z")
    expected = dict(EXPECTED[s3_server.name])
    if s3_server.name == "ceph":
        del expected["put_match"]
        assert found.put_match in ("ignored", "refused"), "it is one or the other, from run to run"
        expected["put_absent"] = "ignored" if versioning else "yes"
    for name, verdict in expected.items():
        assert found.verdicts[name] == verdict, (name, found)
    assert found.versioning == ("Enabled" if versioning else "Unversioned")
    listed = client.list_object_versions(Bucket=scratch.bucket)
    assert [v["Key"] for v in listed.get("Versions", [])] == ["scratch %+/mine"]
    assert not listed.get("DeleteMarkers")
    assert not client.list_multipart_uploads(Bucket=scratch.bucket).get("Uploads")
    assert unpack_abilities(pack_abilities(found)) == found


def test_a_probe_refuses_a_folder_that_is_in_use(
    s3_server: S3Server, store: WriteStore, client: Any
) -> None:
    scratch = Place(s3_server.bucket(), "x/", s3_server.connection)
    client.put_object(Bucket=scratch.bucket, Key=folder(scratch, "0123") + "taken", Body=b"")
    with pytest.raises(Refused):
        probe(store.read, scratch, "0123", at="")
    assert str(OBJECTS) in announcement(scratch, "0123")
    assert folder(scratch, "0123") in announcement(scratch, "0123")


def test_a_store_that_honours_a_condition_is_not_looked_at_first(
    ministack: S3Server, aws_env: Any
) -> None:
    aws_env(ministack)
    store = opened(ministack)
    bucket = ministack.bucket()
    client = ministack.client()
    etag = client.put_object(Bucket=bucket, Key="a", Body=b"a")["ETag"].strip('"')
    found = probe(store.read, Place(bucket, "s/", ministack.connection), "1", at="")
    store.abilities = found
    before = dict(store.read.requests).get("HeadObject", 0)
    assert store.delete_object(Ref("right", bucket, "a", "", "0" * 32, 1)).code == "PreconditionFailed"
    assert store.delete_object(Ref("right", bucket, "a", "", etag, 1)).deleted
    assert dict(store.read.requests).get("HeadObject", 0) == before
    client.put_object(Bucket=bucket, Key="a", Body=b"a")
    store.abilities = replace(found, delete_match="ignored")
    assert store.delete_object(Ref("right", bucket, "a", "", "0" * 32, 1)).code == "PreconditionFailed"
    assert dict(store.read.requests).get("HeadObject", 0) == before + 1


def test_a_condition_that_the_store_ignores_is_looked_at(ministack: S3Server, aws_env: Any) -> None:
    aws_env(ministack)
    store = opened(ministack)
    bucket = ministack.bucket()
    client = ministack.client()
    etag = client.put_object(Bucket=bucket, Key="a", Body=b"a")["ETag"].strip('"')
    client.put_object(Bucket=bucket, Key="b", Body=b"b")
    store.abilities = probe(store.read, Place(bucket, "s/", ministack.connection), "1", at="")
    with pytest.raises(ServiceError) as refused:
        store.copy(Ref("right", bucket, "a", "", etag, 1), Ref("right", bucket, "b"), expect="absent")
    assert refused.value.status == 412
    assert client.get_object(Bucket=bucket, Key="b")["Body"].read() == b"b"
