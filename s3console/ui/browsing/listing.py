"""A listing that grows while it is looked at: chunks of pages as columns, rows made when painted."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from s3console.core.model import Batch, Entry
from s3console.core.timeline import standing

if TYPE_CHECKING:
    from s3console.s3.facts import Page, VersionPage

PREFIX = -1


class NameRow(NamedTuple):
    """One line of a listing: a prefix (`entry` None), or a key with its newest version.

    `versions` counts versions and markers seen so far, 0 when they were not listed.
    """

    key: str
    entry: Entry | None
    versions: int = 0

    @property
    def deleted(self) -> bool:
        """Whether the newest version is a delete marker."""
        return self.entry is not None and self.entry.is_delete_marker


def entry_at(batch: Batch, i: int) -> Entry:
    """One row of a batch."""
    return Entry(
        batch.keys[i], batch.sizes[i], batch.etags[i], batch.modified[i], batch.storage_classes[i],
        batch.version_ids[i] if batch.version_ids else "",
        batch.latest[i] if batch.latest else True,
        batch.markers[i] if batch.markers else False,
        batch.checksums[i] if batch.checksums else "",
    )


@dataclass(slots=True)
class Chunk:
    """One page: names in order, the row of the batch behind each (or `PREFIX`), versions of each."""

    names: list[str]
    index: array[int]
    batch: Batch
    counts: array[int] | None = None

    def row(self, i: int) -> NameRow:
        at = self.index[i]
        if at == PREFIX:
            return NameRow(self.names[i], None)
        return NameRow(self.names[i], entry_at(self.batch, at), self.counts[i] if self.counts else 0)


def _merged(names: list[tuple[str, int]]) -> tuple[list[str], array[int]]:
    names.sort(key=lambda pair: pair[0])
    return [name for name, _ in names], array("q", (at for _, at in names))


def chunk_of(page: Page, skip: str = "") -> Chunk:
    """A page of current objects. `skip` is the prefix itself, which some tools store as an object."""
    rows = [(key, i) for i, key in enumerate(page.batch.keys) if key != skip or page.batch.sizes[i]]
    names, index = _merged([*rows, *((prefix, PREFIX) for prefix in page.prefixes)])
    return Chunk(names, index, page.batch)


def chunk_of_versions(page: VersionPage) -> Chunk:
    """A page of versions as one row per key, with the first version listed (the newest) standing for it."""
    rows: list[tuple[str, int]] = []
    counted: dict[str, int] = {}
    for i, key in enumerate(page.batch.keys):
        if key not in counted:
            rows.append((key, i))
        counted[key] = counted.get(key, 0) + 1
    names, index = _merged([*rows, *((prefix, PREFIX) for prefix in page.prefixes)])
    return Chunk(names, index, page.batch, array("q", (counted.get(name, 0) for name in names)))


def chunk_holding(page: Page, base: str, wanted: str) -> Chunk:
    """The rows of a page whose name below the base holds a text, whatever its case."""
    text, cut = wanted.casefold(), len(base)
    found = [i for i, key in enumerate(page.batch.keys) if text in key[cut:].casefold()]
    return Chunk([page.batch.keys[i] for i in found], array("q", found), page.batch)


def batch_of(entries: Sequence[Entry]) -> Batch:
    """Entries as columns, with their versions."""
    return Batch(
        [e.key for e in entries], [e.size for e in entries], [e.etag for e in entries],
        [e.modified for e in entries], [e.storage_class for e in entries], [e.version_id for e in entries],
        [e.is_latest for e in entries], [e.is_delete_marker for e in entries],
        [e.checksum for e in entries],
    )


def chunk_at(
    page: VersionPage, pending: Sequence[Entry], moment: str, *, with_deleted: bool
) -> tuple[Chunk, list[Entry]]:
    """What stood at a moment, from a page of versions, and the rows of a key that may go on in the next.

    Keys that came later are left out, deleted ones are shown with `with_deleted` only. Prefixes are taken as
    they are in the page.
    """
    rows = [*pending, *page.batch.entries()]
    kept: list[Entry] = []
    last = page.batch.keys[-1] if len(page.batch) else (pending[-1].key if pending else "")
    if page.next_key_marker and last and not any(prefix > last for prefix in page.prefixes):
        kept = [row for row in rows if row.key == last]
        rows = [row for row in rows if row.key != last]
    found: list[Entry] = []
    counts: dict[str, int] = {}
    for key, group in groupby(rows, key=attrgetter("key")):
        history = list(group)
        entry = standing(history, moment)
        if entry is not None and (with_deleted or not entry.is_delete_marker):
            found.append(entry)
            counts[key] = len(history)
    names, index = _merged([*((e.key, i) for i, e in enumerate(found)),
                            *((prefix, PREFIX) for prefix in page.prefixes)])
    return Chunk(names, index, batch_of(found), array("q", (counts.get(name, 0) for name in names))), kept


SORTS = {"name": "as the store lists them", "size": "largest first", "time": "newest first",
         "class": "by storage class"}
"""How loaded rows can be ordered, and what that means."""


@dataclass(slots=True)
class LoadedRows:
    """The chunks so far as a row source, narrowed by a filter text. Used on the UI thread only."""

    base: str = ""
    needle: str = ""
    fast: bool = True
    chunks: list[Chunk] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    loaded: int = 0
    matches: array[int] | None = None
    matched_chunks: int = 0

    def add(self, chunk: Chunk) -> None:
        """Take a page. A key whose versions go on from the page before is counted there."""
        last = self.chunks[-1] if self.chunks else None
        if (last and chunk.names and last.counts is not None and chunk.counts is not None
                and last.names and last.names[-1] == chunk.names[0] and chunk.index[0] != PREFIX):
            last.counts[-1] += chunk.counts[0]
            chunk = Chunk(chunk.names[1:], chunk.index[1:], chunk.batch, chunk.counts[1:])
        self.chunks.append(chunk)
        self.starts.append(self.loaded)
        self.loaded += len(chunk.names)
        if self.matches is not None and self.matched_chunks == len(self.chunks) - 1:
            self.matches.extend(self.search(self.needle, self.matched_chunks))
            self.matched_chunks = len(self.chunks)

    def search(self, needle: str, from_chunk: int = 0, to_chunk: int | None = None) -> array[int]:
        """Ranks whose name below the base holds the text, whatever its case. May run in a thread."""
        wanted, cut, found = needle.casefold(), len(self.base), array("q")
        some = slice(from_chunk, to_chunk)
        for chunk, start in zip(self.chunks[some], self.starts[some], strict=False):
            found.extend(
                start + i for i, name in enumerate(chunk.names) if wanted in name[cut:].casefold()
            )
        return found

    def ordered(self, ranks: Sequence[int], by: str) -> array[int]:
        """Ranks in another order; prefixes come first. May run in a thread."""
        if by == "name":
            return array("q", ranks)
        first, rest = array("q"), array("q")
        values: list[Any] = []
        for rank in ranks:
            at = self._chunk_of(rank)
            chunk = self.chunks[at]
            row = chunk.index[rank - self.starts[at]]
            if row == PREFIX:
                first.append(rank)
                continue
            batch = chunk.batch
            values.append(batch.sizes[row] if by == "size" else batch.modified[row] if by == "time"
                          else batch.storage_classes[row])
            rest.append(rank)
        order = sorted(range(len(rest)), key=values.__getitem__, reverse=by in ("size", "time"))
        first.extend(rest[n] for n in order)
        return first

    def narrow(self, needle: str, matches: array[int], through_chunk: int) -> None:
        """Show only these ranks, in this order; chunks that came since are searched now."""
        self.needle = needle
        matches.extend(self.search(needle, through_chunk))
        self.matches, self.matched_chunks = matches, len(self.chunks)

    def widen(self) -> None:
        """Show everything again."""
        self.needle, self.matches, self.matched_chunks = "", None, 0

    def count(self) -> int:
        return self.loaded if self.matches is None else len(self.matches)

    def _chunk_of(self, rank: int) -> int:
        at = bisect_right(self.starts, rank) - 1
        while rank - self.starts[at] >= len(self.chunks[at].names):
            at += 1
        return at

    def _row(self, rank: int) -> NameRow:
        at = self._chunk_of(rank)
        return self.chunks[at].row(rank - self.starts[at])

    def rows(self, start: int, stop: int) -> Sequence[NameRow]:
        if self.matches is None:
            return [self._row(rank) for rank in range(start, min(stop, self.loaded))]
        return [self._row(rank) for rank in self.matches[start:stop]]

    def name_at(self, index: int) -> str:
        """The key or prefix at a place in view, without making its row."""
        rank = index if self.matches is None else self.matches[index]
        at = self._chunk_of(rank)
        return self.chunks[at].names[rank - self.starts[at]]

    def next_holding(self, needle: str, index: int, step: int) -> int | None:
        """The next place in view, from this one and around, whose name holds the text; None without one.

        May run in a thread.
        """
        wanted, cut, count = needle.casefold(), len(self.base), self.count()
        for n in range(1, count + 1):
            at = (index + n * step) % count
            if wanted in self.name_at(at)[cut:].casefold():
                return at
        return None

    def rank_of(self, key: str) -> int:
        """The first rank in view whose key is not before this one."""
        low, high = 0, self.count()
        while low < high:
            middle = (low + high) // 2
            if self.rows(middle, middle + 1)[0].key < key:
                low = middle + 1
            else:
                high = middle
        return low
