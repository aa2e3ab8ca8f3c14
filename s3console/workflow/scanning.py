"""The first half of a comparison: both sides are listed and merged, and what is found is kept durable.

Every few seconds the merge is saved with its spools. A comparison of the same places in the same way
within 24 hours, whose process was killed before there was a review, lists nothing again that was
saved: both sides go on behind the last key that was settled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..core.compare import Comparison, Evidence, EvidenceRules, MergeState
from ..core.errors import DamagedState, DiskFull, S3ConsoleError
from ..core.model import Batch, Listing, Place, Proof
from ..core.prefix_counts import PrefixCount
from ..s3.facts import behind
from ..store.facts import pack, unpack
from ..store.home import now, stamp
from ..store.jobs import job_folder, list_jobs, read_status
from ..store.plans import load_plan
from ..store.scans import ScanFolder
from .desk import Desk
from .endings import WholeListing
from .listings import PlaceFacts, open_listing, place_facts, provable
from .residue import Residue
from .spool import Mark, ScratchFolder, Workspace

if TYPE_CHECKING:
    from ..s3.apart import PageProcesses

_FORMAT = 1
"""Of the spools: another one begins a folder of its own."""
SAVE_EVERY = 2.0
"""Seconds between two saves; each costs about 10 ms and five fsyncs."""


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What is listed, and by what it is judged: equal requests can go on with one another's scans."""

    left: Place
    right: Place
    versions: bool
    evidence: Evidence
    digests: bool
    depth: int


@dataclass(frozen=True, slots=True)
class _Saved:
    """What scan.json holds."""

    created: str
    state: MergeState
    marks: dict[str, Mark]
    requests: tuple[int, ...]
    md5: bool
    ended: bool = False


@dataclass(slots=True)
class _Listed:
    """A listing that an earlier process read to its proved end."""

    place: Place
    versions: bool
    proof: Proof = field(default_factory=lambda: Proof(True, 0, 0))

    def __iter__(self) -> Iterator[Batch]:
        return iter(())


class Scan:
    """Two listings being merged into a residue. Use as a context manager; iterate `run()` once.

    It leaves its working folder behind only when it is interrupted and something was saved. `resumed`
    is the last relative key of an earlier scan that this one goes on from, "" for a new scan. `watch` is
    told the counts of each directory once both listings have passed it.
    """

    def __init__(
        self, desk: Desk, asked: ScanRequest, *, fresh: bool = False, save_every: float = SAVE_EVERY
    ) -> None:
        self._asked, self._every = asked, save_every
        self.created = stamp(now())
        self.facts: tuple[PlaceFacts, PlaceFacts] = (
            place_facts(desk, asked.left),
            place_facts(desk, asked.right),
        )
        self._md5 = all(fact.etag_is_md5 for fact in self.facts)
        self.rules = EvidenceRules(asked.evidence, md5=self._md5)
        self._folder = _claim(desk, asked)
        self._scratch: ScratchFolder | None = None
        self.resumed = ""
        self._ended = False
        self.watch: Callable[[PrefixCount], None] | None = None
        self._processes = _processes()
        self._before: tuple[int, ...] = (0, 0)
        state: MergeState | None = None
        saved = self._saved(desk) if self._folder is not None and not fresh else None
        try:
            if saved is not None:
                self.created, state, self._ended = saved.created, saved.state, saved.ended
                self.resumed, self._before = saved.state.tally.reached, saved.requests
            self.residue = self._open_residue(desk, saved.marks if saved is not None else None)
        except BaseException:
            self._give_up(keep=False)
            raise
        self.sides: tuple[Listing, Listing] = (
            self._side(desk, asked.left, versions=False),
            self._side(desk, asked.right, versions=asked.versions),
        )
        self.merge = Comparison(
            *(_behind(side, side.place.prefix + self.resumed if self.resumed else "") for side in self.sides),
            left_prefix=asked.left.prefix,
            right_prefix=asked.right.prefix,
            rules=self.rules,
            depth=asked.depth,
            on_prefix=self._counted,
            state=state,
        )

    def _counted(self, row: PrefixCount) -> None:
        self.residue.add_prefix(row)
        if self.watch is not None:
            self.watch(row)

    def _saved(self, desk: Desk) -> _Saved | None:
        """What can be gone on from: whole, of this day, and not overtaken by a job of this desk."""
        assert self._folder is not None
        with suppress(ValueError):
            facts = self._folder.saved()
            saved = unpack(_Saved, facts) if facts is not None else None
            if saved is None or saved.md5 != self._md5 or not saved.state.tally.reached:
                return None
            if any(_size(self._folder.path / name) < mark.size for name, mark in saved.marks.items()):
                return None
            return None if _written_since(desk, saved.created, self._asked) else saved
        return None

    def _open_residue(self, desk: Desk, marks: dict[str, Mark] | None) -> Residue:
        if self._folder is None:
            self._scratch = ScratchFolder(desk.home.reviews)
            space: Workspace = self._scratch
        else:
            self._folder.clear(keep=Residue.FILES if marks else ())
            space = Workspace(self._folder.path)
        return Residue(space, self._asked.left.prefix, self._asked.right.prefix, marks)

    def _side(self, desk: Desk, place: Place, *, versions: bool) -> Listing:
        if self._ended:
            return _Listed(place, versions)
        if place.scheme == "s3":
            after = place.prefix + self.resumed if self.resumed else ""
            return WholeListing(
                desk.reader(place.connection), place, versions=versions, start_after=after, sides=2,
                processes=self._processes,
            )
        return open_listing(desk, place, versions=versions, digests=self._asked.digests)

    def requests(self, side: int) -> int:
        """How many requests a side (0 left, 1 right) has cost, in earlier processes too."""
        return self._before[side] + self.sides[side].proof.requests

    def names_checksums(self, side: int) -> bool:
        """Whether the listing of a side may have named a checksum: what was listed earlier may have."""
        listing = self.sides[side]
        return bool(self.resumed) or not isinstance(listing, WholeListing) or listing.names_checksums

    def run(self) -> Iterator[None]:
        """Merge window by window, saving on the way; yields after each window."""
        begun = last = time.monotonic()
        if self._ended:
            return
        for outcome in self.merge.run():
            self.residue.add(outcome)
            moment = time.monotonic()
            if moment - last >= self._every:
                self._save()
                last = time.monotonic()
            yield
        self._processes.close()  # what comes now needs the memory
        if self._proved and time.monotonic() - begun >= self._every:
            self._save(ended=True)

    @property
    def _proved(self) -> bool:
        return self.merge.complete and all(side.proof.complete for side in self.sides)

    def _save(self, *, ended: bool = False) -> None:
        if self._folder is not None:
            marks = self.residue.sync()
            requests = (self.requests(0), self.requests(1))
            state = self.merge.state()
            self._folder.save(pack(_Saved(self.created, state, marks, requests, self._md5, ended)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        full = error is not None and isinstance(error, DiskFull | DamagedState)
        self._give_up(keep=error is not None and not full)

    def _give_up(self, *, keep: bool) -> None:
        self._processes.close()
        if self._scratch is not None:
            self._scratch.__exit__(None, None, None)
        if self._folder is None:
            return
        if keep and self._folder.resumable:
            self._folder.close()
        else:
            self._folder.remove()


def _processes() -> PageProcesses:
    """For the pages of both sides. Imported when it is needed: a comparison of files needs no network."""
    from ..s3.apart import PageProcesses

    return PageProcesses()


def _claim(desk: Desk, asked: ScanRequest) -> ScanFolder | None:
    """The working folder of this comparison; None when it is being made already, or cannot be resumed."""
    what = pack(asked) | {"format": _FORMAT}
    for name, place in (("left file", asked.left), ("right file", asked.right)):
        if place.scheme in ("keys", "manifest"):
            with suppress(OSError):
                facts = Path(place.bucket).stat()
                what[name] = [facts.st_size, facts.st_mtime_ns, facts.st_ino]
        elif place.scheme != "s3":
            return None
    return ScanFolder.claim(desk.home, what)


def _behind(side: Listing, start: str) -> Iterator[Batch]:
    """The provable batches of a listing, from the first key behind `start` on."""
    for batch in provable(side):
        rest = behind(batch, start) if start else batch
        if len(rest):
            yield rest
            start = ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _written_since(desk: Desk, moment: str, asked: ScanRequest) -> bool:
    """Whether a job of this state directory has written to one of the two buckets since then."""
    buckets = {place.bucket for place in (asked.left, asked.right) if place.scheme == "s3"}
    for job in list_jobs(desk.home):
        try:
            if read_status(job_folder(desk.home, job.job)).updated >= moment and (
                load_plan(desk.home, job.plan).right.bucket in buckets
            ):
                return True
        except S3ConsoleError:
            return True  # a job that cannot be read may have written anywhere
    return False
