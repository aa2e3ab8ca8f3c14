"""Everything that changes a store. Imported by the workers of a job and by nothing else.

No method here repeats a changing request on its own: a job decides by the reaction of the error
(`failures.reaction_of`), because after a lost answer one has to look before trying again. The
parts of a large copy are the exception, since sending a part twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..core.abilities import Abilities, Verdict, assumed
from ..core.errors import ServiceError, UntrustedAnswer
from ..core.model import Connection, Ref
from . import across, acts, deletes, lean_writes, parts
from .connect import open_reader
from .emptiness import Left, what_is_left
from .facts import CopyOutcome, DeleteOutcome, Glance, ObjectFacts, is_md5
from .pages import clean_etag
from .read import ReadStore, where
from .steps import Act, LeftToBotocore, Steps, perform
from .transport import Patience

if TYPE_CHECKING:
    from .lean_acts import LeanActs

LARGEST_COPY = 5 * 1024**3
"""Bytes that one CopyObject may copy (S3 API reference, CopyObject)."""


def open_writer(connection: Connection, *, patience: Patience | None = None,
                largest_copy: int = LARGEST_COPY, part_size: int = parts.PART_SIZE,
                probed: Mapping[str, Abilities] | None = None) -> WriteStore:
    """A store that can be changed. Objects above `largest_copy` bytes are copied in parts of `part_size`.

    `probed` holds the verdicts of probes by endpoint; without one for this endpoint only AWS is
    believed to honour conditions.
    """
    read = open_reader(connection, patience=patience)
    return WriteStore(read, largest_copy=largest_copy, part_size=part_size,
                      abilities=(probed or {}).get(read.endpoint_url))


def guards(expect: str) -> dict[str, str]:
    """The condition on the target that S3 checks itself: `IfNoneMatch`, `IfMatch` or none."""
    if expect == "absent":
        return {"IfNoneMatch": "*"}
    if expect.startswith("etag:"):
        return {"IfMatch": f'"{expect[5:]}"'}
    if expect != "any":
        raise ValueError(f"not a guard: {expect}")
    return {}


class WriteStore:
    """One store that can be changed, and its reader.

    Raised by all: `ServiceError` for an answered error, `LoginExpired`, `CredentialsMissing`,
    `EndpointUnreachable` and `UntrustedAnswer` where there was no usable answer.
    """

    def __init__(self, read: ReadStore, *, largest_copy: int = LARGEST_COPY,
                 part_size: int = parts.PART_SIZE, abilities: Abilities | None = None) -> None:
        self.read = read
        self.largest_copy = largest_copy
        self.part_size = part_size
        self.lean = lean_acts(read)
        self.abilities = abilities or assumed(read.endpoint_url, aws=read.calls.aws)

    @property
    def pins_sources(self) -> bool:
        """Whether the store itself checks that the source of a copy is still the one that was reviewed."""
        return self.abilities.copy_source == "yes"

    @property
    def pins_targets(self) -> bool:
        """Whether the store itself checks every condition on the target of a copy."""
        known = self.abilities
        return {known.copy_absent, known.copy_match, known.put_absent, known.put_match,
                known.complete_absent} == {"yes"}

    def copy(self, source: Ref, target: Ref, *, expect: str = "any", storage_class: str = "") -> CopyOutcome:
        """Copy one object or pinned version inside the store, with metadata, tags and storage class.

        `expect` guards the target: "absent", "etag:<value>" or "any". A guard that does not hold
        raises `ServiceError` with status 412 and nothing is written. `storage_class` is another class
        than that of the source.
        """
        return perform(self.lean, self.copying(source, target, expect=expect, storage_class=storage_class))

    def copying(self, source: Ref, target: Ref, *, expect: str = "any",
                storage_class: str = "", looked: bool = False) -> Steps[CopyOutcome]:
        """`copy` as steps. `looked`: the target was looked at right before and is as `expect` says."""
        known = self.abilities
        if known.copy_source == "refused":
            source = source._replace(etag="")
        if source.size > self.largest_copy:
            conditions = yield from self.guarding(target, expect, absent=known.complete_absent)
            made: CopyOutcome = yield partial(
                parts.copy_in_parts, self.read, source, target, part_size=self.part_size,
                storage_class=storage_class, conditions=conditions)
            return made
        conditions = guards(expect)
        if conditions and looked:
            conditions = self._looked(expect, known.copy_absent, known.copy_match)
        elif conditions:
            conditions = yield from self.guarding(target, expect, absent=known.copy_absent,
                                                  match=known.copy_match)
        wanted = storage_class or source.storage_class
        try:
            made = yield lean_writes.copying(source, target, storage_class=wanted, conditions=conditions)
            return made
        except LeftToBotocore:
            storage = {"StorageClass": wanted} if wanted != "STANDARD" else {}
        answer = yield partial(
            self.read.calls.once, "copy_object", where(target.bucket, target.key), Bucket=target.bucket,
            Key=target.key, **parts.copy_source(source), **storage, **conditions)
        return outcome(answer, answer.get("CopyObjectResult"), target)

    def straight_copy(self, source: Ref, target: Ref, *, expect: str, looked: bool = False) -> Act | None:
        """The act that `copying` begins with; None where it looks first, copies in parts or asks botocore."""
        conditions = self.straight_guards(expect)
        if looked and conditions is None:
            conditions = self._looked(expect, self.abilities.copy_absent, self.abilities.copy_match)
        if self.lean is None or source.size > self.largest_copy or conditions is None:
            return None
        if self.abilities.copy_source == "refused":
            source = source._replace(etag="")
        try:
            return lean_writes.copying(source, target, storage_class=source.storage_class,
                                       conditions=conditions)
        except LeftToBotocore:
            return None

    def straight_guards(self, expect: str) -> dict[str, str] | None:
        """The conditions of a copy that needs no look before it; None where it needs one."""
        known, conditions = self.abilities, guards(expect)
        verdict = known.copy_absent if expect == "absent" else known.copy_match
        if conditions and verdict != "yes" and not (verdict == "unknown" and self.read.calls.aws):
            return None
        return conditions

    def copy_across(self, read: ReadStore, source: Ref, target: Ref, *, expect: str = "any",
                    storage_class: str = "") -> CopyOutcome:
        """Copy from another connection by reading there and writing here, part by part."""
        known = self.abilities
        large = source.size > across.PIECE
        conditions = perform(self.lean, self.guarding(
            target, expect, absent=known.complete_absent if large else known.put_absent,
            match="unknown" if large else known.put_match))
        return across.copy_across(read, self.read, source, target, part_size=self.part_size,
                                  conditions=conditions, storage_class=storage_class)

    def guarding(self, target: Ref, expect: str, *, absent: Verdict = "unknown",
                 match: Verdict = "unknown") -> Steps[dict[str, str]]:
        """The conditions to send, after a look where the store is not known to honour them.

        Many stores besides AWS ignore the conditions of CopyObject in silence, and some refuse every
        request that carries one; there a look just before is the best guard.
        """
        conditions = guards(expect)
        verdict = absent if expect == "absent" else match
        if not conditions or verdict == "yes" or (verdict == "unknown" and self.read.calls.aws):
            return conditions
        found = yield from deletes.glancing(self.read, target._replace(version_id=""))
        holds = found is None if expect == "absent" else found is not None and found.etag == expect[5:]
        if not holds:
            raise ServiceError("PreconditionFailed", 412, "the target is not as it was reviewed",
                               where=where(target.bucket, target.key))
        return self._looked(expect, absent, match)

    def _looked(self, expect: str, absent: Verdict, match: Verdict) -> dict[str, str]:
        """The conditions that are sent although one has looked."""
        verdict = absent if expect == "absent" else match
        if verdict == "unknown" and self.read.calls.aws:
            return guards(expect)
        # A store that refuses a condition that holds cannot be asked to check it (Ceph, If-Match).
        unsure = verdict == "unknown" and expect.startswith("etag:")
        return {} if unsure or verdict == "refused" else guards(expect)

    def glance(self, ref: Ref) -> Glance | None:
        """Size, ETag and version of an object or version; None when it is not there or is a marker."""
        return perform(self.lean, self.glancing(ref))

    def glancing(self, ref: Ref) -> Steps[Glance | None]:
        """`glance` as steps."""
        return deletes.glancing(self.read, ref)

    def verify_copy(self, source: Ref, target: Ref, result: CopyOutcome) -> tuple[bool, str]:
        """Whether the target holds the bytes of the source, and why one may say so. One HEAD, seldom two.

        Proved by equal MD5 ETags and size, else by the target carrying the ETag that the copy of
        the pinned source answered, and the size. Size alone proves nothing.
        """
        found = self.read.head(target.bucket, target.key, result.version_id)
        if found is None:
            return False, "the target is not there"
        if found.size != source.size:
            return False, f"the target has {found.size} bytes, the source {source.size}"
        if is_md5(source.etag) and found.etag == source.etag:
            return True, "same MD5 and size"
        if is_md5(source.etag) and found.etag_is_md5 and self._plain(source):
            return False, "the MD5 of the target is not that of the source"
        if result.etag and found.etag == result.etag:
            return True, "the ETag that the copy answered, and the size"
        return False, "the target does not carry the ETag that the copy answered"

    def _plain(self, source: Ref) -> bool:
        """Whether the source's ETag is surely an MD5. A source out of reach here may be encrypted."""
        try:
            facts: ObjectFacts | None = self.read.head(source.bucket, source.key, source.version_id)
        except ServiceError:
            return True
        return facts is None or facts.etag_is_md5

    def delete_versions(self, bucket: str, refs: Sequence[Ref]) -> list[DeleteOutcome]:
        """Delete exactly these versions and markers for good; one outcome per ref, in the same order."""
        return perform(self.lean, self.deleting_versions(bucket, refs))

    def deleting_versions(self, bucket: str, refs: Sequence[Ref]) -> Steps[list[DeleteOutcome]]:
        """`delete_versions` as steps."""
        return deletes.deleting_versions(self.read, bucket, refs)

    def deleting_names(self, bucket: str, refs: Sequence[Ref]) -> Steps[list[DeleteOutcome]]:
        """Delete what stands under these names, each if it carries the ETag of its ref, as steps. Only where
        the store is known to check that itself (`delete_each` of its abilities)."""
        return deletes.deleting_names(self.read, bucket, refs)

    def delete_object(self, ref: Ref) -> DeleteOutcome:
        """Delete a current object by name if it still carries the ETag of the ref.

        On a versioned bucket this puts a delete marker on top, named in the outcome.
        """
        return perform(self.lean, self.deleting_object(ref))

    def deleting_object(self, ref: Ref, *, looked: bool = False) -> Steps[DeleteOutcome]:
        """`delete_object` as steps. `looked`: the object was looked at right before and carries the ETag."""
        verdict = self.abilities.delete_match
        return deletes.deleting_object(self.read, ref, look=verdict != "yes" and not looked,
                                       conditional=verdict != "refused")

    def carry_access(self, read: ReadStore, source: Ref, target: Ref) -> None:
        """Give the target the access list of the source; `read` is the store of the source."""
        acts.carry_access(read, self.read, source, target)

    def carry_lock(self, read: ReadStore, source: Ref, target: Ref) -> None:
        """Give the target the retention and the legal hold of the source."""
        acts.carry_lock(read, self.read, source, target)

    def thaw(self, ref: Ref, *, tier: str, days: int) -> None:
        """Ask for an archived object to be readable for some days."""
        acts.thaw(self.read, ref, tier=tier, days=days)

    def abort_upload(self, ref: Ref) -> None:
        """Abort the multipart upload whose id stands in the place of the version."""
        acts.abort_upload(self.read, ref)

    def left_in(self, bucket: str) -> Left:
        """What is left in a bucket."""
        return what_is_left(self.read, bucket)

    def remove_bucket(self, bucket: str) -> None:
        """Remove an empty bucket."""
        acts.remove_bucket(self.read, bucket)


def pins_deletes(store: WriteStore) -> bool:
    """Whether the store itself checks the ETag of an object that is deleted by name."""
    return store.abilities.delete_match == "yes"


def ignores_deletes(store: WriteStore) -> bool:
    """Whether the store is known to check no ETag of a delete, and takes one without an error where many are
    deleted together."""
    known = store.abilities
    return known.delete_match in ("ignored", "refused") and known.delete_each == "ignored"


def lean_acts(read: ReadStore) -> LeanActs | None:
    """Copies and looks over libcurl, where it is installed."""
    lean = read.calls.lean
    if lean is None:
        return None
    from .lean_acts import USABLE, LeanActs

    return LeanActs(lean, read.calls.explain) if USABLE else None


def outcome(answer: dict[str, Any], result: dict[str, Any] | None, target: Ref) -> CopyOutcome:
    """The outcome of a copy; an answer without an ETag proves nothing and is refused."""
    etag = clean_etag((result or {}).get("ETag") or "")
    if not etag:
        raise UntrustedAnswer("The copy was answered without a result",
                              where=where(target.bucket, target.key),
                              next_step="Look at the target before trying again")
    return CopyOutcome(etag, answer.get("VersionId") or "")
