"""Rarer looks at one object: its tags, and a URL that lets anybody read it for a while."""

from __future__ import annotations

from ..core.errors import AccessRefused, S3ConsoleError, ServiceError, UsageError
from .read import ReadStore, where

LONGEST = 7 * 86400
"""Seconds a presigned URL of signature version 4 may live (S3 User Guide, "Sharing objects")."""


def object_tags(store: ReadStore, bucket: str, key: str, version_id: str = "") -> tuple[tuple[str, str], ...]:
    """The tags of an object or version in the order of their names. Raises what a read raises."""
    pin = {"VersionId": version_id} if version_id else {}
    answer = store.calls.call("get_object_tagging", where(bucket, key), Bucket=bucket, Key=key, **pin)
    return tuple(sorted((one["Key"], one["Value"]) for one in answer.get("TagSet", [])))


def tags_or_none(
    store: ReadStore, bucket: str, key: str, version_id: str = ""
) -> tuple[tuple[str, str], ...] | None:
    """The tags, or None where they may not be read or the store keeps none."""
    try:
        return object_tags(store, bucket, key, version_id)
    except (AccessRefused, ServiceError):
        return None


def presigned_url(store: ReadStore, bucket: str, key: str, version_id: str = "", *, seconds: int) -> str:
    """A URL by which anybody can read this object for `seconds`. Nothing is sent.

    Raises UsageError for a time that S3 does not allow, CredentialsMissing.
    """
    if not 0 < seconds <= LONGEST:
        raise UsageError("a presigned URL lives from 1 second to 7 days")
    parameters = {"Bucket": bucket, "Key": key} | ({"VersionId": version_id} if version_id else {})
    client = store.calls.client
    try:
        # Botocore presigns with the old signature where a region still takes it.
        client.meta.events.register("choose-signer.s3.GetObject", _newest, unique_id="s3console-presign")
        return str(client.generate_presigned_url("get_object", parameters, ExpiresIn=seconds))
    except S3ConsoleError:
        raise
    except Exception as error:  # noqa: BLE001  every failure of botocore becomes one of the house
        raise store.calls.explain(error, where(bucket, key)) from None


def _newest(**_: object) -> str:
    return "s3v4"


def object_url(store: ReadStore, bucket: str, key: str) -> str:
    """The plain URL of an object at this endpoint: readable where the object is public."""
    from urllib.parse import quote

    path = quote(key.encode("utf-8", "surrogateescape"), safe="/-_.~")
    endpoint = store.endpoint_url.rstrip("/")
    scheme, _, host = endpoint.partition("://")
    if store.calls.aws and "." not in bucket:
        return f"{scheme}://{bucket}.{host}/{path}"
    return f"{endpoint}/{bucket}/{path}"
