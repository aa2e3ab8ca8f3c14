"""What a store says about the bytes of one object beyond its ETag: checksums, parts, their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.checksums import ALGORITHMS, ByteFacts, PartFacts, parts_of
from ..core.errors import AccessRefused, NoSuchPlace, ServiceError, UntrustedAnswer
from .pages import clean_etag
from .read import ReadStore, where

_MOST_PAGES = 3
_MOST_PART_HEADS = 4


def attributes(store: ReadStore, bucket: str, key: str, version_id: str = "") -> ByteFacts | None:
    """The checksums and parts of an object or version; None when it is not there.

    One HEAD; for an object with checksums of parts only, GetObjectAttributes (up to 3 requests), or
    where that is refused or not known, HEAD of up to four parts. Stores without checksums are never
    sent GetObjectAttributes: Ceph 16 answers it with the whole object. Raises as every call does.
    """
    answer = _head(store, bucket, key, version_id)
    if answer is None:
        return None
    size, etag = int(answer["ContentLength"]), clean_etag(answer["ETag"])
    whole, composite = _kinds(_sums(answer), answer.get("ChecksumType"), etag)
    parts: list[PartFacts] = []
    if composite and not whole:
        parts = _listed_parts(store, bucket, key, version_id)
    if not whole and sum(part.size for part in parts) != size:
        parts = _asked_parts(store, bucket, key, version_id, parts_of(etag))
    # A store that does not know parts answers with the whole object.
    known = bool(parts) and sum(part.size for part in parts) == size
    return ByteFacts(size, etag, whole, composite, tuple(parts) if known else ())


def _pin(version_id: str) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def _listed_parts(store: ReadStore, bucket: str, key: str, version_id: str) -> list[PartFacts]:
    parts: list[PartFacts] = []
    marker: dict[str, Any] = {}
    try:
        for _ in range(_MOST_PAGES):
            answer = store.calls.call(
                "get_object_attributes", where(bucket, key), Bucket=bucket, Key=key,
                ObjectAttributes=["ObjectParts"], MaxParts=1000, **marker, **_pin(version_id))
            listed = answer.get("ObjectParts") or {}
            found = listed.get("Parts") or ()
            parts += [PartFacts(int(part.get("Size") or 0), _sums(part)) for part in found]
            if not listed.get("IsTruncated"):
                return parts
            marker = {"PartNumberMarker": listed.get("NextPartNumberMarker")}
    except (AccessRefused, ServiceError, UntrustedAnswer):
        pass  # the parts can be asked one by one
    return []


def _asked_parts(
    store: ReadStore, bucket: str, key: str, version_id: str, count: int
) -> list[PartFacts]:
    parts: list[PartFacts] = []
    for number in range(1, count + 1 if 1 < count <= _MOST_PART_HEADS else 0):
        part = _head(store, bucket, key, version_id, PartNumber=number)
        if part is None:
            return []
        parts.append(PartFacts(int(part["ContentLength"]), _sums(part)))
    return parts


def _head(store: ReadStore, bucket: str, key: str, version_id: str, **more: Any) -> dict[str, Any] | None:
    try:
        answer = store.calls.call("head_object", where(bucket, key), Bucket=bucket, Key=key,
                                  ChecksumMode="ENABLED", **more, **_pin(version_id))
    except NoSuchPlace:
        raise
    except ServiceError as error:
        if error.status in (400, 404, 405, 416):
            return None
        raise
    return answer if "ETag" in answer and "ContentLength" in answer else None


def _sums(answer: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(answer[f"Checksum{name}"]) for name in ALGORITHMS if answer.get(f"Checksum{name}")}


def _kinds(sums: dict[str, str], kind: str | None, etag: str) -> tuple[dict[str, str], dict[str, str]]:
    """Checksums over all bytes, and those over the parts. Where the store does not say which (before
    2024 there were only composite ones for objects made in parts), the ETag tells."""
    whole: dict[str, str] = {}
    composite: dict[str, str] = {}
    for name, value in sums.items():
        plain, dash, _ = value.partition("-")
        made_of_parts = bool(dash) or kind == "COMPOSITE" or (
            kind is None and name != "CRC64NVME" and parts_of(etag) > 0)
        (composite if made_of_parts else whole)[name] = plain
    return whole, composite
