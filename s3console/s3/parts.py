"""Copies of objects too large for one request: parts pinned to one version, metadata carried by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ..core.errors import S3ConsoleError, ServiceError, UntrustedAnswer
from ..core.model import Ref
from .facts import CopyOutcome, ObjectFacts, is_md5
from .failures import code_of
from .intent import algorithm, encryption, kept_sums
from .pages import clean_etag
from .read import ReadStore, where

PART_SIZE = 512 * 1024**2
LARGEST_PART_COUNT = 10_000
"""S3 API reference, "Multipart upload limits"; a part has 5 MiB to 5 GiB."""
_AT_ONCE = 8
_NO_TAGS = {"NotImplemented", "MethodNotAllowed", "NoSuchTagSet", "NoSuchTagSetError", "501"}


def copy_source(source: Ref) -> dict[str, Any]:
    """The source of a copy, pinned by version where there is one and by ETag where one is known."""
    pin: dict[str, Any] = {"CopySource": {"Bucket": source.bucket, "Key": source.key}}
    if source.version_id:
        pin["CopySource"]["VersionId"] = source.version_id
    if source.etag:
        pin["CopySourceIfMatch"] = f'"{source.etag}"'
    return pin


def ranges(size: int, part_size: int) -> list[tuple[int, int]]:
    """First and last byte of every part: equal parts, grown in steps of 1 MiB to stay within 10,000."""
    step = 1024**2
    least = -(-size // LARGEST_PART_COUNT)
    length = max(part_size, -(-least // step) * step if least > part_size else part_size)
    return [(first, min(first + length, size) - 1) for first in range(0, size, length)]


def upload_head(read: ReadStore, source: Ref, facts: ObjectFacts, target: Ref,
                storage_class: str = "") -> dict[str, Any]:
    """What CopyObject would carry by itself: system headers, user metadata, tags, storage class.

    Access lists and locks are not carried, as with CopyObject (S3 API reference).
    """
    head: dict[str, Any] = {"Bucket": target.bucket, "Key": target.key, **dict(facts.headers)}
    head.pop("WebsiteRedirectLocation", None)
    if facts.metadata:
        head["Metadata"] = dict(facts.metadata)
    known = source.storage_class if source.storage_class != "STANDARD" else facts.storage_class
    storage = storage_class or known
    if storage != "STANDARD":
        head["StorageClass"] = storage
    tags = _tags(read, source)
    if tags:
        head["Tagging"] = tags
    return head


def _tags(read: ReadStore, source: Ref) -> str:
    pin = {"VersionId": source.version_id} if source.version_id else {}
    try:
        answer = read.calls.call("get_object_tagging", where(source.bucket, source.key),
                                 Bucket=source.bucket, Key=source.key, **pin)
    except S3ConsoleError as error:
        if code_of(error) in _NO_TAGS:
            return ""
        raise
    return urlencode([(tag["Key"], tag["Value"]) for tag in answer.get("TagSet", [])])


def source_facts(read: ReadStore, source: Ref) -> ObjectFacts:
    """HEAD of the pinned source; an object that is gone or is another one is refused like S3 would."""
    facts = read.head(source.bucket, source.key, source.version_id, checksums=True)
    place = where(source.bucket, source.key)
    if facts is None:
        raise ServiceError("NoSuchKey", 404, "the source is not there", where=place)
    if (source.etag and facts.etag != source.etag) or (source.size and facts.size != source.size):
        raise ServiceError("PreconditionFailed", 412, "the source is not as it was reviewed", where=place)
    return facts


def copy_in_parts(read: ReadStore, source: Ref, target: Ref, *, conditions: dict[str, str],
                  part_size: int, storage_class: str = "") -> CopyOutcome:
    """Copy inside one store by UploadPartCopy, several parts at once."""
    facts = source_facts(read, source)
    pin = copy_source(source._replace(etag=source.etag or facts.etag))
    place, name = where(target.bucket, target.key), algorithm(facts)

    def part(upload: str, number: int, first: int, last: int) -> dict[str, Any]:
        answer = read.calls.call(
            "upload_part_copy", place, Bucket=target.bucket, Key=target.key, UploadId=upload,
            PartNumber=number, CopySourceRange=f"bytes={first}-{last}", **pin)
        result = answer.get("CopyPartResult") or {}
        if not result.get("ETag"):
            raise UntrustedAnswer("A part was copied without a result", where=place)
        return {"PartNumber": number, "ETag": result["ETag"], **(kept_sums(result) if name else {})}

    def send(upload: str) -> list[dict[str, Any]]:
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="parts")
        try:
            numbered = enumerate(ranges(facts.size, part_size), 1)
            jobs = [pool.submit(part, upload, number, first, last) for number, (first, last) in numbered]
            return [job.result() for job in jobs]
        finally:
            pool.shutdown(cancel_futures=True)

    head = upload_head(read, source, facts, target, storage_class) | encryption(read, read, facts)
    if name:
        head["ChecksumAlgorithm"] = name
    return in_one_upload(read, head, send, conditions=conditions)


def in_one_upload(read: ReadStore, head: dict[str, Any], send: Callable[[str], Iterable[dict[str, Any]]], *,
                  conditions: dict[str, str]) -> CopyOutcome:
    """Begin an upload, send its parts, complete it; anything that goes wrong before that aborts it."""
    name = {"Bucket": head["Bucket"], "Key": head["Key"]}
    place = where(name["Bucket"], name["Key"])
    begun = read.calls.once("create_multipart_upload", place, **head)
    upload = begun.get("UploadId")
    if not upload:
        raise UntrustedAnswer("The upload was begun without an id", where=place)
    try:
        sent = list(send(upload))
        expected = whole_etag([part["ETag"] for part in sent])
    except BaseException:
        _abort(read, name, upload, place)
        raise
    try:
        answer = read.calls.once("complete_multipart_upload", place, UploadId=upload,
                                 MultipartUpload={"Parts": sent}, **name, **conditions)
    except ServiceError as error:
        if error.status in (409, 412):
            _abort(read, name, upload, place)
        raise
    etag = clean_etag(answer.get("ETag") or "")
    done = CopyOutcome(etag or _looked_up(read, name, answer, expected, place), answer.get("VersionId") or "")
    _keep_tags(read, head, done, place)
    return done


def whole_etag(etags: Sequence[str]) -> str:
    """The ETag of an upload from those of its parts; "" when they are not plain MD5."""
    clean = [clean_etag(etag) for etag in etags]
    if not clean or not all(map(is_md5, clean)):
        return ""
    digest = hashlib.md5(bytes.fromhex("".join(clean)), usedforsecurity=False).hexdigest()
    return f"{digest}-{len(clean)}"


def _looked_up(read: ReadStore, name: dict[str, Any], answer: dict[str, Any], expected: str,
               place: str) -> str:
    """The ETag of a completed upload that was answered without one (Ceph 16): the object must carry it."""
    if answer.get("Key") == name["Key"] and expected:
        found = read.head(name["Bucket"], name["Key"], answer.get("VersionId") or "")
        if found is not None and found.etag == expected:
            return expected
    raise UntrustedAnswer("The upload was completed without a result", where=place,
                          next_step="Look at the target before trying again")


def _keep_tags(read: ReadStore, head: dict[str, Any], done: CopyOutcome, place: str) -> None:
    """Set the tags once more on stores that forget those given at the begin of an upload."""
    if read.calls.aws or not head.get("Tagging"):
        return
    pin = {"VersionId": done.version_id} if done.version_id else {}
    tags = [{"Key": key, "Value": value} for key, value in parse_qsl(head["Tagging"], keep_blank_values=True)]
    read.calls.call("put_object_tagging", place, Bucket=head["Bucket"], Key=head["Key"],
                    Tagging={"TagSet": tags}, **pin)


def _abort(read: ReadStore, name: dict[str, Any], upload: str, place: str) -> None:
    """Best effort: an upload left behind costs storage, and the error that led here matters more."""
    try:
        read.calls.once("abort_multipart_upload", place, UploadId=upload, **name)
    except S3ConsoleError:
        return
