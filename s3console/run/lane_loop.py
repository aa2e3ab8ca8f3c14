"""The part of a worker's loop that carries lanes: starts their requests, and takes in what went well."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..s3.steps import Answer as HttpAnswer
from ..s3.steps import Trouble
from ..s3.straight import Straight
from ..s3.waiting import Ended
from .engine import Outcome
from .lanes import Gone, Lane
from .limits import Times
from .pacing import Pacer
from .slices import Task

if TYPE_CHECKING:
    from ..s3.many import Many
    from ..s3.waiting import OnlyWaiting

Done = Callable[[list[Outcome]], None]


@dataclass(slots=True)
class Stop:
    """Whether the tasks of some slices are to be given back."""

    told: bool = False


@dataclass(slots=True)
class OnLane:
    """A slice on its lane: `plain` is told what went well, `done` everything else."""

    lane: Lane
    plain: Callable[[Gone], None]
    done: Done
    stop: Stop


class Sent(NamedTuple):
    """A request of a lane under way, by its number."""

    on: OnLane
    number: int
    begun: float


class OffLane(NamedTuple):
    """A request whose answer, or the trouble in its place, the engine has to see."""

    sent: Sent
    came: HttpAnswer | Trouble


class Lanes:
    """The slices on lanes. Belongs to the thread of its loop; `many` carries the requests."""

    def __init__(self, many: Many | OnlyWaiting, pacer: Pacer, times: Times) -> None:
        self._many = many
        self._pacer = pacer
        self._times = times
        self._ways: dict[int, Straight] = {}
        self._queue: deque[OnLane] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def straight(self, store: Any) -> Straight | None:
        """What makes the requests of lanes to a store; None where only botocore can reach it."""
        if store.lean is None:
            return None
        found = self._ways.get(id(store))
        if found is None:
            found = self._ways[id(store)] = Straight(store.lean)
        return found

    def add(self, on: OnLane) -> None:
        """Begin a slice when there is room."""
        self._queue.append(on)

    def start(self, clock: float, room: int) -> tuple[int, list[tuple[Task, OnLane]]]:
        """Begin up to `room` requests, as the pacer lets. Returns how many, and tasks for the engine: what a
        lane cannot carry, and everything while a prefix is held back by itself."""
        begun, tasks = 0, list[tuple[Task, OnLane]]()
        pacer, send = self._pacer, self._many.send
        while self._queue and begun + len(tasks) < room:
            on = self._queue[0]
            if pacer.split:
                tasks += [(task, on) for task in on.lane.tasks()]
            if not on.lane.left:
                self._queue.popleft()
                continue
            most = min(pacer.store.room(clock), room - begun - len(tasks), on.lane.left)
            if most < 1:
                break
            before, acts = begun, on.lane.straight.acts
            for _ in range(most):
                found = on.lane.request()
                if isinstance(found, Task):
                    tasks.append((found, on))
                    continue
                number, ready = found
                begun += 1
                send(acts, ready, Sent(on, number, clock))
            pacer.store.take(begun - before)
            on.lane.counted(begun - before)
        return begun, tasks

    def collect(self, ended: Sequence[Ended]) -> tuple[int, list[OffLane]]:
        """Take in what came. Returns how many operations or groups went well, and what did not."""
        clock, off = time.monotonic(), list[OffLane]()
        taken: list[float] = []
        for one in ended:
            sent: Sent = one.token
            try:
                answer: HttpAnswer = one.finish()
            except Trouble as trouble:
                off.append(OffLane(sent, trouble))
                continue
            gone = sent.on.lane.proved(sent.number, answer)
            if gone is None:
                off.append(OffLane(sent, answer))
                continue
            taken.append(clock - sent.begun)
            sent.on.plain(gone)
        self._pacer.store.done += len(taken)
        self._times.add_many(taken)
        return len(taken), off

    def stopped(self) -> None:
        """Give back what was not begun of slices that were told to stop."""
        for _ in range(len(self._queue)):
            on = self._queue.popleft()
            if on.stop.told:
                on.done(on.lane.undecided())
            else:
                self._queue.append(on)
