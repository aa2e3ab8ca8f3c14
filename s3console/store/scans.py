"""The working folder of a comparison that can be gone on with after its process was killed.

    reviews/.scan-<digest>/scan.json     how far it got (schema 1), replaced whole
    reviews/.scan-<digest>/...           files of its owner, durable up to what scan.json says

The digest names what is compared and how. The folder is locked by whoever works in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from ..core.errors import S3ConsoleError
from .home import SCHEMA, Home, disk, now, read_json, stamp, to_json, write_json
from .leftovers import SCAN, SCAN_LIFE

_FACTS = "scan.json"


class ScanFolder:
    """A locked working folder. `remove()` it when the work is done; `close()` keeps what was saved."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._held: int | None = descriptor

    @classmethod
    def claim(cls, home: Home, what: Mapping[str, Any]) -> Self | None:
        """The folder of this work, locked; None while another process works in it. Raises DiskFull."""
        digest = hashlib.sha256(to_json({name: what[name] for name in sorted(what)})).hexdigest()[:24]
        path = home.reviews / f"{SCAN}{digest}"
        with disk(path):
            path.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
        return cls(path, descriptor)

    def saved(self) -> dict[str, Any] | None:
        """What was saved within the last 24 hours and can still be read, else None."""
        if not (self.path / _FACTS).exists():
            return None
        try:
            facts = read_json(self.path / _FACTS, SCHEMA)
            begun = datetime.strptime(facts["created"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except (S3ConsoleError, KeyError, TypeError, ValueError):
            return None  # a damaged checkpoint is worth no more than none: the work begins anew
        return facts if 0 <= (now() - begun).total_seconds() < SCAN_LIFE else None

    def save(self, facts: Mapping[str, Any]) -> None:
        """Make this the state to go on from. What it counts on must be durable before. Raises DiskFull."""
        write_json(self.path / _FACTS, {"schema": SCHEMA, "saved": stamp(now()), **facts})

    def clear(self, keep: Collection[str] = ()) -> None:
        """Remove every file but those named; without a name this forgets what was saved."""
        with disk(self.path):
            for path in self.path.iterdir():
                if path.name not in keep and not (keep and path.name == _FACTS):
                    path.unlink()

    @property
    def resumable(self) -> bool:
        """Whether something was saved in it."""
        return (self.path / _FACTS).exists()

    def close(self) -> None:
        """Give the folder up as it is, for a later process."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def remove(self) -> None:
        """Remove the folder and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()
