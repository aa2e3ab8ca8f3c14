"""The thread that lists a prefix page by page: the first page at once, then as far ahead as is wanted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Literal

from s3console.core.model import Entry
from s3console.core.timeline import NOW
from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.listing import Chunk, chunk_at, chunk_holding, chunk_of, chunk_of_versions
from s3console.ui.browsing.stood import MOST, came_later
from s3console.ui.desk_protocol import Reader

State = Literal["listing", "resting", "done", "failed", "stopped"]
AHEAD = 20_000
LIMIT = 150_000
"""Rows that are held; a row takes a third of a KiB."""
_TELL = 0.2


@dataclass(slots=True)
class Feed:
    """How far a listing of one location got.

    `versions` lists versions, so that deleted keys show; `moment` shows what stood then; `wanted` lists
    everything below the location and keeps the names that hold this text. `seen` counts the names that
    were looked at, `loaded` those that are shown. At a moment, prefixes that came later are left out;
    `looked_into` counts those that were looked into, `unsure` those that were not, because they are many.
    """

    location: Location
    versions: bool = False
    moment: str = NOW
    wanted: str = ""
    token: str = ""
    marker: tuple[str, str] = ("", "")
    loaded: int = 0
    seen: int = 0
    requests: int = 0
    looked_into: int = 0
    unsure: int = 0
    state: State = "listing"
    pending: list[Entry] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether as many rows are held as a console should hold."""
        return self.loaded >= LIMIT

    def next_chunk(self, reader: Reader) -> Chunk:
        """Ask for one more page and remember where it ended."""
        bucket, prefix = self.location
        self.requests += 1
        if self.moment or self.versions:
            page = reader.version_page(
                bucket, prefix, delimiter="/", key_marker=self.marker[0], version_marker=self.marker[1]
            )
            self.marker = (page.next_key_marker, page.next_version_marker)
            more = bool(page.next_key_marker)
            if self.moment:
                page = replace(page, prefixes=self._standing(reader, page.prefixes))
                chunk, self.pending = chunk_at(page, self.pending, self.moment, with_deleted=self.versions)
            else:
                chunk = chunk_of_versions(page)
            self.seen += len(page.batch) + len(page.prefixes)
        else:
            found = reader.page(bucket, prefix, delimiter="" if self.wanted else "/", token=self.token)
            self.token = found.next_token
            more = bool(found.next_token)
            chunk = chunk_holding(found, prefix, self.wanted) if self.wanted else chunk_of(found, prefix)
            self.seen += len(found.batch) + len(found.prefixes)
        self.loaded += len(chunk.names)
        self.state = "listing" if more else "done"
        return chunk

    def _standing(self, reader: Reader, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        """Those of a page below which something stood at the moment, as far as is looked."""
        asked = prefixes[:max(0, MOST - self.looked_into)]
        self.looked_into += len(asked)
        self.unsure += len(prefixes) - len(asked)
        later, requests = came_later(reader, self.location.bucket, asked, self.moment,
                                     with_deleted=self.versions)
        self.requests += requests
        return tuple(prefix for prefix in prefixes if prefix not in later)


@dataclass(slots=True)
class Gathered:
    """Chunks that wait for the screen, handed over at most five times a second."""

    chunks: list[Chunk]
    told: float = 0.0

    def due(self) -> bool:
        """Whether it is time to tell the screen."""
        now = time.monotonic()
        if now - self.told < _TELL:
            return False
        self.told = now
        return True

    def take(self) -> list[Chunk]:
        """The chunks so far; none are left."""
        out, self.chunks = self.chunks, []
        return out
