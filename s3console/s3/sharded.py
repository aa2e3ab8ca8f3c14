"""One flat listing fetched by several threads at once, handed out in order page by page.

`core.ranges` decides what is asked for; here are the threads, the proof and the limits. The union of
the ranges is the serial listing: a range ends only at its proved end. A page that cannot be had ends
the listing before the first key that is not known. When the store says SlowDown, half as many pages
are asked for at once, and one more with every round that goes well.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..core.errors import UntrustedAnswer
from ..core.ladder import Look
from ..core.model import Batch
from ..core.ranges import Range, Ranges
from .columns import PackedPage
from .facts import PackedBatch
from .fetching import Fetched, Fetchers
from .proof import Question

if TYPE_CHECKING:
    from .apart import PageProcesses
    from .read import ReadStore

MOST_AT_ONCE = 64
MOST_APART = 64
"""With the pages of a second process, whose memory counts as well."""
MOST_TOGETHER = 32
"""Pages fetched at once by all listings that are read together; what they hold must fit into memory."""
_PAGES_EACH = 3.0
_LEAST_LATENCY = 0.01
_SPECULATION = 1.35
_EMPTY_PAGES = 100_000
_APART_FROM = 16
_APART_AFTER = 4


class Piece(NamedTuple):
    """One page as it is handed out: `known` is the last key proved so far, `requests` what it cost."""

    batch: Batch
    known: str | None
    last: bool
    requests: int = 1


class Doubt(NamedTuple):
    """A question behind a text that names no key, and the row with which a sound store answers it."""

    asked: Question
    key: str
    version_id: str | None


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


def worthwhile(waits: Sequence[float], works: Sequence[float], *, apart: bool = False) -> int:
    """How many pages to fetch at once, from the seconds waited and worked for pages one after the other;
    twice as many where another process does half of the work.

    1 where the store answers about as fast as pages can be read, as on the same machine. The shortest
    wait counts: on a busy machine the others are waits for its own processors.
    """
    wait, work = min(waits), max(min(works), 1e-4)
    if wait < _LEAST_LATENCY:
        return 1
    return min(MOST_APART if apart else MOST_AT_ONCE, 4 + int((1 + apart) * _SPECULATION * wait / work))


class Shards:
    """The rest of a listing after its first pages. Iterate `pages()` once; closing it ends the threads."""

    def __init__(self, store: ReadStore, asked: Question, keys: Sequence[str], *, full: int, slots: int,
                 knowledge: Knowledge, doubt: Doubt | None = None, apart: bool | None = None,
                 processes: PageProcesses | None = None) -> None:
        """`asked` is the question for the next page, `keys` what the last one held, `full` its most rows.
        Nothing is cut while there is a `doubt`. `apart` says whether a process fetches the pages, one of
        `processes` or its own; None for one as soon as the listing turns out to be long."""
        self._first = asked
        self._store = store
        self._doubt = doubt
        self._doubted = Look("", 0)
        self._knowledge = knowledge
        self._most = slots
        self._slots = float(slots)
        self._plan = Ranges(asked.prefix, keys, way=asked, horizon=int(_PAGES_EACH * slots) + 8, page=full,
                            versions=asked.versions)
        self._plan.cuts = doubt is None
        self._fetchers = Fetchers(store, asked, processes)
        self._apart = slots >= _APART_FROM if apart is None else apart
        self._apart_after = 0 if apart else _APART_AFTER
        self._requests = 0
        self._pages = 0
        self._since_slowed = 0
        self._empty = 0

    def pages(self) -> Generator[Piece, None, None]:
        """The pages in order; the last piece may be empty. Raises what made a page unknown."""
        try:
            if self._apart and not self._apart_after:
                self._fetchers.start_process(wait=True)
            if self._doubt is not None:
                self._fetchers.submit(self._doubted, self._doubt.asked)
            while self._plan.live:
                self._hand_in(wait=False)
                first = self._plan.live[0]
                self._submit()
                if first.pages:
                    yield self._piece(first)
                elif first.error is not None:
                    raise first.error
                elif first.done:
                    self._leave(first)
                else:
                    self._hand_in(wait=True)
            empty: tuple[str, ...] = ()
            yield Piece(Batch(empty, (), empty, empty, empty), self._knowledge.add((), more=False), last=True,
                        requests=self._used())
        finally:
            self._fetchers.close()

    def _piece(self, first: Range) -> Piece:
        held = first.pages.pop(0)
        batch = held.batch() if isinstance(held, PackedBatch | PackedPage) else held
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
        slots = int(self._slots) if not self._apart or self._fetchers.process else min(
            int(self._slots), max(1, self._most // 4))
        while (task := self._plan.next(slots)) is not None:
            self._fetchers.submit(task, self._question(task))

    def _question(self, task: Range | Look) -> Question:
        asked = self._first
        if isinstance(task, Look) and task.below is not None:
            return Question(asked.bucket, task.below, "/", task.after, versions=asked.versions)
        if isinstance(task, Look):
            return Question(asked.bucket, asked.prefix, after=task.after, max_keys=1, versions=asked.versions)
        if isinstance(task.way, Question):
            return task.way
        return Question(asked.bucket, asked.prefix, after=task.cursor, versions=asked.versions)

    def _hand_in(self, *, wait: bool) -> None:
        """Take in everything that has come."""
        for fetched in self._fetchers.fetched(wait=wait):
            self._take(fetched)

    def _take(self, answer: Fetched) -> None:
        task, page, keys = answer.task, answer.page, answer.keys
        self._requests += 1 + answer.slowed
        self._adapt(answer.slowed)
        if task is self._doubted:
            self._settle(answer)
        elif isinstance(task, Look):
            names = None if page is None else keys if task.below is None else answer.folders
            self._plan.looked(task, names, more=answer.more)
        elif answer.error is not None or page is None:
            self._plan.broke(task, answer.error or UntrustedAnswer("There was no answer"))
        else:
            self._count_page()
            kept = self._plan.arrived(task, keys, more=answer.more, way=answer.way)
            if task.gone:
                return
            self._empty = 0 if len(keys) else self._empty + 1
            if self._empty > _EMPTY_PAGES:
                raise UntrustedAnswer("The listing goes on for ever without a key")
            if kept:
                waits = task is not self._plan.live[0] or bool(task.pages)
                task.pages.append(answer.held(kept, waits=waits))
                self._plan.held += 1

    def _settle(self, answer: Fetched) -> None:
        """Cut from now on, when the doubt was wrong. An error settles nothing."""
        page, doubt = answer.page, self._doubt
        if page is None or doubt is None:
            return
        found = page.batch() if isinstance(page, PackedPage) else page
        first = (found.version_ids or ("",))[0] if len(found) else None
        holds = list(found.keys[:1]) == [doubt.key] and doubt.version_id in (None, first)
        self._store.cuts_hold[self._first.versions] = self._plan.cuts = holds

    def _count_page(self) -> None:
        self._pages += 1
        if self._apart and self._pages == self._apart_after:
            self._fetchers.start_process()

    def _adapt(self, slowed: int) -> None:
        """Additive increase, multiplicative decrease; the answers of one round slow down once."""
        self._since_slowed += 1
        if not slowed:
            self._slots = min(self._most, self._slots + 1 / self._slots)
        elif self._since_slowed > self._slots:
            self._slots = max(1.0, self._slots / 2)
            self._since_slowed = 0
