"""The two listing calls over libcurl: a sixth of what a request through botocore costs.

Everything about a bucket is learnt from a request that botocore itself built and signed: host, path,
region, content hash, user agent. Our signer must reproduce botocore's signature of that request bit
for bit, else the bucket stays with botocore; so do buckets with an unusual address (ARN, directory
bucket) and every answer that needs botocore's help (redirects, other regions). Errors are raised as
botocore would raise them, so that the callers cannot tell the two apart.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import responses
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pycurl
from botocore import exceptions as boto
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from ..core.errors import UntrustedAnswer
from .pages import unescape
from .records import element
from .signer import EMPTY, Keys, Signer, canonical_query

_PLAIN_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}\Z")
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([^/]+)/s3/aws4_request, SignedHeaders=host;"
    r"x-amz-content-sha256;x-amz-date(?:;x-amz-security-token)?, Signature=\w+")
_ELSEWHERE = {"PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
              "IllegalLocationConstraintException", "301", "307"}
_QUERY = {"Prefix": "prefix", "Delimiter": "delimiter", "MaxKeys": "max-keys",
          "EncodingType": "encoding-type", "ContinuationToken": "continuation-token",
          "StartAfter": "start-after", "KeyMarker": "key-marker", "VersionIdMarker": "version-id-marker"}
# What names the call in the query, and how that is sent where it differs from how it is signed.
_FIXED = {"list_objects_v2": (("list-type", "2"), ""),
          "list_object_versions": (("versions", ""), "versions&")}
_API = {"list_objects_v2": "ListObjectsV2", "list_object_versions": "ListObjectVersions"}
_TLS = {getattr(pycurl, name) for name in (
    "E_SSL_CONNECT_ERROR", "E_SSL_CERTPROBLEM", "E_SSL_CIPHER", "E_PEER_FAILED_VERIFICATION", "E_SSL_CACERT",
    "E_SSL_CACERT_BADFILE", "E_SSL_CRL_BADFILE", "E_SSL_ISSUER_ERROR", "E_SSL_INVALIDCERTSTATUS",
    "E_SSL_ENGINE_INITFAILED") if hasattr(pycurl, name)}
_TICK = 0.25
_REDIRECTS = 3
_IDLE_HANDLES = 64
_CHUNK = 64 * 1024


class Bounds(NamedTuple):
    """Seconds to connect, between two packets, and for a whole answer; bytes of an answer."""

    connect: float
    silence: float
    whole: float
    largest: int


class Route(NamedTuple):
    """How requests reach one bucket."""

    base: str
    host: str
    path: str
    agent: str
    proxy: str
    signer: Signer


class Request(NamedTuple):
    """A listing request, signed and ready to be sent."""

    operation: str
    route: Route
    url: str
    lines: list[str]

    def __repr__(self) -> str:
        return f"Request({self.operation!r}, {self.route.base!r})"


class _Line:
    """One libcurl handle with its connections. Used by one thread at a time."""

    def __init__(self, options: Mapping[int, Any]) -> None:
        self.multi = pycurl.CurlMulti()
        self.easy = pycurl.Curl()
        for option, value in options.items():
            self.easy.setopt(option, value)

    def fetch(self, url: str, headers: list[str], keep: Callable[[bytes], int | None]) -> tuple[int, str]:
        """The result of libcurl, 0 for an answer. Returns to Python often, so that Ctrl-C works."""
        easy, multi = self.easy, self.multi
        easy.setopt(pycurl.URL, url)
        easy.setopt(pycurl.HTTPHEADER, headers)
        easy.setopt(pycurl.WRITEFUNCTION, keep)
        multi.add_handle(easy)
        try:
            while multi.perform()[1]:
                if multi.select(_TICK) < 0:
                    time.sleep(0.005)
            _, _, failed = multi.info_read()
        finally:
            multi.remove_handle(easy)
        return (failed[0][1], failed[0][2]) if failed else (0, "")

    def close(self) -> None:
        self.easy.close()
        self.multi.close()


class Lean:
    """The transport of one client. Safe to use from several threads.

    `credentials` gives botocore's credentials, or None when there are none; they are frozen for every
    request, so that expiring ones are renewed. `bundle` is the CA bundle of the configuration, "" for
    botocore's own.
    """

    def __init__(self, client: Any, credentials: Callable[[], Any], *, bounds: Bounds, bundle: str,
                 count: Callable[..., None]) -> None:
        self._client = client
        self._credentials = credentials
        self._bounds = bounds
        self._count = count
        self._routes: dict[str, Route | None] = {}
        self._redirects: Counter[str] = Counter()
        self._idle: list[_Line] = []
        self._asking = threading.local()
        self._proxies = get_environ_proxies(client.meta.endpoint_url)
        self._options = _options(bounds, bundle or os.environ.get("REQUESTS_CA_BUNDLE", ""))

    def see(self, request: Any) -> bool:
        """Look at a request that botocore is about to send from this thread, and learn the route from it.

        True when botocore was only asked for the route, and the request must not be sent.
        """
        bucket: str | None = getattr(self._asking, "bucket", None)
        if bucket is None:
            return False
        if self._redirects[bucket] < _REDIRECTS:
            self._routes[bucket] = self._route(request)
        return bool(self._asking.only_route)

    @contextmanager
    def watching(self, bucket: str, *, only_route: bool = False) -> Iterator[None]:
        """Listing requests that botocore sends from this thread meanwhile tell the route to the bucket."""
        usual = isinstance(bucket, str) and _PLAIN_BUCKET.match(bucket) and not bucket.endswith("--x-s3")
        self._asking.bucket, self._asking.only_route = bucket if usual else None, only_route
        try:
            yield
        finally:
            self._asking.bucket = None

    def _route(self, request: Any) -> Route | None:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        keys = self._keys()
        if found is None or keys is None or headers.get("x-amz-content-sha256") != EMPTY:
            return None
        parts = urlsplit(request.url)
        host = parts.netloc
        default = {"http": ":80", "https": ":443"}.get(parts.scheme)
        proxy = self._proxies.get(parts.scheme) or ""
        if default is None or "@" in host or proxy.startswith("https:"):
            return None
        host = host.removesuffix(default)
        signer = Signer(found[1])
        pairs = sorted(pair.partition("=")[::2] for pair in parts.query.split("&"))
        query = "&".join(f"{name}={value}" for name, value in pairs)
        ours = signer.sign(keys, "GET", host, parts.path, query, stamp=headers.get("x-amz-date", ""))[-1][1]
        if ours != headers["authorization"]:
            return None
        base, agent = f"{parts.scheme}://{parts.netloc}", headers.get("user-agent", "")
        return Route(base, host, parts.path, agent, proxy, signer)

    def _keys(self) -> Keys | None:
        found = self._credentials()
        keys: Keys | None = None if found is None else found.get_frozen_credentials()
        return keys

    def _find(self, bucket: str, operation: str, parameters: Mapping[str, Any]) -> Route | None:
        """The route to a bucket; the first time, botocore builds a request that is not sent."""
        if bucket not in self._routes:
            if not _PLAIN_BUCKET.match(bucket) or bucket.endswith("--x-s3"):
                return None
            with self.watching(bucket, only_route=True):
                getattr(self._client, operation)(**parameters)
        return self._routes.get(bucket)

    def prepare(self, operation: str, parameters: Mapping[str, Any]) -> Request | None:
        """A listing request as it is sent, signed with the credentials of this moment; None when botocore
        should ask. Raises the exceptions of botocore."""
        bucket = parameters["Bucket"]
        if not isinstance(bucket, str) or operation not in _FIXED:
            return None
        route = self._find(bucket, operation, parameters)
        keys = self._keys() if route is not None else None
        if route is None or keys is None:
            return None
        fixed, shown = _FIXED[operation]
        pairs = [(_QUERY[name], str(value)) for name, value in parameters.items() if name != "Bucket"]
        try:
            query = canonical_query([fixed, *pairs])
        except UnicodeEncodeError:
            return None
        lines = route.signer.lines(keys, "GET", route.host, route.path, query)
        lines += [f"User-Agent: {route.agent}", "Accept:"]
        asked = shown + query.removesuffix("&versions=") if shown else query
        return Request(operation, route, f"{route.base}{route.path}?{asked}", lines)

    def counted(self, request: Request) -> None:
        """Count a request that somebody else sends."""
        self._count(_API[request.operation])

    @property
    def setup(self) -> dict[str, Any]:
        """What somebody else needs to send requests the same way: no secrets."""
        return {"options": list(self._options.items()), "largest": self._bounds.largest}

    def listing(self, operation: str, parameters: Mapping[str, Any]) -> bytes | None:
        """The body of one answered listing request, or None when botocore should ask.

        Raises the exceptions of botocore, and `UntrustedAnswer` above the bounds.
        """
        request = self.prepare(operation, parameters)
        if request is None:
            return None
        status, body = self._get(request)
        if status == 200:
            return body
        error = _error(status, body, operation)
        if error is None:
            bucket = parameters["Bucket"]
            self._redirects[bucket] += 1
            self._routes[bucket] = None
            return None
        raise error

    def _get(self, request: Request) -> tuple[int, bytes]:
        chunks: list[bytes] = []
        size, largest = 0, self._bounds.largest

        def keep(chunk: bytes) -> int | None:
            nonlocal size
            size += len(chunk)
            if size > largest:
                return 0
            chunks.append(chunk)
            return None

        line, route = self._take(), request.route
        # An empty proxy also keeps libcurl from reading the environment in its own way.
        line.easy.setopt(pycurl.PROXY, route.proxy)
        try:
            self._count(_API[request.operation])
            code, said = line.fetch(request.url, request.lines, keep)
            if code:
                if size > largest:
                    raise UntrustedAnswer("The answer is too large to be an S3 answer")
                raise self._failure(line.easy, code, said, route.base)
            status = line.easy.getinfo(pycurl.RESPONSE_CODE)
        except BaseException:
            line.close()
            raise
        self._give_back(line)
        return status, b"".join(chunks)

    def _take(self) -> _Line:
        try:
            return self._idle.pop()
        except IndexError:
            return _Line(self._options)

    def _give_back(self, line: _Line) -> None:
        if len(self._idle) < _IDLE_HANDLES:
            self._idle.append(line)
        else:
            line.close()

    def _failure(self, easy: Any, code: int, said: str, endpoint: str) -> Exception:
        """The exception botocore raises for the same trouble."""
        cause = OSError(code, said)
        if code in _TLS:
            return boto.SSLError(endpoint_url=endpoint, error=cause)
        if code == pycurl.E_COULDNT_RESOLVE_PROXY:
            return boto.ProxyConnectionError(proxy_url="", error=cause)
        if code in (pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST):
            return boto.EndpointConnectionError(endpoint_url=endpoint, error=cause)
        if code == pycurl.E_OPERATION_TIMEDOUT:
            if easy.getinfo(pycurl.PRETRANSFER_TIME) == 0:
                return boto.ConnectTimeoutError(endpoint_url=endpoint, error=cause)
            if easy.getinfo(pycurl.TOTAL_TIME) >= self._bounds.whole:
                return UntrustedAnswer("The answer is too slow to be an S3 answer")
            return boto.ReadTimeoutError(endpoint_url=endpoint, error=cause)
        return boto.ConnectionClosedError(endpoint_url=endpoint, error=cause)


def _options(bounds: Bounds, bundle: str) -> dict[int, Any]:
    """What is the same for every request."""
    bundle = bundle or str(get_cert_path(True))
    place = pycurl.CAPATH if Path(bundle).is_dir() else pycurl.CAINFO
    return {
        pycurl.NOSIGNAL: 1, pycurl.PATH_AS_IS: 1, pycurl.FOLLOWLOCATION: 0, pycurl.TCP_KEEPALIVE: 1,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1, pycurl.BUFFERSIZE: _CHUNK,
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.CONNECTTIMEOUT_MS: int(bounds.connect * 1000),
        pycurl.LOW_SPEED_LIMIT: 1, pycurl.LOW_SPEED_TIME: max(1, round(bounds.silence)),
        pycurl.TIMEOUT_MS: int((bounds.silence + bounds.whole) * 1000),
        pycurl.SSL_VERIFYPEER: 1, pycurl.SSL_VERIFYHOST: 2, place: bundle,
    }


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _error(status: int, body: bytes, operation: str) -> Exception | None:
    """The error of an answer as botocore reads it; None for what botocore can put right or read better."""
    text = body.decode("utf-8", "replace") if len(body) < 100_000 else ""
    code = unescape(element(text, "Code") or "") if "<Error" in text[:300] else ""
    if code in _ELSEWHERE or status < 400:
        return None
    if not code:
        if status < 500 and status != 429:
            return None
        code = str(status)
    message = unescape(element(text, "Message") or "") or responses.get(status, "")
    answer: Any = {"Error": {"Code": code, "Message": message},
              "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": element(text, "RequestId") or ""}}
    return boto.ClientError(answer, _API[operation])
