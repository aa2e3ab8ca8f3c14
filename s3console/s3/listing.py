"""A whole place as a stream of proved pages, fetched one ahead of whoever reads them."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import ListingIncomplete, NotReachable, S3ConsoleError, UntrustedAnswer
from ..core.keys import printable
from ..core.model import Batch, Place, Proof
from .facts import Stop, behind, never
from .proof import Question
from .sharded import MOST_APART, MOST_AT_ONCE, MOST_TOGETHER, Doubt, Knowledge, Piece, Shards, worthwhile

if TYPE_CHECKING:
    from .apart import PageProcesses
    from .read import ReadStore

_AHEAD = 2
_EMPTY_PAGES = 100_000
_LAST_PAGES, _MANY_PAGES = 16, 64
_FAR = 0.03
_AT_ONCE = 0.002
"""A store that answers no page within so many seconds is read by a thread."""
_LEAST_SHARE = 8
_USUAL_WORK = 0.002
"""Seconds of work for a page. The first one of a place takes more: botocore is asked how to send it."""
_TICK = 0.2


class BucketListing:
    """One pass over a place; implements `core.model.Listing`. Iterate it once.

    While the store answers at once, whoever iterates fetches and reads the pages: what one processor
    reads is dear to use on another, and threads of one interpreter take turns anyway. Otherwise a thread
    asks for the next page while the last one is being used, so that the two sides of a comparison are
    fetched at the same time. Where the store is far away, several pages are asked for at once (`sharded`).
    """

    def __init__(self, store: ReadStore, place: Place, *, versions: bool, start_after: str,
                 stop: Stop, parallel: int | None = None, sides: int = 1,
                 apart: bool | None = None, processes: PageProcesses | None = None) -> None:
        self.place = place
        self.versions = versions
        self._store = store
        self._start_after = start_after
        self._stop = stop
        self._parallel, self._sides = parallel, sides
        self._apart, self._processes = apart, processes
        self._aside = stop is not never
        self._closed = threading.Event()
        self._pages: queue.Queue[Piece | BaseException] = (
            queue.Queue(_AHEAD))
        self._proof = Proof(False, 0, 0, None, "not begun")

    @property
    def proof(self) -> Proof:
        """What is known now: grows with every batch handed out, `complete` only at the proved end."""
        return self._proof

    def __iter__(self) -> Iterator[Batch]:
        if self._proof.reason != "not begun":
            raise RuntimeError("a listing can be read once")
        self._proof = replace(self._proof, reason="not finished")
        try:
            with closing(self._arrivals()) as arrivals:
                for batch, known_through, last, requests in arrivals:
                    self._proof = Proof(last, self._proof.entries + len(batch),
                                        self._proof.requests + requests, known_through,
                                        "" if last else "not finished")
                    if len(batch):
                        yield batch
                    if last:
                        return
                    if self._stop():
                        raise _stopped()
        except S3ConsoleError as error:
            broken = self._broken(error)
            raise broken from (error.__cause__ if broken is error else error)
        finally:
            self._closed.set()

    def _arrivals(self) -> Generator[Piece, None, None]:
        """The pieces, fetched here until a thread does it."""
        pieces = self._opened()
        try:
            while not self._aside:
                piece = next(pieces, None)
                if piece is None:
                    return
                yield piece
        except BaseException:
            pieces.close()
            raise
        threading.Thread(target=self._fetch, args=(pieces,), name="listing", daemon=True).start()
        while True:
            try:
                got = self._pages.get(timeout=_TICK)
            except queue.Empty:
                if self._stop():
                    raise _stopped() from None
                continue
            if isinstance(got, BaseException):
                raise got
            yield got

    def _broken(self, error: S3ConsoleError) -> S3ConsoleError:
        """What a reader sees of an error: before anything was proved, a place out of reach is just that."""
        known = self._proof.known_through
        self._proof = replace(self._proof, complete=False, reason=error.what)
        if known is None and isinstance(error, NotReachable) and not isinstance(error, UntrustedAnswer):
            return error
        place = printable(self.place.uri)
        through = "nothing of it is proved" if known is None else f"proved through “{printable(known)}”"
        return ListingIncomplete(
            f"The listing is not complete, {through}: {error.what}", where=place,
            next_step=error.next_step or "Repeat it to go on", known_through=known, cause=error)

    def _put(self, item: Piece | BaseException) -> None:
        while not self._closed.is_set():
            try:
                return self._pages.put(item, timeout=_TICK)
            except queue.Full:
                continue
        return None

    def _opened(self) -> Generator[Piece, None, None]:
        with self._store.listing_open(), closing(self._pieces()) as pieces:
            yield from pieces

    def _fetch(self, pieces: Generator[Piece, None, None]) -> None:
        """The thread: its last item is the last page or the error that ended the listing."""
        try:
            with closing(pieces):
                for piece in pieces:
                    self._put(piece)
                    if self._closed.is_set():
                        return
        except BaseException as error:  # noqa: BLE001  handed to the reader's thread
            self._put(error)

    def _ask(self, asked: Question) -> tuple[Batch, Question | None]:
        """One page, and the question for the next one."""
        if self.versions:
            page = self._store.ask_versions(asked)
            return behind(page.batch, self._start_after), replace(
                asked, after=page.next_key_marker, after_version=page.next_version_marker,
            ) if page.more else None
        plain = self._store.ask(asked)
        keys = plain.batch.keys
        return plain.batch, replace(
            asked, after=keys[-1] if keys else asked.after, token=plain.next_token,
        ) if plain.next_token else None

    def _pieces(self) -> Generator[Piece, None, None]:
        """Page after page; as soon as it pays, several at once."""
        place, versions = self.place, self.versions
        asked = Question(place.bucket, place.prefix, after=self._start_after, versions=versions)
        knowledge, empty, waits, works = Knowledge(versions=versions), 0, [], []
        while True:
            began, worked = time.monotonic(), time.thread_time()
            batch, onward = self._ask(asked)
            works.append(time.thread_time() - worked)
            waits.append(time.monotonic() - began - works[-1])
            known = _enough(waits)
            self._aside = self._aside or (known and _shortest(waits) > _AT_ONCE)
            keys = batch.keys
            yield Piece(batch, knowledge.add(keys, more=onward is not None), last=onward is None)
            if onward is None:
                return
            empty = 0 if keys else empty + 1
            if empty > _EMPTY_PAGES:
                raise UntrustedAnswer("The listing goes on for ever without a key")
            asked = onward
            slots = self._slots(waits, works, known=known)
            doubt = self._doubt(batch) if slots > 1 and keys else None
            if slots > 1 and keys and (doubt is not None or self._cuts_hold):
                self._aside = True
                shards = Shards(self._store, asked, keys, full=len(keys), slots=slots, knowledge=knowledge,
                                doubt=doubt, apart=self._apart_now(), processes=self._processes)
                yield from shards.pages()
                return

    def _slots(self, waits: Sequence[float], works: Sequence[float], *, known: bool) -> int:
        """How many pages to fetch at once from here on; 1 for the next one only. `known` says whether the
        waits tell it."""
        if self._parallel:
            return self._parallel
        if not known:
            return 1
        together = max(self._sides, self._store.listings_open)
        apart = self._apart_now() is not False
        alone = MOST_APART if apart else MOST_AT_ONCE
        share = alone if together == 1 else max(_LEAST_SHARE, MOST_TOGETHER // together)
        return min(share, worthwhile(waits[1:][-_LAST_PAGES:] or waits,
                                     [*works[-_LAST_PAGES:], _USUAL_WORK], apart=apart))

    def _apart_now(self) -> bool | None:
        """Whether a process fetches the pages; None leaves it to how many are fetched at once."""
        together = max(self._sides, self._store.listings_open)
        return False if self._apart is None and together > 1 and self._processes is None else self._apart

    @property
    def _cuts_hold(self) -> bool:
        return self._store.calls.aws or self._store.cuts_hold.get(self.versions, False)

    def _doubt(self, batch: Batch) -> Doubt | None:
        """Whether the store lists from the next row on behind a text that names no key: a question whose
        answer tells, where that is not known and a page has room for one.

        AWS promises it. Some stores lose the row behind it or ignore it; one look, at a place where the
        next row is known, settles that for a store.
        """
        if self._store.calls.aws or self.versions in self._store.cuts_hold:
            return None
        for at, (key, after) in enumerate(pairwise(batch.keys)):
            if key < f"{key} " < after:
                place, ids = self.place, batch.version_ids
                asked = Question(place.bucket, place.prefix, after=f"{key} ", max_keys=2,
                                 versions=self.versions)
                return Doubt(asked, after, ids[at + 1] if self.versions and ids else None)
        return None


def _enough(waits: Sequence[float]) -> bool:
    """Whether the waits for so many pages tell how far away the store is. While this machine is busy, a
    store on it answers late as well: then the shortest wait for many pages counts."""
    if len(waits) >= _MANY_PAGES:
        return True
    near = _shortest(waits) < _FAR
    return len(waits) >= ((10 if near else 1) if _calm() else (_MANY_PAGES if near else 6))


def _shortest(waits: Sequence[float]) -> float:
    """The shortest of the last waits. The first one of a place takes longer than others."""
    return min(waits[max(1, len(waits) - _MANY_PAGES):] or waits)


def _calm() -> bool:
    """Whether no more threads of this machine want to run just now than it has processors."""
    try:
        running = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        running = int(os.getloadavg()[0])
    return running <= (os.cpu_count() or 1)


def _stopped() -> S3ConsoleError:
    return S3ConsoleError("it was stopped", next_step="Repeat it to go on")
