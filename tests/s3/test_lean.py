"""Listings over libcurl: the same requests as botocore's, the same errors, and its help where needed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import ReadOnlyCredentials
from conftest_servers import unheard
from servers.odd_server import Answer, OddServer, Row

from s3console.core.errors import (
    EndpointUnreachable,
    NotReachable,
    S3ConsoleError,
    ServiceError,
    UntrustedAnswer,
    UsageError,
)
from s3console.core.model import Connection, Place
from s3console.s3.connect import open_reader
from s3console.s3.lean import Bounds, Lean
from s3console.s3.read import ReadStore
from s3console.s3.signer import Signer
from s3console.s3.transport import NeverMet, Patience

QUICK = Patience(sleep=lambda _: None)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of the environment, and no configuration of this machine."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "odd")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "odd-secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


def reader(odd: OddServer, *, libcurl: bool = True) -> ReadStore:
    return open_reader(Connection(endpoint_url=odd.endpoint_url), patience=QUICK, libcurl=libcurl)


@pytest.fixture
def no_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request that botocore sends is a failure."""
    from s3console.s3.transport import BoundedSession

    def send(_: Any, request: Any) -> Any:
        raise AssertionError(f"botocore sent {request.url}")

    monkeypatch.setattr(BoundedSession, "send", send)


PREFIXES = ["", "a/", "//", "/lead", "é\U0001f600", "new\nline\x01", "a b+c%2F&=?#", "k" * 1024]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_same_request_as_botocore(odd_server: OddServer, prefix: str) -> None:
    """Same address, same query, same headers, and a signature that botocore's keys make of what arrived."""
    odd_server.rows["bucket"] = [Row(prefix + "k")]
    sent = []
    for libcurl in (True, False):
        store = reader(odd_server, libcurl=libcurl)
        for ask in (lambda store=store: store.page("bucket", prefix, start_after=prefix + "!"),
                    lambda store=store: store.version_page("bucket", prefix, key_marker=prefix + "!")):
            odd_server.seen.clear()
            odd_server.targets.clear()
            ask()
            (target,), ((_, _, headers),) = odd_server.targets, odd_server.seen
            parts = urlsplit(target)
            authorization = headers.pop("authorization")
            query = "&".join(sorted(pair if "=" in pair else f"{pair}=" for pair in parts.query.split("&")))
            keys = ReadOnlyCredentials("odd", "odd-secret", None)
            again = Signer("us-east-1").sign(keys, "GET", headers["host"], parts.path, query,
                                             stamp=headers.pop("x-amz-date"))
            assert dict(again)["authorization"] == authorization
            for name in ("amz-sdk-invocation-id", "amz-sdk-request", "accept-encoding"):
                headers.pop(name, None)
            sent.append((parts.path, sorted(parts.query.split("&")), headers))
    assert sent[:2] == sent[2:]


@pytest.mark.usefixtures("no_botocore")
def test_listings_do_not_go_through_botocore(odd_server: OddServer) -> None:
    odd_server.page_size = 2
    odd_server.rows["bucket"] = [Row(f"k{number}") for number in range(9)]
    store = reader(odd_server)
    for versions in (False, True):
        odd_server.rows["bucket"] = [row._replace(version="v") for row in odd_server.rows["bucket"]]
        assert sum(map(len, store.listing(Place("bucket"), versions=versions))) == 9
    assert store.requests == {"ListObjectsV2": 5, "ListObjectVersions": 5}
    assert odd_server.connections == 1


def test_without_libcurl_everything_works(odd_server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3console.s3.lean", None)
    odd_server.rows["bucket"] = [Row("k")]
    store = reader(odd_server)
    assert store.calls.lean is None
    assert list(store.page("bucket").batch.keys) == ["k"]


def test_a_bucket_that_lives_elsewhere_is_found_by_botocore(odd_server: OddServer) -> None:
    """A redirect is botocore's affair; afterwards the new region is known here too."""
    odd_server.page_size = 2
    odd_server.rows["bucket"] = [Row(f"k{number}") for number in range(9)]
    plain = odd_server.answer

    def moved(method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        answer = plain(method, target, headers, body)
        if "/eu-west-3/" not in headers["authorization"]:
            return Answer(400, b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>x</Message>"
                               b"<Region>eu-west-3</Region></Error>")
        return answer

    odd_server.answer = moved  # type: ignore[method-assign]
    try:
        store = reader(odd_server)
        assert sum(map(len, store.listing(Place("bucket")))) == 9
    finally:
        odd_server.answer = plain  # type: ignore[method-assign]
    regions = [headers["authorization"].split("/")[2] for _, _, headers in odd_server.seen]
    assert regions == ["us-east-1", "us-east-1", *["eu-west-3"] * 5]


@pytest.mark.parametrize("bucket", ["arn:aws:s3:us-west-2:123456789012:accesspoint/mine", "x--usw2-az1--x-s3",
                                    "no such bucket", ""])
def test_unusual_buckets_are_botocore_s(odd_server: OddServer, bucket: str) -> None:
    store = reader(odd_server)
    assert store.calls.lean is not None
    with pytest.raises(S3ConsoleError):
        store.page(bucket)
    assert not store.calls.lean._routes.get(bucket)


def test_a_prefix_that_is_not_utf8_is_refused_as_ever(odd_server: OddServer) -> None:
    odd_server.rows["bucket"] = [Row("k")]
    for libcurl in (True, False):
        with pytest.raises(UsageError):
            reader(odd_server, libcurl=libcurl).page("bucket", "\udcff")


def test_an_error_without_a_body_of_s3(odd_server: OddServer) -> None:
    odd_server.rows["bucket"] = [Row("k")]
    odd_server.fault("busy", call="ListObjectsV2")
    causes = []
    for libcurl in (True, False):
        with pytest.raises(NotReachable) as caught:
            reader(odd_server, libcurl=libcurl).page("bucket")
        cause = caught.value.__cause__
        assert isinstance(cause, ServiceError)
        causes.append((caught.value.sentence, cause.code, cause.status, cause.message))
    assert causes[0] == causes[1] and causes[0][1:3] == ("503", 503)


def test_renewed_credentials_are_used(odd_server: OddServer, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that are about to expire are fetched again, request by request."""
    soon = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()
    script, log = tmp_path / "keys.py", tmp_path / "log"
    script.write_text(f"""
from pathlib import Path
log = Path({str(log)!r})
count = len(log.read_text()) if log.exists() else 0
log.write_text("x" * (count + 1))
print({json.dumps({"Version": 1, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": soon})!r}
      .replace('{{', '{{"AccessKeyId": "key%d", ' % count, 1))
""")
    config = tmp_path / "config"
    config.write_text(f"[profile p]\ncredential_process = {sys.executable} {script}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    odd_server.page_size = 1
    odd_server.rows["bucket"] = [Row("a"), Row("b"), Row("c")]
    store = open_reader(Connection(profile="p", endpoint_url=odd_server.endpoint_url), patience=QUICK)
    assert sum(map(len, store.listing(Place("bucket")))) == 3
    seen = [headers for _, _, headers in odd_server.seen]
    assert len({headers["authorization"].split("/")[0] for headers in seen}) == len(seen) == 3
    assert all(headers["x-amz-security-token"] == "t" for headers in seen)


def test_a_proxy_of_the_environment(odd_server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", odd_server.endpoint_url)
    odd_server.rows["bucket"] = [Row("k")]
    store = open_reader(Connection(endpoint_url="http://store.invalid:9000"), patience=QUICK)
    assert list(store.page("bucket").batch.keys) == ["k"]
    assert odd_server.targets[0].startswith("http://store.invalid:9000/bucket?")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert list(reader(odd_server).page("bucket").batch.keys) == ["k"]


@contextmanager
def listening(talk: Any) -> Iterator[str]:
    """A server that does `talk(connection)` for the first request of every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            with connection:
                try:
                    if connection.recv(65536):
                        talk(connection)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


FAR = 30.0
"""Seconds that are far more than the bounds of a request here, and far less than its server takes."""


def bounded(url: str, **bounds: float) -> ReadStore:
    store = open_reader(Connection(endpoint_url=url), patience=QUICK)
    assert store.calls.lean is not None
    limits: Any = {"connect": 1.0, "silence": 1.0, "whole": 1.5, "largest": 1 << 20} | bounds
    credentials = store.calls.lean._credentials
    store.calls.lean = Lean(store.calls.client, credentials, bounds=Bounds(**limits), bundle="",
                            count=store.calls._counted)
    return store


def test_a_silent_store_is_left_in_time() -> None:
    with listening(lambda connection: time.sleep(2 * FAR)) as url:
        begun = time.monotonic()
        with pytest.raises(EndpointUnreachable, match="did not answer in time"):
            bounded(url).calls.once("list_objects_v2", "", Bucket="bucket")
        assert time.monotonic() - begun < FAR


def test_a_dripping_answer_is_left_in_time() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(int(20 * FAR)):
            connection.sendall(b"x" * 5)
            time.sleep(0.1)

    with listening(drip) as url:
        begun = time.monotonic()
        with pytest.raises(UntrustedAnswer, match="too slow"):
            bounded(url).calls.once("list_objects_v2", "", Bucket="bucket")
        assert time.monotonic() - begun < FAR


def test_an_answer_without_an_end_is_left() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with listening(flood) as url, pytest.raises(UntrustedAnswer, match="too large"):
        bounded(url).calls.once("list_objects_v2", "", Bucket="bucket")


def test_nobody_there() -> None:
    with unheard() as port:
        nowhere = Connection(endpoint_url=f"http://127.0.0.1:{port}")
        for libcurl in (True, False):
            with pytest.raises(NeverMet, match="No connection to"):
                open_reader(nowhere, patience=QUICK, libcurl=libcurl).page("bucket")


def test_ctrl_c_ends_a_wait(tmp_path: Path) -> None:
    """A person who waits in the main thread is not held by libcurl."""
    with listening(lambda connection: time.sleep(70)) as url:
        script = ("import _thread, threading, sys\n"
                  "from s3console.core.model import Connection\n"
                  "from s3console.s3.connect import open_reader\n"
                  f"store = open_reader(Connection(endpoint_url={url!r}))\n"
                  "threading.Timer(1, _thread.interrupt_main).start()\n"
                  "try:\n    store.page('bucket')\n"
                  "except KeyboardInterrupt:\n    print('left')\n")
        begun = time.monotonic()
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=65)
        assert done.stdout == "left\n" and time.monotonic() - begun < 60


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("openssl"):
        print("openssl is not installed: no certificate to test with")
        pytest.skip("openssl is not installed: no certificate to test with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", str(path), "-out", str(path.with_name("cert.pem"))],
                   check=True, capture_output=True)
    path.write_text(path.read_text() + path.with_name("cert.pem").read_text())
    return path


@pytest.mark.parametrize("libcurl", [True, False])
def test_tls_is_verified(certificate: Path, monkeypatch: pytest.MonkeyPatch, libcurl: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with OddServer() as odd:
        odd._http.socket = context.wrap_socket(odd._http.socket, server_side=True)
        odd.rows["bucket"] = [Row("k")]
        url = odd.endpoint_url.replace("http:", "https:")
        with pytest.raises(EndpointUnreachable, match="could not prove who it is"):
            open_reader(Connection(endpoint_url=url), patience=QUICK, libcurl=libcurl).page("bucket")
        assert not odd.seen
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.with_name("cert.pem")))
        store = open_reader(Connection(endpoint_url=url), patience=QUICK, libcurl=libcurl)
        assert list(store.page("bucket").batch.keys) == ["k"]
        assert parse_qs(urlsplit(odd.targets[0]).query)["list-type"] == ["2"]
