"""Many acts at once in one thread: libcurl's multi interface on an epoll of our own.

`Many` belongs to one thread. It also watches other descriptors, so that the one who waits for answers
needs no second thread to be told anything.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pycurl

from .lean_acts import LeanActs, Line
from .steps import Act
from .waiting import Ended

_IN, _OUT = pycurl.CSELECT_IN, pycurl.CSELECT_OUT
_READABLE = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
_MASK = {pycurl.POLL_IN: select.EPOLLIN, pycurl.POLL_OUT: select.EPOLLOUT,
         pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT}
_AT_ONCE = 256


class Many:
    """Acts under way. `watched` are descriptors whose readability ends a wait."""

    def __init__(self, watched: Sequence[int] = (), *, connections: int = 256) -> None:
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._poll = select.epoll()
        self._watched = frozenset(watched)
        for descriptor in watched:
            self._poll.register(descriptor, select.EPOLLIN)
        self._sockets: set[int] = set()
        self._resting: set[int] = set()
        self._due: float | None = None
        self._lines: dict[Any, tuple[LeanActs, Line, Any]] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._lines)

    def begin(self, acts: LeanActs, act: Act, token: Any) -> None:
        """Send an act. Raises as `LeanActs.prepare`; then nothing was sent."""
        line = acts.prepare(act)
        self._lines[line.easy] = (acts, line, token)
        self._multi.add_handle(line.easy)

    def wait(self, seconds: float) -> tuple[list[Ended], list[int]]:
        """What ended, and which watched descriptors can be read, after at most so many seconds."""
        due = self._due
        if due is not None:
            seconds = min(seconds, max(0.0, due - time.monotonic()))
        self._forget()
        events = self._poll.poll(seconds, _AT_ONCE)
        due, multi = self._due, self._multi
        if due is not None and time.monotonic() >= due:
            self._due = None
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        readable: list[int] = []
        for descriptor, mask in events:
            if descriptor in self._sockets:
                multi.socket_action(descriptor, (_IN if mask & _READABLE else 0)
                                    | (_OUT if mask & select.EPOLLOUT else 0))
            elif descriptor in self._watched:
                readable.append(descriptor)
        return self._ended(), readable

    def _ended(self) -> list[Ended]:
        ended: list[Ended] = []
        while True:
            left, good, bad = self._multi.info_read(_AT_ONCE)
            ended += [self._take(easy, 0, "") for easy in good]
            ended += [self._take(easy, code, said) for easy, code, said in bad]
            if not left:
                return ended

    def _take(self, easy: Any, code: int, said: str) -> Ended:
        acts, line, token = self._lines.pop(easy)
        self._multi.remove_handle(easy)
        return Ended(token, lambda: acts.finish(line, code, said))

    def unwatch(self, descriptor: int) -> None:
        """Do not watch a descriptor any more: one that has ended would always be readable."""
        if descriptor in self._watched:
            self._watched -= {descriptor}
            self._poll.unregister(descriptor)

    def close(self) -> None:
        """Break off what is still under way."""
        if not self._closed:
            self._closed = True
            for easy in self._lines:
                self._multi.remove_handle(easy)
                easy.close()
            self._lines.clear()
            self._multi.close()
            self._poll.close()

    def _on_socket(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            # A connection that is kept is mostly used again at once, for the next act.
            self._sockets.discard(descriptor)
            self._resting.add(descriptor)
            return
        known = descriptor in self._sockets or descriptor in self._resting
        self._sockets.add(descriptor)
        self._resting.discard(descriptor)
        if known:
            # A socket that was closed has left the epoll by itself, and another may have its number.
            try:
                self._poll.modify(descriptor, _MASK[what])
                return
            except FileNotFoundError:
                pass
        self._poll.register(descriptor, _MASK[what])

    def _forget(self) -> None:
        """Wait no more for connections that nothing uses."""
        for descriptor in self._resting:
            with suppress(OSError, ValueError):
                self._poll.unregister(descriptor)
        self._resting.clear()

    def _on_timer(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000.0
