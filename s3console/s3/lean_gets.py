"""Reading the bytes of objects: one GetObject as an act over libcurl, and the same through botocore."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable
from contextlib import closing
from functools import lru_cache, partial
from typing import Any, NamedTuple

from ..core.errors import RANGE_IGNORED, S3ConsoleError, ServiceError, UntrustedAnswer
from ..core.model import Ref
from .failures import unanswered
from .pages import clean_etag
from .read import ReadStore, where
from .signer import Header, quoted
from .steps import Act, Answer, LeftToBotocore, Steps, refused
from .transport import WHOLE_ANSWER

Sink = Callable[[bytes], int | None]
_CHUNK = 256 * 1024
_DATE = re.compile(r"\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT")
_NAMES = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_MONTHS = {name: number for number, name in enumerate(_NAMES.split(), start=1)}
_HEADER = re.compile(
    r"\r\n(etag|content-length|content-range|last-modified|x-amz-version-id|x-amz-server-side-encryption"
    r"(?:-customer-algorithm)?):([^\r\n]*)", re.ASCII | re.IGNORECASE)
_KEYED = ("aws:kms", "aws:kms:dsse")


class Fetched(NamedTuple):
    """What a GetObject said beside the bytes.

    `length` is that of this answer, `size` that of the object; `modified` is in seconds since the epoch, 0
    when it was not told. `plain` says that an ETag without a dash is the MD5 of the object.
    """

    length: int
    size: int
    etag: str
    modified: int
    version_id: str
    plain: bool = True


def pinned(ref: Ref) -> bool:
    """Whether the version of a ref cannot be overwritten, so that its ETag needs no condition."""
    return ref.version_id not in ("", "null")


def fetching(ref: Ref, sink: Sink, *, first: int = 0, last: int = -1) -> Act:
    """One GetObject of bytes `first` to `last` (-1: to the end); its value is `Fetched`.

    What can be overwritten is pinned by its ETag (412 when it is another). `sink` takes the bytes.
    """
    try:
        query = f"versionId={quoted(ref.version_id)}" if ref.version_id else ""
    except UnicodeEncodeError:
        raise LeftToBotocore from None
    headers: tuple[Header, ...] = ()
    if ref.etag and not pinned(ref):
        headers += (("if-match", f'"{ref.etag}"'),)
    if first or last >= 0:
        headers += (("range", _range(first, last)),)

    def read(act: Act, answer: Answer) -> Fetched:
        return _fetched(act, answer, first)

    return Act("GetObject", "GET", ref, read, query=query, headers=headers, sink=sink)


def _range(first: int, last: int) -> str:
    return f"bytes={first}-{last if last >= 0 else ''}"


def _fetched(act: Act, answer: Answer, first: int) -> Fetched:
    if answer.status not in (200, 206):
        raise refused(act, answer)
    head = _fields(answer.head)
    length = head.get("content-length", "")
    if not length.isdigit() or "etag" not in head:
        raise UntrustedAnswer("The answer with an object has no ETag or length", where=act.place)
    size = int(length)
    if answer.status == 206:
        told, _, total = head.get("content-range", "").partition("/")
        if not total.isdigit() or not told.startswith(f"bytes {first}-"):
            raise UntrustedAnswer("Another part of the object came than was asked for", where=act.place)
        size = int(total)
    elif first:
        raise ServiceError(RANGE_IGNORED, 400, "the store ignores byte ranges", where=act.place)
    encryption = head.get("x-amz-server-side-encryption", "")
    return Fetched(
        int(length), size, clean_etag(head["etag"]), seconds_of(head.get("last-modified", "")),
        head.get("x-amz-version-id", ""),
        encryption not in _KEYED and "x-amz-server-side-encryption-customer-algorithm" not in head)


def _fields(head: bytes) -> dict[str, str]:
    """The headers that matter, by their lower-case names."""
    return {name.lower(): value.strip() for name, value in _HEADER.findall(head.decode("latin-1"))}


@lru_cache(maxsize=4096)
def seconds_of(text: str) -> int:
    """A date of HTTP in seconds since the epoch; 0 for anything else."""
    match = _DATE.fullmatch(text)
    if match is None or match[2] not in _MONTHS:
        return 0
    day, _, year, hour, minute, second = match.groups()
    return calendar.timegm((int(year), _MONTHS[match[2]], int(day), int(hour), int(minute), int(second)))


def getting(read: ReadStore, ref: Ref, sink: Sink, *, first: int = 0, last: int = -1) -> Steps[Fetched]:
    """The steps of one GetObject.

    Raises `ServiceError` for an answered error and what `ReadStore` raises for no answer. Bytes that came
    before an error are in the sink.
    """
    try:
        found: Fetched = yield fetching(ref, sink, first=first, last=last)
    except LeftToBotocore:
        found = yield partial(_through_botocore, read, ref, sink, first, last)
    return found


def _through_botocore(read: ReadStore, ref: Ref, sink: Sink, first: int, last: int) -> Fetched:
    place = where(ref.bucket, ref.key)
    asked: dict[str, Any] = {"VersionId": ref.version_id} if ref.version_id else {}
    if ref.etag and not pinned(ref):
        asked["IfMatch"] = f'"{ref.etag}"'
    if first or last >= 0:
        asked["Range"] = _range(first, last)
    answer = read.calls.once("get_object", place, Bucket=ref.bucket, Key=ref.key, **asked)
    told, length = answer.get("ContentRange") or "", int(answer["ContentLength"])
    if first and not told.startswith(f"bytes {first}-"):
        raise ServiceError(RANGE_IGNORED, 400, "the store ignores byte ranges", where=place)
    until = time.monotonic() + WHOLE_ANSWER
    try:
        with closing(answer["Body"]) as body:
            while chunk := body.read(_CHUNK):
                if sink(chunk) == 0 or time.monotonic() > until:
                    raise UntrustedAnswer("The answer is not the object that was asked for", where=place)
    except S3ConsoleError:
        raise
    except Exception as error:  # noqa: BLE001  every failure of urllib3 becomes one of the house
        raise unanswered(error, where=place, endpoint=read.endpoint_url) from None
    moment = answer.get("LastModified")
    return Fetched(
        length, int(told.rpartition("/")[2]) if told else length, clean_etag(answer["ETag"]),
        int(moment.timestamp()) if moment is not None else 0, answer.get("VersionId") or "",
        answer.get("ServerSideEncryption") not in _KEYED and not answer.get("SSECustomerAlgorithm"))


def part_asking(ref: Ref, number: int = 1) -> Act:
    """One HeadObject of a part of an object; its value is the size of that part, 0 where that is not told."""
    try:
        pin = f"&versionId={quoted(ref.version_id)}" if ref.version_id else ""
    except UnicodeEncodeError:
        raise LeftToBotocore from None
    return Act("HeadObject", "HEAD", ref, _part_told, query=f"partNumber={number}{pin}")


def _part_told(act: Act, answer: Answer) -> int:
    if answer.status in (301, 302, 307, 308):
        raise LeftToBotocore
    if answer.status not in (200, 206):
        raise ServiceError(str(answer.status), answer.status, "", where=act.place)
    told, length = answer.header(b"x-amz-mp-parts-count"), answer.header(b"content-length")
    return int(length) if told and length.isdigit() else 0


def sizing(read: ReadStore, ref: Ref, number: int = 1) -> Steps[int]:
    """The bytes of one part of an object uploaded in parts; 0 where the store does not tell."""
    try:
        size: int = yield part_asking(ref, number)
    except LeftToBotocore:
        size = yield partial(_part_size, read, ref, number)
    return size


def _part_size(read: ReadStore, ref: Ref, number: int) -> int:
    pin = {"VersionId": ref.version_id} if ref.version_id else {}
    answer = read.calls.once("head_object", where(ref.bucket, ref.key), Bucket=ref.bucket, Key=ref.key,
                             PartNumber=number, **pin)
    return int(answer["ContentLength"]) if answer.get("PartsCount") else 0
