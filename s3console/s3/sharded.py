"""One flat listing fetched by several threads at once, handed out in order page by page.

`core.ranges` decides what is asked for; here are the threads, the proof and the limits. The union of
the ranges is the serial listing: a range ends only at its proved end. A page that cannot be had ends
the listing before the first key that is not known. When the store says SlowDown, half as many pages
are asked for at once, and one more with every round that goes well.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..core.errors import UntrustedAnswer
from ..core.model import Batch
from ..core.ranges import Look, Range, Ranges
from .facts import PackedBatch, ahead
from .proof import Question

if TYPE_CHECKING:
    from .read import ReadStore

MOST_AT_ONCE = 32
_PAGES_EACH = 2.5
_LEAST_LATENCY = 0.01
_EMPTY_PAGES = 100_000


class Piece(NamedTuple):
    """One page as it is handed out: `known` is the last key proved so far, `requests` what it cost."""

    batch: Batch
    known: str | None
    last: bool
    requests: int = 1


class _Answer(NamedTuple):
    """What a thread brings back for a task."""

    task: Range | Look
    batch: Batch | None = None
    more: bool = False
    way: object = None
    error: BaseException | None = None
    slowed: int = 0


class Knowledge:
    """The last key of which everything is known, while pages go by."""

    def __init__(self, *, versions: bool) -> None:
        self.key: str | None = None
        self._versions = versions
        self._before: str | None = None

    def add(self, keys: Sequence[str], *, more: bool) -> str | None:
        """Take in a page. With `more`, the last key of a page of versions may have others behind it."""
        if not self._versions:
            self.key = keys[-1] if keys else self.key
        elif keys:
            inner = next((key for key in reversed(keys) if key != keys[-1]), None)
            if not more:
                self.key = keys[-1]
            elif inner is not None:
                self.key = inner
            elif self._before != keys[-1]:
                self.key = self._before
            self._before = keys[-1]
        elif not more:
            self.key = self._before if self._before is not None else self.key
        return self.key


def worthwhile(waits: Sequence[float], works: Sequence[float]) -> int:
    """How many pages to fetch at once, from the seconds waited and worked for pages one after the other.

    1 where the store answers about as fast as pages can be read, as on the same machine. The shortest
    wait counts: on a busy machine the others are waits for its own processors.
    """
    wait, work = min(waits), max(min(works), 1e-4)
    if wait < _LEAST_LATENCY:
        return 1
    return min(MOST_AT_ONCE, max(4, 4 + int(wait / work)))


class Shards:
    """The rest of a listing after its first pages. Iterate `pages()` once; closing it ends the threads."""

    def __init__(self, store: ReadStore, asked: Question, keys: Sequence[str], *, full: int, slots: int,
                 knowledge: Knowledge, spent: int = 0) -> None:
        """`asked` is the question for the next page, `keys` what the last one held, `full` its most rows.
        `spent` requests were made for this before."""
        self._store = store
        self._first = asked
        self._knowledge = knowledge
        self._most = slots
        self._slots = float(slots)
        self._plan = Ranges(asked.prefix, keys, way=asked, horizon=int(_PAGES_EACH * slots) + 8, page=full,
                            versions=asked.versions)
        self._tasks: queue.SimpleQueue[tuple[Range | Look, Question] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._threads = 0
        self._requests = spent
        self._since_slowed = 0
        self._empty = 0

    def pages(self) -> Generator[Piece, None, None]:
        """The pages in order; the last piece may be empty. Raises what made a page unknown."""
        try:
            while self._plan.live:
                self._hand_in()
                first = self._plan.live[0]
                self._submit()
                if first.pages:
                    yield self._piece(first)
                elif first.error is not None:
                    raise first.error
                elif first.done:
                    self._leave(first)
                else:
                    self._take(self._answers.get())
            empty: tuple[str, ...] = ()
            yield Piece(Batch(empty, (), empty, empty, empty), self._knowledge.add((), more=False), last=True,
                        requests=self._used())
        finally:
            for _ in range(self._threads):
                self._tasks.put(None)

    def _piece(self, first: Range) -> Piece:
        held = first.pages.pop(0)
        batch = held.batch() if isinstance(held, PackedBatch) else held
        assert isinstance(batch, Batch)
        self._plan.held -= 1
        whole = first.done and first.error is None and not first.pages
        known = self._knowledge.add(batch.keys, more=not whole)
        return Piece(batch, known, last=False, requests=self._used())

    def _used(self) -> int:
        used, self._requests = self._requests, 0
        return used

    def _leave(self, first: Range) -> None:
        if not self._plan.contradicted():
            self._plan.retire()
        elif not self._plan.reopen():
            raise UntrustedAnswer("The store says that the listing ends, and lists keys behind its end")

    def _submit(self) -> None:
        while (task := self._plan.next(int(self._slots))) is not None:
            if self._threads < self._plan.busy:
                self._threads += 1
                threading.Thread(target=self._work, name="listing page", daemon=True).start()
            self._tasks.put((task, self._question(task)))

    def _question(self, task: Range | Look) -> Question:
        asked = self._first
        if isinstance(task, Look):
            return Question(asked.bucket, asked.prefix, after=task.after, max_keys=1, versions=asked.versions)
        if isinstance(task.way, Question):
            return task.way
        return Question(asked.bucket, asked.prefix, after=task.cursor, versions=asked.versions)

    def _work(self) -> None:
        """A thread: asks until it is told to end."""
        while (found := self._tasks.get()) is not None:
            task, asked = found
            slowed: list[None] = []
            try:
                self._answers.put(self._fetch(task, asked, slowed))
            except BaseException as error:  # noqa: BLE001  raised where the listing is read
                self._answers.put(_Answer(task, error=error, slowed=len(slowed)))

    def _fetch(self, task: Range | Look, asked: Question, slowed: list[None]) -> _Answer:
        def slow() -> None:
            slowed.append(None)

        if asked.versions:
            page = self._store.ask_versions(asked, slow=slow)
            way = Question(asked.bucket, asked.prefix, after=page.next_key_marker,
                           after_version=page.next_version_marker, versions=True)
            return _Answer(task, page.batch, page.more, way, slowed=len(slowed))
        plain = self._store.ask(asked, slow=slow)
        keys = plain.batch.keys
        onward = Question(asked.bucket, asked.prefix, after=keys[-1] if keys else asked.after,
                          token=plain.next_token)
        return _Answer(task, plain.batch, bool(plain.next_token), onward, slowed=len(slowed))

    def _hand_in(self) -> None:
        """Take in everything that has come."""
        while True:
            try:
                answer = self._answers.get_nowait()
            except queue.Empty:
                return
            self._take(answer)

    def _take(self, answer: _Answer) -> None:
        task, batch = answer.task, answer.batch
        self._requests += 1 + answer.slowed
        self._adapt(answer.slowed)
        if isinstance(task, Look):
            self._plan.looked(task, None if batch is None else batch.keys)
        elif answer.error is not None or batch is None:
            self._plan.broke(task, answer.error or UntrustedAnswer("There was no answer"))
        else:
            kept = self._plan.arrived(task, batch.keys, more=answer.more, way=answer.way)
            if task.gone:
                return
            self._empty = 0 if len(batch) else self._empty + 1
            if self._empty > _EMPTY_PAGES:
                raise UntrustedAnswer("The listing goes on for ever without a key")
            if kept:
                waits = task is not self._plan.live[0] or bool(task.pages)
                page = ahead(batch, kept)
                task.pages.append(PackedBatch(page) if waits else page)
                self._plan.held += 1

    def _adapt(self, slowed: int) -> None:
        """Additive increase, multiplicative decrease; the answers of one round slow down once."""
        self._since_slowed += 1
        if not slowed:
            self._slots = min(self._most, self._slots + 1 / self._slots)
        elif self._since_slowed > self._slots:
            self._slots = max(1.0, self._slots / 2)
            self._since_slowed = 0
