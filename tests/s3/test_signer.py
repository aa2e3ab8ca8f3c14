"""Our signature against botocore's, bit for bit."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s3console.s3.signer import Signer, canonical_query, quoted_path

WHEN = 1_719_310_294
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PIECES = ["", "/", "//", "a b", "é", "\x01", "\n", "..", ".", "%2F", "+", "😀", "::", "~", "?", "#", "&="]
KEY = st.one_of(TEXT, st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
HOSTS = st.sampled_from([("http", "127.0.0.1:7480"), ("https", "s3.eu-central-1.amazonaws.com"),
                         ("https", "bucket.s3.us-west-2.amazonaws.com"), ("http", "[::1]:9000"),
                         ("https", "store.example:8443")])
NAMES = ["x-amz-copy-source", "x-amz-metadata-directive", "if-match", "range", "x-amz-meta-note"]
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
HEADERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4)
METHODS = st.sampled_from(["GET", "PUT", "HEAD", "DELETE"])


def theirs(keys: Credentials, region: str, method: str, url: str, headers: dict[str, str], when: int) -> Any:
    request = AWSRequest(method, url, headers=dict(headers))
    moment = datetime.fromtimestamp(when, UTC).replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", lambda: moment):
        S3SigV4Auth(keys, "s3", region).add_auth(request)
    return request.headers


@settings(max_examples=400, deadline=None)
@given(key=KEY, host=HOSTS, path_style=st.booleans(), method=METHODS,
       query=st.lists(st.tuples(TEXT, TEXT), max_size=5), headers=HEADERS, secret=TEXT.filter(bool),
       token=st.one_of(st.none(), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)),
       region=st.sampled_from(["us-east-1", "eu-central-1", "default"]),
       when=st.integers(WHEN, WHEN + 10**8))
@example(key="//a//b", host=("http", "h:1"), path_style=True, method="GET", query=[("prefix", "é/\x01 +")],
         headers={}, secret="s", token="t/+=", region="r", when=WHEN)
@example(key="/", host=("http", "h:1"), path_style=False, method="GET",
         query=[("a", "b"), ("a", "A"), ("a", "")], headers={}, secret="s", token=None, region="r", when=WHEN)
def test_the_same_as_botocore(key: str, host: tuple[str, str], path_style: bool, method: str,
                              query: list[tuple[str, str]], headers: dict[str, str], secret: str,
                              token: str | None, region: str, when: int) -> None:
    path = ("/bucket/" if path_style else "/") + quoted_path(key)
    asked = canonical_query(query)
    url = f"{host[0]}://{host[1]}{path}" + (f"?{asked}" if asked else "")
    expected = theirs(Credentials("AKID", secret, token), region, method, url, headers, when)
    found = dict(Signer(region, clock=lambda: float(when)).sign(
        ReadOnlyCredentials("AKID", secret, token), method, host[1], path, asked, sorted(headers.items())))
    assert found["authorization"] == expected["Authorization"]
    assert found["x-amz-date"] == expected["X-Amz-Date"]
    assert found["x-amz-content-sha256"] == expected["X-Amz-Content-SHA256"]
    assert found.get("x-amz-security-token") == expected.get("X-Amz-Security-Token")


def test_one_signer_over_days_and_renewed_credentials() -> None:
    """What is remembered is forgotten when the day or the secret changes."""
    now = [float(WHEN)]
    signer = Signer("us-east-1", clock=lambda: now[0])
    for step in range(6):
        now[0] = WHEN + step * 43_200.0
        secret = f"secret{step // 2}"
        expected = theirs(Credentials("AKID", secret), "us-east-1", "GET", "http://h:1/b?x=", {}, int(now[0]))
        got = dict(signer.sign(ReadOnlyCredentials("AKID", secret, None), "GET", "h:1", "/b", "x="))
        assert got["authorization"] == expected["Authorization"]


def test_many_threads_with_two_secrets_and_a_moving_clock() -> None:
    ticks = iter(range(WHEN, WHEN + 10**9, 7201))
    lock, wrong = threading.Lock(), []

    def clock() -> float:
        with lock:
            return float(next(ticks))

    signer = Signer("us-east-1", clock=clock)

    def work(secret: str) -> None:
        for _ in range(300):
            got = dict(signer.sign(ReadOnlyCredentials("AKID", secret, None), "GET", "h:1", "/b"))
            again = Signer("us-east-1").sign(ReadOnlyCredentials("AKID", secret, None), "GET", "h:1", "/b",
                                             stamp=got["x-amz-date"])
            if dict(again) != got:
                wrong.append(got)

    threads = [threading.Thread(target=work, args=(f"secret{number % 2}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_secret_is_shown() -> None:
    signer = Signer("us-east-1")
    signer.sign(ReadOnlyCredentials("AKID", "hush", None), "GET", "h:1", "/b")
    assert "hush" not in repr(signer)
