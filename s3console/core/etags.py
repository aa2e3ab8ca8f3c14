"""ETags made of MD5: of a whole object, and of an upload in parts of one size. Pure arithmetic.

An object put in one piece has the MD5 of its bytes; one uploaded in parts has the MD5 of the MD5s of its
parts, a dash and their number (S3 User Guide, "Checking object integrity"). Neither holds for objects
encrypted with SSE-KMS or SSE-C.
"""

from __future__ import annotations

import hashlib

MIB = 1024**2
USUAL_PARTS = tuple(size * MIB for size in (8, 5, 16, 50, 10, 15, 20, 25, 32, 64, 100, 128, 256, 512, 1024))
"""Part sizes that common tools choose by themselves, the most common first."""


def part_sizes(size: int, parts: int) -> list[int]:
    """The usual part sizes that cut `size` bytes into so many parts."""
    if parts == 1:
        return [max(size, 1)]
    return [one for one in USUAL_PARTS if -(-size // one) == parts]


def fits(size: int, parts: int, part_size: int) -> bool:
    """Whether parts of `part_size` bytes, the last one shorter or equal, make up the object."""
    return part_size > 0 and (-(-size // part_size) == parts or (size == 0 and parts == 1))


Cuts = int | tuple[int, ...]
"""Where an object was cut into parts: one size for all but the last, the size of each, or 0 for one piece."""
_NO_END = 1 << 62


class EtagHash:
    """The ETag of bytes given one after the other, for an object that was cut in this way."""

    def __init__(self, cuts: Cuts = 0) -> None:
        self._cuts = cuts
        self._part = hashlib.md5(usedforsecurity=False)
        self._sums: list[bytes] = []
        self._room = self._next_room()

    def _next_room(self) -> int:
        if isinstance(self._cuts, int):
            return self._cuts
        number = len(self._sums)
        return self._cuts[number] if number < len(self._cuts) else _NO_END

    def copy(self) -> EtagHash:
        """The same state, to go back to."""
        other = EtagHash(self._cuts)
        other._part, other._room, other._sums = self._part.copy(), self._room, self._sums[:]
        return other

    def update(self, data: bytes) -> None:
        """Take more bytes."""
        if not self._cuts:
            self._part.update(data)
            return
        view = memoryview(data)
        while view:
            if not self._room:
                self._close()
            piece = view[: self._room]
            self._part.update(piece)
            self._room -= len(piece)
            view = view[len(piece) :]

    def _close(self) -> None:
        self._sums.append(self._part.digest())
        self._part = hashlib.md5(usedforsecurity=False)
        self._room = self._next_room()

    def etag(self) -> str:
        """The ETag of everything taken so far."""
        if not self._cuts:
            return self._part.hexdigest()
        sums = [*self._sums, self._part.digest()]
        return f"{hashlib.md5(b''.join(sums), usedforsecurity=False).hexdigest()}-{len(sums)}"
