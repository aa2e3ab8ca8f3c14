"""Answers to copies and deletes that lie, and the bounds on every answer."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import pairwise
from types import SimpleNamespace

import pytest
from servers.odd_server import FAULTS, Answer, OddServer, Row

from s3console.core.errors import EndpointUnreachable, Reaction, ServiceError, UntrustedAnswer, UsageError
from s3console.core.model import Connection, Ref
from s3console.s3.facts import CopyOutcome
from s3console.s3.failures import reaction_of
from s3console.s3.parts import ranges, whole_etag
from s3console.s3.transport import BoundedSession, Patience, api_name
from s3console.s3.write import WriteStore, guards, open_writer

MD5 = "1" * 32


@lru_cache
def opened(endpoint_url: str) -> WriteStore:
    return open_writer(Connection(endpoint_url=endpoint_url), patience=Patience(sleep=lambda _: None))


@pytest.fixture
def store(odd_server: OddServer) -> WriteStore:
    odd_server.rows["bucket"] = [Row("a", 5, MD5, "v1"), Row("b", 5, MD5, "v1")]
    return opened(odd_server.endpoint_url)


def ref(key: str, version: str = "v1", etag: str = MD5, size: int = 5) -> Ref:
    return Ref("right", "bucket", key, version, etag, size)


@pytest.mark.parametrize(("kind", "reactions"), [
    ("error_200", {Reaction.RETRY, Reaction.SLOW_DOWN}), ("empty", {Reaction.RETRY}),
    ("html", {Reaction.RETRY}), ("reset", {Reaction.RETRY}), ("503", {Reaction.SLOW_DOWN}),
    ("403", {Reaction.FAIL_ITEM}), ("expired", {Reaction.PAUSE}), ("501", {Reaction.STOP_JOB}),
])
def test_a_copy_is_sent_once_and_never_believed_blindly(odd_server: OddServer, store: WriteStore, kind: str,
                                                        reactions: set[Reaction]) -> None:
    odd_server.fault(kind, call="CopyObject")
    with pytest.raises((ServiceError, UntrustedAnswer, EndpointUnreachable)) as caught:
        store.copy(ref("a"), ref("new"))
    assert reaction_of(caught.value) in reactions
    assert odd_server.calls["CopyObject"] == 1


def test_a_copy_carries_its_pins(odd_server: OddServer, store: WriteStore) -> None:
    assert store.copy(ref("a\n::b+"), ref("new")) == CopyOutcome(MD5, "")
    ((_, key, headers),) = [seen for seen in odd_server.seen if seen[0] == "CopyObject"]
    assert key == "new"
    assert headers["x-amz-copy-source"] == "bucket/a%0A%3A%3Ab%2B?versionId=v1"
    assert headers["x-amz-copy-source-if-match"] == f'"{MD5}"'
    assert "x-amz-metadata-directive" not in headers


def test_a_guard_that_the_store_would_ignore_is_looked_at(odd_server: OddServer, store: WriteStore) -> None:
    with pytest.raises(ServiceError) as caught:
        store.copy(ref("a"), ref("b"), expect="absent")
    assert caught.value.status == 412 and odd_server.calls["CopyObject"] == 0
    assert store.copy(ref("a"), ref("new"), expect="absent").etag
    assert guards("etag:x") == {"IfMatch": '"x"'} and guards("any") == {}


def test_verification_needs_more_than_a_size(odd_server: OddServer, store: WriteStore) -> None:
    verify = store.verify_copy
    assert verify(ref("a"), ref("b"), CopyOutcome(MD5)) == (True, "same MD5 and size")
    assert not verify(ref("a"), ref("gone"), CopyOutcome(MD5))[0]
    assert not verify(ref("a", size=6), ref("b"), CopyOutcome(MD5))[0]
    assert not verify(ref("a", etag="2" * 32), ref("b"), CopyOutcome("2" * 32))[0]
    assert verify(ref("a", etag="x-3"), ref("b"), CopyOutcome(MD5))[0], "multipart source, one part now"
    assert not verify(ref("a", etag="x-3"), ref("b"), CopyOutcome("3" * 32))[0]
    assert not verify(ref("a", etag="x-3"), ref("b"), CopyOutcome(""))[0]


def script(odd: OddServer, body: str) -> None:
    FAULTS["scripted"] = lambda _: Answer(body=body.encode())
    odd.fault("scripted", call="DeleteObjects")


def test_keys_that_the_answer_does_not_name_are_looked_up(odd_server: OddServer, store: WriteStore) -> None:
    script(odd_server, "<DeleteResult><Error><Key>a</Key><VersionId>v1</VersionId>"
                       "<Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>")
    refused, unknown, gone = store.delete_versions("bucket", [ref("a"), ref("b"), ref("c")])
    assert (refused.deleted, refused.code) == (False, "AccessDenied")
    assert (unknown.deleted, unknown.code) == (False, "Unknown") and "still there" in unknown.message
    assert gone.deleted and "gone" in gone.message
    odd_server.fault("503", call="ListObjectVersions")
    blind = store.delete_versions("bucket", [ref("c")])[0]
    assert (blind.deleted, blind.code) == (False, "Unknown")


@pytest.mark.parametrize("kind", ["empty", "html", "truncated", "error_200", "503", "reset"])
def test_a_delete_request_that_fails_deletes_nothing_on_paper(odd_server: OddServer, store: WriteStore,
                                                              kind: str) -> None:
    odd_server.fault(kind, call="DeleteObjects")
    try:
        outcomes = store.delete_versions("bucket", [ref("a"), ref("b")])
    except (ServiceError, UntrustedAnswer, EndpointUnreachable):
        pass
    else:
        assert [one.deleted for one in outcomes] == [False, False]
    assert odd_server.calls["DeleteObjects"] == 1


def test_batches_of_a_thousand_and_odd_keys_alone(odd_server: OddServer, store: WriteStore) -> None:
    named = "".join(f"<Deleted><Key>k{n}</Key><VersionId>v1</VersionId></Deleted>" for n in range(1500))
    script(odd_server, f"<DeleteResult>{named}</DeleteResult>")
    refs = [ref(f"k{n}") for n in range(1500)] + [ref("odd\x01"), ref("odd\ufffe")]
    outcomes = store.delete_versions("bucket", refs)
    assert len(outcomes) == 1502 and all(one.deleted for one in outcomes)
    assert odd_server.calls["DeleteObjects"] == 2 and odd_server.calls["DeleteObject"] == 2


def test_deletes_without_a_pin_are_refused(odd_server: OddServer, store: WriteStore) -> None:
    for call in (lambda: store.delete_versions("bucket", [ref("a", version="")]),
                 lambda: store.delete_versions("other", [ref("a")]),
                 lambda: store.delete_object(ref("a", etag=""))):
        with pytest.raises(UsageError):
            call()
    assert not odd_server.calls


def test_a_store_without_conditional_delete_gets_a_look(odd_server: OddServer, store: WriteStore) -> None:
    odd_server.fault("501", call="DeleteObject", times=1)
    assert store.delete_object(ref("a")).deleted
    assert odd_server.calls["DeleteObject"] == 2 and odd_server.calls["HeadObject"] == 2
    assert store.delete_object(ref("b", etag="9" * 32)).code == "PreconditionFailed"


def test_ranges_of_a_large_object() -> None:
    mib = 1024**2
    assert ranges(12 * mib + 4, 5 * mib) == [(0, 5 * mib - 1), (5 * mib, 10 * mib - 1),
                                             (10 * mib, 12 * mib + 3)]
    for size in (5 * 1024**3 + 1, 48 * 1024**4):
        cut = ranges(size, 512 * mib)
        assert len(cut) <= 10_000 and cut[0][0] == 0 and cut[-1][1] == size - 1
        assert all(last + 1 == first for (_, last), (first, _) in pairwise(cut))
        assert max(last - first + 1 for first, last in cut) <= 5 * 1024**3
    parts = [hashlib.md5(part).hexdigest() for part in (b"a", b"b")]
    joined = hashlib.md5(bytes.fromhex("".join(parts))).hexdigest()
    assert whole_etag([f'"{part}"' for part in parts]) == f"{joined}-2"
    assert whole_etag(["x"]) == whole_etag([]) == ""


def bounded(chunks: list[bytes], headers: dict[str, str], *, ticks: list[float]) -> bytes:
    """What a session with tight bounds makes of an answer that comes in these chunks."""
    pending = iter([*chunks, b""])
    raw = SimpleNamespace(read1=lambda _: next(pending), read=None, close=lambda: None,
                          release_conn=lambda: None)
    answer = SimpleNamespace(url="u", status_code=200, headers=headers, raw=raw)
    clock = iter(ticks)
    session = BoundedSession(SimpleNamespace(send=lambda _: answer), largest=100, seconds=10.0,
                             clock=lambda: next(clock))
    content: bytes = session.send(SimpleNamespace(stream_output=False, method="GET")).content
    return content


def test_answers_are_bounded_in_size_time_and_length() -> None:
    assert bounded([b"ab", b"c"], {"content-length": "3"}, ticks=[0, 1, 2]) == b"abc"
    with pytest.raises(UntrustedAnswer, match="large"):
        bounded([b"x" * 60] * 2, {}, ticks=[0, 1, 2])
    with pytest.raises(UntrustedAnswer, match="slow"):
        bounded([b"x"] * 3, {}, ticks=[0, 5, 11])
    with pytest.raises(EndpointUnreachable, match="middle"):
        bounded([b"ab"], {"content-length": "3"}, ticks=[0, 1])


def test_names_of_requests() -> None:
    assert api_name("list_objects_v2") == "ListObjectsV2" and api_name("head_object") == "HeadObject"
