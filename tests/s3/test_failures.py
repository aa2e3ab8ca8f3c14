"""Every failure becomes one sentence of the house, and no secret is in any of them."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore import exceptions as boto
from servers.odd_server import OddServer, Row
from urllib3.exceptions import ProtocolError

from s3console.core.errors import (
    AccessRefused,
    CredentialsMissing,
    EndpointUnreachable,
    LoginExpired,
    NoSuchPlace,
    NotReachable,
    Reaction,
    S3ConsoleError,
    ServiceError,
    UntrustedAnswer,
    UsageError,
)
from s3console.core.model import Connection, Place
from s3console.s3.connect import open_reader
from s3console.s3.failures import answered, code_of, host_of, reaction_of, shown, unanswered
from s3console.s3.transport import Patience

CANARY = "CanarySecret0123456789abcdefghijklmnopqrst"
QUICK = Patience(sleep=lambda _: None)
URL = "https://user:hidden@s3.example:9000/x?token=hidden"


@pytest.fixture(autouse=True)
def clean_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """No configuration of this machine; the path is that of an AWS configuration file."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    yield tmp_path / "config"


@pytest.mark.parametrize(("error", "kind"), [
    (boto.NoCredentialsError(), CredentialsMissing),
    (boto.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), CredentialsMissing),
    (boto.CredentialRetrievalError(provider="process", error_msg=CANARY), CredentialsMissing),
    (boto.ProfileNotFound(profile="gone"), CredentialsMissing),
    (boto.SSOTokenLoadError(error_msg="x"), LoginExpired),
    (boto.UnauthorizedSSOTokenError(), LoginExpired),
    (boto.TokenRetrievalError(provider="sso", error_msg=CANARY), LoginExpired),
    (boto.EndpointConnectionError(endpoint_url=URL, error=CANARY), EndpointUnreachable),
    (boto.ConnectTimeoutError(endpoint_url=URL), EndpointUnreachable),
    (boto.ReadTimeoutError(endpoint_url=URL), EndpointUnreachable),
    (boto.ConnectionClosedError(endpoint_url=URL), EndpointUnreachable),
    (boto.SSLError(endpoint_url=URL, error="certificate"), EndpointUnreachable),
    (boto.ProxyConnectionError(proxy_url=URL), EndpointUnreachable),
    (boto.HTTPClientError(error=CANARY), EndpointUnreachable),
    (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), EndpointUnreachable),
    (boto.ResponseStreamingError(error="x"), EndpointUnreachable),
    (ProtocolError("broken"), EndpointUnreachable), (ConnectionResetError(), EndpointUnreachable),
    (TimeoutError(), EndpointUnreachable), (RecursionError(), UntrustedAnswer),
    (boto.ParamValidationError(report=CANARY), UsageError),
    (boto.InvalidRegionError(region_name="!"), UsageError),
    (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "x"), UsageError),
    (ValueError("Invalid endpoint"), UsageError),
    (boto.InvalidConfigError(error_msg=CANARY), NotReachable), (KeyError("x"), UntrustedAnswer),
])
def test_failures_without_an_answer(error: Exception, kind: type[S3ConsoleError]) -> None:
    made = unanswered(error, where="s3://b", endpoint=URL, profile="gone")
    assert isinstance(made, kind)
    assert made.next_step and "hidden" not in made.sentence and CANARY not in made.sentence
    assert made.exit_code == (2 if kind is UsageError else 3)


@pytest.mark.parametrize(("code", "status", "kind", "reaction"), [
    ("AccessDenied", 403, AccessRefused, Reaction.FAIL_ITEM), ("403", 403, AccessRefused, Reaction.FAIL_ITEM),
    ("NoSuchBucket", 404, NoSuchPlace, Reaction.STOP_JOB),
    ("ExpiredToken", 400, LoginExpired, Reaction.PAUSE),
    ("InvalidAccessKeyId", 403, LoginExpired, Reaction.PAUSE),
    ("SignatureDoesNotMatch", 403, LoginExpired, Reaction.PAUSE),
    ("RequestTimeTooSkewed", 403, NotReachable, Reaction.PAUSE),
    ("SlowDown", 503, NotReachable, Reaction.SLOW_DOWN), ("InternalError", 500, NotReachable, Reaction.RETRY),
    ("PermanentRedirect", 301, NotReachable, Reaction.STOP_JOB),
    ("NoSuchKey", 404, ServiceError, Reaction.FAIL_ITEM),
    ("PreconditionFailed", 412, ServiceError, Reaction.LOOK),
])
def test_answered_errors(code: str, status: int, kind: type[S3ConsoleError], reaction: Reaction) -> None:
    made = answered(ServiceError(code, status, where="s3://b"), operation="ListObjectsV2", profile="me")
    assert type(made) is kind and reaction_of(made) is reaction and code_of(made) == code
    assert "s3://b" in made.sentence


def test_reactions_to_errors_without_an_answer() -> None:
    assert reaction_of(CredentialsMissing("x")) is Reaction.PAUSE
    assert reaction_of(EndpointUnreachable("x")) is Reaction.RETRY
    assert reaction_of(UntrustedAnswer("x")) is Reaction.RETRY
    assert reaction_of(NotReachable("x")) is Reaction.STOP_JOB
    assert code_of(EndpointUnreachable("x")) == "EndpointUnreachable"


def test_what_is_shown_of_a_store() -> None:
    assert host_of(URL) == "s3.example:9000" and host_of("nothing") == "the store"
    assert "\x1b" not in shown("a\x1b[31mb") and len(shown("xy-" * 500)) <= 200
    assert CANARY not in shown(f"token {CANARY} and AKIAABCDEFGHIJKLMNOP")
    assert "AKIA" not in shown("AKIAABCDEFGHIJKLMNOP")


def test_no_credentials_at_all(odd_server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    reader = open_reader(Connection(endpoint_url=odd_server.endpoint_url), patience=QUICK)
    for ask in (reader.buckets, lambda: list(reader.listing(Place("bucket")))):
        with pytest.raises(CredentialsMissing) as caught:
            ask()
        assert "--profile" in caught.value.sentence
    assert not odd_server.calls


def test_an_unknown_profile() -> None:
    with pytest.raises(CredentialsMissing, match="no-such"):
        open_reader(Connection(profile="no-such"))


def test_an_sso_login_that_was_never_made(clean_aws: Path) -> None:
    clean_aws.write_text("[profile company]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"
                         "region = us-east-1\n[sso-session s]\nsso_start_url = https://x.example/start\n"
                         "sso_region = us-east-1\n")
    reader = open_reader(Connection(profile="company", endpoint_url="http://127.0.0.1:9"), patience=QUICK)
    with pytest.raises(LoginExpired, match="aws sso login --profile company"):
        reader.buckets()


@pytest.mark.parametrize("url", ["nowhere", "http://", "ftp//x", "http://user:pass@127.0.0.1:9"])
def test_endpoints_that_are_no_url(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_reader(Connection(endpoint_url=url)).buckets()
    assert "pass@" not in caught.value.sentence


def test_a_closed_port_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    waits: list[float] = []
    reader = open_reader(Connection(endpoint_url="http://127.0.0.1:9"), patience=Patience(sleep=waits.append))
    with pytest.raises(EndpointUnreachable, match=r"127\.0\.0\.1:9") as caught:
        list(reader.listing(Place("bucket")))
    assert not waits and caught.value.exit_code == 3


def test_names_that_no_store_can_have(odd_server: OddServer) -> None:
    reader = open_reader(Connection(endpoint_url=odd_server.endpoint_url), patience=QUICK)
    for ask in (lambda: reader.page("no/bucket name"), lambda: reader.head("bucket", "lone \udcff"),
                lambda: reader.head("bucket", ""), lambda: reader.get_range("b", "k", "", 0, 1 << 40)):
        with pytest.raises(UsageError):
            ask()
    assert not odd_server.calls


def test_the_canary_is_in_no_text(odd_server: OddServer, monkeypatch: pytest.MonkeyPatch,
                                  caplog: pytest.LogCaptureFixture) -> None:
    """Every fault with a canary as secret and session token: not in sentences, reprs or logs at INFO."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", CANARY + "-session")
    odd_server.rows["bucket"] = [Row("k")]
    reader = open_reader(Connection(endpoint_url=odd_server.endpoint_url), patience=QUICK)
    texts = [repr(reader), repr(reader.calls), repr(reader.connection), repr(vars(reader.calls))]
    with caplog.at_level(logging.INFO):
        for kind in ("503", "403", "expired", "html", "reset", "dropped", "skew", "400", "loop"):
            odd_server.call_faults.clear()
            odd_server.fault(kind, call="ListObjectsV2")
            error: BaseException | None = None
            try:
                reader.page("bucket")
            except S3ConsoleError as caught:
                error = caught
            assert error is not None
            while error is not None:
                texts += [str(error), repr(error), json.dumps([str(arg) for arg in error.args])]
                error = error.__cause__
    assert CANARY not in "\n".join([*texts, caplog.text])
