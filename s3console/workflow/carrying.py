"""What goes with the bytes of a copy, and what cannot: said before anything is started."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ..core.errors import S3ConsoleError, ServiceError, UsageError
from ..core.model import Place, Ref
from ..core.plans import Copied
from .desk import Desk

if TYPE_CHECKING:
    from ..s3.facts import ObjectFacts

ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER",
           "DEEP_ARCHIVE", "REDUCED_REDUNDANCY")  # fmt: skip
TIERS = ("Expedited", "Standard", "Bulk")
LARGEST = 5 * 1024**4
LOOKED_AT = 10
_THAW = re.compile(r"([A-Za-z]+)(?:/(\d{1,4}))?\Z")

NO_ACL = "access lists are not carried: the copies get the default of their bucket; --acl carries them"
WITH_ACL = "access lists are carried: three requests more for each object"
COLD = "sources in an archive class must be restored first; --thaw does that and waits, else they fail"
THAWED = "sources in an archive class are restored first ({}): the job waits, and restoring is billed"
TOO_LARGE = "objects above 5 TiB cannot be copied"
LOCKED = "the source bucket has Object Lock: retention and legal holds are not carried; --lock carries them"
WITH_LOCK = "retention and legal holds are carried: one to three requests more for each object"
NO_LOCK = "the target bucket has no Object Lock: copies of objects with a retention or legal hold will fail"
CUSTOMER = "of the objects looked at are encrypted with a key of the customer (SSE-C) and cannot be copied"
TAGGED = "of the objects looked at have tags, which are carried if s3:GetObjectTagging is allowed"
KMS = "of the objects looked at are encrypted with KMS: the copies get the default key of their bucket"
KMS_FAR = ("of the objects looked at are encrypted with a KMS key of another region, where their copies "
           "cannot be: they get the default key of their bucket")
IN_PARTS = ("objects were uploaded in parts: their copies get another ETag, and are proved by one to three "
            "requests more each")
NO_GRANTS = ("the target bucket takes no access lists (BucketOwnerEnforced): each copy will be reported as "
             "made without its list; plan without --acl")
HELD = "of the objects looked at have a retention or legal hold, which is not carried"


@dataclass(frozen=True, slots=True)
class Carrying:
    """What the operator asked for: `acl` carries access lists, `storage_class` is another class for the
    copies, `thaw` restores archived sources first ("Bulk", "Standard/3": tier and days), `lock` carries
    retention and legal holds into a bucket with Object Lock."""

    acl: bool = False
    storage_class: str = ""
    thaw: str = ""
    lock: bool = False

    def __post_init__(self) -> None:
        if self.storage_class and self.storage_class not in CLASSES:
            raise UsageError(f"{self.storage_class!r} is not a storage class of S3",
                             next_step=f"Choose {', '.join(CLASSES)}")  # fmt: skip
        match = _THAW.match(self.thaw)
        if self.thaw and (match is None or match[1].capitalize() not in TIERS or match[2] == "0"):
            raise UsageError(f"{self.thaw!r} is not a way to thaw", next_step="Write TIER or TIER/DAYS, like "
                             f"Bulk/7; the tiers are {', '.join(TIERS)}")  # fmt: skip

    @property
    def how(self) -> str:
        """The words of every copy."""
        words = [word for word, asked in (("acl", self.acl), ("lock", self.lock)) if asked]
        if self.storage_class:
            words.append(f"class:{self.storage_class}")
        if self.thaw:
            tier, _, days = self.thaw.partition("/")
            words.append(f"thaw:{tier.capitalize()}/{days or 7}")
        return " ".join(words)


class Baggage:
    """Sees the sources of a plan pass by and knows what to say about them.

    Listings show size and storage class; the rest is known of the buckets, and of the first objects,
    which are looked at. Requests go out when `notes` is asked for.
    """

    def __init__(self, desk: Desk, source: Place, target: Place, carrying: Carrying) -> None:
        self._desk, self._source, self._target, self._carrying = desk, source, target, carrying
        self._cold = self._large = self._in_parts = 0
        self._sample: list[Ref] = []
        self._default: str | None = None

    @property
    def how(self) -> str:
        return self._carrying.how

    def see(self, sources: Iterable[Ref]) -> None:
        """Take note of sources that will be copied."""
        for ref in sources:
            self._cold += ref.storage_class in ARCHIVED
            self._large += ref.size > LARGEST
            self._in_parts += "-" in ref.etag
            if len(self._sample) < LOOKED_AT:
                self._sample.append(ref)

    def see_all(self, copied: Copied) -> None:
        """The same of many."""
        if not ARCHIVED.isdisjoint(copied.classes):
            self._cold += sum(one in ARCHIVED for one in copied.classes)
        if copied.sizes and max(copied.sizes) > LARGEST:
            self._large += sum(size > LARGEST for size in copied.sizes)
        self._in_parts += "".join(copied.etags).count("-")
        if len(self._sample) < LOOKED_AT:
            self._sample += (one.source for one in islice(copied.operations(0), LOOKED_AT - len(self._sample))
                             if one.source is not None)  # fmt: skip

    def notes(self) -> dict[str, int]:
        """What to know before the start, with counts; a count of 0 is a sentence without one."""
        if not self._sample:
            return {}
        found = {WITH_ACL if self._carrying.acl else NO_ACL: 0}
        if self._cold:
            found[THAWED.format(self._carrying.thaw) if self._carrying.thaw else COLD] = self._cold
        if self._large:
            found[TOO_LARGE] = self._large
        if self._in_parts:
            found[IN_PARTS] = self._in_parts
        found |= self._of_buckets()
        for ref in self._sample:
            for note in self._looked(ref):
                found[note] = found.get(note, 0) + 1
        return found

    def _of_buckets(self) -> dict[str, int]:
        """What the buckets themselves take and do not take; what may not be read is not said."""
        from ..s3.intent import takes_access_lists

        found: dict[str, int] = {}
        try:
            facts = self._desk.reader(self._source.connection).bucket(self._source.bucket)
            if facts.region not in ("", "?"):
                self._desk.regions[self._source.connection, self._source.bucket] = facts.region
            if self._carrying.lock:
                found[WITH_LOCK if self._takes_locks() else NO_LOCK] = 0
            elif facts.object_lock:
                found[LOCKED] = 0
            if self._carrying.acl and not takes_access_lists(self._desk.reader(self._target.connection),
                                                             self._target.bucket):
                found[NO_GRANTS] = 0
        except S3ConsoleError:
            pass
        return found

    def _takes_locks(self) -> bool:
        target = self._desk.reader(self._target.connection)
        return bool(target.bucket(self._target.bucket).object_lock)

    def _looked(self, ref: Ref) -> list[str]:
        """A look that fails says nothing, but for the 400 by which S3 asks for the customer's key."""
        try:
            facts = self._desk.reader(self._source.connection).head(ref.bucket, ref.key, ref.version_id)
        except ServiceError as error:
            return [CUSTOMER] if error.status == 400 else []
        except S3ConsoleError:
            return []
        if facts is None:
            return []
        other, far = self._other_key(facts)
        held = (facts.lock_until or facts.legal_hold) and not self._carrying.lock
        return [note for note, so in ((CUSTOMER, facts.encryption.startswith("SSE-C")), (TAGGED, facts.tags),
                                      (KMS_FAR, far), (KMS, other and not far), (HELD, held))
                if so]  # fmt: skip

    def _other_key(self, facts: ObjectFacts) -> tuple[bool, bool]:
        """Whether a copy will be encrypted with another KMS key than its source, and whether it must be."""
        from ..s3.intent import default_key, key_region

        if not facts.encryption.startswith("aws:kms"):
            return False, False
        if self._default is None:
            try:
                self._default = default_key(self._desk.reader(self._target.connection), self._target.bucket)
            except S3ConsoleError:
                self._default = ""
        there = self._desk.regions.get((self._target.connection, self._target.bucket), "")
        home = key_region(facts.kms_key)
        return self._default != facts.kms_key, bool(there and home) and home != there
