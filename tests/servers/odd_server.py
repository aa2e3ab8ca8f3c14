"""A small S3 look-alike over HTTP that answers wrongly on request: the faults no emulator can show.

It knows two listings, HEAD of buckets and objects, CopyObject and DeleteObjects. Its buckets are
plain lists of rows. A fault belongs to one page of a listing (counted by position, so a repeated
request meets it again) or to one API call, and strikes always or a number of times.
"""

from __future__ import annotations

import http.server
import re
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class Row(NamedTuple):
    key: str
    size: int = 1
    etag: str = "0" * 32
    version: str = ""
    marker: bool = False
    latest: bool = True
    checksum: str = ""


@dataclass
class Fault:
    kind: str
    page: int | None = None
    times: int | None = None
    bucket: str = ""

    def strikes(self, page: int, bucket: str = "") -> bool:
        if self.times == 0 or (self.page is not None and self.page != page):
            return False
        if self.bucket and bucket != self.bucket:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    reset: bool = False


def error(status: int, code: str, message: str = "scripted") -> Answer:
    return Answer(status, f"{XML}<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())


ERRORS = {"503": (503, "SlowDown"), "500": (500, "InternalError"), "400": (400, "InvalidRequest"),
          "403": (403, "AccessDenied"), "expired": (400, "ExpiredToken"), "no_bucket": (404, "NoSuchBucket"),
          "skew": (403, "RequestTimeTooSkewed"), "error_200": (200, "SlowDown")}
HTML = b"<html><body><h1>Please log in</h1></body></html>"


def _cut(body: bytes) -> Answer:
    return Answer(body=body[: len(body) * 2 // 3])


def _replace(old: str, new: str, *, count: int = -1) -> Callable[[bytes], Answer]:
    def apply(body: bytes) -> Answer:
        assert old.encode() in body, f"the fault needs {old} in the page"
        return Answer(body=body.replace(old.encode(), new.encode(), count))

    return apply


def _swap_keys(body: bytes) -> Answer:
    """The first two different keys of the page change places."""
    keys = [part.split(b"</Key>")[0] for part in body.split(b"<Key>")[1:]]
    first = keys[0]
    other = next(key for key in keys if key != first)
    hold = b"<Key>\0</Key>"
    for old, new in ((first, hold[5:-6]), (other, first), (hold[5:-6], other)):
        body = body.replace(b"<Key>" + old + b"</Key>", b"<Key>" + new + b"</Key>")
    return Answer(body=body)


def _less(body: bytes) -> Answer:
    """One record vanishes while the count stays."""
    start = body.index(b"<Contents>")
    return Answer(body=body[:start] + body[body.index(b"</Contents>") + 11:])


FAULTS: dict[str, Callable[[bytes], Answer]] = {
    "html": lambda _: Answer(body=HTML, headers={"Content-Type": "text/html"}),
    "empty": lambda _: Answer(),
    "truncated": _cut,
    "dropped": lambda body: Answer(body=body[: len(body) // 2], length=len(body)),
    "reset": lambda _: Answer(reset=True),
    "doctype": lambda body: Answer(body=b'<!DOCTYPE x [<!ENTITY a "b">]>' + body.split(b"\n", 1)[1]),
    "too_large": lambda body: Answer(body=body[:-20] + b" " * (17 * 1024 * 1024) + body[-20:]),
    "wrong_name": _replace("<Name>", "<Name>another-"),
    "wrong_prefix": _replace("<Prefix>", "<Prefix>another/"),
    "no_truncated": _replace("IsTruncated>", "Truncated>"),
    "unsorted": _swap_keys,
    "missing_row": _less,
    "key_count": _replace("<KeyCount>", "<KeyCount>1"),
    "no_size": _replace("<Size>", "<Sise>", count=1),
    "outside": _replace("<Key>", "<Key>!outside/", count=1),
}


class OddServer:
    """The server; use it as a context manager. `page_size` caps every listing page; `on_page` is called
    with bucket and number of a page before it is answered."""

    def __init__(self) -> None:
        self.reset()
        owner = self

        class Handler(_Handler):
            odd = owner

        self._http = _Http(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def reset(self) -> None:
        """No buckets, no faults, nothing seen."""
        self.rows: dict[str, list[Row]] = {}
        self.page_size = 1000
        self.encode = True
        self.listing_faults: list[Fault] = []
        self.call_faults: dict[str, list[Fault]] = {}
        self.calls: Counter[str] = Counter()
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.targets: list[str] = []
        self.scripted: dict[tuple[str, str, str], Answer] = {}
        self.connections = 0
        self.on_page: Callable[[str, int], None] | None = None

    def __enter__(self) -> OddServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def fault(self, kind: str, *, page: int | None = None, times: int | None = None, call: str = "",
              bucket: str = "") -> None:
        """Strike on a page of the listings (of one bucket), or on an API call such as `CopyObject`."""
        one = Fault(kind, page, times, bucket)
        if call:
            self.call_faults.setdefault(call, []).append(one)
        else:
            self.listing_faults.append(one)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in
                 parse_qs(parts.query, keep_blank_values=True, errors="surrogateescape").items()}
        bucket, _, key = unquote(parts.path)[1:].partition("/")
        call = self._call_name(method, key, query, headers)
        self.calls[call] += 1
        self.targets.append(target)
        self.seen.append((call, key, headers))
        self.asked.append((call, bucket, query))
        for one in self.call_faults.get(call, []):
            if one.strikes(0):
                return self._call_fault(one.kind)
        if found := self.scripted.get((call, bucket, key)):
            return found
        if bucket not in self.rows:
            return error(404, "NoSuchBucket")
        if call in ("ListObjectsV2", "ListObjectVersions"):
            return self._listing(bucket, query, versions=call == "ListObjectVersions")
        return self._other(call, bucket, key, query, body)

    @staticmethod
    def _call_name(method: str, key: str, query: dict[str, str], headers: dict[str, str]) -> str:
        if method == "GET" and not key:
            for name, call in (("versions", "ListObjectVersions"), ("versioning", "GetBucketVersioning"),
                               ("location", "GetBucketLocation"), ("encryption", "GetBucketEncryption"),
                               ("object-lock", "GetObjectLockConfiguration")):
                if name in query:
                    return call
            return "ListObjectsV2"
        if method == "POST":
            return "DeleteObjects" if "delete" in query else "Upload"
        if method == "PUT":
            return "CopyObject" if "x-amz-copy-source" in headers else "PutObject"
        if "attributes" in query:
            return "GetObjectAttributes"
        if method == "DELETE" and "uploadId" in query:
            return "AbortMultipartUpload"
        kind = "Object" if key else "Bucket"
        return {"HEAD": "Head", "DELETE": "Delete", "GET": "Get"}[method] + kind

    @staticmethod
    def _call_fault(kind: str) -> Answer:
        if kind in ERRORS:
            return error(*ERRORS[kind])
        if kind == "loop":
            return Answer(301, headers={"x-amz-bucket-region": "us-west-2", "Location": "/elsewhere"})
        if kind == "busy":
            return Answer(503, HTML)
        if kind == "501":
            return error(501, "NotImplemented")
        return FAULTS[kind](b"")

    def _other(self, call: str, bucket: str, key: str, query: dict[str, str], body: bytes) -> Answer:
        rows = [row for row in self.rows[bucket] if row.key == key]
        if call == "HeadObject":
            if not rows:
                return Answer(404)
            row = rows[0]
            return Answer(headers={"ETag": f'"{row.etag}"', "Content-Length": str(row.size),
                                   "Last-Modified": "Tue, 25 Jun 2024 10:11:34 GMT"}, length=row.size)
        if call == "CopyObject":
            result = f"<CopyObjectResult><ETag>&quot;{'1' * 32}&quot;</ETag></CopyObjectResult>"
            return Answer(body=(XML + result).encode())
        if call == "DeleteObject":
            self.rows[bucket] = [row for row in self.rows[bucket] if row.key != key
                                 or query.get("versionId", row.version) != row.version]
            return Answer(204)
        if call == "HeadBucket":
            return Answer()
        return error(501, "NotImplemented")

    def _encoded(self, text: str) -> str:
        return quote(text, safe="/") if self.encode else escape(text)

    def _listing(self, bucket: str, query: dict[str, str], *, versions: bool) -> Answer:
        rows = [row for row in self.rows[bucket] if row.key.startswith(query.get("prefix", ""))]
        first = self._first(rows, query, versions=versions)
        size = min(self.page_size, int(query.get("max-keys", "1000")))
        page, rest = rows[first:first + size], rows[first + size:]
        text = self._page(bucket, query, first, page, rest, versions=versions)
        number = first // size
        if self.on_page is not None:
            self.on_page(bucket, number)
        for one in self.listing_faults:
            if one.strikes(number, bucket):
                return self._page_fault(one.kind, text, query, versions=versions)
        return Answer(body=text.encode())

    def _first(self, rows: list[Row], query: dict[str, str], *, versions: bool) -> int:
        if versions:
            key, version = query.get("key-marker", ""), query.get("version-id-marker", "")
            for index, row in enumerate(rows):
                if row.key == key and version and row.version == version:
                    return index + 1
                if row.key > key:
                    return index
            return len(rows)
        if "continuation-token" in query:
            return int(query["continuation-token"].split("-")[1])
        after = query.get("start-after", "")
        return next((index for index, row in enumerate(rows) if row.key > after), len(rows))

    def _page(self, bucket: str, query: dict[str, str], first: int, page: list[Row], rest: list[Row], *,
              versions: bool) -> str:
        root = "ListVersionsResult" if versions else "ListBucketResult"
        more = "true" if rest else "false"
        head = (f"<Name>{bucket}</Name><Prefix>{self._encoded(query.get('prefix', ''))}</Prefix>"
                f"<MaxKeys>1000</MaxKeys><IsTruncated>{more}</IsTruncated>")
        if self.encode:
            head += "<EncodingType>url</EncodingType>"
        if not versions:
            head += f"<KeyCount>{len(page)}</KeyCount>"
        if rest and versions:
            head += (f"<NextKeyMarker>{self._encoded(page[-1].key)}</NextKeyMarker>"
                     f"<NextVersionIdMarker>{page[-1].version}</NextVersionIdMarker>")
        elif rest:
            head += f"<NextContinuationToken>at-{first + len(page)}</NextContinuationToken>"
        records = "".join(self._record(row, versions=versions) for row in page)
        return f"{XML}<{root}{NAMESPACE}>{head}{records}</{root}>"

    def _record(self, row: Row, *, versions: bool) -> str:
        kind = "DeleteMarker" if row.marker else "Version" if versions else "Contents"
        text = f"<Key>{self._encoded(row.key)}</Key>"
        if versions:
            text += f"<VersionId>{row.version}</VersionId><IsLatest>{str(row.latest).lower()}</IsLatest>"
        text += "<LastModified>2024-06-25T10:11:34.000Z</LastModified>"
        if row.checksum:
            text += f"<ChecksumAlgorithm>{row.checksum}</ChecksumAlgorithm>"
        if not row.marker:
            text += (f"<ETag>&quot;{row.etag}&quot;</ETag><Size>{row.size}</Size>"
                     "<StorageClass>STANDARD</StorageClass>")
        return f"<{kind}>{text}</{kind}>"

    def _page_fault(self, kind: str, text: str, query: dict[str, str], *, versions: bool) -> Answer:
        if kind in ERRORS:
            return error(*ERRORS[kind])
        next_elements = ("NextKeyMarker", "NextVersionIdMarker") if versions else ("NextContinuationToken",)
        if kind == "early":
            text = text.replace("<IsTruncated>true", "<IsTruncated>false")
            for name in next_elements:
                text = re.sub(f"<{name}>.*</{name}>", "", text)
            return Answer(body=text.encode())
        if kind in ("no_token", "same_token"):
            text = text.replace("<IsTruncated>false", "<IsTruncated>true")
            sent = {"NextContinuationToken": query.get("continuation-token", ""),
                    "NextKeyMarker": self._encoded(query.get("key-marker", "")),
                    "NextVersionIdMarker": query.get("version-id-marker", "")}
            for name in next_elements:
                before, found, after = text.partition(f"<{name}>")
                text = before + after.split(f"</{name}>", 1)[1] if found else text
                if kind == "same_token":
                    text = text.replace("</MaxKeys>", f"</MaxKeys><{name}>{sent[name]}</{name}>", 1)
            return Answer(body=text.encode())
        return FAULTS[kind](text.encode())


class _Http(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that hangs up is what many faults are for; anything else is a bug of the server."""
        if not isinstance(sys.exc_info()[1], OSError | ValueError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    odd: OddServer

    def setup(self) -> None:
        super().setup()
        self.odd.connections += 1

    def log_message(self, *_: object) -> None:
        """Silence: what happened is in `seen`."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0) or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.odd.answer(self.command, self.path, headers, body)
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(answer.status)
        if answer.status != 204:
            length = len(answer.body) if answer.length is None else answer.length
            answer.headers.setdefault("Content-Length", str(length))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.length is not None and self.command != "HEAD":
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve
