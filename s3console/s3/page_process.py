"""A process of its own that fetches, checks and reads the pages of one listing for the process that plans.

On stdin come lines of JSON: how to send requests, then one signed request each with the question that
it asks. On stdout go frames: the number of the request, a letter, and the page as `columns` packs it.
What is not a page is only named here; whoever plans asks again in the usual way and finds out. It holds
no credentials, tries nothing twice, writes no file, and ends with its stdin.
"""

from __future__ import annotations

import json
import os
import select
import signal
from collections import deque
from collections.abc import Mapping
from typing import Any

import pycurl

from ..core.errors import Reaction, S3ConsoleError, ServiceError, classify
from .answers import object_page, read_answer, version_page
from .columns import FAILED, FRAME, PAGE, READY, SLOWED, pack_page
from .proof import Question
from .records import element
from .sockets import Sockets

_IDLE = 1.0
_CHUNK = 1 << 16
_CONNECTIONS = 128


class _Line:
    """One libcurl handle, used for one request at a time."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self.easy = pycurl.Curl()
        for option, value in setup["options"]:
            self.easy.setopt(option, value)
        self.easy.setopt(pycurl.BUFFERSIZE, _CHUNK)
        self.easy.setopt(pycurl.WRITEFUNCTION, self._keep)
        self.number = 0
        self.asked = Question("")
        self._largest = setup["largest"]
        self._body: list[bytes] = []
        self._size = 0

    def fill(self, number: int, request: Mapping[str, Any]) -> None:
        """Make the handle ready for a request."""
        self.number, self.asked = number, Question(*request["asked"])
        self._body.clear()
        self._size = 0
        self.easy.setopt(pycurl.URL, request["url"])
        self.easy.setopt(pycurl.HTTPHEADER, request["lines"])
        # An empty proxy also keeps libcurl from reading the environment in its own way.
        self.easy.setopt(pycurl.PROXY, request["proxy"])

    def _keep(self, chunk: bytes) -> int | None:
        self._size += len(chunk)
        if self._size > self._largest:
            return 0
        self._body.append(chunk)
        return None

    def answer(self) -> tuple[bytes, bytes]:
        """The letter and the content of the frame for what came back."""
        status, body = self.easy.getinfo(pycurl.RESPONSE_CODE), b"".join(self._body)
        self._body.clear()
        if status != 200:
            code = element(body[:10_000].decode("utf-8", "replace"), "Code") or str(status)
            return _letter(classify(code, status)), b"%d" % status
        try:
            raw = read_answer(body, self.asked)
        except ServiceError as error:
            return _letter(error.reaction), b"200"
        except S3ConsoleError:
            return FAILED, b"200"
        return PAGE, pack_page(version_page(raw, self.asked) if self.asked.versions else object_page(raw))


def _letter(reaction: Reaction) -> bytes:
    return SLOWED if reaction is Reaction.SLOW_DOWN else FAILED


class PageProcess:
    """The loop: new requests come first, then one page is read, so that the store is never kept waiting."""

    def __init__(self, source: int, sink: int) -> None:
        self._source, self._sink = source, sink
        os.set_blocking(sink, False)
        self._sockets = Sockets(connections=_CONNECTIONS)
        self._sockets.watch(source)
        self._setup: dict[str, Any] | None = None
        self._rest = b""
        self._lines: dict[Any, _Line] = {}
        self._spare: list[_Line] = []
        self._ended: deque[tuple[_Line, int]] = deque()
        self._pending: deque[memoryview] = deque()
        self._full = False

    def run(self) -> None:
        """Until stdin ends. Raises OSError when nobody reads the pages any more."""
        while self._turn(0.0 if self._ended else _IDLE):
            if self._ended:
                line, code = self._ended.popleft()
                self._say(line.number, *((FAILED, b"0") if code else line.answer()))
                if code:
                    line.easy.close()
                else:
                    self._spare.append(line)

    def _turn(self, seconds: float) -> bool:
        for descriptor in self._sockets.wait(seconds):
            if descriptor == self._sink:
                self._flush()
            elif not self._listen():
                return False
        self._ended.extend((self._lines.pop(easy), code) for easy, code, _ in self._sockets.ended())
        return True

    def _listen(self) -> bool:
        chunk = os.read(self._source, _CHUNK)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for text in lines:
            found = json.loads(text)
            if self._setup is None:
                self._setup = found
                self._say(0, READY, b"")
                continue
            line = self._spare.pop() if self._spare else _Line(self._setup)
            line.fill(found["number"], found)
            self._lines[line.easy] = line
            self._sockets.begin(line.easy)
        return bool(chunk)

    def _say(self, number: int, kind: bytes, data: bytes) -> None:
        self._pending.append(memoryview(FRAME.pack(number, kind, len(data)) + data))
        if not self._full:
            self._flush()

    def _flush(self) -> None:
        while self._pending:
            try:
                done = os.write(self._sink, self._pending[0])
            except BlockingIOError:
                done = -1
            if 0 <= done < len(self._pending[0]):
                self._pending[0] = self._pending[0][done:]
            elif done >= 0:
                self._pending.popleft()
            else:
                break
        if self._full != bool(self._pending):
            self._full = bool(self._pending)
            if self._full:
                self._sockets.watch(self._sink, select.EPOLLOUT)
            else:
                self._sockets.unwatch(self._sink)


def main() -> int:
    """Serve stdin until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        PageProcess(0, 1).run()
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    os._exit(main())
