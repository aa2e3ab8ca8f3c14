"""A worker process: makes the S3 requests of the slices it is given, with several threads.

Lines of JSON come on stdin from the runner and go back on stdout. The end of stdin means that the
runner is gone: requests already sent are waited for, nothing new is begun. A worker keeps nothing on
disk; credentials come from its environment and the AWS configuration.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

from ..core.abilities import unpack_abilities
from ..core.errors import S3ConsoleError
from ..core.model import Connection
from ..s3.transport import Patience
from ..s3.write import WriteStore, open_writer
from .engine import Manner, Outcome
from .limits import Times
from .slices import Task, first_round, pack_outcome, second_round, to_line, unpack_slice
from .transport import Stopped, Transport, as_service_error, drive
from .walk import Slice

REPORT_EVERY = 0.02
LAST_REQUESTS = 30.0
PATIENCE = Patience(attempts=2, untrusted_attempts=1, longest=2.0)
"""The engine repeats what is worth it; the store itself only gets over a single broken connection."""


class Reports:
    """Groups outcomes into lines: at most one line per slice and `REPORT_EVERY` seconds."""

    def __init__(self, out: BinaryIO, facts: Callable[[], dict[str, Any]]) -> None:
        self._out = out
        self._facts = facts
        self._lock = threading.Lock()
        self._open: dict[int, list[Outcome]] = {}

    def add(self, number: int, outcomes: list[Outcome]) -> None:
        """Hold outcomes for the next line."""
        with self._lock:
            self._open.setdefault(number, []).extend(outcomes)

    def flush(self) -> None:
        """Send what is held."""
        with self._lock:
            ready, self._open = self._open, {}
            for number, outcomes in ready.items():
                self._write({"slice": number, "outcomes": [pack_outcome(o) for o in outcomes],
                             **self._facts()})

    def say(self, message: Mapping[str, Any]) -> None:
        """Send one line now."""
        with self._lock:
            self._write(message)

    def _write(self, message: Mapping[str, Any]) -> None:
        self._out.write(to_line(message))
        self._out.flush()


class Hands:
    """The threads of one worker and what they are doing."""

    def __init__(self, transport: Transport, reports: Reports, manner: Manner, threads: int) -> None:
        self._transport = transport
        self._reports = reports
        self._manner = manner
        self._tasks: queue.SimpleQueue[tuple[Callable[[list[Outcome]], None], Task, threading.Event]]
        self._tasks = queue.SimpleQueue()
        self._stop = threading.Event()
        self._busy = 0
        self._lock = threading.Lock()
        self.times = Times()
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or being done."""
        with self._lock:
            return self._busy == 0

    def take(self, work: Slice) -> None:
        """Begin a slice."""
        decided: list[Outcome] = []
        stop = self._stop

        def then() -> None:
            self._round(work, second_round(work, decided, self._manner), decided, stop, None)

        self._round(work, first_round(work, self._manner), decided, stop, then)

    def drain(self) -> None:
        """Requests that are out are finished; everything else of the open slices is given back."""
        stop, self._stop = self._stop, threading.Event()
        stop.set()

    def _round(
        self, work: Slice, tasks: list[Task], decided: list[Outcome], stop: threading.Event,
        then: Callable[[], None] | None,
    ) -> None:
        if not tasks:
            if then is not None:
                then()
            return
        left, lock = len(tasks), threading.Lock()

        def done(outcomes: list[Outcome]) -> None:
            nonlocal left
            self._reports.add(work.number, outcomes)
            with lock:
                decided.extend(outcomes)
                left -= 1
                last = left == 0
            if last and then is not None:
                then()

        with self._lock:
            self._busy += len(tasks)
        for task in tasks:
            self._tasks.put((done, task, stop))

    def _work(self) -> None:
        while True:
            done, task, stop = self._tasks.get()

            def wait(seconds: float, stop: threading.Event = stop) -> bool:
                return not (stop.wait(seconds) if seconds > 0 else stop.is_set())

            begun = time.monotonic()
            try:
                outcomes = task.outcomes(drive(task.steps, self._transport.answer, wait))
                if outcomes:
                    with self._lock:
                        self.times.add(time.monotonic() - begun)
            except Stopped:
                outcomes = task.undecided()
            except Exception as error:  # noqa: BLE001 - a bug must reach the runner, not end a thread
                traceback.print_exc()
                outcomes = [Outcome(i, "stop", "Bug", f"a worker failed unexpectedly: {type(error).__name__}")
                            for i in task.indexes]
            done(outcomes)
            with self._lock:
                self._busy -= 1


def open_stores(connections: Mapping[str, Any], probed: Mapping[str, Any]) -> dict[str, WriteStore]:
    """The stores of both sides; equal connections share one, so that copies stay inside the store.

    `probed` holds the verdicts of probes by endpoint.
    """
    abilities = {endpoint: unpack_abilities(one) for endpoint, one in probed.items()}
    known: dict[Connection, WriteStore] = {}
    stores: dict[str, WriteStore] = {}
    for side, packed in connections.items():
        connection = Connection(**packed)
        if connection not in known:
            known[connection] = open_writer(connection, patience=PATIENCE, probed=abilities)
        stores[side] = known[connection]
    return stores


def _requests(stores: Mapping[str, WriteStore]) -> dict[str, int]:
    """Requests of this process by API name; a store that serves both sides counts once."""
    total: Counter[str] = Counter()
    for store in {id(s): s for s in stores.values()}.values():
        total.update(store.read.requests)
    return dict(total)


def _bucket(stores: Mapping[str, WriteStore], asked: Mapping[str, str]) -> dict[str, Any]:
    """Facts of a bucket, or the error in their place."""
    try:
        facts = asdict(stores[asked["side"]].read.bucket(asked["name"]))
    except S3ConsoleError as error:
        known = as_service_error(error)
        return {"bucket": asked["name"], "error": error.sentence, "code": known.code,
                "reaction": known.reaction.value}
    return {"bucket": asked["name"], "facts": facts}


def serve(inp: BinaryIO, out: BinaryIO) -> None:
    """Work until stdin ends."""
    start = json.loads(inp.readline() or b"{}").get("start")
    if start is None:
        return
    stores = open_stores(start["connections"], start.get("abilities", {}))
    manner = Manner(guarded=all(store.pins_sources for store in stores.values()),
                    exact=all(store.pins_targets for store in stores.values()))

    def facts() -> dict[str, Any]:
        return {"requests": _requests(stores), "retries": manner.retries, "slow": manner.slowdowns,
                "times": hands.times.counts}

    reports = Reports(out, facts)
    hands = Hands(Transport(stores), reports, manner, int(start["threads"]))
    ended = threading.Event()
    flusher = threading.Thread(target=_flush, args=(reports, ended), daemon=True)
    flusher.start()
    reports.say({"ready": os.getpid()})
    for line in inp:
        message = json.loads(line)
        if "slice" in message:
            hands.take(unpack_slice(message["slice"]))
        elif "bucket" in message:
            reports.say(_bucket(stores, message["bucket"]))
        elif "drain" in message:
            hands.drain()
    hands.drain()
    until = time.monotonic() + LAST_REQUESTS
    while not hands.idle and time.monotonic() < until:
        time.sleep(0.02)
    ended.set()
    flusher.join(1.0)
    with contextlib.suppress(OSError):
        reports.flush()


def _flush(reports: Reports, ended: threading.Event) -> None:
    while not ended.wait(REPORT_EVERY):
        try:
            reports.flush()
        except OSError:
            return


def main() -> None:
    """Entry of the process. A signal meant for the whole group is left to the runner to act on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except S3ConsoleError as error:
        known = as_service_error(error)
        with contextlib.suppress(OSError):
            sys.stdout.buffer.write(to_line({"broken": error.sentence, "code": known.code,
                                             "reaction": known.reaction.value}))
            sys.stdout.buffer.flush()
    except OSError:
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
