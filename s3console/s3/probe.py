"""A probe of an endpoint: small objects in a scratch prefix show which conditions it honours.

Stores that ignore a condition do it in silence, so it is tried with a wrong value, which must be
refused, and then with the right one, which must not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..core.abilities import Abilities, Verdict
from ..core.errors import Refused, S3ConsoleError, ServiceError
from ..core.model import Place
from .emptiness import standing
from .failures import code_of
from .pages import clean_etag
from .read import ReadStore, where

WRONG = '"00000000000000000000000000000000"'
OBJECTS = 16
_ODD = ("a", "a!", "a/b", "a0", "é", "\uffee", "\U0001f600")
_NEVER_SAFE = {"NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}


def announcement(scratch: Place, token: str) -> str:
    """What a probe writes, for a person to read before it begins."""
    return (f"The probe writes about {OBJECTS} objects of a few bytes below "
            f"{where(scratch.bucket, folder(scratch, token))}, and removes them all again.")


def folder(scratch: Place, token: str) -> str:
    """Where the objects of one probe stand; no other probe uses it."""
    return f"{scratch.prefix}s3console-probe-{token}/"


def probe(store: ReadStore, scratch: Place, token: str, *, at: str) -> Abilities:
    """Find out what the endpoint honours, with the conditions tried on objects of its own only.

    Raises Refused when something stands in the folder of the probe already, and the error of the store
    when not even a plain object can be written there.
    """
    base = folder(scratch, token)
    if standing(store, scratch.bucket, base)[0]:
        raise Refused("something stands where the probe would write", where=where(scratch.bucket, base),
                      next_step="Probe again")
    bench = _Bench(store, scratch.bucket, base)
    try:
        bench.put("first")
        found = Abilities(store.endpoint_url, at, store.bucket(scratch.bucket).versioning)
        for name, act in _CHECKS.items():
            found = replace(found, **{name: _judged(lambda: act(bench))})  # noqa: B023 - called at once
        return found
    finally:
        bench.clear()


class _Bench:
    """The objects of one probe."""

    def __init__(self, store: ReadStore, bucket: str, base: str) -> None:
        self.store, self.bucket, self.base = store, bucket, base
        self._serial = 0
        self._uploads: list[tuple[str, str]] = []

    def send(self, operation: str, key: str, **more: Any) -> dict[str, Any]:
        """One request about an object of the probe."""
        return self.store.calls.once(operation, where(self.bucket, key), Bucket=self.bucket, Key=key, **more)

    def put(self, name: str, **more: Any) -> tuple[str, str]:
        """Write a small object; its key and quoted ETag."""
        self._serial += 1
        key = f"{self.base}{name}"
        answer = self.send("put_object", key, Body=b"probe %d" % self._serial, **more)
        return key, f'"{clean_etag(answer["ETag"])}"'

    def copy(self, source: str, name: str, **more: Any) -> None:
        """Copy an object of the probe."""
        self.send("copy_object", f"{self.base}{name}",
                  CopySource={"Bucket": self.bucket, "Key": source}, **more)

    def complete(self, name: str, **more: Any) -> None:
        """Write an object by a multipart upload of one part."""
        key = f"{self.base}{name}"
        upload = self.send("create_multipart_upload", key)["UploadId"]
        self._uploads.append((key, upload))
        part = self.send("upload_part", key, UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
        self.send("complete_multipart_upload", key, UploadId=upload,
                  MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}, **more)

    def clear(self) -> None:
        """Remove what the probe wrote; best effort, the verdict does not depend on it."""
        for key, upload in self._uploads:
            _quietly(lambda: self.send("abort_multipart_upload", key, UploadId=upload))  # noqa: B023
        for key, version, _ in standing(self.store, self.bucket, self.base)[0]:
            pin = {"VersionId": version} if version else {}
            _quietly(lambda: self.send("delete_object", key, **pin))  # noqa: B023


def _quietly(act: Callable[[], Any]) -> None:
    try:
        act()
    except S3ConsoleError:
        return


def _judged(act: Callable[[], Verdict]) -> Verdict:
    """A verdict; an error that says nothing about the condition leaves it unknown."""
    try:
        return act()
    except ServiceError as error:
        if error.code in _NEVER_SAFE:
            raise
        return "unknown"
    except S3ConsoleError:
        return "unknown"


def _holds(wrong: Callable[[], Any], right: Callable[[], Any]) -> Verdict:
    """Try a condition with a value that must be refused, then with one that must not."""
    try:
        wrong()
        return "ignored"
    except ServiceError as error:
        if error.status not in (409, 412) and not error.code.startswith("Precondition"):
            return "refused" if error.status in (400, 405, 501) else "unknown"
    try:
        right()
    except ServiceError:
        return "refused"
    return "yes"


def _copy_source(bench: _Bench) -> Verdict:
    key, etag = bench.put("source")
    return _holds(lambda: bench.copy(key, "to", CopySourceIfMatch=WRONG),
                  lambda: bench.copy(key, "to", CopySourceIfMatch=etag))


def _copy_absent(bench: _Bench) -> Verdict:
    key, _ = bench.put("source")
    bench.put("taken")
    return _holds(lambda: bench.copy(key, "taken", IfNoneMatch="*"),
                  lambda: bench.copy(key, "free", IfNoneMatch="*"))


def _copy_match(bench: _Bench) -> Verdict:
    key, _ = bench.put("source")
    _, etag = bench.put("match")
    return _holds(lambda: bench.copy(key, "match", IfMatch=WRONG),
                  lambda: bench.copy(key, "match", IfMatch=etag))


def _put_absent(bench: _Bench) -> Verdict:
    bench.put("put")
    return _holds(lambda: bench.put("put", IfNoneMatch="*"), lambda: bench.put("put-free", IfNoneMatch="*"))


def _put_match(bench: _Bench) -> Verdict:
    _, etag = bench.put("put")
    return _holds(lambda: bench.put("put", IfMatch=WRONG), lambda: bench.put("put", IfMatch=etag))


def _complete_absent(bench: _Bench) -> Verdict:
    bench.put("whole")
    return _holds(lambda: bench.complete("whole", IfNoneMatch="*"),
                  lambda: bench.complete("whole-free", IfNoneMatch="*"))


def _delete_match(bench: _Bench) -> Verdict:
    key, etag = bench.put("doomed")
    return _holds(lambda: bench.send("delete_object", key, IfMatch=WRONG),
                  lambda: bench.send("delete_object", key, IfMatch=etag))


def _delete_each(bench: _Bench) -> Verdict:
    key, etag = bench.put("doomed too")

    def send(value: str) -> None:
        answer = bench.store.calls.once(
            "delete_objects", where(bench.bucket, key), Bucket=bench.bucket,
            Delete={"Objects": [{"Key": key, "ETag": value}]})
        for error in answer.get("Errors", []):
            raise ServiceError(str(error.get("Code") or "Unknown"), 412 if "Precondition" in str(
                error.get("Code")) else 400)

    return _holds(lambda: send(WRONG), lambda: send(etag))


def _attributes(bench: _Bench) -> Verdict:
    key, etag = bench.put("attributes")
    try:
        answer = bench.send("get_object_attributes", key, ObjectAttributes=["ETag", "ObjectSize"])
    except S3ConsoleError:
        return "refused"
    return "yes" if clean_etag(answer.get("ETag") or "") == clean_etag(etag) else "ignored"


def _ordered(bench: _Bench) -> Verdict:
    for name in reversed(_ODD):
        bench.put(f"order/{name}")
    wanted = [f"{bench.base}order/{name}" for name in _ODD]
    try:
        listed = list(bench.store.page(bench.bucket, f"{bench.base}order/", delimiter="").batch.keys)
    except S3ConsoleError as error:
        return "ignored" if code_of(error) == "UntrustedAnswer" else "unknown"
    return "yes" if listed == wanted else "ignored"


def _checksums(bench: _Bench) -> Verdict:
    try:
        key, _ = bench.put("checksum", ChecksumAlgorithm="CRC32")
    except ServiceError:
        return "refused"
    shown = bench.send("head_object", key, ChecksumMode="ENABLED")
    return "yes" if shown.get("ChecksumCRC32") else "ignored"


_CHECKS: dict[str, Callable[[_Bench], Verdict]] = {
    "copy_source": _copy_source, "copy_absent": _copy_absent, "copy_match": _copy_match,
    "put_absent": _put_absent, "put_match": _put_match, "complete_absent": _complete_absent,
    "delete_match": _delete_match, "delete_each": _delete_each, "attributes": _attributes,
    "ordered": _ordered, "checksums": _checksums,
}
