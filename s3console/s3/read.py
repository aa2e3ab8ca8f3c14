"""Everything that can be asked of a store without changing it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..core.errors import (
    AccessRefused,
    NoSuchPlace,
    Reaction,
    S3ConsoleError,
    ServiceError,
    UntrustedAnswer,
    UsageError,
)
from ..core.keys import printable
from ..core.model import Connection, Entry, Place
from .answers import call_for, object_page, read_answer, version_page
from .facts import BucketFacts, ObjectFacts, Page, Stop, VersionPage, never
from .failures import code_of, reaction_of, unanswered
from .listing import BucketListing
from .pages import RawPage, clean_etag
from .proof import Question
from .transport import WHOLE_ANSWER, Calls

if TYPE_CHECKING:
    from .apart import PageProcesses

_READ_AT_ONCE = 2
LARGEST_RANGE = 16 * 1024 * 1024
_HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType",
            "Expires", "WebsiteRedirectLocation")


def iso(moment: datetime | None) -> str:
    """A time as the house writes it: UTC, whole seconds, `2024-06-25T10:11:34Z`."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def where(bucket: str, key: str = "") -> str:
    """A bucket or key for a sentence."""
    return printable(f"s3://{bucket}/{key}" if key else f"s3://{bucket}")


class ReadStore:
    """One store, read only. Every method repeats what is worth repeating and then raises for a person.

    Raised by all: `CredentialsMissing`, `LoginExpired`, `AccessRefused`, `NoSuchPlace`,
    `EndpointUnreachable`, `NotReachable` (the store keeps failing), `ServiceError` (any other
    answered error), `UntrustedAnswer` (200 with something else in it).
    """

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        # Pages that wait as bytes take a quarter of the memory of pages being read by many threads.
        self._reading = threading.BoundedSemaphore(_READ_AT_ONCE)
        self._lock = threading.Lock()
        self.listings_open = 0
        self.cuts_hold: dict[bool, bool] = {}

    @property
    def connection(self) -> Connection:
        return self.calls.connection

    @property
    def endpoint_url(self) -> str:
        """Where requests go; on AWS the endpoint of the connection's region."""
        return str(self.calls.client.meta.endpoint_url)

    @property
    def requests(self) -> Mapping[str, int]:
        """How many requests were sent so far, by API name."""
        return self.calls.requests

    def buckets(self) -> list[BucketFacts]:
        """All buckets of the account by name, with their creation time; the rest needs `bucket()`."""
        answer = self.calls.call("list_buckets", "the list of buckets")
        if "Buckets" not in answer:
            raise UntrustedAnswer("The answer is not a list of buckets",
                                  next_step="Check that the endpoint is an S3 store")
        found = [BucketFacts(one["Name"], iso(one.get("CreationDate"))) for one in answer["Buckets"]]
        return sorted(found, key=lambda facts: facts.name)

    def bucket(self, name: str) -> BucketFacts:
        """Region, versioning, lock and default encryption; what may not be read stays "?" or None.

        Raises `NoSuchPlace` when the bucket does not exist.
        """
        region = self._region(name)
        versioning = self._setting("get_bucket_versioning", name)
        lock = self._setting("get_object_lock_configuration", name,
                             absent="ObjectLockConfigurationNotFoundError")
        encryption = self._setting("get_bucket_encryption", name,
                                   absent="ServerSideEncryptionConfigurationNotFoundError")
        return BucketFacts(
            name, region=region,
            versioning="?" if versioning is None else versioning.get("Status") or "Unversioned",
            object_lock=None if lock is None else bool(lock.get("ObjectLockConfiguration")),
            etag_is_md5=_plain_etags(encryption),
        )

    def _region(self, name: str) -> str:
        try:
            answer = self.calls.call("head_bucket", where(name), Bucket=name)
        except AccessRefused:
            answer = {}
        except ServiceError as error:
            if error.status == 404:
                raise NoSuchPlace("There is no such bucket", where=where(name), next_step=(
                    "Check its name, the endpoint and the profile")) from error
            raise
        region = answer.get("BucketRegion") or ""
        if not region:
            located = self._setting("get_bucket_location", name)
            if located is None:
                return "?"
            region = located.get("LocationConstraint") or "us-east-1"
        return "eu-west-1" if region == "EU" else str(region)

    def _setting(self, operation: str, bucket: str, *, absent: str = "") -> dict[str, Any] | None:
        """One bucket setting: {} when there is none, None when it may not be read or is not supported."""
        try:
            return self.calls.call(operation, where(bucket), Bucket=bucket)
        except NoSuchPlace:
            raise
        except AccessRefused:
            return None
        except S3ConsoleError as error:
            if absent and code_of(error) == absent:
                return {}
            if isinstance(error, ServiceError):
                return None
            if isinstance(error.__cause__, ServiceError) and error.__cause__.status in (500, 501):
                return None
            raise

    def head(self, bucket: str, key: str, version_id: str = "", *,
             checksums: bool = False) -> ObjectFacts | None:
        """One object or version, or None when it is not there or is a delete marker. Its checksums are told
        only where they are asked for."""
        pin = {"VersionId": version_id} if version_id else {}
        if checksums:
            pin["ChecksumMode"] = "ENABLED"
        try:
            answer = self.calls.call("head_object", where(bucket, key), Bucket=bucket, Key=key, **pin)
        except NoSuchPlace:
            raise
        except ServiceError as error:
            if error.status in (404, 405):
                return None
            raise
        if "ETag" not in answer or "ContentLength" not in answer:
            raise UntrustedAnswer("The answer about an object has no ETag or size", where=where(bucket, key))
        return _object_facts(bucket, key, version_id, answer)

    def get_range(self, bucket: str, key: str, version_id: str, start: int, length: int, *,
                  etag: str = "") -> bytes:
        """Up to `length` bytes from `start`; fewer at the end of the object, none behind it.

        `length` is at most 16 MiB. With `etag`, only of the object that carries it (412 otherwise).
        Raises `ServiceError` when the object is not there.
        """
        if start < 0 or not 0 < length <= LARGEST_RANGE:
            raise UsageError(f"A range of {length} bytes cannot be read", next_step="Ask for 1 to 16 MiB")
        pin = {"VersionId": version_id} if version_id else {}
        if etag:
            pin["IfMatch"] = f'"{etag}"'
        try:
            answer = self.calls.call("get_object", where(bucket, key), Bucket=bucket, Key=key,
                                     Range=f"bytes={start}-{start + length - 1}", **pin)
        except ServiceError as error:
            if error.status == 416:
                return b""
            raise
        # A store that ignores the range answers 200 from the first byte.
        skip = 0 if answer.get("ContentRange") else start
        if skip > LARGEST_RANGE:
            raise UntrustedAnswer("The store ignores byte ranges", where=where(bucket, key))
        return self._read(answer["Body"], skip + length, where(bucket, key))[skip:]

    def _read(self, body: Any, wanted: int, place: str) -> bytes:
        chunks, size, end = [], 0, time.monotonic() + WHOLE_ANSWER
        try:
            with closing(body):
                while size < wanted and (chunk := body.read(min(65536, wanted - size))):
                    size += len(chunk)
                    chunks.append(chunk)
                    if time.monotonic() > end:
                        raise UntrustedAnswer("The answer is too slow to be an S3 answer", where=place)
        except S3ConsoleError:
            raise
        except Exception as error:  # noqa: BLE001  every failure of urllib3 becomes one of the house
            raise unanswered(error, where=place, endpoint=self.endpoint_url) from None
        return b"".join(chunks)

    def page(self, bucket: str, prefix: str = "", *, delimiter: str = "/", start_after: str = "",
             token: str = "", max_keys: int = 1000) -> Page:
        """One checked page of current objects. `token` goes on where a page ended, `start_after` anywhere."""
        asked = Question(bucket, prefix, delimiter, "" if token else start_after, token=token,
                         max_keys=max_keys)
        return self.ask(asked)

    def ask(self, asked: Question, *, slow: Callable[[], None] | None = None) -> Page:
        """One page of current objects, checked. `slow` is called when the store asks for less."""
        return object_page(self._listed(asked, slow))

    def version_page(self, bucket: str, prefix: str = "", *, delimiter: str = "", key_marker: str = "",
                     version_marker: str = "", max_keys: int = 1000) -> VersionPage:
        """One checked page of versions and markers, in the store's own order."""
        return self.ask_versions(Question(bucket, prefix, delimiter, key_marker, version_marker,
                                          max_keys=max_keys, versions=True))

    def ask_versions(self, asked: Question, *, slow: Callable[[], None] | None = None) -> VersionPage:
        """One page of versions, asked for and checked. `slow` is called when the store asks for less."""
        return version_page(self._listed(asked, slow), asked)

    def _listed(self, asked: Question, slow: Callable[[], None] | None) -> RawPage:
        place = where(asked.bucket, asked.prefix)
        operation, parameters = call_for(asked)
        attempt = 0
        while True:
            try:
                answer = self.calls.once(operation, place, **parameters)
                with self._reading:
                    return read_answer(answer["Body"], asked)
            except S3ConsoleError as error:
                if not error.where:
                    error.where = place
                    error.args = (error.sentence,)
                attempt += 1
                if slow is not None and reaction_of(error) is Reaction.SLOW_DOWN:
                    slow()
                if not self.calls.worth_repeating(error, attempt):
                    if isinstance(error, UntrustedAnswer):
                        raise UntrustedAnswer(error.what, where=place, next_step=error.next_step or (
                            "Check that the endpoint is an S3 store and nothing stands in between")) from None
                    self.calls.give_up(operation, error)
            self.calls.patience.wait(attempt)

    def versions_of(self, bucket: str, key: str) -> list[Entry]:
        """Every version and delete marker of one key, newest first as the store lists them."""
        found: list[Entry] = []
        asked = Question(bucket, key, versions=True)
        while True:
            page = self.ask_versions(asked)
            rows = [entry for entry in page.batch.entries() if entry.key == key]
            found += rows
            if not page.more or len(rows) < len(page.batch):
                return found
            asked = Question(bucket, key, after=page.next_key_marker,
                             after_version=page.next_version_marker, versions=True)

    @contextmanager
    def listing_open(self) -> Iterator[None]:
        """Counts the listings that are being fetched, for as long as one is."""
        with self._lock:
            self.listings_open += 1
        try:
            yield
        finally:
            with self._lock:
                self.listings_open -= 1

    def listing(self, place: Place, *, versions: bool = False, start_after: str = "",
                stop: Stop | None = None, parallel: int | None = None, sides: int = 1,
                apart: bool | None = None, processes: PageProcesses | None = None) -> BucketListing:
        """All entries of a place in order, as batches that were proved page by page.

        Up to `parallel` pages are fetched at the same time; None lets the latency decide, 1 is serial.
        `sides` listings are read at the same time as this one, itself included, and share what memory holds.
        `apart` says whether another process fetches pages that are fetched at the same time, one of
        `processes` where they are given; None for a long listing that is alone, or has `processes`.

        Iterating raises `ListingIncomplete` when the listing cannot be proved to its end, or, while
        nothing was proved yet, the error itself when it is about reaching the place.
        """
        return BucketListing(self, place, versions=versions, start_after=start_after, stop=stop or never,
                             parallel=parallel, sides=sides, apart=apart, processes=processes)


def _plain_etags(encryption: dict[str, Any] | None) -> bool | None:
    if encryption is None:
        return None
    rules = encryption.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    kinds = {rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for rule in rules}
    return kinds <= {None, "AES256"}


def _object_facts(bucket: str, key: str, version_id: str, answer: dict[str, Any]) -> ObjectFacts:
    headers = tuple((name, str(answer[name])) for name in _HEADERS if answer.get(name))
    checksums = [f"{name[8:]}:{value}" for name, value in answer.items()
                 if name.startswith("Checksum") and name != "ChecksumType"]
    customer = f"SSE-C {answer['SSECustomerAlgorithm']}" if answer.get("SSECustomerAlgorithm") else ""
    return ObjectFacts(
        bucket, key, int(answer["ContentLength"]), clean_etag(answer["ETag"]),
        iso(answer.get("LastModified")),
        answer.get("StorageClass") or "STANDARD", answer.get("VersionId") or version_id,
        answer.get("ContentType", ""), customer or answer.get("ServerSideEncryption", ""),
        answer.get("SSEKMSKeyId", ""), " ".join(checksums), int(answer.get("PartsCount") or 0),
        int(answer.get("TagCount") or 0), answer.get("Restore", ""),
        iso(answer.get("ObjectLockRetainUntilDate")), answer.get("ObjectLockLegalHoldStatus") == "ON",
        answer.get("ReplicationStatus", ""), tuple(sorted(answer.get("Metadata", {}).items())), headers,
        bool(answer.get("BucketKeyEnabled")),
    )
