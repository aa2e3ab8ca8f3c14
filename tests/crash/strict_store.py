"""An S3 in memory that honours every condition, with a faulty network in front of it.

`World` is the truth: buckets, versions, markers. `StrictStore` does to it what the requests of a job ask.
`Network` (of `faulty`) puts scripted faults at any of its requests. `World.watch` sees every change
the job makes at the instant it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from crash.faulty import CRASHES, FAULTS, FOREIGN, HARMLESS, REFUSED, Crash, Network

from s3console.core.errors import ServiceError
from s3console.core.model import Ref


class Facts(NamedTuple):
    size: int
    etag: str
    version_id: str


class CopyOutcome(NamedTuple):
    etag: str
    version_id: str


class DeleteOutcome(NamedTuple):
    ref: Ref
    deleted: bool
    code: str = ""
    message: str = ""
    marker_version_id: str = ""


class Left(NamedTuple):
    nothing: bool
    sentence: str


@dataclass(slots=True, eq=False)
class Version:
    version_id: str
    body: bytes
    etag: str
    marker: bool = False
    by: str = "other"
    frozen: int = 0
    """Looks and requests until an archived version can be read; -1 before it was asked for."""

    @property
    def is_delete_marker(self) -> bool:
        return self.marker


Watch = Callable[[str, str, str, Version], None]


@dataclass(slots=True)
class World:
    """Buckets with versions, newest first. `versioned` names those with versioning on."""

    versioned: set[str] = field(default_factory=set)
    buckets: dict[str, dict[str, list[Version]]] = field(default_factory=dict)
    uploads: set[tuple[str, str, str]] = field(default_factory=set)
    access: set[tuple[str, str]] = field(default_factory=set)
    locks: set[tuple[str, str]] = field(default_factory=set)
    serial: int = 0
    watch: Watch | None = None
    past: dict[tuple[str, str], list[Version]] = field(default_factory=dict)
    """What stood under a name before its last change: what a stale read shows."""

    def bucket(self, name: str, *, versioned: bool) -> None:
        self.buckets[name] = {}
        if versioned:
            self.versioned.add(name)

    def put(self, bucket: str, key: str, body: bytes, *, by: str = "other", etag: str = "") -> Version:
        versions = self.buckets[bucket].setdefault(key, [])
        self.past[bucket, key] = list(versions)
        self.serial += 1
        made = Version(f"v{self.serial:05d}" if bucket in self.versioned else "null", body,
                       etag or hashlib.md5(body).hexdigest(), by=by)
        if bucket not in self.versioned:
            versions.clear()
        versions.insert(0, made)
        if by == "job" and self.watch is not None:
            self.watch("put", bucket, key, made)
        return made

    def marker(self, bucket: str, key: str, *, by: str = "other") -> Version:
        self.serial += 1
        made = Version(f"v{self.serial:05d}", b"", "", marker=True, by=by)
        self.past[bucket, key] = list(self.buckets[bucket].get(key, []))
        self.buckets[bucket].setdefault(key, []).insert(0, made)
        if by == "job" and self.watch is not None:
            self.watch("marker", bucket, key, made)
        return made

    def find(self, bucket: str, key: str, version_id: str = "") -> Version | None:
        versions = self.buckets.get(bucket, {}).get(key, [])
        if version_id:
            return next((v for v in versions if v.version_id == version_id), None)
        return versions[0] if versions and not versions[0].marker else None

    def remove(self, bucket: str, key: str, version: Version, *, by: str = "other") -> None:
        if by == "job" and self.watch is not None:
            self.watch("delete", bucket, key, version)
        self.past[bucket, key] = list(self.buckets[bucket][key])
        self.buckets[bucket][key].remove(version)
        if not self.buckets[bucket][key]:
            del self.buckets[bucket][key]

    def ref(self, side: str, bucket: str, key: str, version: Version) -> Ref:
        """How a plan names this version: by its id, or by its ETag where there are no versions."""
        version_id = version.version_id if bucket in self.versioned else ""
        return Ref(side, bucket, key, version_id, version.etag, len(version.body))


class Reader:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._world = network.world

    def facts(self, bucket: str, key: str, version_id: str) -> Facts | None:
        """What stands there, past any network."""
        found = self._world.find(bucket, key, version_id)
        return None if found is None or found.marker else Facts(len(found.body), found.etag, found.version_id)

    def head(self, bucket: str, key: str, version_id: str = "") -> Facts | None:
        ref = Ref("", bucket, key, version_id)
        answer: Facts | None = self._network.send("head", lambda: self.facts(bucket, key, version_id),
                                                  source=ref, target=ref)
        return answer

    def versions_of(self, bucket: str, key: str) -> list[Version]:
        def act() -> list[Version]:
            return list(self._world.buckets.get(bucket, {}).get(key, []))

        answer: list[Version] = self._network.send("head", act, source=None, target=Ref("", bucket, key))
        return answer

    def get_range(self, bucket: str, key: str, version_id: str, start: int, length: int) -> bytes:
        def act() -> bytes:
            untold, self._network.untold = self._network.untold, ""
            if untold:
                raise ServiceError(untold, dict(map(reversed, REFUSED.values()))[untold])
            found = self._world.find(bucket, key, version_id)
            if found is None or found.marker:
                raise ServiceError("NoSuchKey", 404)
            return found.body[start:start + length]

        answer: bytes = self._network.send("head", act, source=None, target=None)
        return answer


class StrictStore:
    """What a store does, over a world. `honours` False ignores the conditions of copies, as
    Ceph 16 does, and looks before instead, as `WriteStore` does there."""

    def __init__(self, network: Network, *, honours: bool = True) -> None:
        self._network = network
        self._world = network.world
        self._honours = honours
        self.read = Reader(network)

    def copy_across(self, read: Any, source: Ref, target: Ref, *, expect: str,
                    storage_class: str = "") -> CopyOutcome:
        found = read.head(source.bucket, source.key, source.version_id)
        if found is None:
            raise ServiceError("NoSuchKey", 404)
        answer: CopyOutcome = self._network.send("copy", lambda: self.copied(source, target, expect),
                                                 source=source, target=target)
        return answer

    def copied(self, source: Ref, target: Ref, expect: str) -> CopyOutcome:
        """CopyObject, past any network."""
        found = self._world.find(source.bucket, source.key, source.version_id)
        if found is None or found.marker:
            raise ServiceError("NoSuchVersion" if source.version_id else "NoSuchKey", 404)
        if self._honours and source.etag and found.etag != source.etag:
            raise ServiceError("PreconditionFailed", 412)
        if found.frozen:
            found.frozen -= found.frozen > 0
            raise ServiceError("InvalidObjectState", 403)
        now = self._world.find(target.bucket, target.key)
        if self._honours and not self._holds(expect, now.etag if now and not now.marker else None):
            raise ServiceError("PreconditionFailed", 412)
        made = self._world.put(target.bucket, target.key, found.body, by="job")
        return CopyOutcome(made.etag, made.version_id)

    @staticmethod
    def _holds(expect: str, etag: str | None) -> bool:
        return expect == "any" or (etag is None if expect == "absent" else etag == expect[5:])

    def keys(self, bucket: str) -> dict[str, list[Version]]:
        """Everything in a bucket, past any network."""
        if bucket not in self._world.buckets:
            raise ServiceError("NoSuchBucket", 404)
        return self._world.buckets[bucket]

    def version_deleted(self, ref: Ref) -> None:
        """One version of DeleteObjects, or DeleteObject with a version, past any network."""
        found = self._world.find(ref.bucket, ref.key, ref.version_id)
        if found is not None:
            self._world.remove(ref.bucket, ref.key, found, by="job")

    def name_deleted(self, ref: Ref) -> DeleteOutcome:
        """DeleteObject of a name, past any network; the ETag of the ref is its condition."""
        found = self._world.find(ref.bucket, ref.key)
        if found is None:
            return DeleteOutcome(ref, True, "NoSuchKey")
        if self._honours and ref.etag and found.etag != ref.etag:
            return DeleteOutcome(ref, False, "PreconditionFailed")
        if ref.bucket in self._world.versioned:
            made = self._world.marker(ref.bucket, ref.key, by="job")
            return DeleteOutcome(ref, True, marker_version_id=made.version_id)
        self._world.remove(ref.bucket, ref.key, found, by="job")
        return DeleteOutcome(ref, True)

    def carry_access(self, read: Any, source: Ref, target: Ref) -> None:
        self._network.send("access", lambda: self._world.access.add((target.bucket, target.key)),
                           source=None, target=None)

    def carry_lock(self, read: Any, source: Ref, target: Ref) -> None:
        self._network.send("lock", lambda: self._world.locks.add((target.bucket, target.key)),
                           source=None, target=None)

    def thaw(self, ref: Ref, *, tier: str, days: int) -> None:
        def act() -> None:
            found = self._world.find(ref.bucket, ref.key, ref.version_id)
            if found is None:
                raise ServiceError("NoSuchKey", 404)
            if found.frozen > 0:
                raise ServiceError("RestoreAlreadyInProgress", 409)
            found.frozen = 2 if found.frozen < 0 else found.frozen

        self._network.send("thaw", act, source=None, target=None)

    def abort_upload(self, ref: Ref) -> None:
        def act() -> None:
            name = (ref.bucket, ref.key, ref.version_id)
            if name not in self._world.uploads:
                raise ServiceError("NoSuchUpload", 404)
            self._world.uploads.remove(name)
            if self._world.watch:
                self._world.watch("abort", ref.bucket, ref.key, Version(ref.version_id, b"", ""))

        self._network.send("abort", act, source=None, target=None)

    def left_in(self, bucket: str) -> Left:
        def act() -> Left:
            if bucket not in self._world.buckets:
                raise ServiceError("NoSuchBucket", 404)
            left = len(self._world.buckets[bucket]) + sum(b == bucket for b, _, _ in self._world.uploads)
            return Left(not left, f"{left} objects")

        answer: Left = self._network.send("head", act, source=None, target=Ref("", bucket, "new"))
        return answer

    def remove_bucket(self, bucket: str) -> None:
        def act() -> None:
            if bucket not in self._world.buckets:
                raise ServiceError("NoSuchBucket", 404)
            if self._world.buckets[bucket]:
                raise ServiceError("BucketNotEmpty", 409)
            if self._world.watch:
                self._world.watch("bucket", bucket, "", Version("", b"", ""))
            del self._world.buckets[bucket]

        self._network.send("bucket", act, source=None, target=Ref("", bucket, "new"))


__all__ = ["CRASHES", "FAULTS", "FOREIGN", "HARMLESS", "CopyOutcome", "Crash", "DeleteOutcome", "Network",
           "StrictStore", "Version", "World"]
