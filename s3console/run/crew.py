"""The worker processes of a runner: started, fed, replaced when they die."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from .launch import module_environment
from .limits import Times
from .slices import slice_line, to_line
from .stretches import Slice


@dataclass(slots=True)
class Worker:
    """One process and what it has been given and not yet reported."""

    serial: int
    process: subprocess.Popen[bytes]
    slices: dict[int, int] = field(default_factory=dict)
    work: dict[int, Slice] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    ready: bool = False
    dismissed: bool = False

    @property
    def load(self) -> int:
        """Operations given to this worker and not yet reported."""
        return sum(self.slices.values())

    @property
    def held(self) -> int:
        """Tasks that it holds back because the store slows down their prefix."""
        return int(self.facts.get("held", 0))

    def reported(self, number: int, packed: Mapping[str, Any]) -> Slice | None:
        """The slice that the worker reported of; what is reported leaves its load."""
        work = self.work.get(number)
        left = self.slices.get(number, 0) - packed["count"]
        if left > 0:
            self.slices[number] = left
        else:
            self.slices.pop(number, None)
            self.work.pop(number, None)
        return work


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a worker, or its end (`message` None)."""

    worker: Worker
    message: dict[str, Any] | None


class Crew:
    """All workers of one runner. Events of all of them come through `wait`.

    `keep_open` are descriptors that every worker inherits: the lock they hold is free only when the
    last worker is gone, so that a new runner cannot start while an orphan still has requests out.
    """

    def __init__(
        self, size: int, start: Mapping[str, Any], log: Path, *, keep_open: tuple[int, ...] = ()
    ) -> None:
        self._size = size
        self._start = start
        self.log = log
        self._keep_open = keep_open
        self._early: subprocess.Popen[bytes] | None = None
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._serial = 0
        self.workers: list[Worker] = []
        self.gone: dict[str, int] = {}
        self.gone_retries = self.gone_slow = 0
        self.gone_times = Times()

    @property
    def active(self) -> list[Worker]:
        """Workers that can take more."""
        return [w for w in self.workers if w.ready and not w.dismissed]

    def resize(self, size: int) -> None:
        """Have so many workers from now on; the surplus finishes what it has sent and goes."""
        self._size = size
        for worker in [w for w in self.workers if not w.dismissed][size:]:
            self._dismiss(worker)

    @property
    def wanted(self) -> int:
        """How many workers there may be."""
        return self._size

    def fill(self, enough: int) -> None:
        """Start workers until there are as many as wanted, or enough."""
        while sum(not w.dismissed for w in self.workers) < min(self._size, enough):
            self._spawn()

    def prepare(self) -> None:
        """Start the first process before it is known what it needs: it loads its modules, and does nothing
        before it is told to start."""
        self._early = self._process()

    def start_with(self, start: Mapping[str, Any]) -> None:
        """What every worker is told when it starts."""
        self._start = start

    def _process(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "s3console.run.worker"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, pass_fds=self._keep_open, env=module_environment())

    def _spawn(self) -> None:
        self._serial += 1
        process, self._early = self._early or self._process(), None
        worker = Worker(self._serial, process)
        self.workers.append(worker)
        assert process.stdout is not None
        threading.Thread(target=self._listen, args=(worker, process.stdout), daemon=True).start()
        self._send(worker, {"start": self._start})

    def _listen(self, worker: Worker, out: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in out:
                self._events.put(Event(worker, json.loads(line)))
        worker.process.wait()
        self._events.put(Event(worker, None))

    def wait(self, seconds: float) -> list[Event]:
        """Events that arrived, waiting up to so many seconds for the first."""
        try:
            events = [self._events.get(timeout=seconds)]
        except queue.Empty:
            return []
        with contextlib.suppress(queue.Empty):
            while len(events) < 1000:
                events.append(self._events.get_nowait())
        return events

    def give(self, worker: Worker, work: Slice) -> None:
        """Hand a slice over. A worker that is already dead shows up as an event."""
        worker.slices[work.number] = len(work)
        worker.work[work.number] = work
        self._write(worker, slice_line(work))

    def ask_bucket(self, worker: Worker, side: str, name: str) -> None:
        """Ask for the facts of a bucket; the answer comes as an event."""
        self._send(worker, {"bucket": {"side": side, "name": name}})

    def drain(self) -> None:
        """Let every worker finish what it has sent and give the rest back."""
        for worker in self.workers:
            self._send(worker, {"drain": True})

    def forget(self, worker: Worker) -> list[int]:
        """Drop a dead worker; returns the slices it had not finished."""
        if worker not in self.workers:
            return []
        self.workers.remove(worker)
        for name, count in worker.facts.get("requests", {}).items():
            self.gone[name] = self.gone.get(name, 0) + count
        self.gone_retries += worker.facts.get("retries", 0)
        self.gone_slow += worker.facts.get("slow", 0)
        self.gone_times.merge(_steps(worker.facts))
        return list(worker.slices)

    @property
    def requests(self) -> dict[str, int]:
        """Requests made by all workers, the dead ones included."""
        total = dict(self.gone)
        for worker in self.workers:
            for name, count in worker.facts.get("requests", {}).items():
                total[name] = total.get(name, 0) + count
        return total

    @property
    def retries(self) -> int:
        """Repeated requests of all workers."""
        return self.gone_retries + sum(int(w.facts.get("retries", 0)) for w in self.workers)

    @property
    def slowdowns(self) -> int:
        """How often the store asked to slow down."""
        return self.gone_slow + sum(int(w.facts.get("slow", 0)) for w in self.workers)

    @property
    def found(self) -> float:
        """The rate that the store was found to take, 0 while it never refused."""
        return float(sum(w.facts.get("found", 0.0) for w in self.workers))

    @property
    def times(self) -> Times:
        """How long the operations of all workers took."""
        total = Times(self.gone_times.counts)
        for worker in self.workers:
            total.merge(_steps(worker.facts))
        return total

    def close(self, seconds: float = 40.0) -> None:
        """End of stdin for every worker, then wait for them; one that hangs is killed."""
        if self._early is not None:
            early, self._early = self._early, None
            early.communicate()
        for worker in self.workers:
            self._dismiss(worker)
        for worker in self.workers:
            try:
                worker.process.wait(seconds)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()

    def clear(self) -> None:
        """Drop every worker of a closed crew; `fill` starts new ones."""
        for worker in list(self.workers):
            self.forget(worker)

    def _dismiss(self, worker: Worker) -> None:
        worker.dismissed = True
        assert worker.process.stdin is not None
        with contextlib.suppress(OSError):
            worker.process.stdin.close()

    def _send(self, worker: Worker, message: Mapping[str, Any]) -> None:
        self._write(worker, to_line(message))

    def _write(self, worker: Worker, line: bytes) -> None:
        pipe = worker.process.stdin
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):
            pipe.write(line)
            pipe.flush()


def _steps(facts: Mapping[str, Any]) -> dict[int, int]:
    """JSON turns the numbers that name something into text."""
    return {int(step): count for step, count in facts.get("times", {}).items()}
