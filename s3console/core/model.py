"""The nouns of s3console as frozen facts: place, entry, batch, finding, operation, plan, approval, job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

Kind = Literal["missing", "extra", "differs", "unknown", "misnamed", "junk", "duplicate"]
Grade = Literal["", "proved", "twin", "likely", "name-only", "contradicted"]
OperationKind = Literal["copy", "restore", "download", "delete", "abort", "bucket", "unlink"]
Versioning = Literal["Enabled", "Suspended", "Unversioned"]

UNKNOWN_BYTES = "?"
"""The ETag of an entry whose size and bytes are not known: a name in a list. It equals nothing."""

KINDS: tuple[Kind, ...] = ("missing", "extra", "differs", "unknown", "misnamed", "junk", "duplicate")


@dataclass(frozen=True, slots=True)
class Connection:
    """How a store is reached; None means "as the AWS configuration says". Holds no secret."""

    profile: str | None = None
    endpoint_url: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing comes from: `s3://bucket/prefix`, or a file for `keys:`, `manifest:`, `dir:` ..."""

    bucket: str
    prefix: str = ""
    connection: Connection = field(default_factory=Connection)
    scheme: str = "s3"

    @property
    def uri(self) -> str:
        """The place as the operator writes it. Raw text: show it through `printable()`."""
        return f"s3://{self.bucket}/{self.prefix}" if self.scheme == "s3" else f"{self.scheme}:{self.bucket}"


class Entry(NamedTuple):
    """One row of a listing. `etag` has no quotes; `modified` is ISO 8601 in UTC as the store gave it."""

    key: str
    size: int
    etag: str
    modified: str
    storage_class: str = "STANDARD"
    version_id: str = ""
    is_latest: bool = True
    is_delete_marker: bool = False
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Up to one page of a listing as columns of equal length, in listing order.

    A listing of current objects has None in the three version columns. `sizes` and `etags` hold 0
    and "" for delete markers. `checksums` names algorithm and type ("CRC64NVME/FULL_OBJECT") where
    the store listed one.
    """

    keys: Sequence[str]
    sizes: Sequence[int]
    etags: Sequence[str]
    modified: Sequence[str]
    storage_classes: Sequence[str]
    version_ids: Sequence[str] | None = None
    latest: Sequence[bool] | None = None
    markers: Sequence[bool] | None = None
    checksums: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def entries(self) -> Iterator[Entry]:
        """The rows one by one: for windows and small pages, not for the hot path."""
        n = len(self.keys)
        versions = self.version_ids or ("",) * n
        latest = self.latest or (True,) * n
        markers = self.markers or (False,) * n
        checksums = self.checksums or ("",) * n
        return map(
            Entry,
            self.keys,
            self.sizes,
            self.etags,
            self.modified,
            self.storage_classes,
            versions,
            latest,
            markers,
            checksums,
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """What a listing knows about its own completeness when it ended.

    `known_through` is the last key proved; it only matters when `complete` is False.
    """

    complete: bool
    entries: int
    requests: int
    known_through: str | None = None
    reason: str = ""


class Listing(Protocol):
    """An ordered stream of batches. Iterating it may raise `ListingIncomplete`; `proof` tells the state."""

    place: Place
    versions: bool

    def __iter__(self) -> Iterator[Batch]: ...

    @property
    def proof(self) -> Proof: ...


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of a comparison holds for a finding."""

    key: str
    size: int
    etag: str
    modified: str = ""
    storage_class: str = "STANDARD"
    version_id: str = ""
    is_latest: bool = True
    is_delete_marker: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    The subject is `right`, except for `missing`, where it is `left`. For `misnamed` and for a
    `duplicate` under a wrong name, `left` is the source object whose bytes these are, and
    `intended_key` is the right name on the right side. `intended_state` says what the right side
    holds under that name: "absent", "same", "differs" or "unknown". `repair` is a version on the
    right side that already holds the wanted bytes (a copy inside the bucket repairs the finding).
    Rows with `counted` False belong to a finding that another row counts (further versions and
    delete markers of one key).
    """

    kind: Kind
    left: Side | None = None
    right: Side | None = None
    intended_key: str = ""
    intended_state: str = ""
    rule: str = ""
    grade: Grade = ""
    repair: Side | None = None
    counted: bool = True

    @property
    def subject(self) -> Side:
        """The object the finding is about, as it stands."""
        side = self.left if self.kind == "missing" else self.right
        assert side is not None
        return side

    @property
    def position(self) -> str:
        """The name on the right side under which the finding is filed and rolled up."""
        return self.intended_key if self.kind == "missing" and self.intended_key else self.subject.key

    @property
    def key(self) -> str:
        """The name as it stands: in left for `missing`, in right for everything else."""
        return self.subject.key


@dataclass(frozen=True, slots=True)
class SideTotals:
    """What one side of a review held: current objects, their bytes, noncurrent versions, markers."""

    place: Place
    entries: int = 0
    bytes: int = 0
    versions: int = 0
    version_bytes: int = 0
    delete_markers: int = 0
    complete: bool = False
    known_through: str | None = None
    reason: str = ""
    requests: int = 0
    versioning: str = ""


@dataclass(frozen=True, slots=True)
class RuleFit:
    """How well one rule chain explains the right side."""

    rule: str
    explained: int
    proved: int
    contradicted: int


@dataclass(frozen=True, slots=True)
class PrefixTotals:
    """One row of a review's roll-up; `prefix` is a full key prefix on the right side, "" for no directory."""

    prefix: str
    left_entries: int = 0
    right_entries: int = 0
    same: int = 0
    missing: int = 0
    extra: int = 0
    differs: int = 0
    unknown: int = 0
    misnamed: int = 0
    junk: int = 0
    duplicate: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class ReviewHeader:
    """A stored comparison: sides, totals, rules. `complete` needs both listings proved."""

    review: str
    created: str
    left: SideTotals
    right: SideTotals
    versions: bool
    same: int
    totals: dict[str, int]
    rules: tuple[RuleFit, ...]
    evidence: str = "auto"
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return self.left.complete and self.right.complete


class Ref(NamedTuple):
    """One object or version on one side ("left" or "right" names the connection of the plan)."""

    side: str
    bucket: str
    key: str
    version_id: str = ""
    etag: str = ""
    size: int = 0
    storage_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class Operation:
    """One act of a plan.

    copy, restore: `source` is read, `target` written. `expect` guards the destination: "absent",
    "etag:<value>", or "any" (a new version on top of whatever is current).
    delete: `target` names the reviewed version (or, on an unversioned bucket, the ETag).
    `after` is the index of the copy that must be verified first; `witness` is the right name that
    must hold the same bytes at the moment of the delete. `reason` is the kind of the finding. A delete
    without a version on a versioned bucket puts a delete marker on top of the object with that ETag.
    abort: `target` names a multipart upload in progress, its id in the place of the version.
    bucket: the bucket of `target` goes, if nothing is left in it. Both count as deletes.
    download: `source` is written to a file and counts as a copy. `target` is on the side "local": its bucket
    is the root directory, its key the path; `expect` is "absent" or "file:<what stood there>" (core.trees).
    unlink: the file `target` goes while it is what was reviewed; counts as a delete.
    `how` holds words for what is not the default. Copies: `look` (what stands there may be right
    already), `acl` (carry the access list), `lock` (carry retention and legal hold), `class:NAME`
    (another storage class), `thaw:TIER/DAYS` (restore an archived source first). Deletes: `latest` (only
    while that is the latest).
    """

    index: int
    kind: OperationKind
    target: Ref
    source: Ref | None = None
    expect: str = "any"
    after: int | None = None
    witness: Ref | None = None
    is_delete_marker: bool = False
    reason: str = ""
    how: str = ""

    @property
    def removes(self) -> bool:
        """Whether it takes something away: such operations come last and are counted as deletes."""
        return self.kind not in ("copy", "restore", "download")

    @property
    def reversible(self) -> bool:
        """Copies and restores add; a delete of a version or of an unversioned object loses bytes."""
        return not self.removes

    def word(self, name: str) -> str | None:
        """What follows `name:` in `how`, "" for the word alone, None without it."""
        if not self.how:
            return None
        for one in self.how.split():
            head, _, value = one.partition(":")
            if head == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """The head of a sealed plan; its operations are a file beside it, read in batches of `batch_size`.

    `cost_usd` prices the requests and the transfer of the run, `monthly_usd` the change of storage
    cost (negative saves). Operations are ordered: copies and restores first, deletes after. `serial`
    counts earlier plans of the same title that were used up, so that planning again gives a new digest.
    """

    plan: str
    digest: str
    prefix: str
    created: str
    created_by: str
    left: Place | None
    right: Place
    operations: int
    copy: int
    restore: int
    delete: int
    bytes: int
    delete_bytes: int
    requests: dict[str, int]
    cost_usd: float
    monthly_usd: float
    reversible: bool
    versioning: str
    review: str = ""
    title: str = ""
    batch_size: int = 500
    sample: tuple[Operation, ...] = ()
    notes: tuple[str, ...] = ()
    serial: int = 0


@dataclass(frozen=True, slots=True)
class Approval:
    """Who accepted which plan digest, when, until when, and what they typed."""

    digest: str
    by: str
    at: str
    expires: str
    count: int
    typed: str


JobState = Literal["queued", "running", "paused", "done", "failed", "cancelled", "stale"]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The snapshot a runner publishes. planned = done + failed + skipped + remaining, always.

    `rate` and `rates` (one a second for five minutes) are operations per second, `p50` and `p99` milliseconds
    of requests. By its `slowdowns` the store takes `found` (0: unknown); `given` is the operator's own limit.
    """

    job: str
    plan: str
    state: JobState
    planned: int
    done: int
    failed: int
    skipped: int
    bytes: int = 0
    started: str = ""
    ended: str = ""
    rate: float = 0.0
    phase: str = ""
    in_flight: int = 0
    workers: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    retries: int = 0
    message: str = ""
    updated: str = ""
    runner: int = 0
    title: str = ""
    prefix: str = ""
    rates: tuple[float, ...] = ()
    p50: float = 0.0
    p99: float = 0.0
    slowdowns: int = 0
    found: float = 0.0
    given: float = 0.0

    @property
    def remaining(self) -> int:
        return self.planned - self.done - self.failed - self.skipped
