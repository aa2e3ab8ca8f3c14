"""Reviews: the stored result of a comparison, readable in any place without loading all of it.

    reviews/<id>/review.json         header (core.model.ReviewHeader) and the index of row groups
    reviews/<id>/findings.parquet    sorted by position, about 20,000 rows per row group
    reviews/<id>/prefixes.parquet    the deepest roll-up rows

The index holds, for each row group, its first and last position and how many rows of each kind it has,
counted or not. A page therefore reads one or two row groups wherever it begins.
"""

from __future__ import annotations

import bisect
import threading
import weakref
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from ..core.errors import S3ConsoleError
from ..core.model import KINDS, Finding, Kind, PrefixTotals, ReviewHeader
from .columns import FINDINGS, end_of, table_to_findings, to_bytes
from .facts import read_facts
from .folding import fold_rows
from .home import Home, damaged, names, resolve_id
from .parquet import open_parquet, reading
from .review_writer import GROUP, ReviewWriter, RowGroup, StoredReview

__all__ = ["Review", "ReviewWriter", "list_reviews", "load_header"]

PART = 2_000


class Review:
    """A stored review. Pages may be asked for from several threads; reads take turns."""

    def __init__(self, folder: Path) -> None:
        stored = read_facts(folder / "review.json", StoredReview)
        if stored.header.review != folder.name:
            raise damaged(folder, "the file belongs to another review")
        self.header = stored.header
        self._folder = folder
        self._groups = stored.groups
        self._path = folder / "findings.parquet"
        self._turn = threading.Lock()
        self._kept: tuple[int, Any] | None = None
        self._folded: tuple[tuple[int, str], list[PrefixTotals]] | None = None
        self._parquet = open_parquet(self._path)
        self._closing = weakref.finalize(self, self._parquet.close, force=True)
        facts = self._parquet.metadata
        rows = [facts.row_group(at).num_rows for at in range(facts.num_row_groups)]
        if rows != [group.rows for group in self._groups]:
            self.close()
            raise damaged(folder, "the findings are not those of the review")

    @classmethod
    def open(cls, home: Home, review_id: str) -> Review:
        """A review by its id, or a beginning or end of it that fits one review only.

        Raises UsageError (unknown, ambiguous), DamagedState, NewerState, NotReachable.
        """
        return cls(home.reviews / resolve_id(home.reviews, review_id, "review"))

    def close(self) -> None:
        """Close the file. Happens by itself when the review is no longer used."""
        self._closing()

    def __enter__(self) -> Review:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def findings(
        self,
        prefix: str = "",
        kinds: Collection[Kind] | None = None,
        offset: int = 0,
        limit: int | None = None,
        *,
        counted_only: bool = True,
    ) -> Iterator[list[Finding]]:
        """Findings whose position begins with `prefix`, in order, in parts of at most 2,000.

        Rows before `offset` are passed over by row group, unread. Raises DamagedState.
        """
        wanted = frozenset(KINDS if kinds is None else kinds)
        low, end = to_bytes(prefix), end_of(to_bytes(prefix))
        for at in self._range(low, end):
            if limit is not None and limit <= 0:
                return
            group = self._groups[at]
            whole = _inside(group, low, end)
            if whole:
                matching = group.matching(wanted, counted_only=counted_only)
                if matching <= offset:
                    offset -= matching
                    continue
            table = self._table(at)
            chosen = _choose(table, low, end, wanted, counted_only=counted_only, whole=whole)
            found = chosen[offset:] if limit is None else chosen[offset : offset + limit]
            offset = max(0, offset - len(chosen))
            if limit is not None:
                limit -= len(found)
            for start in range(0, len(found), PART):
                yield self._convert(table, found[start : start + PART])

    def holding(
        self, text: str, prefix: str = "", kinds: Collection[Kind] | None = None
    ) -> Iterator[tuple[int, list[Finding]]]:
        """Counted findings whose position begins with `prefix` and that hold a text (see store/holding.py),
        in order, row group by row group: how many were looked into so far, and what this one held.

        Raises DamagedState.
        """
        from .holding import LOOKED_INTO, rows_holding

        wanted, seen = frozenset(KINDS if kinds is None else kinds), 0
        low, end = to_bytes(prefix), end_of(to_bytes(prefix))
        for at in self._range(low, end):
            with self._turn, reading(self._path):
                table = self._parquet.read_row_group(at, columns=list(LOOKED_INTO), use_threads=False)
            if not set(LOOKED_INTO) <= set(table.schema.names):
                raise damaged(self._path, "the findings have other columns")
            begin, stop = _between(table, low, end, whole=_inside(self._groups[at], low, end))
            looked, chosen = rows_holding(table.slice(begin, stop - begin), text, wanted)
            seen += looked
            yield seen, self._convert(self._table(at), [begin + n for n in chosen]) if chosen else []

    def page(
        self,
        offset: int,
        limit: int,
        prefix: str = "",
        kinds: Collection[Kind] | None = None,
        *,
        counted_only: bool = True,
    ) -> list[Finding]:
        """The findings with rank `offset` and following, at most `limit`, among those that match."""
        parts = self.findings(prefix, kinds, offset, limit, counted_only=counted_only)
        return [finding for part in parts for finding in part]

    def count(
        self, prefix: str = "", kinds: Collection[Kind] | None = None, *, counted_only: bool = True
    ) -> int:
        """How many findings match. Reads at most the two row groups at the edges of the prefix."""
        wanted = frozenset(KINDS if kinds is None else kinds)
        low, end = to_bytes(prefix), end_of(to_bytes(prefix))
        total = 0
        for at in self._range(low, end):
            if _inside(self._groups[at], low, end):
                total += self._groups[at].matching(wanted, counted_only=counted_only)
            else:
                table = self._table(at)
                total += len(_choose(table, low, end, wanted, counted_only=counted_only, whole=False))
        return total

    def prefixes(self, depth: int = 1, under: str = "") -> list[PrefixTotals]:
        """Roll-up rows: `depth` directory levels below `under` ("" means the place of the right side).

        Entries directly in a directory are in its own row. Below the depth that was stored there is
        nothing finer. Sorted by prefix. Raises DamagedState.
        """
        base = self.header.right.place.prefix
        base = under if under.startswith(base) else base
        with self._turn:
            if self._folded is None or self._folded[0] != (depth, base):
                self._folded = ((depth, base), self._fold(depth, base))
            return list(self._folded[1])

    def _fold(self, depth: int, base: str) -> list[PrefixTotals]:
        sums: dict[str, list[int]] = {}
        path = self._folder / "prefixes.parquet"
        parquet = open_parquet(path)
        try:
            with reading(path):
                for batch in parquet.iter_batches(batch_size=GROUP, use_threads=False):
                    fold_rows(batch, base, depth, sums)
        except (ValueError, TypeError, AttributeError, KeyError):
            raise damaged(path, "the roll-up of the review is damaged") from None
        finally:
            parquet.close(force=True)
        return [PrefixTotals(prefix, *sums[prefix]) for prefix in sorted(sums)]

    def _range(self, low: bytes, end: bytes | None) -> range:
        """The row groups that can hold positions from `low` to before `end`."""
        begin = bisect.bisect_left(self._groups, low, key=lambda group: to_bytes(group.last))
        if end is None:
            return range(begin, len(self._groups))
        return range(begin, bisect.bisect_left(self._groups, end, key=lambda group: to_bytes(group.first)))

    def _table(self, at: int) -> Any:
        """One row group, the last one kept because pages follow one another."""
        with self._turn:
            if self._kept is None or self._kept[0] != at:
                self._kept = None
                with reading(self._path):
                    table = self._parquet.read_row_group(at, use_threads=False)
                if table.schema.names != FINDINGS.names or table.num_rows != self._groups[at].rows:
                    raise damaged(self._path, "the findings have other columns")
                self._kept = (at, table)
            return self._kept[1]

    def _convert(self, table: Any, rows: Sequence[int]) -> list[Finding]:
        try:
            straight = len(rows) == rows[-1] - rows[0] + 1
            part = table.slice(rows[0], len(rows)) if straight else table.take(pa.array(rows, pa.int64()))
            return table_to_findings(part)
        except (ValueError, TypeError, AttributeError):
            raise damaged(self._path, "a finding cannot be read") from None


def _inside(group: RowGroup, low: bytes, end: bytes | None) -> bool:
    return to_bytes(group.first) >= low and (end is None or to_bytes(group.last) < end)


def _between(table: Any, low: bytes, end: bytes | None, *, whole: bool) -> tuple[int, int]:
    """The rows of a row group with positions from `low` to before `end`: the first, and the one after."""
    begin, stop = 0, table.num_rows
    if not whole:
        positions = table.column("key").combine_chunks()
        begin = bisect.bisect_left(positions, low, key=lambda value: value.as_py())
        if end is not None:
            stop = bisect.bisect_left(positions, end, key=lambda value: value.as_py())
    return begin, stop


def _choose(
    table: Any, low: bytes, end: bytes | None, kinds: frozenset[str], *, counted_only: bool, whole: bool
) -> Sequence[int]:
    """The numbers of the matching rows of a row group."""
    begin, stop = _between(table, low, end, whole=whole)
    if len(kinds) == len(KINDS) and not counted_only:
        return range(begin, stop)
    stored = table.column("kind").slice(begin, stop - begin).to_pylist()
    counted = table.column("counted").slice(begin, stop - begin).to_pylist()
    return [
        at
        for at, (kind, counts) in enumerate(zip(stored, counted, strict=True), begin)
        if kind in kinds and (counts or not counted_only)
    ]


def load_header(home: Home, review_id: str) -> ReviewHeader:
    """Only the header of a review. Raises as `Review.open`."""
    folder = home.reviews / resolve_id(home.reviews, review_id, "review")
    return read_facts(folder / "review.json", StoredReview).header


def list_reviews(home: Home, *, problems: list[S3ConsoleError] | None = None) -> list[ReviewHeader]:
    """The headers of all reviews, newest first.

    A review that cannot be read is left out, so that one damaged file does not hide the others; its
    error goes into `problems`.
    """
    found = []
    for name in names(home.reviews):
        try:
            found.append(read_facts(home.reviews / name / "review.json", StoredReview).header)
        except S3ConsoleError as error:
            if problems is not None:
                problems.append(error)
    return sorted(found, key=lambda header: (header.created, header.review), reverse=True)
