"""Waiting for answers and for other descriptors, with libcurl or, where that is not installed, without."""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .steps import Act, LeftToBotocore, Ready

if TYPE_CHECKING:
    from .lean_acts import LeanActs
    from .many import Many


class Ended(NamedTuple):
    """An act that was carried: what it belongs to, and how `LeanActs.finish` tells its value."""

    token: Any
    finish: Callable[[], Any]


class OnlyWaiting:
    """What waits where nothing can be carried."""

    def __init__(self, watched: Sequence[int]) -> None:
        self._poll = select.epoll()
        self._watched = set(watched)
        for descriptor in watched:
            self._poll.register(descriptor, select.EPOLLIN)

    def begin(self, acts: LeanActs, act: Act, token: Any) -> None:
        """Nothing is carried here."""
        raise LeftToBotocore

    def send(self, acts: LeanActs, ready: Ready, token: Any) -> None:
        """Nothing is carried here."""
        raise LeftToBotocore

    def wait(self, seconds: float) -> tuple[list[Ended], list[int]]:
        """Which watched descriptors can be read, after at most so many seconds."""
        return [], [descriptor for descriptor, _ in self._poll.poll(seconds)]

    def watch(self, descriptor: int) -> None:
        """End a wait when this can be read, too."""
        self._watched.add(descriptor)
        self._poll.register(descriptor, select.EPOLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Do not watch a descriptor any more."""
        if descriptor in self._watched:
            self._watched.discard(descriptor)
            self._poll.unregister(descriptor)

    def close(self) -> None:
        """Close the epoll."""
        self._poll.close()


def open_many(watched: Sequence[int], *, connections: int) -> Many | OnlyWaiting:
    """Who carries acts; without libcurl one that carries none."""
    try:
        from .many import Many
    except ImportError:
        return OnlyWaiting(watched)
    return Many(watched, connections=connections)
