"""One owner at a time: flock on a file of its own, released by the kernel when the owner dies.

The locked file never is the file it protects: closing any descriptor of an SQLite file drops the
locks SQLite holds on it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from ..core.errors import Busy
from .home import disk


class OwnerLock:
    """An exclusive lock of this process, with the owner's process id in the file for a person to read."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def acquire(self, *, patience: float = 0.25) -> None:
        """Take the lock. Raises Busy with the owner's process id when another holds it.

        `patience` is in seconds: `owner()` of a looker holds the lock for an instant.
        """
        if self._descriptor is not None:
            raise RuntimeError("the lock is already held by this object")
        with disk(self.path):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + patience
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise self._busy(descriptor) from None
                    time.sleep(0.01)
            with disk(self.path):
                os.pwrite(descriptor, b"%-20d\n" % os.getpid(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _busy(self, descriptor: int) -> Busy:
        pid = _read_pid(descriptor)
        owner = f"process {pid}" if pid else "another process"
        return Busy(
            f"{owner} is using the {self.what}",
            where=self.path.parent.name,
            next_step="Wait until it ends, or pause it from there",
        )

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two owners lock two files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> OwnerLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @staticmethod
    def owner(path: Path) -> int | None:
        """The process id of whoever holds the lock now; None when it is free. -1 if it is not readable."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            with disk(path):
                raise error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read_pid(descriptor) or -1
        else:
            return None
        finally:
            os.close(descriptor)


def _read_pid(descriptor: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(os.pread(descriptor, 20, 0))
    return 0
