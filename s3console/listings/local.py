"""`dir:PATH`: the files below a directory as a listing, in the order of the keys they would have."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from ..core.errors import ListingIncomplete, NoSuchPlace, NotReachable, S3ConsoleError
from ..core.etags import EtagHash
from ..core.keys import printable
from ..core.model import Batch, Place, Proof
from ..core.trees import Standing
from .rows import PAGE

Digest = Callable[[Path, os.stat_result], str]
_READ = 1 << 20


def md5_of(path: Path, facts: os.stat_result) -> str:
    """The MD5 of a file, which is the ETag of its bytes put in one part. Raises OSError.

    A file that changes while it is read has no digest: "" is returned.
    """
    digest = hashlib.md5(usedforsecurity=False)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb", buffering=0) as file:
        while block := file.read(_READ):
            digest.update(block)
        after = os.fstat(file.fileno())
    return digest.hexdigest() if _identity(after) == _identity(facts) else ""


def _identity(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


class LocalListing:
    """One pass over a directory; implements `core.model.Listing`.

    Keys are the paths below it with "/". Symbolic links are never followed; `skipped` counts them
    and whatever else is not a file. `digest` None lists sizes only, with empty ETags. Iterating raises
    NoSuchPlace for the directory itself, ListingIncomplete for what cannot be read below it.
    """

    versions = False

    def __init__(self, place: Place, *, digest: Digest | None = None) -> None:
        self.place = place
        self.skipped = 0
        self._digest = digest
        self._proof = Proof(False, 0, 0, None, "not begun")

    @property
    def proof(self) -> Proof:
        """Complete only when every directory was read."""
        return self._proof

    def __iter__(self) -> Iterator[Batch]:
        root = Path(self.place.bucket)
        if not root.is_dir():
            raise NoSuchPlace("There is no such directory", where=printable(str(root)),
                              next_step="Check its name")  # fmt: skip
        given, known = 0, None
        files = self._below(root, "")
        while True:
            try:
                block = list(islice(files, PAGE))
                batch = self._batch(root, block)
            except OSError as error:
                raise self._broken(root, error, known) from error
            if not block:
                break
            given, known = given + len(batch), block[-1][0]
            self._proof = Proof(False, given, 0, known, "not finished")
            if len(batch):
                yield batch
        self._proof = Proof(True, given, 0, known)

    def _below(self, folder: Path, base: str) -> Iterator[tuple[str, os.stat_result]]:
        """Files below a directory in key order: a directory sorts by its name with a slash behind it."""
        with os.scandir(folder) as found:
            entries = sorted(
                (entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name, entry)
                for entry in found
            )
        for name, entry in entries:
            if name.endswith("/"):
                yield from self._below(folder / entry.name, base + name)
            elif stat.S_ISREG((facts := entry.stat(follow_symlinks=False)).st_mode):
                yield base + name, facts
            else:
                self.skipped += 1

    def _batch(self, root: Path, block: Iterable[tuple[str, os.stat_result]]) -> Batch:
        rows = list(block)
        etags = [self._digest(root / key, facts) if self._digest else "" for key, facts in rows]
        return Batch(
            [key for key, _ in rows],
            [facts.st_size for _, facts in rows],
            etags,
            [_time(facts.st_mtime) for _, facts in rows],
            [""] * len(rows),
        )

    def _broken(self, root: Path, error: OSError, known: str | None) -> S3ConsoleError:
        what = error.strerror or type(error).__name__
        self._proof = Proof(False, self._proof.entries, 0, known, what)
        if known is None:
            return NotReachable(f"The directory cannot be read: {what}", where=printable(str(root)),
                                next_step="Check your rights to everything below it")  # fmt: skip
        return ListingIncomplete(
            f"The directory is not read to its end, proved through “{printable(known)}”: {what}",
            where=printable(str(error.filename or root)),
            next_step="Check your rights to everything below it",
            known_through=known,
        )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Found(NamedTuple):
    """Something below a root. `kind` is "file", "folder", "link" or "other"; only files have a standing."""

    path: str
    kind: str
    standing: Standing = Standing(0, 0, 0)


def local_tree(root: str) -> Iterator[Found]:
    """Everything below a directory in ascending order of the paths, which use "/"; a directory comes both
    as itself and, behind its path and a slash, with what is in it. Links are not followed, and a root that
    is not there is empty. Raises OSError for what cannot be read."""
    if Path(root).is_dir():
        yield from _found_below(root, "")


def _found_below(folder: str, base: str) -> Iterator[Found]:
    rows: list[tuple[str, os.DirEntry[str] | None]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            rows.append((entry.name, entry))
            if entry.is_dir(follow_symlinks=False):
                rows.append((entry.name + "/", None))
    rows.sort(key=itemgetter(0))
    for name, known in rows:
        if known is None:
            yield from _found_below(f"{folder}/{name[:-1]}", base + name)
            continue
        if known.is_file(follow_symlinks=False):
            facts = known.stat(follow_symlinks=False)
            yield Found(base + name, "file", Standing(facts.st_size, facts.st_mtime_ns, facts.st_ino))
        else:
            kind = "link" if known.is_symlink() else "folder" if known.is_dir() else "other"
            yield Found(base + name, kind)


def etag_of(root: str, path: str, standing: Standing, part_size: int = 0) -> str:
    """The ETag of the bytes of a file (see core.etags), "" when it is not the one that was seen.

    Raises OSError.
    """
    found = EtagHash(part_size)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(f"{root}/{path}", flags)
    try:
        while block := os.read(descriptor, _READ):
            found.update(block)
        facts = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    same = Standing(facts.st_size, facts.st_mtime_ns, facts.st_ino) == standing
    return found.etag() if same else ""
