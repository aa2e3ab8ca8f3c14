"""What a copy in parts or across stores is told to keep beside metadata: how the source is encrypted and by
which checksum it is kept. CopyObject keeps a checksum by itself and gives the encryption of the bucket."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from ..core.errors import AccessRefused, ServiceError
from .facts import ObjectFacts
from .read import ReadStore, where

_OWN = ("SHA256", "SHA1", "CRC32")
"""Algorithms of which the checksum of a body is made here; AWS adds one of its own to all others."""


def encryption(source_store: ReadStore, target_store: ReadStore, facts: ObjectFacts) -> dict[str, Any]:
    """The encryption of the source as parameters of a write; {} leaves it to the bucket.

    A KMS key is known to its own account and region only (KMS Developer Guide, "Key ARN"): it goes along
    inside a store, and between two connections to AWS in one region. Keys of the customer never do.
    """
    inside = source_store is target_store or source_store.connection == target_store.connection
    if not inside and not (source_store.calls.aws and target_store.calls.aws):
        return {}
    if facts.encryption == "AES256":
        return {"ServerSideEncryption": "AES256"}
    if not facts.encryption.startswith("aws:kms") or not (inside or _near(target_store, facts.kms_key)):
        return {}
    found: dict[str, Any] = {"ServerSideEncryption": facts.encryption}
    if facts.kms_key:
        found["SSEKMSKeyId"] = facts.kms_key
    if facts.bucket_key:
        found["BucketKeyEnabled"] = True
    return found


def key_region(kms_key: str) -> str:
    """The region of a KMS key by its ARN, "" for a key that is named otherwise."""
    words = kms_key.split(":")
    return words[3] if len(words) > 5 and words[0] == "arn" else ""


def _near(store: ReadStore, kms_key: str) -> bool:
    return bool(kms_key) and key_region(kms_key) == store.calls.client.meta.region_name


def algorithm(facts: ObjectFacts) -> str:
    """The checksum algorithm of the source, as it is asked of the store that makes the checksums; "" for an
    object without one, and for the default of AWS, which it gets anyway."""
    name = facts.checksum.partition(":")[0]
    return "" if name == "CRC64NVME" else name


def kept_sums(answer: Mapping[str, Any]) -> dict[str, str]:
    """The checksums that the store made of a part; the end of the upload must repeat them."""
    return {name: str(value) for name, value in answer.items()
            if name.startswith("Checksum") and name != "ChecksumType" and value}


def own_sum(name: str, body: bytes) -> dict[str, str]:
    """The checksum of a body by an algorithm, as parameters of its write; {} where it is not made here."""
    if name not in _OWN:
        return {}
    if name == "CRC32":
        digest = binascii.crc32(body).to_bytes(4, "big")
    else:
        digest = hashlib.new(name.lower(), body, usedforsecurity=False).digest()
    return {"ChecksumAlgorithm": name, f"Checksum{name}": base64.b64encode(digest).decode("ascii")}


def can_sum(name: str) -> bool:
    """Whether `own_sum` knows an algorithm."""
    return name in _OWN


def default_key(store: ReadStore, bucket: str) -> str:
    """The KMS key that objects of a bucket get by themselves, "" for none, or none that may be read.
    Raises what a read raises."""
    try:
        answer = store.calls.call("get_bucket_encryption", where(bucket), Bucket=bucket)
    except (AccessRefused, ServiceError):
        return ""
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    keys = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID", "") for rule in rules]
    return next((str(key) for key in keys if key), "")


def takes_access_lists(store: ReadStore, bucket: str) -> bool:
    """Whether objects of a bucket may have access lists; True where the store does not say. A bucket whose
    owner owns every object refuses them (S3 User Guide, "Controlling ownership of objects")."""
    try:
        answer = store.calls.call("get_bucket_ownership_controls", where(bucket), Bucket=bucket)
    except (AccessRefused, ServiceError):
        return True
    rules = (answer.get("OwnershipControls") or {}).get("Rules", [])
    return all(rule.get("ObjectOwnership") != "BucketOwnerEnforced" for rule in rules)
