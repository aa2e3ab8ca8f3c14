"""The streaming merge of two ordered listings: verdicts per key, residues for pairing, counts per prefix.

Both sides arrive as batches in UTF-8 byte order, which is the order of Python strings. Keys are
compared relative to the prefix of their place. Equal stretches are settled by comparing slices of
columns; only what differs is looked at key by key. Memory holds one window of each side
and the versions of one key.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from typing import Literal, NamedTuple

from .errors import S3ConsoleError
from .model import UNKNOWN_BYTES, Batch, Side
from .prefix_counts import PrefixCount, PrefixCounter
from .windows import Columns, Feed, empty_columns, mismatches, split_history

Verdict = Literal["same", "differs", "unknown"]
Evidence = Literal["auto", "size", "etag", "checksum"]
GroupState = Literal["only", "same", "differs", "unknown", "hidden"]

SAME, MISSING, DIFFERS, UNKNOWN = "s", "m", "d", "u"
STATUS = {"same": SAME, "differs": DIFFERS, "unknown": UNKNOWN}
_HEX = frozenset("0123456789abcdefABCDEF")


def is_md5(etag: str) -> bool:
    """True for the shape of a plain MD5 ETag: 32 hexadecimal digits and no part count.

    S3 makes such ETags for single-part objects that are not encrypted with SSE-KMS or SSE-C
    (S3 API reference, "Object", ETag).
    """
    return len(etag) == 32 and _HEX.issuperset(etag)


def one_part(etag: str) -> str:
    """The ETag of these bytes uploaded as a single part of a multipart upload: the MD5 of the MD5, "-1".
    The ETag itself when it is not a plain MD5."""
    if not is_md5(etag):
        return etag
    return md5(bytes.fromhex(etag), usedforsecurity=False).hexdigest() + "-1"


@dataclass(frozen=True, slots=True)
class EvidenceRules:
    """How bytes are judged from a listing.

    `md5` is False when one side is known to encrypt with SSE-KMS, whose ETags look like MD5 and
    are not: then unequal ETags prove nothing.
    """

    evidence: Evidence = "auto"
    md5: bool = True

    def verdict(self, size: int, etag: str, other_size: int, other_etag: str) -> Verdict:
        """Same, different, or not decidable from a listing; sizes in bytes, ETags without quotes."""
        if UNKNOWN_BYTES in (etag, other_etag):
            return "unknown"
        if size != other_size:
            return "differs"
        if self.evidence == "size":
            return "same"
        if etag and etag == other_etag:
            return "same"
        if self.md5 and (etag.endswith("-1") or other_etag.endswith("-1")) and (
            one_part(etag) == one_part(other_etag)
        ):
            return "same"
        if self.evidence == "etag" and etag and other_etag:
            return "differs"
        if self.md5 and is_md5(etag.removesuffix("-1")) and is_md5(other_etag.removesuffix("-1")):
            return "differs"
        return "unknown"


class LeftRow(NamedTuple):
    """A left key as pairing needs it; `key` is relative, `status` what the right side holds under it."""

    key: str
    size: int
    etag: str
    modified: str
    storage_class: str
    status: str


@dataclass(frozen=True, slots=True)
class Group:
    """The versions of one relative key on the right side that were not settled by equality alone.

    `rows` are newest first, in listing order. `left` is the left object of the same name, if any.
    State "hidden" means that left has the key and right holds only noncurrent versions or markers.
    """

    key: str
    state: GroupState
    rows: tuple[Side, ...]
    left: Side | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one window of the merge gives on: the left rows as columns, those that are not the same by
    position with their status, and the right groups that equality did not settle, in key order."""

    left: Columns
    statuses: dict[int, str]
    groups: list[Group]

    def rows(self) -> Iterator[LeftRow]:
        """The left rows one by one: for small windows, not for the hot path."""
        left, status = self.left, self.statuses.get
        for at, key in enumerate(left.keys):
            yield LeftRow(
                key, left.sizes[at], left.etags[at], left.modified[at], left.classes[at], status(at, SAME)
            )


@dataclass(slots=True)
class SideCount:
    """Running totals of one side."""

    entries: int = 0
    bytes: int = 0
    versions: int = 0
    version_bytes: int = 0
    delete_markers: int = 0


@dataclass(slots=True)
class Tally:
    """Running totals of a comparison; `same` counts left keys whose right name holds the same bytes."""

    left: SideCount = field(default_factory=SideCount)
    right: SideCount = field(default_factory=SideCount)
    same: int = 0
    missing: int = 0
    differs: int = 0
    unknown: int = 0
    right_only: int = 0
    reached: str = ""


@dataclass(slots=True)
class MergeState:
    """Where a merge stands between two windows: everything up to `tally.reached` is settled on both sides,
    and a new merge of what comes behind it goes on to the same end."""

    tally: Tally = field(default_factory=Tally)
    open_prefix: PrefixCount | None = None
    rows_given: int = 0
    depth: int = 3


class Comparison:
    """The merge of one pair of listings. Iterate `run()` once; `tally`, `prefixes` and the cut follow.

    A left stream of versions counts only current objects; its history is ignored. With a `state` the
    two streams begin behind `state.tally.reached`.
    """

    def __init__(
        self,
        left: Iterable[Batch],
        right: Iterable[Batch],
        *,
        left_prefix: str = "",
        right_prefix: str = "",
        rules: EvidenceRules | None = None,
        depth: int = 3,
        on_prefix: Callable[[PrefixCount], None] | None = None,
        state: MergeState | None = None,
    ) -> None:
        given = state.tally.reached or None if state is not None else None
        self._left = Feed(left, left_prefix, given)
        self._right = Feed(right, right_prefix, given)
        self._left_prefix, self._right_prefix = left_prefix, right_prefix
        self._rules = rules or EvidenceRules()
        self._prefixes = PrefixCounter(depth, on_prefix)
        self.tally = Tally()
        if state is not None:
            self.tally, self._prefixes.depth = state.tally, state.depth
            self._prefixes.open, self._prefixes.rows = state.open_prefix, state.rows_given

    def state(self) -> MergeState:
        """Where the merge stands, to go on from later; between two windows only, and not kept up to date."""
        counter = self._prefixes
        return MergeState(self.tally, counter.open, counter.rows, counter.depth)

    @property
    def failures(self) -> tuple[S3ConsoleError | None, S3ConsoleError | None]:
        """The error that broke the left and the right listing, if any."""
        return self._left.failure, self._right.failure

    @property
    def complete(self) -> bool:
        """True when both listings ended by themselves."""
        return self._left.failure is None and self._right.failure is None

    @property
    def known_through(self) -> str | None:
        """The last relative key that was compared when a listing broke; every key after it is unknown."""
        return self._cut

    _cut: str | None = None

    def run(self) -> Iterator[Outcome]:
        """Windows of the comparison in key order, until both sides end or one breaks."""
        sides = (self._left, self._right)
        while True:
            for side in sides:
                side.fill()
            broken = [side.bound() for side in sides if side.failure is not None]
            if None in broken:
                break
            bounds = [
                bound
                for side in sides
                if (side.failure is not None or not side.ended) and (bound := side.bound()) is not None
            ]
            cut = min(bounds) if bounds else None
            yield self._window(cut)
            if cut is not None and cut in broken:
                self._cut = cut
                break
            if not bounds and not any(len(side.rows) for side in sides):
                break
        self._prefixes.flush()

    def _window(self, cut: str | None) -> Outcome:
        left, _ = split_history(self._left.take(cut))
        taken = self._right.take(cut)
        right, history = split_history(taken)
        self._count(left, self.tally.left, empty_columns())
        self._count(right, self.tally.right, history)
        outcome = self._settle(left, right, _by_key(history))
        self._prefixes.add(outcome.left.keys, sorted(outcome.statuses), right.keys, right.sizes)
        last = left.keys[-1:] + taken.keys[-1:]
        if last:
            self.tally.reached = max(last)
        return outcome

    @staticmethod
    def _count(rows: Columns, count: SideCount, history: Columns) -> None:
        count.entries += len(rows)
        count.bytes += sum(rows.sizes)
        markers = sum(history.markers)
        count.delete_markers += markers
        count.versions += len(history) - markers
        count.version_bytes += sum(history.sizes)

    def _settle(self, left: Columns, right: Columns, history: _History) -> Outcome:
        if not right.keys and not history.rows:
            self.tally.missing += len(left)
            return Outcome(left, dict.fromkeys(range(len(left)), MISSING), [])
        statuses: dict[int, str] = {}
        groups: list[Group] = []
        for at, other in self._differences(left, right):
            if other is None:
                assert at is not None
                statuses[at] = MISSING
                key = left.keys[at]
                if key in history.rows:
                    groups.append(
                        Group(key, "hidden", self._rows(None, right, history, key), self._left_side(left, at))
                    )
            elif at is None:
                self.tally.right_only += 1
                key = right.keys[other]
                groups.append(Group(key, "only", self._rows(other, right, history, key)))
            else:
                self._judge(left, at, right, other, history, statuses, groups)
        self._leftover_history(left, right, history, groups)
        groups.sort(key=lambda group: group.key)
        counts = Counter(statuses.values())
        tally = self.tally
        tally.missing += counts[MISSING]
        tally.differs += counts[DIFFERS]
        tally.unknown += counts[UNKNOWN]
        tally.same += len(left) - len(statuses)
        return Outcome(left, statuses, groups)

    def _differences(self, left: Columns, right: Columns) -> Iterator[tuple[int | None, int | None]]:
        """Mismatches of the window; rows without an ETag are never taken for equal by themselves."""
        yield from mismatches(left, right)
        if (self._rules.evidence != "size" and "" in left.etags) or UNKNOWN_BYTES in left.etags:
            empty = ("", UNKNOWN_BYTES)
            names = {key: at for at, key in enumerate(right.keys) if right.etags[at] in empty}
            for at, etag in enumerate(left.etags):
                other = names.get(left.keys[at]) if etag in empty else None
                if other is not None and (left.sizes[at], etag) == (right.sizes[other], right.etags[other]):
                    yield at, other

    def _judge(
        self,
        left: Columns,
        at: int,
        right: Columns,
        other: int,
        history: _History,
        statuses: dict[int, str],
        groups: list[Group],
    ) -> None:
        verdict = self._rules.verdict(left.sizes[at], left.etags[at], right.sizes[other], right.etags[other])
        if verdict == "same":
            return
        statuses[at] = STATUS[verdict]
        key = left.keys[at]
        groups.append(Group(key, verdict, self._rows(other, right, history, key), self._left_side(left, at)))

    def _leftover_history(
        self, left: Columns, right: Columns, history: _History, groups: list[Group]
    ) -> None:
        """Groups for history that no difference has taken: under equal bytes, or with nothing current."""
        for key in history.rows:
            if key in history.used:
                continue
            at = bisect_left(left.keys, key)
            known = at < len(left) and left.keys[at] == key
            other = bisect_left(right.keys, key)
            current = other if other < len(right) and right.keys[other] == key else None
            if known and current is not None:
                groups.append(
                    Group(key, "same", self._rows(current, right, history, key), self._left_side(left, at))
                )
            else:
                groups.append(Group(key, "only", self._rows(current, right, history, key)))

    def _left_side(self, left: Columns, at: int) -> Side:
        return left.side(at, self._left_prefix)

    def _rows(self, current: int | None, right: Columns, history: _History, key: str) -> tuple[Side, ...]:
        """The versions of a right key, the current one first."""
        history.used.add(key)
        older = (history.columns.side(at, self._right_prefix) for at in history.rows.get(key, ()))
        if current is None:
            return tuple(older)
        return (right.side(current, self._right_prefix), *older)


@dataclass(slots=True)
class _History:
    """Noncurrent versions and markers of one window by key; `used` are the keys that a group has taken."""

    columns: Columns
    rows: dict[str, list[int]]
    used: set[str] = field(default_factory=set)


def _by_key(history: Columns) -> _History:
    rows: dict[str, list[int]] = {}
    for at, key in enumerate(history.keys):
        rows.setdefault(key, []).append(at)
    return _History(history, rows)
