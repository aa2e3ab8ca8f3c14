"""Making a manifest: which version of each key stood in a place at a moment, as a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import NotReachable
from ..core.keys import printable
from ..core.model import Entry, Place
from ..core.timeline import NOW
from ..listings.dialects import Dialect
from ..listings.rows import Row
from ..listings.writing import ManifestWriter
from ..store.home import now, stamp
from .desk import Desk
from .history import Doubtful, states_at
from .listings import place_facts
from .selecting import Selection

_BLOCK = 2_000


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
    dialect: Dialect = "seed",
    include: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Said | None = None,
) -> Manifest:
    """Write the manifest of a place. The file appears when the listing was proved to its end.

    Raises ListingIncomplete when it was not, UsageError for a key that the dialect cannot hold,
    NotReachable and DiskFull for the file. Memory: one page and the versions of one key.
    """
    chosen = Selection(place.prefix, include, ignore)
    versions = place_facts(desk, place).versioning != "Unversioned"
    beside = marker_path(path)
    asked, doubtful = stamp(now()), Doubtful()
    objects = size = markers = absent = 0
    rows: list[Row] = []
    hidden: list[Row] = []
    with (
        ManifestWriter(path, dialect, versions=versions) as out,
        ManifestWriter(beside, dialect, versions=versions) as out_hidden,
    ):
        for state in states_at(desk, place, moment):
            entry = state.entry
            if not chosen.takes(state.history[0].key):
                continue
            doubtful.add(state.history, moment)
            if entry is None:
                absent += 1
            elif entry.is_delete_marker:
                markers += 1
                hidden.append(_row(place, entry))
            else:
                objects, size = objects + 1, size + entry.size
                rows.append(_row(place, entry))
            if len(rows) + len(hidden) >= _BLOCK:
                out.add(rows)
                out_hidden.add(hidden)
                rows, hidden = [], []
                if progress is not None:
                    progress(objects)
        out.add(rows)
        out_hidden.add(hidden)
        if markers:
            out_hidden.finish()
        else:
            _remove(beside)
        out.finish()
    return Manifest(
        place, moment or asked, dialect, path, objects, size, markers, beside if markers else None, absent,
        chosen.left_out, doubtful.notes(),
    )  # fmt: skip


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
