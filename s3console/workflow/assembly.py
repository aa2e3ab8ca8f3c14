"""Steps on their way into one sealed plan: sorted on disk, counted, priced, sealed.

Steps are sorted by the right name they serve, so that a delete finds the index of its copy without a
table of keys in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from ..core import prices
from ..core.errors import Refused
from ..core.keys import printable
from ..core.model import Operation, Place, Plan, Ref
from ..core.plans import Copied, Doomed
from ..core.repair import CopyStep, DeleteStep
from ..store.plan_writer import PlanWriter
from ..store.plans import list_plans
from .desk import Desk
from .jobs import list_jobs
from .listings import place_facts
from .memory import rare_collections
from .operators import operator
from .plan_states import plan_state
from .probing import copy_looks
from .spool import ExternalSort, Row, ScratchFolder

_BLOCK = 2_000
PART_LIMIT = 5 * 1024**3
UNCOVER = "uncover"
"""The reason of a delete that takes the latest delete marker off the version below it."""
_REF = "sssssis"
_COPY = "ss" + _REF + "ss"
_DELETE = "issi" + _REF + "bsb"


@dataclass(slots=True)
class _Sums:
    """What the head of a plan says, added up while its operations pass by."""

    copy: int = 0
    restore: int = 0
    delete: int = 0
    downloads: int = 0
    bytes: int = 0
    delete_bytes: int = 0
    across: int = 0
    big_parts: int = 0
    overwrites: int = 0
    soft_deletes: int = 0
    looks: int = 0
    present: int = 0
    in_parts: int = 0
    named: int = 0
    others: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    def add(self, operation: Operation, *, soft: bool) -> None:
        """Count one operation."""
        if operation.removes:
            self.delete += 1
            self.delete_bytes += operation.target.size
            self.looks += operation.witness is not None
            if operation.kind == "delete":
                by_name = not operation.target.version_id
                self.named += by_name
                self.soft_deletes += soft and (by_name or _uncovers(operation))
            else:
                self.others[operation.kind] = self.others.get(operation.kind, 0) + 1
            return
        source = operation.source
        assert source is not None
        if operation.kind == "download":
            self.copy += 1
            self.downloads += 1
            self.bytes += source.size
            self.overwrites += operation.expect != "absent"
            return
        setattr(self, operation.kind, getattr(self, operation.kind) + 1)
        if operation.word("look") is not None:
            self.present += 1
            return
        self.bytes += source.size
        self.across += source.size if source.side == "left" else 0
        self.big_parts += -(-source.size // PART_LIMIT) + 1 if source.size > PART_LIMIT else 0
        self.overwrites += operation.expect.startswith("etag:")
        self.in_parts += "-" in source.etag

    def add_deletes(self, doomed: Doomed, *, soft: bool) -> None:
        """Count many deletes."""
        by_name = len(doomed.ids) - sum(map(bool, doomed.ids))
        self.delete += len(doomed.keys)
        self.delete_bytes += sum(doomed.sizes)
        self.named += by_name
        self.looks += len(doomed.witnesses)
        if soft:
            self.soft_deletes += len(doomed.keys) if doomed.marker and doomed.reason == UNCOVER else by_name

    def add_copies(self, copied: Copied) -> None:
        """Count many copies of missing objects."""
        self.copy += len(copied.keys)
        self.bytes += (size := sum(copied.sizes))
        self.across += size
        self.big_parts += sum(-(-one // PART_LIMIT) + 1 for one in copied.sizes if one > PART_LIMIT)
        self.in_parts += "".join(copied.etags).count("-")

    def requests(self, looks: int = 2) -> dict[str, int]:
        """Requests of an undisturbed run by API name; `looks` go before every copy. A copy that gets another
        ETag than its source is looked at afterwards."""
        copies = self.copy + self.restore - self.present - self.downloads
        many = self.delete - self.named - sum(self.others.values())
        wanted = {
            "GetObject": self.downloads,
            "CopyObject": copies,
            "HeadObject": looks * copies + (self.in_parts if looks < 2 else 0) + self.present + self.looks,
            "UploadPartCopy": self.big_parts,
            "DeleteObjects": -(-many // 1000),
            "DeleteObject": self.named,
            "AbortMultipartUpload": self.others.get("abort", 0),
            "DeleteBucket": self.others.get("bucket", 0),
        }
        return {name: count for name, count in wanted.items() if count}


def _uncovers(operation: Operation) -> bool:
    """Taking a delete marker off an object loses no bytes: another marker hides it again."""
    return operation.is_delete_marker and operation.reason == UNCOVER


class Assembly:
    """Copies and deletes on their way into one plan. `how` holds words for every copy, see `Operation`."""

    def __init__(self, scratch: ScratchFolder, *, how: str = "") -> None:
        self._how = how
        self._copies: ExternalSort = scratch.sort(
            _COPY, lambda row: (row[0], row[9] == "absent", row[2] != "right")
        )
        self._deletes: ExternalSort = scratch.sort(_DELETE, itemgetter(0, 1, 6, 7))
        self._deferred: list[DeleteStep] = []

    def add_copies(self, copies: Iterable[CopyStep]) -> None:
        """Take copies in any order; several for one right name become one."""
        self._copies.extend(
            (step.target_key, step.kind, *step.source, step.expect, step.reason) for step in copies
        )

    def add_deletes(self, deletes: Iterable[DeleteStep]) -> None:
        """Take deletes in any order; markers end last, after the versions they cover."""
        self._deletes.extend(
            (
                2 if step.is_marker else (0 if step.needs else 1),
                step.needs,
                step.needs_etag,
                step.needs_size,
                *step.target,
                step.is_marker,
                step.reason,
                step.after_copy,
            )
            for step in deletes
        )

    def _unique_copies(self) -> Iterator[Row]:
        last = None
        for row in self._copies.rows():
            if row[0] != last:
                last = row[0]
                yield row

    def operations(self, bucket: str) -> Iterator[Operation]:
        """All operations in the order of execution."""
        index = 0
        for index, row in enumerate(self._unique_copies(), start=1):
            source = Ref(*row[2:9])
            target = Ref("right", bucket, row[0], "", source.etag, source.size, source.storage_class)
            yield Operation(index - 1, row[1], target, source, row[9], reason=row[10], how=self._how)
        copies = enumerate(self._unique_copies())
        pending = next(copies, None)
        for row in self._deletes.rows():
            needs, target = row[1], Ref(*row[4:11])
            after = None
            if row[0] == 0 and row[13]:
                while pending is not None and pending[1][0] < needs:
                    pending = next(copies, None)
                if pending is None or pending[1][0] != needs:
                    continue
                after = pending[0]
            witness = Ref("right", bucket, needs, "", row[2], row[3]) if needs else None
            yield Operation(index, "delete", target, None, "any", after, witness, row[11], row[12])
            index += 1


def seal_plan(
    desk: Desk,
    assembly: Assembly,
    left: Place | None,
    right: Place,
    prefix: str,
    versioning: str,
    *,
    notes: dict[str, int],
    review: str = "",
    title: str = "",
) -> Plan:
    """Seal what was assembled. Raises Refused when that is nothing."""
    return seal_operations(
        desk,
        assembly.operations(right.bucket),
        left,
        right,
        prefix,
        versioning,
        notes=notes,
        review=review,
        title=title,
    )


def seal_operations(
    desk: Desk,
    operations: Iterable[Operation | Copied | Doomed],
    left: Place | None,
    right: Place,
    prefix: str,
    versioning: str,
    *,
    notes: dict[str, int],
    review: str = "",
    title: str = "",
    batch_size: int = 500,
) -> Plan:
    """Seal operations that are in their order already, copies first, one by one or as columns; `notes` is
    read when all have passed.

    Raises Refused when there is none.
    """
    sums = _Sums(notes=notes)
    writer = PlanWriter(desk.home, batch_size)
    try:
        with rare_collections():
            _pass(operations, writer, sums, soft=versioning == "Enabled")
        total = sums.copy + sums.restore + sums.delete
        if not total:
            raise Refused(
                "there is nothing to plan here",
                where=printable(prefix or right.uri),
                next_step="See `review` for what was found under this prefix"
                + (f" ({'; '.join(notes)})" if notes else ""),
            )
        return writer.seal(**_head(desk, sums, left, right, prefix, versioning, review, title))
    except BaseException:
        writer.discard()
        raise


def _pass(operations: Iterable[Operation | Copied | Doomed], writer: PlanWriter, sums: _Sums, *,
          soft: bool) -> None:  # fmt: skip
    block: list[Operation] = []
    for one in operations:
        if isinstance(one, Operation):
            sums.add(one, soft=soft)
            block.append(one)
            if len(block) < _BLOCK:
                continue
        writer.add(block)
        block = []
        if isinstance(one, Doomed):
            sums.add_deletes(one, soft=soft)
            writer.add_deletes(one)
        elif isinstance(one, Copied):
            sums.add_copies(one)
            writer.add_copies(one)
    writer.add(block)


def _head(
    desk: Desk,
    sums: _Sums,
    left: Place | None,
    right: Place,
    prefix: str,
    versioning: str,
    review: str,
    title: str,
) -> dict[str, Any]:
    copied = right.scheme == "s3" and sums.copy + sums.restore > sums.present
    requests = sums.requests(
        copy_looks(desk, right, versioning, replacing=bool(sums.overwrites)).each if copied else 2)
    if copied and left is not None and left.scheme == "s3" and left.connection != right.connection:
        requests = _streamed(requests)
    region = _region(desk, right)
    source_region = _region(desk, left) if left is not None and left.scheme == "s3" else region
    cost = prices.request_cost(requests, region)
    if source_region != region:
        cost += prices.transfer_cost(sums.across, source_region, region)
    if sums.downloads:
        cost += prices.transfer_cost(sums.bytes, source_region, "")
    grown = 0 if sums.downloads or (versioning != "Enabled" and sums.overwrites) else sums.bytes
    shrunk = 0 if right.scheme != "s3" else sums.delete_bytes
    monthly = prices.storage_monthly(grown, region) - prices.storage_monthly(shrunk, region)
    lost = sums.delete - sums.soft_deletes
    return {
        "prefix": prefix,
        "created_by": operator(),
        "left": left,
        "right": right,
        "requests": requests,
        "cost_usd": round(cost, 6),
        "monthly_usd": round(monthly, 6),
        "serial": _serial(desk, review, title),
        "reversible": not lost and not (sums.overwrites and versioning != "Enabled"),
        "versioning": versioning,
        "review": review,
        "title": title,
        "notes": tuple(
            f"{text} ({count:,})" if count else text for text, count in sorted(sums.notes.items())
        ),
    }


def _streamed(requests: dict[str, int]) -> dict[str, int]:
    """The same between two stores: each object is looked at, read with its tags, and written."""
    copies = requests.pop("CopyObject", 0)
    more = {"GetObject": copies, "PutObject": copies, "GetObjectTagging": copies,
            "HeadObject": requests.get("HeadObject", 0) + copies}
    return requests | {name: count for name, count in more.items() if count}


def _serial(desk: Desk, review: str, title: str) -> int:
    """How many plans of this review and title can no longer be approved."""
    jobs = list_jobs(desk)
    earlier = [plan for plan in list_plans(desk.home) if (plan.review, plan.title) == (review, title)]
    return sum(plan_state(desk, plan, jobs) not in ("ready", "approved") for plan in earlier)


def _region(desk: Desk, place: Place) -> str:
    known = desk.regions.get((place.connection, place.bucket))
    return known or place_facts(desk, place).region or place.connection.region or "us-east-1"
