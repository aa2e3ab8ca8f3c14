"""What is known of the bytes of local files: digests by path, size, time and inode, so that no file that
did not change is read twice.

Each root directory has two files. `<name>.jsonl` is sorted and replaced whole; `<name>.log` is what jobs
have written since, appended. A line is [path, size, mtime_ns, inode, "etag etag ..."]; nothing in them is
believed for a file whose size, time or inode is another.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ..core.trees import Standing, pack_standing
from .home import Home, disk, write_all, write_atomic

_SCHEMA = 1
_BLOCK = 20_000
_ETAGS_KEPT = 4
_text = json.encoder.encode_basestring_ascii


class Known(NamedTuple):
    """A file and the ETags that its bytes have, the newest first."""

    standing: Standing
    etags: tuple[str, ...]


def _paths(home: Home, root: str) -> tuple[Path, Path]:
    name = hashlib.sha256(root.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return home.digests / f"{name}.jsonl", home.digests / f"{name}.log"


class DigestLog:
    """Appends what a job has written below one root. Every call is one locked write."""

    def __init__(self, home: Home, root: str) -> None:
        self._path = _paths(home, root)[1]

    def add(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Take rows of path, packed standing and ETag. Raises DiskFull, NotReachable."""
        text = "".join([_line(path, standing, etag) for path, standing, etag in rows])
        if not text:
            return
        with disk(self._path), _locked(self._path) as descriptor:
            write_all(descriptor, text.encode("ascii"))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


class Digests:
    """Everything known below one root, in memory; `save` writes down what was learnt since."""

    def __init__(self, home: Home, root: str) -> None:
        self._base, self._log = _paths(home, root)
        self._root = root
        with disk(self._base):
            self._known = _read(self._base, root)
            self._logged = self._log.stat().st_size if self._log.exists() else 0
            if self._logged:
                for path, known in _read(self._log, "").items():
                    self._merge(path, known)
        self._learnt = bool(self._logged)

    def __len__(self) -> int:
        return len(self._known)

    def etags(self, path: str, standing: Standing) -> tuple[str, ...]:
        """The ETags that the bytes of this very file have; none for a file that is not known."""
        known = self._known.get(path)
        return known.etags if known is not None and known.standing == standing else ()

    def learn(self, path: str, standing: Standing, etag: str) -> None:
        """Note that the bytes of a file have an ETag."""
        self._merge(path, Known(standing, (etag,)))
        self._learnt = True

    def _merge(self, path: str, new: Known) -> None:
        old = self._known.get(path)
        etags = new.etags
        if old is not None and old.standing == new.standing:
            etags = tuple(dict.fromkeys((*new.etags, *old.etags)))[:_ETAGS_KEPT]
        self._known[path] = Known(new.standing, etags)

    def save(self, present: Mapping[str, object] | None = None) -> None:
        """Replace the file, if anything was learnt; paths that are not in `present` are forgotten.

        Raises DiskFull, NotReachable.
        """
        if not self._learnt:
            return
        with disk(self._base), _locked(self._log) as log:
            if os.fstat(log).st_size > self._logged:
                for path, known in _read(self._log, "").items():
                    self._merge(path, known)
                present = None
            lines = [json.dumps({"schema": _SCHEMA, "root": os.fsencode(self._root).hex()}) + "\n"]
            lines += [_line(path, pack_standing(known.standing), " ".join(known.etags))
                      for path, known in sorted(self._known.items()) if present is None or path in present]
            write_atomic(self._base, "".join(lines).encode("ascii"), sync_folder=False)
            os.ftruncate(log, 0)
        self._learnt, self._logged = False, 0


def _line(path: str, standing: str, etags: str) -> str:
    """A packed standing is its three numbers with dots between them."""
    return f"[{_text(path)},{standing.replace('.', ',')},{_text(etags)}]\n"


def _read(path: Path, root: str) -> dict[str, Known]:
    """The rows of one file. It only saves work: what cannot be read is not known."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return {}
    if root:
        try:
            head = json.loads(lines.pop(0))
            if head["schema"] != _SCHEMA or head["root"] != os.fsencode(root).hex():
                return {}
        except (ValueError, TypeError, KeyError):
            return {}
    found: dict[str, Known] = {}
    # The last line of a log may have been cut by a crash.
    whole = lines[:-1]
    for start in range(0, len(whole), _BLOCK):
        block = whole[start : start + _BLOCK]
        if not _taken(b"[" + b",".join(block) + b"]", found):
            for line in block:
                _taken(b"[" + line + b"]", found)
    return found


def _taken(text: bytes, found: dict[str, Known]) -> bool:
    """Put the rows of a JSON array where they belong; False when it is damaged."""
    try:
        for name, size, mtime_ns, inode, etags in json.loads(text):
            if type(name) is str:
                found[name] = Known(Standing(size, mtime_ns, inode), tuple(etags.split()))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False
    return True
