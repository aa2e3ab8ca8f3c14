"""Files of this machine as facts: which key a path may hold, and what stood there when it was looked at.

A key is stored under exactly its own name or not at all: nothing is escaped, cut or folded.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from .keys import utf8_ok

LONGEST_NAME = 255
"""Bytes of one name (NAME_MAX of every usual file system of Linux)."""
_NO_NAMES = {"": "the key holds an empty name", ".": "the key holds a single dot",
             "..": "the key leaves its directory"}  # fmt: skip
PART_PREFIX = ".s3console-"
PART_ENDING = ".part"


def local_parts(key: str) -> tuple[str, ...]:
    """The names of the directories and of the file that a key stands for, below some root.

    Raises ValueError with the reason for a key that cannot be stored: it would leave the root, be another
    path than it says, or have a name that no file can have.
    """
    if not utf8_ok(key):
        raise ValueError("the key is not valid UTF-8")
    if "\0" in key:
        raise ValueError("the key holds a NUL character")
    parts = tuple(key.split("/"))
    if key.startswith("/"):
        raise ValueError("the key is an absolute path")
    for part in parts:
        if part in ("", ".", ".."):
            raise ValueError(_NO_NAMES[part] if part or not key.endswith("/") else "the key ends in a slash")
        if len(part) > LONGEST_NAME // 4 and len(part.encode("utf-8")) > LONGEST_NAME:
            raise ValueError(f"a name in the key is longer than {LONGEST_NAME} bytes")
        if part[0] == "." and is_part(part):
            raise ValueError("the key has the name of an unfinished download")
    return parts


def is_part(name: str) -> bool:
    """Whether a file name is that of an unfinished download."""
    return name.startswith(PART_PREFIX) and name.endswith(PART_ENDING)


def part_name(plan: str, index: int) -> str:
    """The name under which operation `index` of a plan writes a file before it is complete."""
    return f"{PART_PREFIX}{plan}-{index}{PART_ENDING}"


def folded(key: str) -> str:
    """The key as a file system sees it that knows neither case nor ways of composing a letter."""
    if key.isascii():
        return key.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())


class Standing(NamedTuple):
    """What is known of a file without reading it. Times in nanoseconds since the epoch."""

    size: int
    mtime_ns: int
    inode: int


def pack_standing(found: Standing) -> str:
    """A file as the `expect` of an operation, or as the version of a target."""
    return f"{found.size}.{found.mtime_ns}.{found.inode}"


def unpack_standing(text: str) -> Standing:
    """The inverse of `pack_standing`. Raises ValueError."""
    size, mtime_ns, inode = text.split(".")
    return Standing(int(size), int(mtime_ns), int(inode))


class Ancestors:
    """Tells which path seen before stands where a later one needs a directory.

    Paths are given in ascending order; memory is one path for each name that begins the next.
    """

    def __init__(self) -> None:
        self._open: list[tuple[str, str]] = []

    def add(self, path: str, what: str) -> None:
        """Note something at a path that is no directory; `what` says what it is."""
        self._drop(path)
        self._open.append((path, what))

    def above(self, path: str) -> str:
        """What stands on the way to a path, "" when nothing does."""
        self._drop(path)
        if not self._open:
            return ""
        return next((what for known, what in self._open if path.startswith(known + "/")), "")

    def at(self, path: str) -> str:
        """What stands at exactly this path."""
        self._drop(path)
        return self._open[-1][1] if self._open and self._open[-1][0] == path else ""

    def _drop(self, path: str) -> None:
        while self._open and not path.startswith(self._open[-1][0]):
            self._open.pop()


class Crowd:
    """Finds files that some file system would take for another file, or for a directory of one: by case, or
    by the composition of letters. Memory: a few dozen bytes for each path."""

    def __init__(self) -> None:
        self._files: set[int] = set()
        self._folders: set[int] = set()
        self._inside = ""

    def taken(self, path: str) -> bool:
        """Whether something that was noted looks the same; if nothing does, the path is noted."""
        number = hash(folded(path))
        if number in self._files or number in self._folders:
            return True
        inside = path[: path.rfind("/") + 1]
        if inside != self._inside:
            folders = {hash(folded(one)) for one in folders_of(path)}
            if not folders.isdisjoint(self._files):
                return True
            self._folders |= folders
            self._inside = inside
        self._files.add(number)
        return False


def folders_of(path: str) -> Iterator[str]:
    """The directories of a path, the outermost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
