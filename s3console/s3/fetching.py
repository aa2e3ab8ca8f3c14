"""Who fetches the pages of a parallel listing: threads, and a process of its own once that pays.

Threads share one interpreter with the planner and the reader of the listing; the process uses the
other processor. It knows only pages that are in order: whatever else comes back is asked for again by
a thread, in the usual way, with its repeats and its errors.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..core.errors import Incomplete
from ..core.keys import printable
from ..core.ladder import Look
from ..core.model import Batch
from ..core.ranges import Range
from .answers import call_for
from .call_log import Call
from .columns import FAILED, PAGE, READY, SLOWED, PackedPage
from .facts import PackedBatch, ahead
from .proof import Question

if TYPE_CHECKING:
    from .apart import PageProcesses, Seat
    from .lean import Request
    from .read import ReadStore

Task = Range | Look
_STARTING = 10.0


class Fetched(NamedTuple):
    """What came back for a task: a page, read or packed, or the error that there is none."""

    task: Task
    keys: Sequence[str] = ()
    page: Batch | PackedPage | None = None
    more: bool = False
    folders: Sequence[str] = ()
    way: object = None
    error: BaseException | None = None
    slowed: int = 0

    def held(self, count: int, *, waits: bool) -> Batch | PackedBatch | PackedPage:
        """The first rows of the page, packed when they have to wait."""
        page = self.page
        assert page is not None
        if isinstance(page, PackedPage):
            page.kept = count
            return page
        cut = ahead(page, count)
        return PackedBatch(cut) if waits else cut


class _Frame(NamedTuple):
    """What the process says."""

    number: int
    kind: bytes
    data: bytes


class _Sent(NamedTuple):
    """A request that the process has in hand."""

    task: Task
    asked: Question
    at: float
    since: float


class Fetchers:
    """The threads, and the process once it is ready, of one listing. One thread submits and takes.

    The process is one of `processes`, or its own.
    """

    def __init__(self, store: ReadStore, first: Question, processes: PageProcesses | None = None) -> None:
        self._store = store
        self._processes = processes
        self._own: PageProcesses | None = None
        self._place = printable(f"s3://{first.bucket}/{first.prefix}")
        self._api = "ListObjectVersions" if first.versions else "ListObjectsV2"
        self._tasks: queue.SimpleQueue[tuple[Task, Question, bytes] | None] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[Fetched | _Frame] = queue.SimpleQueue()
        self._threads = self._with_threads = 0
        self._sent: dict[int, _Sent] = {}
        self._ready = False
        self._begun = threading.Event()
        self._seat: Seat | None = None

    def start_process(self, *, wait: bool = False) -> None:
        """Begin to use a process, where pages come over libcurl; until it is ready the threads do it all."""
        lean = self._store.calls.lean
        if lean is None or self._seat is not None:
            return
        from .apart import PageProcesses

        if self._processes is None:
            self._processes = self._own = PageProcesses()
        try:
            self._seat = self._processes.seat(lean.setup, self._heard)
        except OSError:
            # No room for a process: the threads are slower and need none.
            return
        if wait and self._seat is not None:
            self._begun.wait(_STARTING)

    @property
    def process(self) -> int:
        """The id of the process that is in use, 0 for none."""
        return self._seat.pid if self._seat is not None and self._ready else 0

    def _heard(self, number: int, kind: bytes, data: bytes) -> None:
        if kind == READY:
            self._ready = True
        else:
            self._events.put(_Frame(number, kind, data))
        self._begun.set()

    def submit(self, task: Task, asked: Question) -> None:
        """Ask for what a task needs."""
        seat = self._seat
        request = self._request(asked) if seat is not None and self._ready else None
        if seat is None or request is None:
            self._to_thread(task, asked, b"")
            return
        self._end_threads()
        self._sent[seat.ask(request, asked)] = _Sent(task, asked, time.time(), time.monotonic())

    def _request(self, asked: Question) -> Request | None:
        lean = self._store.calls.lean
        assert lean is not None
        try:
            request = lean.prepare(*call_for(asked))
        except Exception:  # noqa: BLE001  a thread meets it again, and explains it
            return None
        if request is not None:
            lean.counted(request)
        return request

    def _to_thread(self, task: Task, asked: Question, before: bytes) -> None:
        self._with_threads += 1
        if self._threads < self._with_threads:
            self._threads += 1
            threading.Thread(target=self._work, name="listing page", daemon=True).start()
        self._tasks.put((task, asked, before))

    def fetched(self, *, wait: bool) -> Iterator[Fetched]:
        """What has come. With `wait`, not before something has, which may not be an answer."""
        while True:
            try:
                event = self._events.get(block=wait)
            except queue.Empty:
                return
            wait = False
            if isinstance(event, Fetched):
                self._with_threads -= 1
                yield event
            elif event.kind in (PAGE, FAILED, SLOWED):
                yield from self._answered(event, self._sent.pop(event.number))
            else:
                yield from self._lost()

    def _answered(self, frame: _Frame, sent: _Sent) -> Iterator[Fetched]:
        task, asked, kind = sent.task, sent.asked, frame.kind
        status = 200 if kind == PAGE else int(frame.data)
        self._store.calls.log.add(Call(sent.at, self._api, self._place, status,
                                       (time.monotonic() - sent.since) * 1000))
        if kind != PAGE:
            self._to_thread(task, asked, kind)
            return
        page = PackedPage(frame.data)
        after, after_version = page.way
        keys, more = page.keys, bool(after)
        if asked.versions:
            way = Question(asked.bucket, asked.prefix, after=after, after_version=after_version,
                           versions=True)
        else:
            way = Question(asked.bucket, asked.prefix, after=keys[-1] if keys else asked.after, token=after)
        yield Fetched(task, keys, page, more, page.prefixes, way)

    def _lost(self) -> Iterator[Fetched]:
        """The process ended by itself: nothing is known of what it had in hand."""
        sent, self._sent, self._seat = self._sent, {}, None
        for one in sent.values():
            yield Fetched(one.task, error=Incomplete("The process that fetches its pages was ended",
                                                     next_step="Repeat it to go on"))

    def _work(self) -> None:
        """A thread: asks until it is told to end."""
        while (found := self._tasks.get()) is not None:
            task, asked, before = found
            slowed: list[None] = [None] if before == SLOWED else []
            try:
                if before:
                    self._store.calls.patience.wait(1)
                self._events.put(self._fetch(task, asked, slowed))
            except BaseException as error:  # noqa: BLE001  raised where the listing is read
                self._events.put(Fetched(task, error=error, slowed=len(slowed)))

    def _fetch(self, task: Task, asked: Question, slowed: list[None]) -> Fetched:
        def slow() -> None:
            slowed.append(None)

        if asked.versions:
            page = self._store.ask_versions(asked, slow=slow)
            way = Question(asked.bucket, asked.prefix, after=page.next_key_marker,
                           after_version=page.next_version_marker, versions=True)
            return Fetched(task, page.batch.keys, page.batch, page.more, page.prefixes, way,
                           slowed=len(slowed))
        plain = self._store.ask(asked, slow=slow)
        keys = plain.batch.keys
        onward = Question(asked.bucket, asked.prefix, after=keys[-1] if keys else asked.after,
                          token=plain.next_token)
        return Fetched(task, keys, plain.batch, bool(plain.next_token), plain.prefixes, onward,
                       slowed=len(slowed))

    def _end_threads(self) -> None:
        """As soon as each has its answer. What they hold of memory is not needed any more."""
        for _ in range(self._threads):
            self._tasks.put(None)
        self._threads = 0

    def close(self) -> None:
        """End the threads, as soon as each has its answer, and a process of its own at once."""
        self._end_threads()
        if self._seat is not None:
            self._seat.leave()
        if self._own is not None:
            self._own.close()
