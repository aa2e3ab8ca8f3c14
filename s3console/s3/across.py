"""Copies between two connections: read on one side, written on the other, one part in memory."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from ..core.errors import ServiceError, UntrustedAnswer
from ..core.model import Ref
from .facts import CopyOutcome, ObjectFacts
from .intent import algorithm, can_sum, encryption, kept_sums, own_sum
from .pages import clean_etag
from .parts import in_one_upload, ranges, source_facts, upload_head
from .read import ReadStore, where

PIECE = 16 * 1024**2
"""Bytes held in memory at once, and the largest object that is put in one request."""


def copy_across(source_store: ReadStore, target_store: ReadStore, source: Ref, target: Ref, *,
                conditions: dict[str, str], part_size: int, storage_class: str = "") -> CopyOutcome:
    """Read the pinned source and write it to the target, with metadata, tags and storage class.

    Every request carries the MD5 of its body, and the bytes read are checked against the source's
    ETag where that is an MD5. Raises `UntrustedAnswer` when they are not the bytes of the source.
    """
    facts = source_facts(source_store, source)
    pinned = source._replace(etag=source.etag or facts.etag)
    head = upload_head(source_store, source, facts, target, storage_class)
    head |= encryption(source_store, target_store, facts)
    name = algorithm(facts) if can_sum(algorithm(facts)) else ""
    piece = min(PIECE, part_size)
    if facts.size <= piece:
        return _put(source_store, target_store, pinned, facts, head, conditions, name)
    if name:
        head["ChecksumAlgorithm"] = name
    whole = hashlib.md5(usedforsecurity=False)
    digests: list[bytes] = []

    def send(upload: str) -> Iterator[dict[str, Any]]:
        for number, (first, last) in enumerate(ranges(facts.size, piece), 1):
            body = _read(source_store, pinned, first, last)
            digest = hashlib.md5(body, usedforsecurity=False).digest()
            whole.update(body)
            digests.append(digest)
            answer = target_store.calls.call(
                "upload_part", where(target.bucket, target.key), Bucket=target.bucket, Key=target.key,
                UploadId=upload, PartNumber=number, Body=body, ContentMD5=_base64(digest),
                **own_sum(name, body))
            yield {"PartNumber": number, "ETag": answer.get("ETag", ""), **kept_sums(answer)}
        _same(facts, whole.hexdigest(), source)

    return in_one_upload(target_store, head, send, conditions=conditions)


def _put(source_store: ReadStore, target_store: ReadStore, source: Ref, facts: ObjectFacts,
         head: dict[str, Any], conditions: dict[str, str], name: str) -> CopyOutcome:
    body = _read(source_store, source, 0, facts.size - 1) if facts.size else b""
    digest = hashlib.md5(body, usedforsecurity=False)
    _same(facts, digest.hexdigest(), source)
    place = where(head["Bucket"], head["Key"])
    answer = target_store.calls.once("put_object", place, Body=body, ContentMD5=_base64(digest.digest()),
                                     **head, **conditions, **own_sum(name, body))
    etag = clean_etag(answer.get("ETag") or "")
    if not etag:
        raise UntrustedAnswer("The object was written without a result", where=place,
                              next_step="Look at the target before trying again")
    return CopyOutcome(etag, answer.get("VersionId") or "")


def _read(store: ReadStore, source: Ref, first: int, last: int) -> bytes:
    body = store.get_range(source.bucket, source.key, source.version_id, first, last - first + 1,
                           etag=source.etag)
    if len(body) != last - first + 1:
        raise ServiceError("IncompleteBody", 0, "the source ended early",
                           where=where(source.bucket, source.key))
    return body


def _same(facts: ObjectFacts, digest: str, source: Ref) -> None:
    if facts.etag_is_md5 and facts.etag != digest:
        raise UntrustedAnswer("What was read is not what the ETag of the source says",
                              where=where(source.bucket, source.key), next_step="Read the source again")


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
