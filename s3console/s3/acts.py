"""The rarer acts of a writer: access lists, thawing, aborted uploads, removed buckets."""

from __future__ import annotations

from typing import Any

from ..core.errors import ServiceError
from ..core.model import Ref
from .read import ReadStore, where

TIERS = ("Expedited", "Standard", "Bulk")
"""S3 API reference, RestoreObject: GlacierJobParameters, Tier."""


def _pin(ref: Ref) -> dict[str, Any]:
    return {"VersionId": ref.version_id} if ref.version_id else {}


def carry_access(source_store: ReadStore, target_store: ReadStore, source: Ref, target: Ref) -> None:
    """Give the target the grants of the source; its owner stays who it is.

    Raises `ServiceError`, with AccessControlListNotSupported where the bucket has no access lists.
    """
    found = source_store.calls.once("get_object_acl", where(source.bucket, source.key),
                                    Bucket=source.bucket, Key=source.key, **_pin(source))
    place = where(target.bucket, target.key)
    own = target_store.calls.once("get_object_acl", place, Bucket=target.bucket, Key=target.key,
                                  **_pin(target))
    target_store.calls.once(
        "put_object_acl", place, Bucket=target.bucket, Key=target.key, **_pin(target),
        AccessControlPolicy={"Grants": found.get("Grants", []), "Owner": own.get("Owner", {})})


def carry_lock(source_store: ReadStore, target_store: ReadStore, source: Ref, target: Ref) -> None:
    """Give the target the retention and the legal hold of the source, where it has them.

    Raises `ServiceError`, with InvalidRequest where the bucket of the target has no Object Lock.
    """
    facts = source_store.head(source.bucket, source.key, source.version_id)
    if facts is None:
        raise ServiceError("NoSuchKey", 404, "the source is not there",
                           where=where(source.bucket, source.key))
    place = where(target.bucket, target.key)
    if facts.lock_until:
        found = source_store.calls.once("get_object_retention", where(source.bucket, source.key),
                                        Bucket=source.bucket, Key=source.key, **_pin(source))
        target_store.calls.once("put_object_retention", place, Bucket=target.bucket, Key=target.key,
                                Retention=found["Retention"], **_pin(target))
    if facts.legal_hold:
        target_store.calls.once("put_object_legal_hold", place, Bucket=target.bucket, Key=target.key,
                                LegalHold={"Status": "ON"}, **_pin(target))


def thaw(store: ReadStore, ref: Ref, *, tier: str, days: int) -> None:
    """Ask for an archived object to be readable for `days` days; it is so when the store is done with it.

    Raises `ServiceError`, with RestoreAlreadyInProgress for one that was asked for already.
    """
    request: dict[str, Any] = {"Days": days}
    if tier:
        request["GlacierJobParameters"] = {"Tier": tier}
    store.calls.once("restore_object", where(ref.bucket, ref.key), Bucket=ref.bucket, Key=ref.key,
                     RestoreRequest=request, **_pin(ref))


def abort_upload(store: ReadStore, ref: Ref) -> None:
    """Abort the multipart upload whose id stands in the place of the version."""
    store.calls.once("abort_multipart_upload", where(ref.bucket, ref.key), Bucket=ref.bucket, Key=ref.key,
                     UploadId=ref.version_id)


def remove_bucket(store: ReadStore, bucket: str) -> None:
    """Remove a bucket; the store refuses with BucketNotEmpty while an object is in it."""
    store.calls.once("delete_bucket", where(bucket), Bucket=bucket)
