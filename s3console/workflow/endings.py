"""The end of a listing, looked at twice: a store that says "that was the last page" too early is caught.

A page that claims to be the last cannot be refuted by itself, and what it leaves out would be taken
for missing or surplus. One more request behind the last key settles it: when there is something, the
listing goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..core.errors import ListingIncomplete, S3ConsoleError
from ..core.keys import printable
from ..core.model import Batch, Place, Proof

if TYPE_CHECKING:
    from ..s3.apart import PageProcesses
    from ..s3.read import ReadStore

_SMALL = 1000
_MOST_SMALL = 100


class WholeListing:
    """All entries of an S3 place behind `start_after` (a full key); implements `core.model.Listing`. It is
    one of `sides` listings that are read together and may share `processes`.

    Raises what `ReadStore.listing` raises, and ListingIncomplete when the end keeps moving: more than
    a hundred times the store said that it was at its end, and was not.
    """

    def __init__(
        self, store: ReadStore, place: Place, *, versions: bool, start_after: str = "", sides: int = 1,
        processes: PageProcesses | None = None,
    ) -> None:
        self._sides, self._processes = sides, processes
        self.place, self.versions = place, versions
        self._store, self._after = store, start_after
        self._entries = self._requests = 0
        self._part: Proof | None = None
        self._complete = False
        self.names_checksums = False
        """Whether a row so far names a checksum."""
        self._known: str | None = start_after or None

    @property
    def proof(self) -> Proof:
        """What is known now; `complete` only after the look behind the last key."""
        part = self._part or Proof(False, 0, 0, None, "not begun")
        known = part.known_through if part.known_through is not None else self._known
        return Proof(
            self._complete, self._entries + part.entries, self._requests + part.requests, known, part.reason
        )

    def __iter__(self) -> Iterator[Batch]:
        last, small = ("", ""), 0
        while True:
            listing = self._store.listing(
                self.place, versions=self.versions, start_after=self._after, sides=self._sides,
                processes=self._processes,
            )
            count = 0
            for batch in listing:
                count += len(batch)
                last = batch.keys[-1], (batch.version_ids or ("",))[-1]
                self._part = listing.proof
                self.names_checksums = self.names_checksums or batch.checksums is not None
                yield batch
            self._close_part(listing.proof)
            more = self._behind(*last)
            self._requests += 1
            if more is None:
                self._complete = True
                return
            small = small + 1 if count < _SMALL else 0
            if more == last[0] or small > _MOST_SMALL:
                raise self._incomplete(last[0], None)
            self._after = last[0]

    def _close_part(self, part: Proof) -> None:
        self._entries += part.entries
        self._requests += part.requests
        self._known = part.known_through if part.known_through is not None else self._known
        self._part = None

    def _behind(self, key: str, version_id: str) -> str | None:
        """The first key behind the end of the listing, if there is one."""
        key = key or self._after
        place = self.place
        try:
            if self.versions:
                keys = self._store.version_page(
                    place.bucket, place.prefix, delimiter="", key_marker=key,
                    version_marker=version_id if key else "", max_keys=1,
                ).batch.keys  # fmt: skip
            else:
                keys = self._store.page(
                    place.bucket, place.prefix, delimiter="", start_after=key, max_keys=1
                ).batch.keys
        except S3ConsoleError as error:
            raise self._incomplete(key, error) from error
        return keys[0] if keys else None

    def _incomplete(self, key: str, cause: S3ConsoleError | None) -> ListingIncomplete:
        why = cause.what if cause is not None else "the store ends its list before its last key"
        known = key or self._known
        # The last key of a broken list of versions may have more of them.
        through = f"proved {'before' if self.versions else 'through'} “{printable(known)}”" if known else (
            "nothing of it is proved")
        return ListingIncomplete(
            f"The listing is not complete, {through}: {why}",
            where=printable(self.place.uri),
            next_step="Compare again",
            known_through=known or None,
            cause=cause,
        )
