"""The other end of `page_process`: the process that fetches pages, as seen by the one that plans."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from .columns import FRAME
from .lean import Request
from .proof import Question

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


def _widen(pipe: IO[bytes]) -> None:
    """Room for several pages in a pipe, where the system allows it."""
    command = getattr(fcntl, "F_SETPIPE_SZ", None)
    if command is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), command, _PIPE)
