"""The journal: append-only JSON lines, chained by hashes, on disk before the act they announce.

One record is one line, written by one write(2) with O_APPEND and fsynced:

    {"n": 12, "t": "2024-06-25T10:11:34Z", "what": "approved", ..., "p": <hash before>, "h": <own hash>}

A line torn by a kill or a power cut is kept, closed with a newline and reported, never rewritten. The
chain shows changed, removed and inserted lines; it cannot show that the newest lines were cut off.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..core.errors import DamagedState
from .home import damaged, disk, now, stamp, sync_directory, write_all

SCHEMA = 1
FILE = "journal.jsonl"
FIRST = "0" * 32
MAX_LINE = 1 << 20
_BLOCK = 1 << 16
_OWN = frozenset({"n", "t", "what", "p", "h", "v"})


@dataclass(frozen=True, slots=True)
class Record:
    """One act: its number from 0, its time, what was done, and the facts given with it."""

    number: int
    at: str
    what: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """A line (from 1) that is torn, unreadable, or not the successor of the line before it."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of `verify`. Torn lines that a later writer reported are in `torn`, not in `problems`."""

    records: int
    problems: tuple[Problem, ...]
    torn: int = 0

    @property
    def whole(self) -> bool:
        return not self.problems


class Journal:
    """The journal of a state directory. Several processes may append; each append takes the file's lock."""

    def __init__(self, path: Path) -> None:
        """`path` is the file, or the folder that holds it."""
        self.path = path / FILE if path.is_dir() else path
        self._known: tuple[int, int, str] = (0, 0, FIRST)  # size, next number, last hash

    def append(self, what: str, *, moment: datetime | None = None, **facts: Any) -> Record:
        """Write one record; it is durable when this returns, so act only after it.

        `facts` are JSON values; n, t, what, p, h and v are taken. Raises DiskFull and NotReachable
        (do not act then), DamagedState when the end of the file is not a journal, ValueError for a
        record above 1 MiB.
        """
        if taken := _OWN & facts.keys():
            raise ValueError(f"{', '.join(sorted(taken))} cannot be a fact of a journal record")
        at = stamp(moment or now())
        with disk(self.path):
            fresh = not os.path.lexists(self.path)
            descriptor = os.open(
                self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size, number, before, torn = self._end(descriptor)
                data = b"\n" if torn < 0 else b""
                if torn > 0:
                    line, before = _line(number, at, "torn line", {"bytes": torn}, before)
                    data, number = b"\n" + line, number + 1
                line, last = _line(number, at, what, facts, before)
                data += line
                write_all(descriptor, data)
                os.fsync(descriptor)
                if fresh:
                    sync_directory(self.path.parent)
                self._known = (size + len(data), number + 1, last)
            finally:
                os.close(descriptor)
        return Record(number, at, what, facts)

    def _end(self, descriptor: int) -> tuple[int, int, str, int]:
        """Size, next number, last hash, and the length of a torn last line.

        The length is 0 when the last line is whole, -1 when only its newline is missing.
        """
        size = os.fstat(descriptor).st_size
        known, number, last = self._known
        if size == known:
            return size, number, last, 0
        torn = 0
        for at, line in enumerate(_lines_backwards(descriptor, size)):
            record = _parse(line)
            if record is not None:
                return size, record["n"] + 1, record["h"], torn if at else -1
            torn = torn if at else len(line)
        if torn == size:
            return size, 0, FIRST, torn
        raise damaged(self.path, "the journal has no readable record")

    def read(self, *, newest_first: bool = True, limit: int | None = None) -> list[Record]:
        """The newest `limit` records (None: all), in the order asked for. Unreadable lines are left out."""
        found: list[Record] = []
        if (limit is not None and limit <= 0) or not os.path.lexists(self.path):
            return found
        with disk(self.path):
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                for line in _lines_backwards(descriptor, os.fstat(descriptor).st_size):
                    record = _parse(line)
                    if record is not None:
                        found.append(_record(record))
                        if limit is not None and len(found) >= limit:
                            break
            finally:
                os.close(descriptor)
        return found if newest_first else found[::-1]

    def verify(self) -> Verdict:
        """Read the whole chain. Memory: one line."""
        if not os.path.lexists(self.path):
            return Verdict(0, ())
        with disk(self.path), self.path.open("rb") as file:
            return _verify(file)


def verify(path: Path) -> Verdict:
    """The verdict on the journal at `path` (file or folder)."""
    return Journal(path).verify()


def read(path: Path, *, newest_first: bool = True, limit: int | None = None) -> list[Record]:
    """Records of the journal at `path` (file or folder), as `Journal.read`."""
    return Journal(path).read(newest_first=newest_first, limit=limit)


def _verify(lines: Iterator[bytes]) -> Verdict:
    before, number, torn = FIRST, 0, 0
    problems: list[Problem] = []
    waiting: list[tuple[int, int]] = []  # unreadable lines since the last record: line number, length
    for at, line in enumerate(lines, 1):
        record = _parse(line)
        if record is None:
            waiting.append((at, len(line.rstrip(b"\n"))))
            continue
        if record["what"] == "torn line" and waiting and waiting[-1][1] == record.get("bytes"):
            waiting.pop()
            torn += 1
        problems += [Problem(where, "not a record") for where, _ in waiting]
        waiting = []
        if record["p"] != before or record["n"] != number:
            problems.append(Problem(at, "does not follow the line before it"))
        before, number = record["h"], record["n"] + 1
    problems += [Problem(where, "not a record, or torn") for where, _ in waiting]
    return Verdict(number, tuple(problems), torn)


def _line(number: int, at: str, what: str, facts: dict[str, Any], before: str) -> tuple[bytes, str]:
    try:
        # Hashed as a reader will see it: JSON turns tuples into lists and numbers used as keys into text.
        record = json.loads(
            json.dumps({"v": SCHEMA, "n": number, "t": at, "what": what, **facts, "p": before})
        )
        own = _hash(record)
        line = json.dumps(
            {**record, "h": own}, ensure_ascii=True, separators=(",", ":"), allow_nan=False
        ).encode()
    except TypeError as error:
        raise ValueError(f"a journal record holds JSON values only: {error}") from None
    if len(line) >= MAX_LINE:
        raise ValueError("a journal record is larger than 1 MiB")
    return line + b"\n", own


def _hash(record: dict[str, Any]) -> str:
    facts = {key: value for key, value in record.items() if key != "h"}
    text = json.dumps(facts, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def _parse(line: bytes) -> dict[str, Any] | None:
    """The record of a line, or None when it is not one or its hash is wrong."""
    try:
        record = json.loads(line)
        if (
            isinstance(record, dict)
            and type(record.get("n")) is int
            and record.get("h") == _hash(record)
            and type(record.get("what")) is str
            and type(record.get("p")) is str
        ):
            return record
    except (ValueError, RecursionError):
        return None
    return None


def _record(record: dict[str, Any]) -> Record:
    facts = {key: value for key, value in record.items() if key not in _OWN}
    return Record(record["n"], str(record.get("t", "")), record["what"], facts)


def _lines_backwards(descriptor: int, size: int) -> Iterator[bytes]:
    """Lines from the end without their newline; first the rest after the last newline, often empty.

    Raises DamagedState for a line that no writer of the journal makes.
    """
    rest = b""
    position = size
    while position > 0:
        length = min(_BLOCK, position)
        position -= length
        pieces = (os.pread(descriptor, length, position) + rest).split(b"\n")
        rest = pieces[0]
        yield from reversed(pieces[1:])
        if len(rest) > 2 * MAX_LINE:
            raise DamagedState(
                "the journal has a line that is too long", next_step="Run s3console journal --verify"
            )
    yield rest
