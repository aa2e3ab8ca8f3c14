"""An S3 in memory that honours every condition, with a faulty network in front of it.

`World` is the truth: buckets, versions, markers. `StrictStore` has the methods of the real
`WriteStore`. `Network` puts scripted faults at any of its requests. `World.watch` sees every change
the job makes at the instant it is made.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from s3console.core.errors import EndpointUnreachable, LoginExpired, ServiceError, UntrustedAnswer
from s3console.core.model import Ref


class Crash(BaseException):
    """The process is gone; nothing of it may be caught."""


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


BROKEN = ("reset", "cut", "truncated", "empty", "error-200", "html")
"""Answers that are none: no connection, half a body, half an XML, nothing, an error or a page with 200."""
PASSING = ("503", "500-applied", "timeout-before", "timeout-after", *BROKEN, "404")
REFUSING = ("403", "403-one")
LOGIN = ("expired", "skew")
CRASHES = ("crash-before", "crash-after")
FOREIGN = ("foreign-source", "foreign-target", "foreign-later")
NETWORK = ("duplicate", "late")
HARMLESS = frozenset(("", *PASSING, *REFUSING, *LOGIN, *CRASHES, *NETWORK, "full"))
FAULTS = (*PASSING, *REFUSING, *LOGIN, *CRASHES, *FOREIGN, *NETWORK, "stale", "full")


class Network:
    """Stands before a world. `script` holds one fault name per request to come, "" for none."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.script: list[str] = []
        self.requests = 0
        self.met: list[tuple[str, str]] = []
        self.foreign: Callable[[str, Ref], None] = lambda where, ref: None
        self._late: list[tuple[int, Callable[[], Any]]] = []

    def settle(self) -> None:
        """Whatever is still under way arrives now."""
        late, self._late = self._late, []
        for _, act in late:
            self._quietly(act)

    @staticmethod
    def _quietly(act: Callable[[], Any]) -> None:
        with contextlib.suppress(ServiceError):
            act()

    def send(self, kind: str, act: Callable[[], Any], *, source: Ref | None, target: Ref | None) -> Any:
        self.requests += 1
        for item in [one for one in self._late if one[0] <= self.requests]:
            self._late.remove(item)
            self._quietly(item[1])
        fault = self.script.pop(0) if self.script else ""
        if fault:
            self.met.append((fault, kind))
        if fault == "crash-before":
            raise Crash
        if fault == "foreign-source" and source is not None:
            self.foreign("source", source)
        if fault == "foreign-target" and target is not None:
            self.foreign("target", target)
        if fault == "foreign-later" and target is not None:
            self.foreign("later", target)
        self._before(fault, kind)
        if fault == "late" and kind != "head":
            self._late.append((self.requests + 4, act))
            raise EndpointUnreachable("no answer in time")
        answer = self._long_ago(act, target) if fault == "stale" and kind == "head" and target else act()
        if fault == "duplicate" and kind != "head":
            self._quietly(act)
        self._after(fault, kind)
        if fault == "403-one" and kind == "delete":
            answer = [DeleteOutcome(o.ref, False, "Unknown") if i else
                      DeleteOutcome(o.ref, False, "InternalError") for i, o in enumerate(answer)]
        return answer

    def _long_ago(self, act: Callable[[], Any], ref: Ref) -> Any:
        """The answer as it was before the last change of this name."""
        keys = self.world.buckets.get(ref.bucket, {})
        now = keys.get(ref.key)
        then = self.world.past.get((ref.bucket, ref.key), now)
        if then is None:
            return act()
        keys[ref.key] = then
        try:
            return act()
        finally:
            keys.pop(ref.key)
            if now is not None:
                keys[ref.key] = now

    @staticmethod
    def _before(fault: str, kind: str) -> None:
        if fault == "503":
            raise ServiceError("SlowDown", 503, "reduce your request rate")
        if fault == "timeout-before":
            raise EndpointUnreachable("no answer in time")
        if fault == "403":
            raise ServiceError("AccessDenied", 403, "access denied")
        if fault == "expired" and kind == "head":
            raise LoginExpired("the login has expired")
        if fault == "expired":
            raise ServiceError("ExpiredToken", 400, "the token has expired")
        if fault == "skew":
            raise ServiceError("RequestTimeTooSkewed", 403, "the clocks differ")
        if fault == "error-200":
            raise ServiceError("InternalError", 200, "we encountered an internal error")
        if fault == "html":
            raise UntrustedAnswer("the answer was a page for people")
        if fault == "404" and kind == "copy":
            raise ServiceError("NoSuchKey", 404, "the key does not exist")

    @staticmethod
    def _after(fault: str, kind: str) -> None:
        if fault == "crash-after":
            raise Crash
        if fault == "500-applied":
            raise ServiceError("InternalError", 500, "we encountered an internal error")
        if fault in ("timeout-after", "reset", "cut"):
            raise EndpointUnreachable("the connection broke")
        if fault in ("empty", "truncated"):
            raise UntrustedAnswer("the answer was empty or ended in the middle")


class Reader:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._world = network.world

    def head(self, bucket: str, key: str, version_id: str = "") -> Facts | None:
        def act() -> Facts | None:
            found = self._world.find(bucket, key, version_id)
            if found is None or found.marker:
                return None
            return Facts(len(found.body), found.etag, found.version_id)

        ref = Ref("", bucket, key, version_id)
        answer: Facts | None = self._network.send("head", act, source=ref, target=ref)
        return answer

    def versions_of(self, bucket: str, key: str) -> list[Version]:
        def act() -> list[Version]:
            return list(self._world.buckets.get(bucket, {}).get(key, []))

        answer: list[Version] = self._network.send("head", act, source=None, target=Ref("", bucket, key))
        return answer

    def get_range(self, bucket: str, key: str, version_id: str, start: int, length: int) -> bytes:
        def act() -> bytes:
            found = self._world.find(bucket, key, version_id)
            if found is None or found.marker:
                raise ServiceError("NoSuchKey", 404)
            return found.body[start:start + length]

        answer: bytes = self._network.send("head", act, source=None, target=None)
        return answer


class StrictStore:
    """The methods of `WriteStore` over a world. `honours` False ignores the conditions of copies, as
    Ceph 16 does, and looks before instead, as `WriteStore` does there."""

    def __init__(self, network: Network, *, honours: bool = True) -> None:
        self._network = network
        self._world = network.world
        self._honours = honours
        self.read = Reader(network)

    def copy(self, source: Ref, target: Ref, *, expect: str, storage_class: str = "") -> CopyOutcome:
        if not self._honours and expect != "any":
            now = self.read.head(target.bucket, target.key)
            if not self._holds(expect, now.etag if now else None):
                raise ServiceError("PreconditionFailed", 412)
        return self._write(source, target, expect)

    def copy_across(self, read: Any, source: Ref, target: Ref, *, expect: str,
                    storage_class: str = "") -> CopyOutcome:
        found = read.head(source.bucket, source.key, source.version_id)
        if found is None:
            raise ServiceError("NoSuchKey", 404)
        return self._write(source, target, expect)

    def _write(self, source: Ref, target: Ref, expect: str) -> CopyOutcome:
        def act() -> CopyOutcome:
            found = self._world.find(source.bucket, source.key, source.version_id)
            if found is None or found.marker:
                raise ServiceError("NoSuchVersion" if source.version_id else "NoSuchKey", 404)
            if self._honours and found.etag != source.etag:
                raise ServiceError("PreconditionFailed", 412)
            if found.frozen:
                found.frozen -= found.frozen > 0
                raise ServiceError("InvalidObjectState", 403)
            now = self._world.find(target.bucket, target.key)
            if self._honours and not self._holds(expect, now.etag if now else None):
                raise ServiceError("PreconditionFailed", 412)
            made = self._world.put(target.bucket, target.key, found.body, by="job")
            return CopyOutcome(made.etag, made.version_id)

        answer: CopyOutcome = self._network.send("copy", act, source=source, target=target)
        return answer

    @staticmethod
    def _holds(expect: str, etag: str | None) -> bool:
        return expect == "any" or (etag is None if expect == "absent" else etag == expect[5:])

    def glance(self, ref: Ref) -> Facts | None:
        return self.read.head(ref.bucket, ref.key, ref.version_id)

    def delete_versions(self, bucket: str, refs: Sequence[Ref]) -> list[DeleteOutcome]:
        assert len(refs) <= 1000

        def act() -> list[DeleteOutcome]:
            return [self._delete(bucket, ref) for ref in refs]

        answer: list[DeleteOutcome] = self._network.send("delete", act, source=None, target=refs[0])
        return answer

    def _delete(self, bucket: str, ref: Ref) -> DeleteOutcome:
        if not ref.version_id:
            if bucket in self._world.versioned:
                self._world.marker(bucket, ref.key, by="job")
                return DeleteOutcome(ref, True)
            raise ServiceError("InvalidRequest", 400)
        found = self._world.find(bucket, ref.key, ref.version_id)
        if found is not None:
            self._world.remove(bucket, ref.key, found, by="job")
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

    def delete_object(self, ref: Ref) -> DeleteOutcome:
        def act() -> DeleteOutcome:
            found = self._world.find(ref.bucket, ref.key)
            if found is None:
                return DeleteOutcome(ref, True, "NoSuchKey")
            if found.etag != ref.etag:
                return DeleteOutcome(ref, False, "PreconditionFailed")
            if ref.bucket in self._world.versioned:
                made = self._world.marker(ref.bucket, ref.key, by="job")
                return DeleteOutcome(ref, True, marker_version_id=made.version_id)
            self._world.remove(ref.bucket, ref.key, found, by="job")
            return DeleteOutcome(ref, True)

        answer: DeleteOutcome = self._network.send("delete-one", act, source=None, target=ref)
        return answer
