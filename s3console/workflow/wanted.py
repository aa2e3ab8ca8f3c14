"""Which objects a local tree shall hold: those of a place, now or at a moment, or those of a manifest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from ..core.errors import UsageError
from ..core.keys import printable
from ..core.model import Entry, Place
from ..core.timeline import NOW, version_at
from ..listings.files import FileListing
from ..listings.manifest import read_manifest
from ..listings.rows import Row
from .desk import Desk
from .history import Doubtful, states_at
from .listings import open_listing


class Wanted(NamedTuple):
    """One object or version. `path` is its key below the prefix of the place; `problem` says why it cannot
    be had, then the rest is empty."""

    path: str
    key: str
    version_id: str
    size: int
    etag: str
    storage_class: str = ""
    problem: str = ""


NO_VERSION = "NoSuchVersion: the store does not have this version any more"
NO_KEY = "NoSuchKey: no object stands under this name"


def of_place(desk: Desk, place: Place, moment: str, doubtful: Doubtful) -> Iterator[Wanted]:
    """What an ordinary read would get at a moment. Raises as `history.states_at`."""
    cut = len(place.prefix)
    if moment == NOW:
        for batch in open_listing(desk, place, versions=False):
            for key, size, etag, kind in zip(batch.keys, batch.sizes, batch.etags, batch.storage_classes,
                                             strict=True):  # fmt: skip
                yield Wanted(key[cut:], key, "", size, etag, kind)
        return
    for state in states_at(desk, place, moment):
        doubtful.add(state.history, moment)
        entry = version_at(state.history, moment)
        if entry is not None:
            yield _of(entry, cut)


def _of(entry: Entry, cut: int) -> Wanted:
    return Wanted(entry.key[cut:], entry.key, entry.version_id, entry.size, entry.etag, entry.storage_class)


def bucket_of(path: Path) -> str:
    """The bucket that a manifest names, "" when it names none. Raises as `read_manifest`."""
    return next((row.bucket for row in read_manifest(path)), "")


def of_manifest(desk: Desk, place: Place, path: Path) -> Iterator[Wanted]:
    """Exactly the versions of a manifest, below the prefix of the place.

    Rows that say size, ETag and version cost no request; the others are looked up in the listing of
    versions, which is read only where they are. Raises UsageError for a manifest that cannot be read.
    """
    listing = FileListing(
        Place(str(path), place.prefix, scheme="manifest"),
        lambda: read_manifest(path, bucket=place.bucket), desk.home.path,
    )  # fmt: skip
    cut = len(place.prefix)
    histories = _Histories(desk, place)
    for row in listing.rows():
        if row.size >= 0 and row.etag and row.version_id:
            yield Wanted(row.key[cut:], row.key, row.version_id, row.size, row.etag, row.storage_class)
            continue
        yield _resolved(row, histories.of(row.key), cut)


def _resolved(row: Row, history: list[Entry], cut: int) -> Wanted:
    for entry in history:
        meant = entry.version_id == row.version_id if row.version_id else entry.is_latest
        if meant and not entry.is_delete_marker:
            return _of(entry, cut)
    problem = NO_VERSION if row.version_id else NO_KEY
    return Wanted(row.key[cut:], row.key, row.version_id, 0, "", problem=problem)


class _Histories:
    """The versions of some keys, asked for in ascending order.

    Pages follow each other where the keys are near, and begin anew before the next key where they are far:
    there are never more requests than pages or keys.
    """

    def __init__(self, desk: Desk, place: Place) -> None:
        if place.scheme != "s3":
            raise UsageError("a manifest is downloaded from an s3:// place", where=printable(place.uri))
        self._reader = desk.reader(place.connection)
        self._place = place
        self._groups: Iterator[tuple[str, list[Entry]]] = iter(())
        self._held: tuple[str, list[Entry]] | None = None
        self._target = ""
        self._begun = False

    def of(self, key: str) -> list[Entry]:
        """Every version and marker of a key, newest first; none when the store does not know it."""
        self._target = key
        if not self._begun:
            self._begun = True
            self._groups = self._read()
            self._held = next(self._groups, None)
        while self._held is not None and self._held[0] < key:
            self._held = next(self._groups, None)
        return self._held[1] if self._held is not None and self._held[0] == key else []

    def _read(self) -> Iterator[tuple[str, list[Entry]]]:
        for key, rows in groupby(self._entries(), key=attrgetter("key")):
            yield key, list(rows)

    def _entries(self) -> Iterator[Entry]:
        bucket, prefix = self._place.bucket, self._place.prefix
        after, version = _before(self._target), ""
        while True:
            page = self._reader.version_page(bucket, prefix, delimiter="", key_marker=after,
                                             version_marker=version)  # fmt: skip
            yield from page.batch.entries()
            if not page.more:
                return
            after, version = page.next_key_marker, page.next_version_marker
            near = _before(self._target)
            if near > after:
                after, version = near, ""


def _before(key: str) -> str:
    """A marker behind which the key comes, and not much before it."""
    last = key[-1:]
    return key[:-1] + chr(ord(last) - 1) if "!" < last <= "~" else key[:-1]

