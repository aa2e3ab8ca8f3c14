"""Writing a review: findings stream in order of position, and the review appears when it is finished."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from ..core.errors import Refused
from ..core.model import Finding, PrefixTotals, ReviewHeader
from .columns import FINDINGS, NAMES, PREFIXES, WORDS, findings_to_table, prefixes_to_table
from .facts import pack
from .home import SCHEMA, Home, check_id, disk, sync_directory, write_json
from .leftovers import hold
from .parquet import create_file

GROUP = 20_000
PART = 1_000


@dataclass(frozen=True, slots=True)
class RowGroup:
    """What a row group of the findings holds: first and last position, and rows by kind."""

    first: str
    last: str
    rows: int
    counted: dict[str, int]
    uncounted: dict[str, int]

    def matching(self, kinds: Collection[str], *, counted_only: bool) -> int:
        """How many of its rows have one of the kinds."""
        total = sum(self.counted.get(kind, 0) for kind in kinds)
        return total if counted_only else total + sum(self.uncounted.get(kind, 0) for kind in kinds)


@dataclass(frozen=True, slots=True)
class StoredReview:
    """What review.json holds."""

    header: ReviewHeader
    groups: tuple[RowGroup, ...]


class ReviewWriter:
    """Takes the findings of one comparison in order of position and makes them a review at finish().

    Until then nothing of it is seen. Memory: one row group. Use as a context manager, or call
    discard() after an error.
    """

    def __init__(self, home: Home, review_id: str) -> None:
        self._final = home.reviews / check_id(review_id, "review")
        self._folder = home.reviews / f".new-{review_id}"
        self._buffer: list[Finding] = []
        self._parts: list[pa.Table] = []
        self._rows, self._first = 0, ""
        self._counted: Counter[str] = Counter()
        self._uncounted: Counter[str] = Counter()
        self._groups: list[RowGroup] = []
        self._last = ""
        self._open = True
        with disk(self._folder):
            if os.path.lexists(self._final):
                raise Refused(
                    "there is a review of this name", where=review_id, next_step="Compare under another"
                )
            self._folder.mkdir(mode=0o700)
            self._hold = hold(self._folder)
            self._findings = _Sink(self._folder / "findings.parquet", FINDINGS, WORDS, NAMES)
            self._prefixes = _Sink(self._folder / "prefixes.parquet", PREFIXES, [], ["prefix"])

    def add(self, findings: Sequence[Finding]) -> None:
        """Append findings. Raises ValueError when they are not in order of position, DiskFull."""
        for finding in findings:
            position = finding.position
            if position < self._last:
                raise ValueError("findings must be added in order of their position")
            self._last = position
            self._buffer.append(finding)
            if len(self._buffer) >= PART or self._rows + len(self._buffer) >= GROUP:
                self._pack()
                if self._rows >= GROUP:
                    self._flush()

    def _pack(self) -> None:
        """Turn the buffered findings into columns, which are a tenth as large."""
        block, self._buffer = self._buffer, []
        if not block:
            return
        if not self._parts:
            self._first = block[0].position
        self._counted.update(finding.kind for finding in block if finding.counted)
        self._uncounted.update(finding.kind for finding in block if not finding.counted)
        self._rows += len(block)
        self._parts.append(findings_to_table(block))

    def _flush(self) -> None:
        self._pack()
        if not self._parts:
            return
        table = pa.concat_tables(self._parts)
        with disk(self._folder):
            self._findings.write(table)
        self._groups.append(
            RowGroup(self._first, self._last, self._rows, dict(self._counted), dict(self._uncounted))
        )
        self._parts, self._rows = [], 0
        self._counted, self._uncounted = Counter(), Counter()

    def add_prefixes(self, rows: Iterable[PrefixTotals]) -> None:
        """Append roll-up rows, in any order. Each entry and finding is in one row: its deepest prefix."""
        block: list[PrefixTotals] = []
        for row in rows:
            block.append(row)
            if len(block) >= GROUP:
                self._write_prefixes(block)
                block = []
        self._write_prefixes(block)

    def _write_prefixes(self, block: list[PrefixTotals]) -> None:
        if block:
            with disk(self._folder):
                self._prefixes.write(prefixes_to_table(block))

    def finish(self, header: ReviewHeader) -> None:
        """Make it a review, whole and durable. Raises ValueError (another id), Refused, DiskFull."""
        if header.review != self._final.name:
            raise ValueError("the header belongs to another review")
        self._flush()
        with disk(self._folder):
            self._findings.finish()
            self._prefixes.finish()
        stored = StoredReview(header, tuple(self._groups))
        write_json(self._folder / "review.json", {"schema": SCHEMA, **pack(stored)})
        with disk(self._final):
            if os.path.lexists(self._final):
                raise Refused(
                    "there is a review of this name", where=header.review, next_step="Compare again"
                )
            self._folder.rename(self._final)
            self._open = False
            os.close(self._hold)
            sync_directory(self._final.parent)

    def discard(self) -> None:
        """Throw away what was not finished. Safe to call at any time."""
        if self._open:
            self._open = False
            self._findings.abandon()
            self._prefixes.abandon()
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._hold)

    def __enter__(self) -> ReviewWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


class _Sink:
    """One Parquet file being written, a row group per write."""

    def __init__(self, path: Path, schema: pa.Schema, words: list[str], sorted_names: list[str]) -> None:
        self._file = create_file(path)
        self._parquet = pq.ParquetWriter(
            self._file,
            schema,
            compression="zstd",
            use_dictionary=words or False,
            column_encoding=dict.fromkeys(sorted_names, "DELTA_BYTE_ARRAY"),
            write_statistics=[sorted_names[0]],
            data_page_size=1 << 16,
        )

    def write(self, table: pa.Table) -> None:
        self._parquet.write_table(table, row_group_size=table.num_rows)

    def finish(self) -> None:
        self._parquet.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        with contextlib.suppress(OSError, ValueError, pa.ArrowException):
            self._parquet.close()
        self._parquet.is_open = False  # else its finalizer would write again
        with contextlib.suppress(OSError):
            self._file.close()
