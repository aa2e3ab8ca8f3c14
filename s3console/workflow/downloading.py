"""Plans that make a local tree hold exactly the objects of a place or of a manifest.

Nothing is read twice and nothing is fetched that stands there already: a file is compared by the digest
of the very version that is wanted, and digests of files that did not change are remembered.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

from ..core.checksums import parts_of
from ..core.errors import NotReachable, Refused, S3ConsoleError, UsageError
from ..core.etags import fits, part_sizes
from ..core.keys import printable
from ..core.model import JobStatus, Operation, Place, Plan, Ref
from ..core.timeline import NOW
from ..core.trees import Ancestors, Crowd, Standing, is_part, local_parts, pack_standing
from ..listings.local import Found, etag_of, local_tree
from ..store.digests import Digests
from .desk import Desk
from .history import Doubtful
from .selecting import Selection
from .wanted import Wanted, bucket_of, of_manifest, of_place

Collisions = Literal["refuse", "keep"]
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
NAMED = 1_000
"""How many keys that cannot be stored are kept by name; all are counted."""
_AHEAD = 64
_MOST_READERS = 4

MARKERS = "keys ending in a slash are marks of empty directories and are not stored"
EXTRA = "files that are not wanted stay where they are; --delete removes them"
EMPTIED = "directories that the deletes leave empty are removed as well"
LINKS = "symbolic links and other things that are no files are left alone"
PARTS = "files of interrupted downloads are left alone"
LEFT_OUT = "keys and files left out by --include and --ignore"
REPLACED = "files hold other bytes and are replaced; what they hold is lost"


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """What is wanted of a tree. `delete` removes files that are not wanted; `collisions` says whether a key
    is stored that looks like another one to file systems without case (see core.trees.Crowd)."""

    include: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    delete: bool = False
    collisions: Collisions = "refuse"


class Unstored(NamedTuple):
    """A key that cannot be stored, and why."""

    key: str
    version_id: str
    reason: str


@dataclass(slots=True)
class Download:
    """What a plan was made from. `plan` is None when nothing is to be done.

    `same` files hold the wanted bytes already; `hashed` of them were read, `hashed_bytes` in all.
    `unstored` counts keys that cannot be stored, `named` says which. `requests` were sent to plan it.
    """

    source: str
    root: str
    plan: Plan | None = None
    wanted: int = 0
    bytes: int = 0
    same: int = 0
    new: int = 0
    replaced: int = 0
    deleted: int = 0
    extra: int = 0
    hashed: int = 0
    hashed_bytes: int = 0
    unstored: int = 0
    requests: int = 0
    named: list[Unstored] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Count one case of a note."""
        self.notes[text] = self.notes.get(text, 0) + 1


Said = Callable[[Download], None]


def plan_download(
    desk: Desk, source: Place | Path, folder: Path, *, place: Place | None = None, moment: str = NOW,
    options: DownloadOptions | None = None, progress: Said | None = None,
) -> Download:  # fmt: skip
    """Compare a tree with what is wanted, and seal a plan of the difference.

    `source` is a place or the file of a manifest; `place` then says where its objects are, and may be left
    out when the manifest names its bucket. Keys are stored below the prefix of the place. Raises UsageError
    for a source or folder that cannot be used, Refused for a tree that holds the state directory,
    ListingIncomplete when a listing breaks.
    """
    chosen = options or DownloadOptions()
    root = _root(desk, folder, chosen)
    doubtful = Doubtful()
    if isinstance(source, Path):
        if moment != NOW:
            raise UsageError("a manifest has its own time", next_step="Leave out --at")
        origin, title = _place_of(source, place), f"manifest {source.name}"
        wanted = of_manifest(desk, origin, source)
    else:
        origin, title = source, source.uri + (f" at {moment}" if moment else "")
        wanted = of_place(desk, source, moment, doubtful)
    if origin.scheme != "s3":
        raise UsageError("only an s3:// place can be downloaded", where=printable(origin.uri))
    reader = desk.reader(origin.connection)
    before = sum(reader.requests.values())
    made = Download(title, root)
    digests = Digests(desk.home, root)
    work = _Work(desk, origin, made, digests, chosen, progress)
    operations = work.operations(wanted)
    try:
        first = next(operations, None)
        if first is not None:
            made.plan = _sealed(desk, chain([first], operations), origin, made, doubtful)
        made.notes.update(doubtful.notes())
        digests.save(work.present)
    finally:
        work.close()
    made.requests = sum(reader.requests.values()) - before
    return made


def _sealed(desk: Desk, operations: Iterator[Operation], origin: Place, made: Download,
            doubtful: Doubtful) -> Plan:  # fmt: skip
    from .assembly import seal_operations

    def counted() -> Iterator[Operation]:
        yield from operations
        made.notes.update(doubtful.notes())

    right = Place(made.root, "", origin.connection, "dir")
    return seal_operations(desk, counted(), origin, right, "", "", notes=made.notes,
                           title=_title(made))  # fmt: skip


def _title(made: Download) -> str:
    return f"download {made.source} to {made.root}"


def earlier_job(desk: Desk, made: Download) -> JobStatus | None:
    """The newest job of the same source and directory that is paused, if there is one."""
    from .jobs import list_jobs

    return next((job for job in list_jobs(desk) if job.state == "paused" and job.title == _title(made)), None)


def _place_of(path: Path, place: Place | None) -> Place:
    if place is not None:
        return place
    bucket = bucket_of(path)
    if not bucket:
        raise UsageError("the manifest does not say which bucket it is of", where=printable(str(path)),
                         next_step="Name it with --from s3://bucket/")  # fmt: skip
    return Place(bucket)


def _root(desk: Desk, folder: Path, options: DownloadOptions) -> str:
    root = os.path.realpath(folder)
    where = printable(root)
    try:
        root.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError("the name of the directory is not UTF-8", where=where) from None
    if os.path.lexists(root) and not Path(root).is_dir():
        raise UsageError("this is no directory", where=where, next_step="Name a directory to write to")
    home = os.path.realpath(desk.home.path)
    if Path(root).is_relative_to(home) or (options.delete and Path(home).is_relative_to(root)):
        raise Refused("the state directory of s3console lies there", where=where,
                      next_step="Choose another directory, or another --state-dir")  # fmt: skip
    return root


class _Decision(NamedTuple):
    """A wanted object whose file is being read."""

    want: Wanted
    standing: Standing
    etag: Future[str]


class _Work:
    """The walk along what is wanted and what stands, both in ascending order."""

    def __init__(self, desk: Desk, origin: Place, made: Download, digests: Digests,
                 options: DownloadOptions, progress: Said | None) -> None:  # fmt: skip
        self._desk, self._origin, self._made = desk, origin, made
        self._digests, self._options = digests, options
        self._progress = progress
        self._chosen = Selection("", options.include, options.ignore)
        self._stored, self._local = Ancestors(), Ancestors()
        self._crowd = Crowd()
        self._pool: ThreadPoolExecutor | None = None
        self._reading: deque[_Decision | Operation] = deque()
        self._surplus: list[Found] = []
        self.present: dict[str, None] = {}

    def close(self) -> None:
        """Let the readers of files go."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def operations(self, wanted: Iterator[Wanted]) -> Iterator[Operation]:
        """Downloads in the order of the keys, then deletes. Raises NotReachable for files that cannot be
        read."""
        index = 0
        try:
            for one in chain(self._downloads(wanted), self._deletes()):
                yield _at(index, one)
                index += 1
        except OSError as error:
            raise NotReachable(f"A file of the tree cannot be read: {error.strerror or error}",
                               where=printable(str(error.filename or self._made.root)),
                               next_step="Check your rights to everything below it") from error  # fmt: skip

    def _downloads(self, wanted: Iterator[Wanted]) -> Iterator[Operation]:
        files = local_tree(self._made.root)
        found = next(files, None)
        for want in wanted:
            if not self._chosen.takes(want.path):
                continue
            while found is not None and found.path < want.path:
                self._pass(found, kept=False)
                found = next(files, None)
            here = found if found is not None and found.path == want.path else None
            if here is not None:
                self._pass(here, kept=True)
                found = next(files, None)
            self._weigh(want, here)
            while self._reading and (len(self._reading) > _AHEAD or isinstance(self._reading[0], Operation)
                                     or self._reading[0].etag.done()):  # fmt: skip
                yield from self._decided(self._reading.popleft())
        while self._reading:
            yield from self._decided(self._reading.popleft())
        while found is not None:
            self._pass(found, kept=False)
            found = next(files, None)
        if self._chosen.left_out:
            self._made.notes[LEFT_OUT] = self._chosen.left_out

    def _pass(self, found: Found, *, kept: bool) -> None:
        """Note what stands in the tree."""
        if found.kind == "folder":
            return
        self._local.add(found.path, "a file" if found.kind == "file" else "a symbolic link"
                        if found.kind == "link" else "something that is no file")  # fmt: skip
        if found.kind != "file":
            self._made.note(LINKS)
            return
        self.present[found.path] = None
        if kept:
            return
        if is_part(found.path.rpartition("/")[2]):
            self._made.note(PARTS)
        elif not self._options.delete:
            self._made.extra += 1
        elif self._chosen.takes(found.path):
            self._surplus.append(found)

    def _weigh(self, want: Wanted, here: Found | None) -> None:
        made = self._made
        if not want.problem and want.path.endswith("/") and not want.size:
            made.note(MARKERS)
            return
        made.wanted += 1
        made.bytes += want.size
        if self._progress is not None and not made.wanted % 1_000:
            self._progress(made)
        reason = want.problem or self._obstacle(want, here)
        if reason:
            made.unstored += 1
            if len(made.named) < NAMED:
                made.named.append(Unstored(want.key, want.version_id, reason))
            return
        if here is None:
            made.new += 1
            self._reading.append(self._download(want, "absent"))
        elif here.standing.size != want.size:
            self._replace(want, here.standing)
        else:
            self._compare(want, here.standing)

    def _obstacle(self, want: Wanted, here: Found | None) -> str:
        """Why a key cannot be stored, "" when it can."""
        try:
            local_parts(want.path)
        except ValueError as error:
            return str(error)
        if want.storage_class in ARCHIVED:
            return "the object is archived; restore it first"
        if self._stored.above(want.path):
            return "another key is stored as a file where this one needs a directory"
        if self._options.collisions == "refuse" and self._crowd.taken(want.path):
            return "another key looks the same where case or composed letters do not count"
        above = self._local.above(want.path)
        if above:
            return f"{above} stands where a directory is needed"
        if here is not None and here.kind != "file":
            return f"{'a directory' if here.kind == 'folder' else 'something that is no file'} stands there"
        self._stored.add(want.path, "a file")
        return ""

    def _compare(self, want: Wanted, standing: Standing) -> None:
        """A file of the right size: the same bytes, other ones, or to be read."""
        known = self._digests.etags(want.path, standing)
        if want.etag in known:
            self._made.same += 1
            return
        parts = parts_of(want.etag)
        if parts:
            part_size = self._part_size(want, parts)
        elif len(want.etag) == 32 and not any(len(one) == 32 for one in known):
            part_size = 0
        else:
            part_size = -1
        if part_size < 0:
            self._replace(want, standing)
            return
        self._made.hashed += 1
        self._made.hashed_bytes += standing.size
        if self._pool is None:
            self._pool = ThreadPoolExecutor(min(_MOST_READERS, os.cpu_count() or 1))
        etag = self._pool.submit(etag_of, self._made.root, want.path, standing, part_size)
        self._reading.append(_Decision(want, standing, etag))

    def _part_size(self, want: Wanted, parts: int) -> int:
        """The size of the parts of an object, -1 when nobody knows. One request."""
        from ..s3.lean_gets import sizing
        from ..s3.steps import perform

        ref = Ref("left", self._origin.bucket, want.key, want.version_id, want.etag, want.size)
        try:
            told = perform(None, sizing(self._desk.reader(self._origin.connection), ref))
        except S3ConsoleError:
            told = 0
        if told and fits(want.size, parts, told):
            return told
        usual = part_sizes(want.size, parts)
        return usual[0] if usual else -1

    def _decided(self, decision: _Decision | Operation) -> Iterator[Operation]:
        if isinstance(decision, Operation):
            yield decision
            return
        want, etag = decision.want, decision.etag.result()
        if etag:
            self._digests.learn(want.path, decision.standing, etag)
        if etag == want.etag:
            self._made.same += 1
        else:
            self._made.replaced += 1
            self._made.note(REPLACED)
            yield self._download(want, f"file:{pack_standing(decision.standing)}")

    def _replace(self, want: Wanted, standing: Standing) -> None:
        self._made.replaced += 1
        self._made.note(REPLACED)
        self._reading.append(self._download(want, f"file:{pack_standing(standing)}"))

    def _download(self, want: Wanted, expect: str) -> Operation:
        source = Ref("left", self._origin.bucket, want.key, want.version_id, want.etag, want.size,
                     want.storage_class or "STANDARD")  # fmt: skip
        target = Ref("local", self._made.root, want.path, "", want.etag, want.size)
        return Operation(0, "download", target, source, expect, reason="download")

    def _deletes(self) -> Iterator[Operation]:
        for found in self._surplus:
            self._made.deleted += 1
            if "/" in found.path:
                self._made.notes[EMPTIED] = 0
            target = Ref("local", self._made.root, found.path, pack_standing(found.standing), "",
                         found.standing.size)  # fmt: skip
            yield Operation(0, "unlink", target, reason="not wanted")
        if self._made.extra:
            self._made.notes[EXTRA] = self._made.extra


def _at(index: int, one: Operation) -> Operation:
    return Operation(index, one.kind, one.target, one.source, one.expect, reason=one.reason)
