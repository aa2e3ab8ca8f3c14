"""Many acts at once in one thread.

`Many` belongs to one thread. It also watches other descriptors, so that the one who waits for answers
needs no second thread to be told anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .lean_acts import LeanActs, Line
from .sockets import Sockets, Transfer
from .steps import Act, Ready
from .waiting import Ended


class Many:
    """Acts under way. `watched` are descriptors whose readability ends a wait."""

    def __init__(self, watched: Sequence[int] = (), *, connections: int = 256) -> None:
        self._sockets = Sockets(connections=connections)
        for descriptor in watched:
            self._sockets.watch(descriptor)
        self._lines: dict[Any, tuple[LeanActs, Line, Any]] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._lines)

    def begin(self, acts: LeanActs, act: Act, token: Any) -> None:
        """Send an act. Raises as `LeanActs.prepare`; then nothing was sent."""
        line = acts.prepare(act)
        self._lines[line.easy] = (acts, line, token)
        self._sockets.begin(line.easy)

    def send(self, acts: LeanActs, ready: Ready, token: Any) -> None:
        """Send a request that was made ready; it ends with its answer, or with Trouble."""
        line = acts.take(ready)
        self._lines[line.easy] = (acts, line, token)
        self._sockets.begin(line.easy)

    def wait(self, seconds: float) -> tuple[list[Ended], list[int]]:
        """What ended, and which watched descriptors can be read, after at most so many seconds."""
        readable = self._sockets.wait(seconds)
        return [self._take(one) for one in self._sockets.ended()], readable

    def _take(self, transfer: Transfer) -> Ended:
        easy, code, said = transfer
        acts, line, token = self._lines.pop(easy)
        return Ended(token, lambda: acts.finish(line, code, said))

    def watch(self, descriptor: int) -> None:
        """End a wait when this can be read, too."""
        self._sockets.watch(descriptor)

    def unwatch(self, descriptor: int) -> None:
        """Do not watch a descriptor any more: one that has ended would always be readable."""
        self._sockets.unwatch(descriptor)

    def close(self) -> None:
        """Break off what is still under way."""
        if not self._closed:
            self._closed = True
            for easy in self._lines:
                self._sockets.drop(easy)
                easy.close()
            self._lines.clear()
            self._sockets.close()
