"""The thread that lists a prefix page by page: the first page at once, then as far ahead as is wanted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.listing import Chunk, chunk_of, chunk_of_versions
from s3console.ui.desk_protocol import Reader

State = Literal["listing", "resting", "done", "failed"]
AHEAD = 20_000
LIMIT = 500_000
_TELL = 0.2


@dataclass(slots=True)
class Feed:
    """How far a listing of one location got. `versions` lists versions, so that deleted keys show."""

    location: Location
    versions: bool = False
    token: str = ""
    marker: tuple[str, str] = ("", "")
    loaded: int = 0
    state: State = "listing"

    @property
    def full(self) -> bool:
        """Whether as many rows are held as a console should hold."""
        return self.loaded >= LIMIT

    def next_chunk(self, reader: Reader) -> Chunk:
        """Ask for one more page and remember where it ended."""
        bucket, prefix = self.location
        if self.versions:
            page = reader.version_page(
                bucket, prefix, delimiter="/", key_marker=self.marker[0], version_marker=self.marker[1]
            )
            self.marker = (page.next_key_marker, page.next_version_marker)
            chunk = chunk_of_versions(page)
            more = bool(page.next_key_marker)
        else:
            found = reader.page(bucket, prefix, delimiter="/", token=self.token)
            self.token = found.next_token
            chunk = chunk_of(found, prefix)
            more = bool(found.next_token)
        self.loaded += len(chunk.names)
        self.state = "listing" if more else "done"
        return chunk


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
