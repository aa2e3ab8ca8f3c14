"""The contract of the store for reading, on every server: an emulator and a real Ceph gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import pytest
from conftest_servers import S3Server
from contract_tools import ODD_KEYS, client_of, fill, keys_of, need, odd_keys, put, versions_of

from s3console.core.errors import AccessRefused, ListingIncomplete, LoginExpired, NoSuchPlace, ServiceError
from s3console.core.keys import printable, xml_safe
from s3console.core.model import Place, Ref
from s3console.s3.failures import code_of
from s3console.s3.write import WriteStore, open_writer


def test_odd_keys_are_listed_read_copied_and_deleted(s3_server: S3Server, store: WriteStore,
                                                     client: Any) -> None:
    bucket, other = s3_server.bucket(versioning=True), s3_server.bucket()
    refs = {key: put(client, bucket, key, key.encode()) for key in odd_keys(s3_server).values()}
    right = sorted(refs)
    assert keys_of(store, bucket) == right
    listed = versions_of(store, bucket)
    assert [entry.key for entry in listed] == right
    for entry in listed:
        ref = refs[entry.key]
        assert (entry.version_id, entry.etag, entry.size) == (ref.version_id, ref.etag, ref.size)
        found = store.read.head(bucket, entry.key, entry.version_id)
        assert found is not None and (found.etag, found.size) == (ref.etag, ref.size), printable(entry.key)
        assert store.read.get_range(bucket, entry.key, "", 0, 2000) == entry.key.encode()
        assert [one.version_id for one in store.read.versions_of(bucket, entry.key)] == [entry.version_id]
        # The target bucket has no versions, and its names are as odd as those of the source.
        target = Ref("right", other, entry.key)
        outcome = store.copy(ref, target, expect="absent")
        assert outcome.etag == ref.etag and store.verify_copy(ref, target, outcome)[0], printable(entry.key)
    assert keys_of(store, other) == right
    outcomes = store.delete_versions(bucket, [refs[key] for key in right])
    assert [(one.ref.key, one.deleted) for one in outcomes] == [(key, True) for key in right]
    assert versions_of(store, bucket) == []
    assert len([key for key in right if not xml_safe(key)]) >= 3, "some go one by one"


@pytest.mark.parametrize("name", ODD_KEYS)
def test_odd_keys_as_prefixes_and_starts(s3_server: S3Server, store: WriteStore, client: Any,
                                         name: str) -> None:
    key = ODD_KEYS[name]
    if "\n" in key:
        need(s3_server, "newlines")
    bucket = _odd_bucket(s3_server)
    right = sorted(odd_keys(s3_server).values())
    assert keys_of(store, bucket, key) == [one for one in right if one.startswith(key)]
    after = [one for batch in store.read.listing(Place(bucket), start_after=key) for one in batch.keys]
    assert after == [one for one in right if one > key]
    later = store.read.listing(Place(bucket), versions=True, start_after=key)
    assert [one for batch in later for one in batch.keys] == after
    # Ceph counts the key of the marker among those it was asked for.
    small = list(store.read.version_page(bucket, key_marker=key, max_keys=2).batch.keys)
    assert small in (after[:1], after[:2])


@lru_cache
def _odd_bucket(server: S3Server) -> str:
    bucket = server.bucket(versioning=True)
    fill(client_of(server), bucket, list(odd_keys(server).values()))
    return bucket


def test_paging_sees_every_key_once(s3_server: S3Server, store: WriteStore, client: Any) -> None:
    bucket = s3_server.bucket()
    keys = sorted(f"p/{number % 7}/{number:04d}" for number in range(1205))
    fill(client, bucket, keys)
    before = store.read.requests.get("ListObjectsV2", 0)
    assert keys_of(store, bucket) == keys
    assert store.read.requests["ListObjectsV2"] - before == 2
    page = store.read.page(bucket, "p/", max_keys=3)
    assert page.prefixes == ("p/0/", "p/1/", "p/2/") and page.next_token and not len(page.batch)
    rest = store.read.page(bucket, "p/", token=page.next_token)
    assert rest.prefixes == ("p/3/", "p/4/", "p/5/", "p/6/") and not rest.next_token
    assert store.read.page(bucket, "p/3/", start_after=keys[600], max_keys=2).batch.keys == [
        key for key in keys if key > keys[600] and key.startswith("p/3/")][:2]
    listed = store.read.listing(Place(bucket), start_after=keys[1000])
    assert [key for batch in listed for key in batch.keys] == keys[1001:]


def test_versions_of_one_key_beyond_a_page(s3_server: S3Server, store: WriteStore, client: Any) -> None:
    need(s3_server, "many versions of a key")
    bucket = s3_server.bucket(versioning=True)
    put(client, bucket, "a")
    with ThreadPoolExecutor(16) as pool:
        early = {one.version_id for one in pool.map(lambda _: put(client, bucket, "k"), range(1000))}
    late = [put(client, bucket, "k", b"%d" % number).version_id for number in range(10)]
    client.delete_object(Bucket=bucket, Key="k")
    put(client, bucket, "z")
    found = versions_of(store, bucket)
    assert [entry.key for entry in found] == ["a", *["k"] * 1011, "z"]
    of_k = store.read.versions_of(bucket, "k")
    assert of_k == found[1:-1]
    assert of_k[0].is_delete_marker and of_k[0].is_latest and of_k[0].size == 0
    assert [entry.version_id for entry in of_k[1:11]] == late[::-1], "newest first"
    assert {entry.version_id for entry in of_k[11:]} == early and len(early) == 1000
    assert sum(entry.is_latest for entry in of_k) == 1
    page = store.read.version_page(bucket, max_keys=5)
    assert page.more and page.next_key_marker == "k"
    assert keys_of(store, bucket) == ["a", "z"]


def test_markers_keep_their_place_among_versions(s3_server: S3Server, store: WriteStore, client: Any) -> None:
    need(s3_server, "order of markers")
    bucket = s3_server.bucket(versioning=True)
    kinds = []
    for step in range(6):
        if step % 2:
            client.delete_object(Bucket=bucket, Key="k")
        else:
            put(client, bucket, "k", b"%d" % step)
        kinds.append(bool(step % 2))
    found = store.read.versions_of(bucket, "k")
    assert [entry.is_delete_marker for entry in found] == kinds[::-1]
    assert store.read.head(bucket, "k") is None
    assert store.read.head(bucket, "k", found[1].version_id) is not None
    assert store.read.head(bucket, "k", found[0].version_id) is None, "a marker is not an object"


def test_versions_grouped_by_a_delimiter(s3_server: S3Server, store: WriteStore, client: Any) -> None:
    bucket = s3_server.bucket(versioning=True)
    for key in ("a/1", "a/2", "b", "c/1", "d"):
        put(client, bucket, key)
    page = store.read.version_page(bucket, delimiter="/")
    assert (page.prefixes, list(page.batch.keys), page.more) == (("a/", "c/"), ["b", "d"], False)
    need(s3_server, "pages of groups")
    shown: list[str] = []
    marker = version = ""
    while True:
        page = store.read.version_page(bucket, delimiter="/", key_marker=marker, version_marker=version,
                                       max_keys=2)
        shown += [*page.prefixes, *page.batch.keys]
        marker, version = page.next_key_marker, page.next_version_marker
        if not page.more:
            break
    assert sorted(shown) == ["a/", "b", "c/", "d"]


def test_an_unversioned_bucket_lists_null_versions(s3_server: S3Server, store: WriteStore,
                                                   client: Any) -> None:
    bucket = s3_server.bucket()
    put(client, bucket, "k")
    (entry,) = versions_of(store, bucket)
    assert (entry.key, entry.version_id, entry.is_latest) == ("k", "null", True)


def test_a_null_version_under_newer_ones(s3_server: S3Server, store: WriteStore, client: Any) -> None:
    bucket = s3_server.bucket()
    old = put(client, bucket, "k", b"old")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(client, bucket, "k", b"new")
    found = store.read.versions_of(bucket, "k")
    assert [entry.version_id == "null" for entry in found] == [False, True]
    assert [entry.version_id for entry in versions_of(store, bucket)] == [one.version_id for one in found]
    pages = [store.read.version_page(bucket, max_keys=1)]
    while pages[-1].more:
        pages.append(store.read.version_page(bucket, key_marker=pages[-1].next_key_marker, max_keys=1,
                                             version_marker=pages[-1].next_version_marker))
    paged = [version for page in pages for version in page.batch.version_ids or ()]
    assert paged == [one.version_id for one in found]
    (outcome,) = store.delete_versions(bucket, [old._replace(version_id="null")])
    assert outcome.deleted and len(store.read.versions_of(bucket, "k")) == 1


def test_facts_of_buckets(s3_server: S3Server, store: WriteStore, client: Any) -> None:
    plain, versioned = s3_server.bucket(), s3_server.bucket(versioning=True)
    facts = store.read.bucket(versioned)
    assert (facts.region, facts.versioning, facts.object_lock) == ("us-east-1", "Enabled", False)
    assert facts.etag_is_md5 is not False
    assert store.read.bucket(plain).versioning == "Unversioned"
    client.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Suspended"})
    assert store.read.bucket(versioned).versioning == "Suspended"
    listed = {one.name: one for one in store.read.buckets()}
    assert {plain, versioned} <= set(listed) and listed[plain].created.endswith("Z")


def test_places_that_are_not_there(s3_server: S3Server, store: WriteStore, client: Any) -> None:
    for ask in (lambda: store.read.page("no-such-bucket"), lambda: store.read.bucket("no-such-bucket"),
                lambda: list(store.read.listing(Place("no-such-bucket"))),
                lambda: list(store.read.listing(Place("no-such-bucket"), versions=True))):
        with pytest.raises(NoSuchPlace) as caught:
            ask()
        assert "no-such-bucket" in caught.value.sentence and caught.value.exit_code == 3
    bucket = s3_server.bucket()
    assert store.read.head(bucket, "nothing") is None
    assert store.read.versions_of(bucket, "nothing") == []
    assert list(store.read.listing(Place(bucket, "nothing/"))) == []


def test_ranges(s3_server: S3Server, store: WriteStore, client: Any) -> None:
    bucket = s3_server.bucket()
    put(client, bucket, "k", b"0123456789")
    read = store.read.get_range
    assert read(bucket, "k", "", 2, 3) == b"234"
    assert read(bucket, "k", "", 8, 100) == b"89"
    assert read(bucket, "k", "", 10, 5) == b""
    with pytest.raises(ServiceError):
        read(bucket, "not there", "", 0, 5)


def test_real_refusals(ceph: S3Server, aws_env: Callable[[S3Server], None]) -> None:
    """Only Ceph checks keys and policies: the emulator lets everybody in."""
    client = ceph.client()
    bucket = ceph.bucket()
    put(client, bucket, "k")
    for wrong in (S3Server("ceph", ceph.endpoint_url, "nobody", ceph.secret_key),
                  S3Server("ceph", ceph.endpoint_url, ceph.access_key, "canary-secret-value")):
        aws_env(wrong)
        with pytest.raises(LoginExpired) as caught:
            list(open_writer(wrong.connection).read.listing(Place(bucket)))
        assert code_of(caught.value) in ("InvalidAccessKeyId", "SignatureDoesNotMatch")
        assert "canary" not in caught.value.sentence
    aws_env(ceph)
    deny = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": ["s3:ListBucket", "s3:DeleteObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}]}
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(deny))
    store = open_writer(ceph.connection)
    with pytest.raises(AccessRefused) as refused:
        list(store.read.listing(Place(bucket)))
    assert "s3:ListBucket" in refused.value.sentence and not isinstance(refused.value, ListingIncomplete)
    found = store.read.head(bucket, "k")
    assert found is not None
    outcome = store.delete_object(Ref("right", bucket, "k", etag=found.etag))
    assert (outcome.deleted, outcome.code) == (False, "AccessDenied")
    assert store.read.bucket(bucket).versioning == "Unversioned", "what may be read is read"
