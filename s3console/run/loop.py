"""The worker's loop: thousands of generators of the engine, carried by one thread.

What libcurl can carry is under way all at once (`s3.many`); the few requests that botocore has to make
block a thread of a small pool. Nothing here decides anything about an operation: that is the engine's.
"""

from __future__ import annotations

import os
import time
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from ..core.errors import S3ConsoleError
from ..s3.steps import Act, LeftToBotocore, Steps, Trouble
from ..s3.waiting import open_many
from .engine import Answer, Copy, Delete, DeleteNamed, Local, Manner, Outcome, Wait
from .lane_loop import Done, Lanes, OffLane, Sent, Stop
from .limits import Times
from .pacing import Finder, Pacer
from .slices import LOOKED, Direct, Task
from .transport import Transport, as_service_error

if TYPE_CHECKING:
    from ..s3.lean_acts import LeanActs

FRESH = 1.0
"""Seconds after the beginning of a look at several operations in which they may begin; those that have not by
then are looked at by themselves."""
AHEAD = 512
"""Operations that may have been looked at together and not begun, at most; fewer where these get too old."""
LONGEST_WAIT = 0.5
PACED_WAIT = 0.02
LEAST = 8
"""Tasks that may be under way however slow a store is."""


@dataclass(slots=True)
class Running:
    """One task under way: the engine's generator and the steps of the request it asked for."""

    task: Task
    done: Done
    stop: Stop
    begun: float = 0.0
    steps: Steps[Any] | None = None
    carrier: LeanActs | None = None
    answer: Answer | None = field(default=None)
    until: float = 0.0
    """When the look before it is too old, 0 where there was none with others."""


class Loop:
    """Belongs to one thread. At most `most` tasks are under way; the others wait in order.

    `inbox` is a descriptor that ends a wait when it can be read.
    """

    def __init__(self, transport: Transport, inbox: int, *, manner: Manner, most: int, threads: int,
                 pacer: Pacer) -> None:
        self._transport = transport
        self._manner = manner
        self._most = most
        self._pacer = pacer
        self._waiting: deque[Running] = deque()
        self._held: dict[str, deque[Running]] = {}
        self.held = 0
        self._timers: list[tuple[float, int, Running]] = []
        self._serial = count()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="s3")
        self._blocking: SimpleQueue[tuple[Running, Any, BaseException | None]] = SimpleQueue()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._many = open_many((inbox, self._bell), connections=most)
        self.times = Times()
        self.lanes = Lanes(self._many, pacer, self.times)
        self._inbox = inbox
        self._busy = 0
        self._slow = manner.slowdowns
        self._ahead, self._most_ahead = 0, 2 * LOOKED

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not self._busy and not self._waiting and not self.held and not self.lanes

    def add(self, task: Task, done: Done, stop: Stop) -> None:
        """Carry a task; `done` is called with its outcomes from within `turn`."""
        self._waiting.append(Running(task, done, stop))

    def turn(self, seconds: float) -> bool:
        """Begin what may begin, wait for answers and go on; returns whether the inbox can be read."""
        clock = time.monotonic()
        self._start(clock)
        if (self._waiting or self.held or self.lanes) and self._busy < self._most:
            seconds = min(seconds, PACED_WAIT)
        if self._timers:
            seconds = min(seconds, max(0.0, self._timers[0][0] - clock))
        ended, readable = self._many.wait(min(seconds, LONGEST_WAIT))
        if ended:
            well, off = self.lanes.collect([one for one in ended if type(one.token) is Sent])
            self._busy -= well
            for one_off in off:
                self._off_lane(one_off)
            for one in ended:
                if type(one.token) is not Sent:
                    self._came(one.token, one.finish)
        if self._bell in readable:
            os.eventfd_read(self._bell)
            self._unblock()
        clock = time.monotonic()
        while self._timers and self._timers[0][0] <= clock:
            running = heappop(self._timers)[2]
            # What is sent again takes its room.
            self._pacer.of(running.task.prefix).take(1)
            self._engine(running, ("ok", None))
        return self._inbox in readable

    def stopped(self) -> None:
        """Look at once whether what waits has been told to stop."""
        for waiting in (self._waiting, *self._held.values()):
            for _ in range(len(waiting)):
                running = waiting.popleft()
                if running.stop.told:
                    self._busy += 1
                    self._ahead -= bool(running.until)
                    self.held -= waiting is not self._waiting
                    self._end(running, running.task.undecided())
                else:
                    waiting.append(running)
        self.lanes.stopped()
        timers, self._timers = self._timers, []
        for timer in timers:
            if timer[2].stop.told:
                self._end(timer[2], timer[2].task.undecided())
            else:
                heappush(self._timers, timer)

    def close(self) -> None:
        """Break off what is under way."""
        self._many.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def no_more(self) -> None:
        """The inbox has ended."""
        self._many.unwatch(self._inbox)

    # ---- one task

    def _start(self, clock: float) -> None:
        """Begin what the limits let begin; what belongs to a prefix that is slowed down steps aside."""
        pacer = self._pacer
        most = min(self._most, max(LEAST, int(pacer.slowest / 5)))
        for prefix in list(self._held):
            self._start_some(pacer.of(prefix), self._held[prefix], clock, most)
            if not self._held[prefix]:
                del self._held[prefix]
        if not self._waiting or self._busy >= most:
            self._start_lanes(clock, most)
            return
        store = pacer.store
        room = min(store.room(clock), most - self._busy)
        while room > 0 and self._waiting:
            if self._waiting[0].task.then is not None and self._ahead and \
                    self._ahead + len(self._waiting[0].task.indexes) > self._most_ahead:
                break
            running = self._waiting.popleft()
            if pacer.alone(running.task.prefix) is not None or running.task.prefix in self._held:
                self._held.setdefault(running.task.prefix, deque()).append(running)
                self.held += 1
                continue
            room -= 1
            store.take(1)
            self._begin(running, clock)
            if pacer.store is not store:
                return
        self._start_lanes(clock, most)

    def _start_lanes(self, clock: float, most: int) -> None:
        """Begin operations of the lanes."""
        if self._busy < most:
            begun, tasks = self.lanes.start(clock, most - self._busy)
            self._busy += begun
            for task, on in tasks:
                self.add(task, on.done, on.stop)

    def _off_lane(self, off: OffLane) -> None:
        """An answer that the engine has to see: its generator is brought to where it waits for it."""
        (on, number, begun), came = off
        running = Running(on.lane.task(number), on.done, on.stop, begun)
        request = next(running.task.steps)
        assert isinstance(request, Copy | Delete | DeleteNamed)
        running.carrier, running.steps = self._transport.steps(request)
        act = next(running.steps)
        if not isinstance(act, Act) or running.carrier is None:
            raise AssertionError("the store asks for something else first")
        try:
            if isinstance(came, Trouble):
                raise running.carrier.troubled(act, came)
            value = act.read(act, came)
        except Exception as error:  # noqa: BLE001 - the steps know what to make of it
            self._on(running, None, error)
        else:
            self._on(running, value, None)

    def _start_some(self, finder: Finder, held: deque[Running], clock: float, most: int) -> None:
        room = min(finder.room(clock), most - self._busy)
        while room > 0 and held:
            room -= 1
            self.held -= 1
            finder.take(1)
            self._begin(held.popleft(), clock)

    def _begin(self, running: Running, clock: float) -> None:
        task = running.task
        if running.until:
            self._ahead -= 1
            if clock > running.until and task.again is not None:
                self._most_ahead = LOOKED
                task.steps.close()
                self._pacer.of(task.prefix).done += 1
                self._in_front([Running(one, running.done, running.stop) for one in task.again()])
                return
        elif task.then is not None:
            self._ahead += len(task.indexes)
        self._busy += 1
        running.begun = clock
        steps = running.task.steps
        if type(steps) is not Direct or running.stop.told or not self._straight(running, steps.request):
            self._engine(running, None)

    def _straight(self, running: Running, request: Copy) -> bool:
        """Send a plain copy without the steps of the store; False where nothing was sent."""
        found = self._transport.straight(request)
        if found is None:
            return False
        try:
            self._many.begin(found[0], found[1], running)
        except (LeftToBotocore, S3ConsoleError):
            return False
        return True

    def _straightened(self, running: Running, request: Copy) -> None:
        """The steps of a copy that was sent without them, brought to where they wait for its answer."""
        running.carrier, running.steps = self._transport.steps(request)
        if not isinstance(next(running.steps), Act):
            raise AssertionError("the store asks for something else first")

    def _engine(self, running: Running, answer: Answer | None) -> None:
        """Give the engine an answer and follow it to its next request that takes time."""
        steps = running.task.steps
        while True:
            if running.stop.told and answer is None:
                self._end(running, running.task.undecided())
                return
            try:
                request = next(steps) if answer is None else steps.send(answer)
                if self._manner.slowdowns != self._slow:
                    self._slow = self._manner.slowdowns
                    self._pacer.refuse(running.task.prefix, time.monotonic())
            except StopIteration as end:
                if running.task.then is not None:
                    self._looked(running, running.task.then(end.value))
                else:
                    self._end(running, running.task.outcomes(end.value), timed=True)
                return
            except Exception as error:  # noqa: BLE001 - a bug must reach the runner, not end the loop
                self._bug(running, error)
                return
            if running.stop.told:
                self._end(running, running.task.undecided())
                return
            if isinstance(request, Wait):
                heappush(self._timers, (time.monotonic() + request.seconds, next(self._serial), running))
                return
            if isinstance(request, Local):
                answer = self._transport.answer(request)
                continue
            running.carrier, running.steps = self._transport.steps(request)
            found = self._follow(running, None, None)
            if found is None:
                return
            answer = found

    def _follow(self, running: Running, value: Any, error: Exception | None) -> Answer | None:
        """Take the steps of a request on; returns the answer, None while something is under way."""
        steps = running.steps
        assert steps is not None
        while True:
            try:
                step = steps.send(value) if error is None else steps.throw(error)
            except StopIteration as end:
                return "ok", end.value
            except S3ConsoleError as refused:
                return "error", as_service_error(refused)
            value = error = None
            if not isinstance(step, Act):
                self._pool.submit(self._block, running, step)
                return None
            try:
                if running.carrier is None:
                    raise LeftToBotocore
                self._many.begin(running.carrier, step, running)
            except (LeftToBotocore, S3ConsoleError) as trouble:
                error = trouble
            else:
                return None

    def _came(self, running: Running, finish: Callable[[], Any]) -> None:
        value, trouble = None, None
        try:
            value = finish()
        except Exception as error:  # noqa: BLE001 - the steps know what to make of it
            trouble = error
        if running.steps is None:
            steps = running.task.steps
            assert isinstance(steps, Direct)
            if trouble is None:
                outcome = steps.proved(value)
                if outcome is None:
                    self._engine(running, ("ok", value))
                else:
                    self._end(running, [outcome], timed=True)
                return
            self._straightened(running, steps.request)
        self._on(running, value, trouble)

    def _on(self, running: Running, value: Any, error: Exception | None) -> None:
        try:
            answer = self._follow(running, value, error)
        except Exception as bug:  # noqa: BLE001 - a bug must reach the runner, not end the loop
            self._bug(running, bug)
            return
        if answer is not None:
            self._engine(running, answer)

    def _block(self, running: Running, call: Callable[[], Any]) -> None:
        """In a thread of the pool: make a call that blocks."""
        try:
            self._blocking.put((running, call(), None))
        except BaseException as error:  # noqa: BLE001 - the steps know what to make of it
            self._blocking.put((running, None, error))
        os.eventfd_write(self._bell, 1)

    def _unblock(self) -> None:
        while True:
            try:
                running, value, error = self._blocking.get_nowait()
            except Empty:
                return
            if error is not None and not isinstance(error, Exception):
                raise error
            self._on(running, value, error)

    def _bug(self, running: Running, error: Exception) -> None:
        traceback.print_exception(error)
        said = f"a worker failed unexpectedly: {type(error).__name__}"
        self._end(running, [Outcome(i, "stop", "Bug", said) for i in running.task.indexes])

    def _looked(self, running: Running, tasks: list[Task]) -> None:
        """What was looked at together may begin, before anything else."""
        until = running.begun + FRESH
        self._pacer.of(running.task.prefix).done += 1
        self._busy -= 1
        self._ahead -= len(running.task.indexes) - len(tasks)
        self._most_ahead = min(AHEAD, self._most_ahead + LOOKED)
        self._in_front([Running(task, running.done, running.stop, until=until) for task in tasks])

    def _in_front(self, tasks: list[Running]) -> None:
        self._waiting.extendleft(reversed(tasks))

    def _end(self, running: Running, outcomes: list[Outcome], *, timed: bool = False) -> None:
        running.task.steps.close()
        if running.task.then is not None and running.begun:
            self._ahead -= len(running.task.indexes)
        if timed:
            self._pacer.of(running.task.prefix).done += 1
            if outcomes:
                self.times.add(time.monotonic() - running.begun)
        self._busy -= 1
        running.done(outcomes)
