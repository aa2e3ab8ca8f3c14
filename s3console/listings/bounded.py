"""Lines of a foreign text file, plain or gzip, with a bound on everything that could be endless."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..core.errors import NoSuchPlace, NotReachable, UsageError
from ..core.keys import printable

_CHUNK = 65_536
_GZIP = b"\x1f\x8b"
_ARCHIVE = b"PAR1"
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a file may be at most: bytes of one record, rows, and how far gzip may expand it.

    A key has up to 1,024 bytes (S3 User Guide, "Creating object key names"), three times that when
    encoded for a URL. The ratio is looked at once `ratio_from` bytes came out.
    """

    record: int = 16 * 1024
    rows: int = 2_000_000_000
    ratio: int = 200
    ratio_from: int = 64 * 1024 * 1024


def refused(path: Path, line: int, what: str, next_step: str = "") -> UsageError:
    """A file that cannot be believed, with the number of the line."""
    return UsageError(
        f"Line {line:,}: {what}" if line else what,
        where=printable(str(path)),
        next_step=next_step or "Mend the file, or make it again; nothing of it was used",
    )


def is_parquet(path: Path) -> bool:
    """Whether a file begins like Parquet."""
    with opened(path) as file:
        return file.read(4) == _ARCHIVE


def opened(path: Path) -> IO[bytes]:
    """A file for reading. Raises NoSuchPlace or NotReachable; a directory or device is refused."""
    try:
        if not path.is_file():
            if path.exists():
                raise NoSuchPlace("This is not a file", where=printable(str(path)), next_step=(
                    "Name a file; dir: takes a directory"))
            raise NoSuchPlace("There is no such file", where=printable(str(path)), next_step="Check its name")
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> NotReachable:
    """An error of the file system as one of the house."""
    return NotReachable(
        f"The file cannot be read: {error.strerror or 'input error'}",
        where=printable(str(path)),
        next_step="Check the path and your rights to it",
    )


def read_lines(path: Path, bounds: Bounds) -> Iterator[str]:
    """The lines of a file without their line feeds; carriage returns stay. Memory: one chunk and one line.

    Raises UsageError with the line number for a byte order mark, a NUL, bytes that are not UTF-8, a
    line over the bound, too many lines, or gzip that expands too far or breaks off.
    """
    number = 0
    for number, line in enumerate(_byte_lines(path, bounds), start=1):
        if number > bounds.rows:
            raise refused(path, number, f"the file has more than {bounds.rows:,} lines")
        if len(line) > bounds.record:
            raise refused(path, number, f"the line is longer than {bounds.record:,} bytes")
        if number == 1 and line.startswith(_BOMS):
            raise refused(path, 1, "the file begins with a byte order mark", "Save it as UTF-8 without one")
        if b"\0" in line:
            raise refused(path, number, "the line holds a NUL byte")
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            raise refused(path, number, "the line is not UTF-8") from None


def _byte_lines(path: Path, bounds: Bounds) -> Iterator[bytes]:
    tail, number = b"", 0
    for chunk in _chunks(path, bounds):
        tail += chunk
        *whole, tail = tail.split(b"\n")
        number += len(whole)
        yield from whole
        if len(tail) > bounds.record:
            raise refused(path, number + 1, f"the line is longer than {bounds.record:,} bytes")
    if tail:
        yield tail


def _chunks(path: Path, bounds: Bounds) -> Iterator[bytes]:
    with ExitStack() as stack:
        raw = stack.enter_context(opened(path))
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        file: IO[bytes] | gzip.GzipFile = raw
        if packed:
            file = stack.enter_context(gzip.GzipFile(fileobj=raw))
        given = 0
        while True:
            try:
                chunk = file.read(_CHUNK)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                raise refused(path, 0, "The compressed file is damaged or breaks off") from None
            except OSError as error:
                raise unreadable(path, error) from error
            if not chunk:
                return
            given += len(chunk)
            if packed and given > bounds.ratio_from and given > bounds.ratio * max(raw.tell(), 1):
                raise refused(path, 0, f"The file expands to more than {bounds.ratio} times its size")
            yield chunk
