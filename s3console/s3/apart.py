"""The other end of `page_process`: the process that fetches pages, as seen by the one that plans."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .columns import FRAME, READY
from .proof import Question

if TYPE_CHECKING:
    from .lean import Request

_PACKAGE = Path(__file__).resolve().parents[2]
_INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OPENSSL_CONF", "TMPDIR")
_PIPE = 1 << 20
_BUFFER = 1 << 18

LOST = b""

Take = Callable[[int, bytes, bytes], None]
"""Told of every frame: number, letter, content. `LOST` is the last one."""


class PageProcess:
    """A running process. `take` is called by a thread of its own. Raises OSError when it cannot start.

    Its environment holds no credentials, and neither does what it is told: requests come signed.
    """

    def __init__(self, setup: Mapping[str, Any], take: Take) -> None:
        environ = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        # -P keeps the working directory off the module path: a file there must not be able to run.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "s3console.s3.page_process"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=_BUFFER,
            env={**environ, "PYTHONPATH": str(_PACKAGE)})
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in = self._process.stdin
        self._take = take
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)
        self._send(setup)
        threading.Thread(target=self._listen, args=(self._process.stdout,), name="listing pages",
                         daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, number: int, request: Request, asked: Question) -> None:
        """Send a request. When the process is gone, `LOST` says so."""
        self._send({"number": number, "url": request.url, "lines": request.lines,
                    "proxy": request.route.proxy, "asked": [
                        asked.bucket, asked.prefix, asked.delimiter, asked.after, asked.after_version,
                        asked.token, asked.max_keys, asked.versions]})

    def _send(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._in.write(json.dumps(message).encode() + b"\n")
            self._in.flush()

    def _listen(self, out: IO[bytes]) -> None:
        with out:
            while len(head := out.read(FRAME.size)) == FRAME.size:
                number, kind, size = FRAME.unpack(head)
                data = out.read(size) if size else b""
                if len(data) < size:
                    break
                self._take(number, kind, data)
        self._take(0, LOST, b"")

    def close(self) -> None:
        """End it: it only reads, so nothing is lost."""
        self._process.kill()
        with contextlib.suppress(OSError):
            self._in.close()
        self._process.wait()


class Seat:
    """What one listing has of a process. Its answers are told to the listing's own `take`."""

    def __init__(self, table: _Table, take: Take) -> None:
        self._table, self._take = table, take

    def ask(self, request: Request, asked: Question) -> int:
        """Send a request, and return its number. When the process is gone, `LOST` says so."""
        return self._table.ask(request, asked, self._take)

    @property
    def pid(self) -> int:
        return self._table.process.pid

    def leave(self) -> None:
        """Hear no more of what was asked."""
        self._table.leave(self._take)


class _Table:
    """One process, and who has asked it for what."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._asked: dict[int, Take] = {}
        self._seated: list[Take] = []
        self._ready = False
        self.lost = False
        self.process = PageProcess(setup, self._heard)

    def sit(self, take: Take) -> Seat | None:
        """A seat; None when the process has ended."""
        with self._lock:
            if self.lost:
                return None
            self._seated.append(take)
            if self._ready:
                take(0, READY, b"")
        return Seat(self, take)

    def ask(self, request: Request, asked: Question, take: Take) -> int:
        with self._lock:
            number = next(self._numbers)
            self._asked[number] = take
            self.process.ask(number, request, asked)
        return number

    def leave(self, take: Take) -> None:
        with self._lock:
            self._asked = {number: one for number, one in self._asked.items() if one != take}
            if take in self._seated:
                self._seated.remove(take)

    def _heard(self, number: int, kind: bytes, data: bytes) -> None:
        if number:
            take = self._asked.pop(number, None)
            if take is not None:
                take(number, kind, data)
            return
        with self._lock:
            self._ready, self.lost = self._ready or kind == READY, self.lost or kind == LOST
            told = list(self._seated)
        for take in told:
            take(0, kind, data)


class PageProcesses:
    """Processes for listings that are read together: one serves all whose requests are sent the same way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[str, _Table] = {}
        self._closed = False

    def seat(self, setup: Mapping[str, Any], take: Take) -> Seat | None:
        """A seat at a running process, or at a new one; None when no more are begun. Raises OSError."""
        sent = json.dumps(setup)
        with self._lock:
            table = self._tables.get(sent)
            found = table.sit(take) if table is not None else None
            if found is not None or self._closed:
                return found
            if table is not None:
                table.process.close()
            table = self._tables[sent] = _Table(setup)
            return table.sit(take)

    def close(self) -> None:
        """End them: they only read, so nothing is lost."""
        with self._lock:
            self._closed = True
            for table in self._tables.values():
                table.process.close()
            self._tables.clear()


def _widen(pipe: IO[bytes]) -> None:
    """Room for several pages in a pipe, where the system allows it."""
    command = getattr(fcntl, "F_SETPIPE_SZ", None)
    if command is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), command, _PIPE)
