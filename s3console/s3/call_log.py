"""The last requests of a reader: when, what, where, how it was answered, and how long that took."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..core.errors import S3ConsoleError, ServiceError

KEPT = 1000


class Call(NamedTuple):
    """One request. `at` is seconds since 1970, `where` printable text, `status` 0 when nothing answered."""

    at: float
    name: str
    where: str
    status: int
    milliseconds: float
    code: str = ""


class CallLog:
    """A bounded ring of calls. Safe to use from several threads."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def calls(self) -> list[Call]:
        """The calls that are kept, oldest first."""
        with self._lock:
            return list(self._calls)

    def add(self, call: Call) -> None:
        """Keep a call that was made somewhere else."""
        with self._lock:
            self._calls.append(call)

    @contextmanager
    def timed(self, name: str, where: str) -> Iterator[None]:
        """Around one request: its answer is 200, or the status of the error that leaves it."""
        at, start, status, code = time.time(), time.monotonic(), 200, ""
        try:
            yield
        except ServiceError as error:
            status, code = error.status, error.code
            raise
        except S3ConsoleError as error:
            status, code = 0, type(error).__name__
            raise
        finally:
            self.add(Call(at, name, where, status, (time.monotonic() - start) * 1000, code))
