"""Requests of lanes: the same as those of acts, sent once over libcurl, and which answers prove them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import exceptions as boto
from conftest_servers import unheard
from hypothesis import given
from hypothesis import strategies as st

from s3console.core.errors import UntrustedAnswer
from s3console.core.keys import xml_safe
from s3console.core.model import Ref
from s3console.s3 import lean, lean_writes
from s3console.s3.lean import Route
from s3console.s3.lean_acts import LeanActs
from s3console.s3.many import Many
from s3console.s3.signer import Signer
from s3console.s3.steps import UNWANTED, Answer, Ready, Trouble
from s3console.s3.straight import Straight, all_deleted, made_copy

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx-amz-version-id: v1\r\n\r\nhello"
SIGNER = Signer("eu-west-1", clock=lambda: 1_700_000_000.0)


@contextmanager
def serving(answers: Callable[[socket.socket, int], None]) -> Iterator[int]:
    """A server that gives each connection, with its number, to a function; its port."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    over = threading.Event()

    def one(raw: socket.socket, number: int) -> None:
        try:
            raw.settimeout(60)
            with raw as peer:
                answers(peer, number)
        except OSError:
            pass

    def accept() -> None:
        number = 0
        while not over.is_set():
            try:
                raw, _ = server.accept()
            except TimeoutError:
                continue
            threading.Thread(target=one, args=(raw, number), daemon=True).start()
            number += 1

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        over.set()
        thread.join()
        server.close()


def request(peer: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65536)
        if not more:
            raise OSError("gone")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    while len(body) < length:
        body += peer.recv(65536)
    return head


def acts_within(seconds: float) -> LeanActs:
    """The acts of a client whose answers may not be silent for longer."""
    bounds = lean.Bounds(60.0, seconds, 60.0, 1 << 20)
    part: Any = SimpleNamespace(_options=lean._options(bounds, ""), _bounds=bounds)
    part._failure = partial(lean.Lean._failure, part)
    return LeanActs(part, lambda error, place: AssertionError(f"{place}: {error}"))


def ask(acts: LeanActs, port: int, bodies: list[bytes]) -> list[Answer | Trouble]:
    """Send requests all at once; what became of each."""
    route = Route(f"http://127.0.0.1:{port}", "s3.test", "/b", "agent/1", "", SIGNER)
    many = Many()
    found: dict[int, Answer | Trouble] = {}
    for number, body in enumerate(bodies):
        lines = ["host:s3.test", *UNWANTED]
        many.send(acts, Ready(route, "POST" if body else "PUT", f"{route.base}/b/k", lines, body), number)
    until = time.monotonic() + 100
    while len(many) and time.monotonic() < until:
        for one in many.wait(0.1)[0]:
            try:
                found[one.token] = one.finish()
            except Trouble as trouble:
                found[one.token] = trouble
    many.close()
    return [found[number] for number in range(len(bodies))]


def test_small_and_large_requests_go_out_whole() -> None:
    heads: list[bytes] = []

    def answer(peer: socket.socket, number: int) -> None:
        while True:
            heads.append(request(peer).lower())
            peer.sendall(PLAIN)

    with serving(answer) as port:
        found = ask(acts_within(60.0), port, [b"", b"x" * 3_000_000, b"y", *[b""] * 30])
        assert [isinstance(one, Answer) and one.body for one in found] == [b"hello"] * 33
        assert all(isinstance(one, Answer) and one.header(b"x-amz-version-id") == "v1" for one in found)
    assert sorted({head.partition(b" ")[0] for head in heads}) == [b"post", b"put"]
    for head in heads:
        assert head.count(b"\r\nhost:") == 1 and b"\r\nuser-agent: agent/1" in head
        assert not any(name in head for name in (b"\r\naccept:", b"\r\ncontent-type:", b"\r\nexpect:"))


@pytest.mark.parametrize(("how", "kind"), [
    ("cut", boto.ConnectionClosedError), ("silent", boto.ReadTimeoutError),
    ("nothing", boto.ConnectionClosedError), ("reset", boto.ConnectionClosedError),
    ("html", boto.ConnectionClosedError), ("huge", UntrustedAnswer),
])
def test_a_request_without_a_whole_answer_is_trouble_and_is_not_sent_again(
    how: str, kind: type[Exception]
) -> None:
    sent: list[str] = []
    over = threading.Event()

    def answer(peer: socket.socket, number: int) -> None:
        request(peer)
        sent.append(how)
        if how == "cut":
            peer.sendall(PLAIN[:-2])
        elif how == "silent":
            over.wait(60)
        elif how == "html":
            peer.sendall(b"<html>\r\n\r\n")
        elif how == "huge":
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(3 << 20))
        elif how == "reset":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(answer) as port:
        (came,) = ask(acts_within(1.0 if how == "silent" else 60.0), port, [b""])
        over.set()
        assert isinstance(came, Trouble), f"{came}"
        assert (type(came.error), sent) == (kind, [how])


def test_nobody_there() -> None:
    with unheard() as port:
        (came,) = ask(acts_within(60.0), port, [b""])
    assert isinstance(came, Trouble) and isinstance(came.error, boto.EndpointConnectionError)


# ---- requests and answers


KEYS = SimpleNamespace(access_key="AK", secret_key="secret", token=None)


class Acts:
    """The part of `LeanActs` that straight requests need, without a network."""

    def __init__(self, token: str | None) -> None:
        self.route = Route("http://s3.test:9000", "s3.test:9000", "/b", "agent/1", "", SIGNER)
        self.keys = SimpleNamespace(**{**vars(KEYS), "token": token})

    def way(self, bucket: str) -> Any:
        return self.route._replace(path=f"/{bucket}"), self.keys

    def by_act(self, act: Any) -> tuple[str, str, list[str], bytes]:
        """The same request as `lean_acts` sends it."""
        key = act.target.key
        from s3console.s3.signer import quoted_path

        path = f"/{act.target.bucket}/{quoted_path(key)}" if key else f"/{act.target.bucket}"
        lines = self.route.signer.lines(self.keys, act.method, self.route.host, path, act.query, act.headers,
                                        payload=act.payload)
        sent = act.sent or act.query
        url = f"{self.route.base}{path}{'?' + sent if sent else ''}"
        return act.method, url, sorted([*lines, *UNWANTED]), act.body


def taken_apart(ready: Ready) -> tuple[str, str, list[str], bytes]:
    return ready.method, ready.url, sorted(ready.lines), ready.body


names = st.text(st.characters(), min_size=1, max_size=12)
etags = st.sampled_from(["", "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef-12"])


@given(names, names, st.sampled_from(["", "null", "v.1/+&="]), etags,
       st.sampled_from(["STANDARD", "GLACIER_IR"]), st.sampled_from(["any", "absent", "etag:abc"]),
       st.sampled_from([None, "to/ken+="]))
def test_a_straight_copy_is_the_copy_of_the_act(one: str, other: str, version: str, etag: str, kind: str,
                                                expect: str, token: str | None) -> None:
    acts: Any = Acts(token)
    source = Ref("left", "from.b", one, version, etag, 3, kind)
    conditions = {"any": {}, "absent": {"IfNoneMatch": "*"}, "etag:abc": {"IfMatch": '"abc"'}}[expect]
    guard = {"any": ("", ""), "absent": ("if-none-match", "*"), "etag:abc": ("if-match", '"abc"')}[expect]
    found = Straight(acts).copy(source, "b", other, guard)
    try:
        act = lean_writes.copying(source, Ref("right", "b", other), storage_class=kind, conditions=conditions)
        expected = acts.by_act(act)
    except (lean_writes.LeftToBotocore, UnicodeEncodeError):
        assert found is None
        return
    assert found is not None
    assert taken_apart(found) == expected


@given(st.lists(st.tuples(names, st.sampled_from(["v1", "a&b<c>", "\r"])), min_size=1, max_size=5))
def test_a_straight_delete_is_the_delete_of_the_act(rows: list[tuple[str, str]]) -> None:
    acts: Any = Acts(None)
    keys, ids = [key for key, _ in rows], [version for _, version in rows]
    found = Straight(acts).delete("b", keys, ids)
    if found is None:
        assert any(not xml_safe(key) or "\ud800" <= one <= "\udfff" for key in keys for one in key)
        return
    act = lean_writes.deleting([Ref("right", "b", key, version) for key, version in rows])
    assert taken_apart(found[0]) == acts.by_act(act)
    body = b'<?xml version="1.0"?>\n<DeleteResult xmlns="x">' + found[1] + b"</DeleteResult>"
    whole = Answer(200, b"", body)
    assert all_deleted(whole, found[1])
    if len(set(rows)) == len(rows):
        assert act.read(act, whole).everything


@given(st.lists(st.tuples(names, st.sampled_from(["0" * 32, "ab-3"])), min_size=1, max_size=5))
def test_a_straight_delete_of_names_carries_their_etags(rows: list[tuple[str, str]]) -> None:
    acts: Any = Acts(None)
    found = Straight(acts).delete_named("b", [key for key, _ in rows], [etag for _, etag in rows])
    if found is None:
        assert any(not xml_safe(key) or "\ud800" <= one <= "\udfff" for key, _ in rows for one in key)
        return
    act = lean_writes.deleting([Ref("right", "b", key, "", etag) for key, etag in rows])
    assert taken_apart(found[0]) == acts.by_act(act)
    assert found[0].body.count(b"<ETag>\"") == len(rows)
    assert b"ETag" not in found[1] and found[1].count(b"<Deleted><Key>") == len(rows)


def test_an_etag_that_is_none_of_s3_is_not_for_the_straight_way() -> None:
    acts: Any = Acts(None)
    assert Straight(acts).delete_named("b", ["k"], ["</ETag>"]) is None


@pytest.mark.parametrize("body", [
    b"<DeleteResult></DeleteResult>", b"<DeleteResult/>", b"", b"<DeleteResult><Deleted><Key>a</Key>",
    b"<DeleteResult><Deleted><Key>a</Key><VersionId>v</VersionId></Deleted><Error><Key>a</Key></Error>"
    b"</DeleteResult>",
    b"<DeleteResult><Deleted><Key>b</Key><VersionId>v</VersionId></Deleted></DeleteResult>",
    b"<Error><Code>SlowDown</Code></Error>",
])
def test_only_an_answer_that_names_each_version_says_that_it_was_deleted(body: bytes) -> None:
    expected = b"<Deleted><Key>a</Key><VersionId>v</VersionId></Deleted>"
    assert not all_deleted(Answer(200, b"", body), expected)
    assert not all_deleted(Answer(503, b"", b"<DeleteResult>" + expected + b"</DeleteResult>"), expected)


def test_only_an_answer_with_the_etag_of_the_source_proves_a_copy() -> None:
    whole = (b'<?xml version="1.0"?>\n<CopyObjectResult xmlns="x"><LastModified>2024</LastModified>'
             b"<ETag>&quot;abc&quot;</ETag></CopyObjectResult>")
    head = b"\r\nHTTP/1.1 200 OK\r\nX-Amz-Version-Id:  v7 \r\nA: b\r\n\r\n"
    assert made_copy(Answer(200, head, whole), "abc") == "v7"
    assert made_copy(Answer(200, b"\r\n\r\n", b"\n " + whole), "abc") == ""
    for status, body, etag in ((200, whole, "abd"), (500, whole, "abc"), (200, b"", "abc"),
                               (200, b"<Error><ETag>abc</ETag></Error>", "abc"),
                               (200, whole.replace(b"<Last", b"<Error>x</Error><Last"), "abc")):
        assert made_copy(Answer(status, head, body), etag) is None
