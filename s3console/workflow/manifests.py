"""Making a manifest: which version of each key stood in a place at a moment, as a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import NotReachable
from ..core.keys import printable
from ..core.model import Entry, Place
from ..core.timeline import NOW, comparable
from ..listings.dialects import Dialect
from ..listings.rows import Row
from ..listings.writing import ManifestWriter
from ..store.home import now, stamp
from .desk import Desk
from .history import Doubtful, State, states_at
from .listings import place_facts
from .selecting import Selection

_BLOCK = 2_000
MEANWHILE = "objects were written while the listing ran: they are listed as they stood when it came by"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was written. `markers` delete markers stood in place of an object; they are listed in
    `markers_path`, None when there are none. `notes` says what may be wrong, with counts of keys."""

    place: Place
    moment: str
    dialect: Dialect
    path: Path
    objects: int
    bytes: int
    markers: int
    markers_path: Path | None
    absent: int
    left_out: int
    notes: dict[str, int] = field(default_factory=dict)


Said = Callable[[int], None]


def marker_path(path: Path) -> Path:
    """Where the delete markers of a manifest are listed: beside it, in the same dialect."""
    return path.with_name(path.name + ".markers")


def make_manifest(
    desk: Desk,
    place: Place,
    path: Path,
    *,
    moment: str = NOW,
    since: str = "",
    dialect: Dialect = "seed",
    include: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Said | None = None,
) -> Manifest:
    """Write the manifest of a place. The file appears when the listing was proved to its end.

    With `since` (a moment) only versions and markers written at it or later are listed.

    Raises ListingIncomplete when it was not, UsageError for a key that the dialect cannot hold,
    NotReachable and DiskFull for the file. Memory: one page and the versions of one key.
    """
    chosen = Selection(place.prefix, include, ignore)
    versions = place_facts(desk, place).versioning != "Unversioned"
    beside = marker_path(path)
    sums = _Sums(place, moment, since, stamp(now()))
    with (
        ManifestWriter(path, dialect, versions=versions) as out,
        ManifestWriter(beside, dialect, versions=versions) as out_hidden,
    ):
        for state in states_at(desk, place, moment):
            if not chosen.takes(state.history[0].key):
                continue
            sums.add(state)
            if len(sums.rows) + len(sums.hidden) >= _BLOCK:
                sums.hand_over(out, out_hidden)
                if progress is not None:
                    progress(sums.objects)
        sums.hand_over(out, out_hidden)
        if sums.markers:
            out_hidden.finish()
        else:
            _remove(beside)
        out.finish()
    return Manifest(
        place, moment or sums.asked, dialect, path, sums.objects, sums.bytes, sums.markers,
        beside if sums.markers else None, sums.absent, chosen.left_out + sums.older, sums.notes(),
    )  # fmt: skip


@dataclass(slots=True)
class _Sums:
    """Counts of a manifest on its way, and the rows that wait to be written."""

    place: Place
    moment: str
    since: str
    asked: str
    objects: int = 0
    bytes: int = 0
    markers: int = 0
    absent: int = 0
    older: int = 0
    meanwhile: int = 0
    rows: list[Row] = field(default_factory=list)
    hidden: list[Row] = field(default_factory=list)
    doubtful: Doubtful = field(default_factory=Doubtful)

    def add(self, state: State) -> None:
        """Take the state of one key."""
        entry = state.entry
        written = comparable(entry.modified) if entry is not None else ""
        if self.since and entry is not None and written < comparable(self.since):
            self.older += 1
            return
        self.doubtful.add(state.history, self.moment)
        if entry is None:
            self.absent += 1
            return
        self.meanwhile += self.moment == NOW and written > comparable(self.asked)
        if entry.is_delete_marker:
            self.markers += 1
            self.hidden.append(_row(self.place, entry))
        else:
            self.objects, self.bytes = self.objects + 1, self.bytes + entry.size
            self.rows.append(_row(self.place, entry))

    def hand_over(self, out: ManifestWriter, out_hidden: ManifestWriter) -> None:
        """Write down what waits."""
        out.add(self.rows)
        out_hidden.add(self.hidden)
        self.rows, self.hidden = [], []

    def notes(self) -> dict[str, int]:
        """What may be wrong."""
        return self.doubtful.notes() | ({MEANWHILE: self.meanwhile} if self.meanwhile else {})


def _row(place: Place, entry: Entry) -> Row:
    return Row(entry.key, entry.version_id or "null", entry.size, entry.etag, entry.modified,
               entry.storage_class, place.bucket)  # fmt: skip


def _remove(path: Path) -> None:
    """The markers of an earlier manifest of this name would be taken for those of this one."""
    with contextlib.suppress(FileNotFoundError):
        try:
            path.unlink()
        except IsADirectoryError as error:
            raise NotReachable("A directory stands where the markers go",
                               where=printable(str(path))) from error  # fmt: skip
