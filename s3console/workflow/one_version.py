"""The download of one very version of a key, whether or not it stood at the end of its second."""

from __future__ import annotations

import re
from pathlib import Path

from ..core.model import Entry, Place
from ..listings.rows import Row
from ..listings.writing import ManifestWriter
from .desk import Desk
from .downloading import Download, Said, plan_download
from .spool import ScratchFolder


def plan_version_download(
    desk: Desk, place: Place, entry: Entry, folder: Path, *, progress: Said | None = None
) -> Download:
    """Plan to fetch a version into a folder, below the prefix of the place. Raises as `plan_download`."""
    version = entry.version_id or "null"
    told = re.sub("[^A-Za-z0-9._-]", "-", f"{entry.key.rpartition('/')[2][:60]}-version-{version[:12]}")
    with ScratchFolder(desk.home.plans) as scratch:
        path = scratch.path / f"{told}.jsonl"
        with ManifestWriter(path, "jsonl", versions=True) as out:
            out.add([Row(entry.key, version, entry.size, entry.etag, entry.modified, entry.storage_class,
                         place.bucket)])  # fmt: skip
            out.finish()
        return plan_download(desk, path, folder, place=place, progress=progress)
