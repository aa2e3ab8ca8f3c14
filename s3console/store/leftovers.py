"""Unfinished reviews and plans that a killed process left behind.

Their folders have names that begin with a dot, and are locked by whoever writes them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from pathlib import Path

from .home import Home, disk

_YOUNG = 60.0
SCAN = ".scan-"
SCAN_LIFE = 24 * 3600.0
"""Seconds for which the folder of an interrupted comparison waits to be gone on with (store.scans)."""


def hold(folder: Path) -> int:
    """Lock a folder against `sweep` and return the descriptor to close when it is finished or gone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def sweep(home: Home, *, clock: float | None = None) -> list[str]:
    """Remove unfinished folders that nobody holds, and return their names.

    Those younger than a minute (`clock` is in seconds since the epoch, None: now) are left alone,
    because their writer may not have locked them yet. Interrupted comparisons stay for a day.
    """
    clock = time.time() if clock is None else clock
    gone = []
    for parent in (home.reviews, home.plans):
        with disk(parent):
            for folder in sorted(parent.iterdir()):
                life = SCAN_LIFE if folder.name.startswith(SCAN) else _YOUNG
                if folder.name.startswith((".new-", SCAN)) and _abandoned(folder, clock - life):
                    shutil.rmtree(folder, ignore_errors=True)
                    gone.append(folder.name)
    return gone


def _abandoned(folder: Path, before: float) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False  # gone meanwhile, or not a folder
    try:
        if os.fstat(descriptor).st_mtime > before:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
