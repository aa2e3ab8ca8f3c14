"""A worker process: makes the S3 requests of the slices it is given, many at once, in one thread.

Lines of JSON come on stdin from the runner and go back on stdout. The end of stdin means that the
runner is gone: requests already sent are waited for, nothing new is begun. A worker keeps nothing on
disk; credentials come from its environment and the AWS configuration.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

from ..core.abilities import unpack_abilities
from ..core.errors import S3ConsoleError
from ..core.model import Connection
from ..s3.transport import Patience
from ..s3.write import WriteStore, ignores_deletes, open_writer, pins_deletes
from .engine import Manner, Outcome
from .heap import begin, settle
from .lane_loop import OnLane, Stop
from .lanes import Gone, open_lane
from .loop import Loop
from .pacing import START, Pacer
from .slices import Task, first_round, pack_outcomes, second_round, to_line, unpack_slice
from .transport import Transport, as_service_error
from .walk import Slice

REPORT_EVERY = 0.02
LAST_REQUESTS = 30.0
PATIENCE = Patience(attempts=2, untrusted_attempts=1, longest=2.0)
"""The engine repeats what is worth it; the store itself only gets over a single broken connection."""
_CHUNK = 1 << 20


@dataclass(slots=True)
class Held:
    """What became of operations of one slice and was not reported yet; `done` and `made` as `lanes.Gone`."""

    work: Slice
    outcomes: list[Outcome] = field(default_factory=list)
    done: int = 0
    made: dict[int, str] = field(default_factory=dict)


class Reports:
    """Groups outcomes into lines: at most one line per slice and `REPORT_EVERY` seconds."""

    def __init__(self, out: BinaryIO, facts: Callable[[], dict[str, Any]]) -> None:
        self._out = out
        self._facts = facts
        self._open: dict[int, Held] = {}
        self._since = 0.0

    @property
    def due(self) -> float:
        """Seconds until what is held goes out."""
        return max(0.0, self._since + REPORT_EVERY - time.monotonic()) if self._open else 1.0

    def of(self, work: Slice) -> Held:
        """What is held of a slice for the next line."""
        held = self._open.get(work.number)
        if held is None:
            if not self._open:
                self._since = time.monotonic()
            held = self._open[work.number] = Held(work)
        return held

    def flush(self) -> None:
        """Send what is held."""
        ready, self._open = self._open, {}
        lines = [to_line({"slice": held.work.number,
                          **pack_outcomes(held.work, held.outcomes, held.done, held.made)})
                 for held in ready.values()]
        if lines:
            self._write(b"".join(lines) + to_line({"counts": self._facts()}))

    def say(self, message: Mapping[str, Any]) -> None:
        """Send one line now."""
        self._write(to_line(message))

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._out.flush()


class Hands:
    """The slices of one worker: rounds of tasks that go through the loop."""

    def __init__(self, loop: Loop, reports: Reports, manner: Manner, *, unversioned: bool = False) -> None:
        self._unversioned = unversioned
        self._loop = loop
        self._reports = reports
        self._manner = manner
        self._stop = Stop()

    def take(self, work: Slice) -> None:
        """Begin a slice."""
        decided: list[Outcome] = []
        stop = self._stop

        def then() -> None:
            self._round(work, second_round(work, decided, self._manner), decided, stop, None)

        self._round(work, first_round(work, self._manner), decided, stop, then)

    def take_rows(self, packed: Mapping[str, Any], transport: Transport) -> None:
        """Begin a slice as it stands in the plan: on a lane, where there is one."""
        loop, reports = self._loop, self._reports
        lane = open_lane(packed, transport, loop.lanes.straight, self._manner,
                         unversioned=self._unversioned)
        if lane is None:
            self.take(unpack_slice(packed))
            return
        work = lane.work

        def plain(gone: Gone) -> None:
            held = reports.of(work)
            held.done |= gone.bits
            if gone.made:
                held.made.update(gone.made)

        def done(outcomes: list[Outcome]) -> None:
            reports.of(work).outcomes += outcomes

        loop.lanes.add(OnLane(lane, plain, done, self._stop))

    def drain(self) -> None:
        """Requests that are out are finished; everything else of the open slices is given back."""
        stop, self._stop = self._stop, Stop()
        stop.told = True
        self._loop.stopped()

    def _round(
        self, work: Slice, tasks: list[Task], decided: list[Outcome], stop: Stop,
        then: Callable[[], None] | None,
    ) -> None:
        if not tasks:
            if then is not None:
                then()
            return
        left = len(tasks)

        def done(outcomes: list[Outcome]) -> None:
            nonlocal left
            self._reports.of(work).outcomes += outcomes
            if work.kind == "delete":
                decided.extend(outcomes)
            left -= 1
            if left == 0 and then is not None:
                then()

        for task in tasks:
            self._loop.add(task, done, stop)


class Inbox:
    """Whole lines from a descriptor that is read without blocking. `ended` after its end."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.ended = False
        self._rest = b""

    def lines(self) -> Iterator[dict[str, Any]]:
        """The messages that can be read now."""
        try:
            data = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return
        self.ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield json.loads(line)


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
                    exact=all(store.pins_targets for store in stores.values()),
                    looks=not all(map(pins_deletes, stores.values())),
                    alone=start.get("versioning") == "Unversioned" and all(
                        map(ignores_deletes, stores.values())))
    inbox = Inbox(inp.fileno())
    os.set_blocking(inbox.descriptor, False)
    pacer = Pacer(time.monotonic(), start=float(start.get("pace", START)))
    transport = Transport(stores)
    loop = Loop(transport, inbox.descriptor, manner=manner, most=int(start["at_once"]),
                threads=int(start["threads"]), pacer=pacer)

    def facts() -> dict[str, Any]:
        return {"requests": _requests(stores), "retries": manner.retries, "slow": manner.slowdowns,
                "times": loop.times.counts, "found": pacer.found, "held": loop.held}

    reports = Reports(out, facts)
    hands = Hands(loop, reports, manner, unversioned=start.get("versioning") == "Unversioned")
    settle()
    reports.say({"ready": os.getpid()})
    until = float("inf")
    while not (inbox.ended and loop.idle) and time.monotonic() < until:
        if loop.turn(reports.due):
            _obey(inbox, hands, reports, stores, transport)
            if inbox.ended:
                loop.no_more()
                hands.drain()
                until = time.monotonic() + LAST_REQUESTS
        if not reports.due:
            reports.flush()
    with contextlib.suppress(OSError):
        reports.flush()


def _obey(inbox: Inbox, hands: Hands, reports: Reports, stores: Mapping[str, WriteStore],
          transport: Transport) -> None:
    for message in inbox.lines():
        if "slice" in message:
            hands.take_rows(message["slice"], transport)
        elif "bucket" in message:
            reports.say(_bucket(stores, message["bucket"]))
        elif "drain" in message:
            hands.drain()


def main() -> None:
    """Entry of the process. A signal meant for the whole group is left to the runner to act on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    begin()
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
