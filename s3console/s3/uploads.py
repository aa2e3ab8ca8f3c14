"""Multipart uploads begun and neither completed nor aborted: stored, paid for, and in no listing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.errors import ServiceError, UntrustedAnswer
from ..core.model import Place
from .pages import decode_url
from .read import ReadStore, iso, where


@dataclass(frozen=True, slots=True)
class UploadFacts:
    """One upload in progress. `bytes` and `parts` are what was stored of it so far."""

    key: str
    upload_id: str
    begun: str
    storage_class: str
    parts: int
    bytes: int


def uploads(store: ReadStore, place: Place) -> Iterator[UploadFacts]:
    """The uploads in progress below a place, by key; one request per page and one or more per upload.

    Raises what every read raises (see `ReadStore`), and UntrustedAnswer for a listing that goes in circles.
    """
    marker, upload_marker = "", ""
    while True:
        options = {"KeyMarker": marker, "UploadIdMarker": upload_marker} if marker else {}
        answer = store.calls.call(
            "list_multipart_uploads", where(place.bucket, place.prefix), Bucket=place.bucket,
            Prefix=place.prefix, EncodingType="url", **options)  # fmt: skip
        encoded = answer.get("EncodingType") == "url"
        before = marker, upload_marker
        for one in answer.get("Uploads", []):
            found = _facts(store, place, one, encoded=encoded)
            # The last row is the marker of the answer, and surely decoded right.
            marker, upload_marker = found.key, found.upload_id
            yield found
        if not answer.get("IsTruncated"):
            return
        if (marker, upload_marker) == before:
            raise UntrustedAnswer("The list of uploads goes on and does not say where",
                                  where=where(place.bucket))  # fmt: skip


def _facts(store: ReadStore, place: Place, listed: dict[str, Any], *, encoded: bool) -> UploadFacts:
    """The facts of one listed upload. Ceph 16 encodes the names and does not say so: the store is asked
    about the name that is more likely, then about the other."""
    plain, decoded = listed["Key"], decode_url(listed["Key"])
    names = [decoded] if encoded or plain == decoded else [plain, decoded]
    names = [name for name in names if name.startswith(place.prefix)]
    for name in names[:-1]:
        try:
            return _with_parts(store, place.bucket, name, listed)
        except ServiceError as error:
            if error.status != 404:
                raise
    if not names:
        raise UntrustedAnswer("The list of uploads holds a name outside the prefix",
                              where=where(place.bucket, place.prefix))  # fmt: skip
    return _with_parts(store, place.bucket, names[-1], listed)


def _with_parts(store: ReadStore, bucket: str, key: str, listed: dict[str, Any]) -> UploadFacts:
    upload, after, parts, size = listed["UploadId"], 0, 0, 0
    while True:
        answer = store.calls.call("list_parts", where(bucket, key), Bucket=bucket, Key=key, UploadId=upload,
                                  **({"PartNumberMarker": after} if after else {}))  # fmt: skip
        found = answer.get("Parts", [])
        parts += len(found)
        size += sum(int(one["Size"]) for one in found)
        following = int(answer.get("NextPartNumberMarker") or 0)
        if not answer.get("IsTruncated") or following <= after:
            return UploadFacts(key, upload, iso(listed.get("Initiated")),
                               listed.get("StorageClass") or "STANDARD", parts, size)  # fmt: skip
        after = following
