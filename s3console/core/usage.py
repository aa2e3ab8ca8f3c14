"""What a place holds, added up by prefix and storage class while its listing passes by."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from .keys import prefix_of
from .model import Batch
from .prices import LISTED, PriceTable, storage_monthly


@dataclass(slots=True)
class Sum:
    """Current objects and noncurrent versions with their bytes, and delete markers."""

    objects: int = 0
    bytes: int = 0
    versions: int = 0
    version_bytes: int = 0
    delete_markers: int = 0

    def include(self, other: Sum) -> None:
        """Add another sum."""
        for item in fields(Sum):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


@dataclass(slots=True)
class Usage:
    """One prefix: the sum, and the same by storage class. Delete markers have no class and no bytes."""

    total: Sum = field(default_factory=Sum)
    classes: dict[str, Sum] = field(default_factory=dict)

    def _of(self, storage_class: str) -> Sum:
        found = self.classes.get(storage_class)
        if found is None:
            found = self.classes[storage_class] = Sum()
        return found

    def objects(self, storage_classes: Sequence[str], sizes: Sequence[int]) -> None:
        """Count current objects."""
        self.total.objects += len(sizes)
        self.total.bytes += sum(sizes)
        if storage_classes.count(storage_classes[0]) == len(storage_classes):
            one = self._of(storage_classes[0])
            one.objects += len(sizes)
            one.bytes += sum(sizes)
            return
        for storage_class, size in zip(storage_classes, sizes, strict=True):
            one = self._of(storage_class)
            one.objects += 1
            one.bytes += size

    def version(self, storage_class: str, size: int, *, latest: bool, marker: bool) -> None:
        """Count one row of a listing of versions."""
        if marker:
            self.total.delete_markers += 1
            return
        for one in (self.total, self._of(storage_class)):
            if latest:
                one.objects += 1
                one.bytes += size
            else:
                one.versions += 1
                one.version_bytes += size

    def include(self, other: Usage) -> None:
        """Add another prefix."""
        self.total.include(other.total)
        for storage_class, one in other.classes.items():
            self._of(storage_class).include(one)

    def monthly(self, region: str, table: PriceTable = LISTED) -> float:
        """Dollars per month; each class goes through its own tiers."""
        return sum(cost for _, _, cost in self.priced(region, table))

    def priced(self, region: str, table: PriceTable = LISTED) -> list[tuple[str, Sum, float]]:
        """Storage class, its sum, and dollars per month, in the order of the class names."""
        return [
            (name, one, storage_monthly(one.bytes + one.version_bytes, region, name, table=table))
            for name, one in sorted(self.classes.items())
        ]


class UsageCounter:
    """Adds batches of one listing up by the first `depth` directories below `base`."""

    def __init__(self, base: str, depth: int) -> None:
        self._base, self._depth = base, depth
        self.rows: dict[str, Usage] = {}
        self.seen = 0

    def add(self, batch: Batch) -> None:
        """Take one batch; keys are in order."""
        self.seen += len(batch)
        at = 0
        while at < len(batch):
            prefix = prefix_of(batch.keys[at], self._base, self._depth)
            end = self._run_end(batch.keys, at, prefix)
            usage = self.rows.setdefault(prefix, Usage())
            if batch.version_ids is None:
                usage.objects(batch.storage_classes[at:end], batch.sizes[at:end])
            else:
                self._versions(usage, batch, at, end)
            at = end

    @staticmethod
    def _versions(usage: Usage, batch: Batch, start: int, end: int) -> None:
        latest = batch.latest or (True,) * len(batch)
        markers = batch.markers or (False,) * len(batch)
        rows = zip(
            batch.storage_classes[start:end], batch.sizes[start:end], latest[start:end], markers[start:end],
            strict=True,
        )  # fmt: skip
        for storage_class, size, current, marker in rows:
            usage.version(storage_class, size, latest=current, marker=marker)

    def _run_end(self, keys: Sequence[str], start: int, prefix: str) -> int:
        """The end of the run of keys that belong to `prefix`."""
        if prefix.count("/", len(self._base)) == self._depth > 0:
            # "0" follows "/": the first name behind everything in this directory.
            return bisect_left(keys, prefix[:-1] + "0", start)
        end = start + 1
        while end < len(keys) and prefix_of(keys[end], self._base, self._depth) == prefix:
            end += 1
        return end

    def sorted(self) -> list[tuple[str, Usage]]:
        """The rows in order of prefix."""
        return sorted(self.rows.items())

    def total(self) -> Usage:
        """Everything together."""
        whole = Usage()
        for usage in self.rows.values():
            whole.include(usage)
        return whole
