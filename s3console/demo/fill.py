"""Fills any S3 endpoint with the stories over HTTP: for tests on a real server, and for a demo of one's own.

`python -m s3console.demo.fill ENDPOINT` takes the keys from the AWS environment variables. The
embedded store of `s3console demo` is not filled this way but from inside (`emulator.py`).

Times of the stories are not kept: a store stamps its own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

from s3console.core.errors import EndpointUnreachable, ServiceError, UsageError

from . import stories
from .acts import Act, Bucket, Put

CONNECTIONS = 8
ATTEMPTS = 4
TIMEOUT_SECONDS = 60
_FOREIGN_REGION = frozenset((
    "InvalidLocationConstraint", "IllegalLocationConstraintException", "AuthorizationHeaderMalformed"))
_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint and the keys to it. The secret stays out of the representation."""

    endpoint_url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return f"Target({self.endpoint_url!r}, region={self.region!r})"


class Signer:
    """AWS Signature Version 4 for single-chunk requests (AWS IAM guide, "Signing AWS API requests")."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._host = urlsplit(target.endpoint_url).netloc
        self._keys: dict[tuple[str, str], bytes] = {}

    def _signing_key(self, day: str, region: str) -> bytes:
        if (day, region) not in self._keys:
            key = f"AWS4{self._target.secret_key}".encode()
            for part in (day, region, "s3", "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            self._keys[day, region] = key
        return self._keys[day, region]

    def headers(self, method: str, path: str, query: str, body: bytes,
                extra: dict[str, str], *, region: str, now: float) -> dict[str, str]:
        """The headers to send: `extra` plus host, date, content digest and signature.

        `path` is percent-encoded, `query` sorted and encoded, `now` in seconds since the epoch.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        day = stamp[:8]
        digest = hashlib.sha256(body).hexdigest() if body else _EMPTY
        signed = {name.lower(): value.strip() for name, value in extra.items()}
        signed |= {"host": self._host, "x-amz-date": stamp, "x-amz-content-sha256": digest}
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        scope = f"{day}/{region}/s3/aws4_request"
        request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}".encode()
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request).hexdigest()}"
        signature = hmac.new(self._signing_key(day, region), text.encode(), hashlib.sha256).hexdigest()
        signed["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self._target.access_key}/{scope}, "
                                   f"SignedHeaders={names}, Signature={signature}")
        return signed


class _Line:
    """One kept-alive connection."""

    def __init__(self, target: Target) -> None:
        parts = urlsplit(target.endpoint_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("The endpoint is not an http(s) address", where=ascii(target.endpoint_url))
        make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = make(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        self._where = target.endpoint_url
        self._signer = Signer(target)

    def send(self, method: str, path: str, *, region: str, query: str = "", body: bytes = b"",
             extra: dict[str, str] | None = None) -> None:
        """Send one request; `path` is the raw `/bucket/key`, `region` the one of the bucket.

        Raises EndpointUnreachable or ServiceError after a few attempts.
        """
        encoded = quote(path, safe="/-_.~")
        url = f"{encoded}?{query}" if query else encoded
        for attempt in range(1, ATTEMPTS + 1):
            headers = self._signer.headers(method, encoded, query, body, extra or {}, region=region,
                                           now=time.time())
            try:
                self._connection.request(method, url, body or None, headers)
                answer = self._connection.getresponse()
                text = answer.read()
            except (OSError, HTTPException) as error:
                self._connection.close()
                if attempt == ATTEMPTS:
                    raise EndpointUnreachable(f"The endpoint does not answer: {type(error).__name__}",
                                              where=self._where) from error
            else:
                if answer.status < 300:
                    return
                if answer.status < 500 or attempt == ATTEMPTS:
                    code = text.partition(b"<Code>")[2].partition(b"</Code>")[0].decode("ascii", "replace")
                    raise ServiceError(code or str(answer.status), answer.status, where=ascii(path))
            time.sleep(0.1 * 2 ** attempt)

    def close(self) -> None:
        self._connection.close()


def _make_bucket(line: _Line, bucket: Bucket, home: str) -> str:
    """Make a bucket in its own region, or in `home` where the store knows no other; returns the region."""
    place = f"<LocationConstraint>{bucket.region}</LocationConstraint>"
    body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>".encode()
    region = bucket.region
    try:
        line.send("PUT", f"/{bucket.name}", region=region, body=b"" if region == "us-east-1" else body)
    except ServiceError as error:
        if error.code not in _FOREIGN_REGION:
            raise
        region = home
        line.send("PUT", f"/{bucket.name}", region=region)
    if bucket.versioned:
        line.send("PUT", f"/{bucket.name}", region=region, query="versioning=",
                  body=b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    return region


def _apply(line: _Line, act: Act, region: str) -> None:
    path = f"/{act.bucket}/{act.key}"
    if not isinstance(act, Put):
        line.send("DELETE", path, region=region)
        return
    extra = {"content-type": act.content_type}
    extra.update((f"x-amz-meta-{name}", value) for name, value in act.metadata)
    if act.tags:
        extra["x-amz-tagging"] = "&".join(f"{name}={value}" for name, value in act.tags)
    line.send("PUT", path, region=region, body=act.body, extra=extra)


class _Share(threading.Thread):
    """One connection's share of the acts; all acts on one key are in one share, in order."""

    def __init__(self, target: Target, acts: Sequence[Act], regions: dict[str, str],
                 stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._target, self._acts, self._regions, self._halt = target, acts, regions, stop
        self.failure: Exception | None = None

    def run(self) -> None:
        line = _Line(self._target)
        try:
            for act in self._acts:
                if self._halt.is_set():
                    return
                _apply(line, act, self._regions.get(act.bucket, self._target.region))
        except (EndpointUnreachable, ServiceError) as error:
            self.failure = error
            self._halt.set()
        finally:
            line.close()


def fill(target: Target, *, buckets: Iterable[Bucket] = stories.BUCKETS, acts: Iterable[Act] | None = None,
         connections: int = CONNECTIONS) -> int:
    """Make the buckets and apply the acts (default: all stories); returns how many acts were applied.

    Raises EndpointUnreachable or ServiceError at the first act that the store refuses.
    """
    line = _Line(target)
    try:
        regions = {bucket.name: _make_bucket(line, bucket, target.region) for bucket in buckets}
    finally:
        line.close()
    shares: list[list[Act]] = [[] for _ in range(connections)]
    applied = 0
    for act in stories.acts() if acts is None else acts:
        shares[zlib.crc32(f"{act.bucket}/{act.key}".encode()) % connections].append(act)
        applied += 1
    stop = threading.Event()
    threads = [_Share(target, share, regions, stop) for share in shares if share]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for thread in threads:
        if thread.failure is not None:
            raise thread.failure
    return applied


def main() -> int:
    """Fill the endpoint named on the command line."""
    if len(sys.argv) != 2 or "AWS_ACCESS_KEY_ID" not in os.environ:
        print("usage: AWS_ACCESS_KEY_ID=.. AWS_SECRET_ACCESS_KEY=.. python -m s3console.demo.fill ENDPOINT",
              file=sys.stderr)
        return 2
    target = Target(sys.argv[1], os.environ["AWS_ACCESS_KEY_ID"], os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
                    os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    try:
        print(f"{fill(target)} writes and deletes applied to {target.endpoint_url}")
    except (EndpointUnreachable, ServiceError, UsageError) as error:
        print(error.sentence, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
