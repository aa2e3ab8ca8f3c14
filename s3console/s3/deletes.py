"""Deletes, reconciled key by key: nothing counts as deleted that the store did not name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from ..core.errors import Reaction, S3ConsoleError, ServiceError, UsageError
from ..core.keys import xml_safe
from ..core.model import Ref
from . import lean_writes
from .facts import DeleteOutcome, Glance
from .failures import reaction_of, shown
from .lean_writes import Verdicts
from .pages import clean_etag
from .read import ReadStore, where
from .steps import LeftToBotocore, Steps

BATCH = 1000
"""Keys that one DeleteObjects may name (S3 API reference)."""
_GONE = {"NoSuchKey", "NoSuchVersion", "404"}


def deleting_versions(read: ReadStore, bucket: str, refs: Sequence[Ref]) -> Steps[list[DeleteOutcome]]:
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
        outcomes = yield from _batch(read, bucket, safe[start:start + BATCH])
        if len(outcomes) == len(refs):
            return outcomes
        for outcome in outcomes:
            done[outcome.ref.key, outcome.ref.version_id] = outcome
    for ref in refs:
        if (ref.key, ref.version_id) not in done:
            done[ref.key, ref.version_id] = yield from _one(read, ref)
    return [done[ref.key, ref.version_id]._replace(ref=ref) for ref in refs]


def _batch(read: ReadStore, bucket: str, refs: Sequence[Ref]) -> Steps[list[DeleteOutcome]]:
    try:
        verdicts: Verdicts = yield lean_writes.deleting(refs)
        if verdicts.everything:
            return [DeleteOutcome(ref, True) for ref in refs]
        deleted, failed = verdicts.deleted, verdicts.failed
    except LeftToBotocore:
        answer = yield partial(read.calls.once, "delete_objects", where(bucket), Bucket=bucket, Delete={
            "Quiet": False, "Objects": [{"Key": ref.key, "VersionId": ref.version_id} for ref in refs]})
        deleted = frozenset((one.get("Key"), one.get("VersionId")) for one in answer.get("Deleted", []))
        failed = {(one.get("Key"), one.get("VersionId") or ""):
                  (str(one.get("Code") or "Unknown"), str(one.get("Message") or ""))
                  for one in answer.get("Errors", [])}
    outcomes = []
    for ref in refs:
        outcomes.append(_reconciled(ref, deleted, failed) or (yield partial(_looked_up, read, ref)))
    return outcomes


def deleting_names(read: ReadStore, bucket: str, refs: Sequence[Ref]) -> Steps[list[DeleteOutcome]]:
    """Delete at most 1,000 names, each under the condition of its ETag; for stores that honour it.

    A name that XML 1.0 cannot hold, or that the answer does not name, is not deleted as far as this tells.
    """
    if any(ref.version_id or not ref.etag or ref.bucket != bucket for ref in refs):
        raise UsageError("A delete of names needs the ETags that were reviewed", where=where(bucket))
    safe = [ref for ref in refs if xml_safe(ref.key)]
    deleted: Collection[tuple[str, str]] = frozenset()
    failed: Mapping[tuple[str, str], tuple[str, str]] = {}
    if safe:
        try:
            verdicts: Verdicts = yield lean_writes.deleting(safe)
            deleted, failed = verdicts.deleted, verdicts.failed
            if verdicts.everything:
                deleted = {(ref.key, "") for ref in safe}
        except LeftToBotocore:
            answer = yield partial(read.calls.once, "delete_objects", where(bucket), Bucket=bucket, Delete={
                "Quiet": False, "Objects": [{"Key": ref.key, "ETag": f'"{ref.etag}"'} for ref in safe]})
            deleted = frozenset((one.get("Key"), "") for one in answer.get("Deleted", []))
    silent = "the answer did not name it"
    return [_reconciled(ref, deleted, failed) or DeleteOutcome(ref, False, "Unknown", silent) for ref in refs]


def _reconciled(ref: Ref, deleted: Collection[tuple[str, str]],
                failed: Mapping[tuple[str, str], tuple[str, str]]) -> DeleteOutcome | None:
    """What the answer says of one version; None when it does not name it."""
    name = (ref.key, ref.version_id)
    error = failed.get(name) or failed.get((ref.key, ""))
    if error is not None:
        return DeleteOutcome(ref, error[0] in _GONE, shown(error[0], 80), shown(error[1]))
    return DeleteOutcome(ref, True) if name in deleted else None


def _looked_up(read: ReadStore, ref: Ref) -> DeleteOutcome:
    """The version listing is the only answer that shows versions and markers alike."""
    try:
        left = any(entry.version_id == ref.version_id for entry in read.versions_of(ref.bucket, ref.key))
    except S3ConsoleError as error:
        return DeleteOutcome(ref, False, "Unknown", error.sentence)
    if left:
        return DeleteOutcome(ref, False, "Unknown", "the answer did not name it and it is still there")
    return DeleteOutcome(ref, True, "", "the answer did not name it and it is gone")


def _one(read: ReadStore, ref: Ref, etag: str = "") -> Steps[DeleteOutcome]:
    """One DeleteObject; errors that concern only this object become its outcome."""
    condition = {"IfMatch": f'"{etag}"'} if etag else {}
    try:
        try:
            outcome: DeleteOutcome = yield lean_writes.deleting_one(ref, if_match=etag)
            return outcome
        except LeftToBotocore:
            pin = {"VersionId": ref.version_id} if ref.version_id else {}
            answer = yield partial(read.calls.once, "delete_object", where(ref.bucket, ref.key),
                                   Bucket=ref.bucket, Key=ref.key, **pin, **condition)
    except ServiceError as error:
        if error.code in _GONE and error.code != "NoSuchBucket":
            return DeleteOutcome(ref, True, error.code, error.message)
        if reaction_of(error) in (Reaction.LOOK, Reaction.FAIL_ITEM):
            return DeleteOutcome(ref, False, error.code, error.message)
        raise
    marker = answer.get("DeleteMarker") and not ref.version_id
    return DeleteOutcome(ref, True, "", "", answer.get("VersionId", "") if marker else "")


def deleting_object(read: ReadStore, ref: Ref, *, look: bool,
                    conditional: bool = True) -> Steps[DeleteOutcome]:
    """Delete the current object of a name if it carries the ETag of the ref.

    `look` checks the ETag by HEAD first, for stores that ignore the condition; those that do not
    know it (501, or `conditional` False) get the delete without it, after a look.
    """
    if not ref.etag:
        raise UsageError("A delete by name needs the ETag that was reviewed",
                         where=where(ref.bucket, ref.key))
    named = ref._replace(version_id="")
    if look:
        refused = yield from _changed(read, named)
        if refused is not None:
            return refused
    if conditional:
        try:
            return (yield from _one(read, named, ref.etag))
        except ServiceError as error:
            if error.status != 501 and error.code != "NotImplemented":
                raise
    refused = yield from _changed(read, named)
    return refused or (yield from _one(read, named))


def _changed(read: ReadStore, ref: Ref) -> Steps[DeleteOutcome | None]:
    found = yield from glancing(read, ref)
    if found is None:
        return DeleteOutcome(ref, True, "NoSuchKey", "it was gone already")
    if found.etag != clean_etag(ref.etag):
        return DeleteOutcome(ref, False, "PreconditionFailed", "it is not the object that was reviewed")
    return None


def glancing(read: ReadStore, ref: Ref) -> Steps[Glance | None]:
    """Size, ETag and version of an object or version; None when it is not there or is a marker."""
    if ref.key:
        try:
            seen: Glance | None = yield lean_writes.glancing(ref)
            return seen
        except LeftToBotocore:
            pass
    found = yield partial(read.head, ref.bucket, ref.key, ref.version_id)
    return None if found is None else Glance(found.size, found.etag, found.version_id)
