"""libcurl's multi interface on an epoll of our own, which other descriptors share. Belongs to one thread."""

from __future__ import annotations

import select
import time
from contextlib import suppress
from typing import Any, NamedTuple

import pycurl

_IN, _OUT = pycurl.CSELECT_IN, pycurl.CSELECT_OUT
_READABLE = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
_MASK = {pycurl.POLL_IN: select.EPOLLIN, pycurl.POLL_OUT: select.EPOLLOUT,
         pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT}
_AT_ONCE = 256


class Transfer(NamedTuple):
    """A transfer that ended: its handle, libcurl's result (0 for an answer), and what libcurl says to it."""

    easy: Any
    code: int
    said: str


class Sockets:
    """Transfers under way, at most `connections` of which keep their connection, and watched descriptors."""

    def __init__(self, *, connections: int) -> None:
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._poll = select.epoll()
        self._sockets: set[int] = set()
        self._resting: set[int] = set()
        self._watched: set[int] = set()
        self._due: float | None = None

    def watch(self, descriptor: int, mask: int = select.EPOLLIN) -> None:
        """Let `wait` tell of a descriptor. Raises OSError for one that cannot be waited for."""
        self._resting.discard(descriptor)
        self._poll.register(descriptor, mask)
        self._watched.add(descriptor)

    def unwatch(self, descriptor: int) -> None:
        """Do not watch a descriptor any more: one that has ended would always be readable."""
        if descriptor in self._watched:
            self._watched.remove(descriptor)
            self._poll.unregister(descriptor)

    def begin(self, easy: Any) -> None:
        """Start the transfer that a handle was prepared for."""
        self._multi.add_handle(easy)

    def drop(self, easy: Any) -> None:
        """Break a transfer off."""
        self._multi.remove_handle(easy)

    def wait(self, seconds: float) -> list[int]:
        """Which watched descriptors are ready, after at most so many seconds; transfers go on meanwhile."""
        if self._due is not None:
            seconds = min(seconds, max(0.0, self._due - time.monotonic()))
        rested = self._resting.copy()
        events = self._poll.poll(seconds, _AT_ONCE)
        multi = self._multi
        if self._due is not None and time.monotonic() >= self._due:
            self._due = None
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        ready: list[int] = []
        for descriptor, mask in events:
            if descriptor in self._sockets:
                multi.socket_action(descriptor, (_IN if mask & _READABLE else 0)
                                    | (_OUT if mask & select.EPOLLOUT else 0))
            elif descriptor in self._watched:
                ready.append(descriptor)
        self._forget(rested)
        return ready

    def ended(self) -> list[Transfer]:
        """The transfers that have ended since the last time. Their handles are free again."""
        found: list[Transfer] = []
        left = 1
        while left:
            left, good, bad = self._multi.info_read(_AT_ONCE)
            found += [Transfer(easy, 0, "") for easy in good]
            found += [Transfer(easy, code, said) for easy, code, said in bad]
        for one in found:
            self._multi.remove_handle(one.easy)
        return found

    def close(self) -> None:
        """Close what is open. Transfers under way must have been dropped."""
        self._multi.close()
        self._poll.close()

    def _on_socket(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            # A connection that is kept is mostly used again at once, for the next transfer.
            self._sockets.discard(descriptor)
            self._resting.add(descriptor)
            return
        known = descriptor in self._sockets or descriptor in self._resting
        self._sockets.add(descriptor)
        self._resting.discard(descriptor)
        if known:
            # A socket that was closed has left the epoll by itself, and another may have its number.
            with suppress(FileNotFoundError):
                self._poll.modify(descriptor, _MASK[what])
                return
        self._poll.register(descriptor, _MASK[what])

    def _forget(self, rested: set[int]) -> None:
        """Wait no more for connections that nothing has used since."""
        for descriptor in rested & self._resting:
            with suppress(OSError, ValueError):
                self._poll.unregister(descriptor)
            self._resting.discard(descriptor)

    def _on_timer(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000.0
