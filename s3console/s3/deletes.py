"""Deletes, reconciled key by key: nothing counts as deleted that the store did not name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.errors import Reaction, S3ConsoleError, ServiceError, UsageError
from ..core.keys import xml_safe
from ..core.model import Ref
from .facts import DeleteOutcome
from .failures import reaction_of, shown
from .pages import clean_etag
from .read import ReadStore, where

BATCH = 1000
"""Keys that one DeleteObjects may name (S3 API reference)."""
_GONE = {"NoSuchKey", "NoSuchVersion", "404"}


def delete_versions(read: ReadStore, bucket: str, refs: Sequence[Ref]) -> list[DeleteOutcome]:
    """Delete these versions: 1,000 per request, one by one where XML 1.0 cannot hold the key.

    Raises when a whole request fails; then the outcome of its keys is unknown and must be looked at.
    """
    if any(not ref.version_id for ref in refs):
        raise UsageError("A delete of versions names an object without a version", where=where(bucket))
    if any(ref.bucket != bucket for ref in refs):
        raise UsageError("A delete names two buckets", where=where(bucket))
    done: dict[tuple[str, str], DeleteOutcome] = {}
    safe = list(dict.fromkeys(ref for ref in refs if xml_safe(ref.key)))
    for start in range(0, len(safe), BATCH):
        for outcome in _batch(read, bucket, safe[start:start + BATCH]):
            done[outcome.ref.key, outcome.ref.version_id] = outcome
    for ref in refs:
        if (ref.key, ref.version_id) not in done:
            done[ref.key, ref.version_id] = _one(read, ref, {"VersionId": ref.version_id})
    return [done[ref.key, ref.version_id]._replace(ref=ref) for ref in refs]


def _batch(read: ReadStore, bucket: str, refs: Sequence[Ref]) -> list[DeleteOutcome]:
    answer = read.calls.once("delete_objects", where(bucket), Bucket=bucket, Delete={
        "Quiet": False, "Objects": [{"Key": ref.key, "VersionId": ref.version_id} for ref in refs]})
    deleted = {(one.get("Key"), one.get("VersionId")) for one in answer.get("Deleted", [])}
    failed = {(one.get("Key"), one.get("VersionId") or ""): one for one in answer.get("Errors", [])}
    return [_reconciled(read, ref, deleted, failed) for ref in refs]


def _reconciled(read: ReadStore, ref: Ref, deleted: set[tuple[Any, Any]],
                failed: dict[tuple[Any, str], Any]) -> DeleteOutcome:
    name = (ref.key, ref.version_id)
    error = failed.get(name) or failed.get((ref.key, ""))
    if error is not None:
        code = str(error.get("Code") or "Unknown")
        return DeleteOutcome(ref, code in _GONE, shown(code, 80), shown(error.get("Message") or ""))
    if name in deleted:
        return DeleteOutcome(ref, True)
    return _looked_up(read, ref)


def _looked_up(read: ReadStore, ref: Ref) -> DeleteOutcome:
    """The version listing is the only answer that shows versions and markers alike."""
    try:
        left = any(entry.version_id == ref.version_id for entry in read.versions_of(ref.bucket, ref.key))
    except S3ConsoleError as error:
        return DeleteOutcome(ref, False, "Unknown", error.sentence)
    if left:
        return DeleteOutcome(ref, False, "Unknown", "the answer did not name it and it is still there")
    return DeleteOutcome(ref, True, "", "the answer did not name it and it is gone")


def _one(read: ReadStore, ref: Ref, condition: dict[str, str]) -> DeleteOutcome:
    """One DeleteObject; errors that concern only this object become its outcome."""
    try:
        answer = read.calls.once("delete_object", where(ref.bucket, ref.key), Bucket=ref.bucket,
                                 Key=ref.key, **condition)
    except ServiceError as error:
        if error.code in _GONE and error.code != "NoSuchBucket":
            return DeleteOutcome(ref, True, error.code, error.message)
        if reaction_of(error) in (Reaction.LOOK, Reaction.FAIL_ITEM):
            return DeleteOutcome(ref, False, error.code, error.message)
        raise
    marker = answer.get("DeleteMarker") and "VersionId" not in condition
    return DeleteOutcome(ref, True, "", "", answer.get("VersionId", "") if marker else "")


def delete_object(read: ReadStore, ref: Ref, *, look: bool, conditional: bool = True) -> DeleteOutcome:
    """Delete the current object of a name if it carries the ETag of the ref.

    `look` checks the ETag by HEAD first, for stores that ignore the condition; those that do not
    know it (501, or `conditional` False) get the delete without it, after a look.
    """
    if not ref.etag:
        raise UsageError("A delete by name needs the ETag that was reviewed",
                         where=where(ref.bucket, ref.key))
    if look and (refused := _changed(read, ref)):
        return refused
    if conditional:
        try:
            return _one(read, ref, {"IfMatch": f'"{ref.etag}"'})
        except ServiceError as error:
            if error.status != 501 and error.code != "NotImplemented":
                raise
    return _changed(read, ref) or _one(read, ref, {})


def _changed(read: ReadStore, ref: Ref) -> DeleteOutcome | None:
    found = read.head(ref.bucket, ref.key)
    if found is None:
        return DeleteOutcome(ref, True, "NoSuchKey", "it was gone already")
    if found.etag != clean_etag(ref.etag):
        return DeleteOutcome(ref, False, "PreconditionFailed", "it is not the object that was reviewed")
    return None
