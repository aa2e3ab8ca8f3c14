"""What two objects' own checksums say about their bytes, without reading them.

A store keeps a checksum of the whole object (FULL_OBJECT) or one made of the checksums of its parts
(COMPOSITE); the latter depends on where the parts were cut. The CRC of a whole follows from the CRCs
and sizes of its parts, so an object uploaded in parts and its copy in one piece can be compared (S3
User Guide, "Checking object integrity").
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Verdict = Literal["same", "differs", "unknown"]

# Reflected polynomials; all three CRCs begin with and are finally inverted by ones, so they combine alike.
_POLYNOMIALS = {"CRC32": (32, 0xEDB88320), "CRC32C": (32, 0x82F63B78), "CRC64NVME": (64, 0x9A6C9329AC4BC9B5)}
ALGORITHMS = ("SHA256", "SHA1", "CRC64NVME", "CRC32C", "CRC32")
"""Strongest first."""


@dataclass(frozen=True, slots=True)
class PartFacts:
    """One part of an object: its bytes, and its checksums in base64 by algorithm."""

    size: int
    sums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ByteFacts:
    """What a store says about the bytes of one object.

    `whole` are checksums over all bytes, `composite` over the checksums of the parts, in base64 without
    the number of parts. `parts` is empty when their sizes are not known.
    """

    size: int
    etag: str
    whole: Mapping[str, str] = field(default_factory=dict)
    composite: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[PartFacts, ...] = ()

    @property
    def told(self) -> bool:
        """Whether there is anything beside size and ETag."""
        return bool(self.whole or self.composite or self.parts)


def parts_of(etag: str) -> int:
    """The number of parts that an ETag names; 0 for an object made in one piece."""
    digest, dash, count = etag.partition("-")
    return int(count) if dash and len(digest) == 32 and count.isascii() and count.isdigit() else 0


def judged(left: ByteFacts, right: ByteFacts, *, md5: bool = True) -> Verdict:
    """Same, different, or still not decidable. `md5` says that ETags are made of MD5s."""
    if left.size != right.size:
        return "differs"
    mine, theirs = _wholes(left), _wholes(right)
    for name in ALGORITHMS:
        if name in mine and name in theirs:
            return "same" if mine[name] == theirs[name] else "differs"
    cuts = [part.size for part in left.parts]
    alike = bool(cuts) and cuts == [part.size for part in right.parts]
    if alike:
        for name in ALGORITHMS:
            if all(name in part.sums for part in (*left.parts, *right.parts)):
                equal = all(one.sums[name] == other.sums[name]
                            for one, other in zip(left.parts, right.parts, strict=True))
                return "same" if equal else "differs"
    for name in ALGORITHMS:
        if name in left.composite and name in right.composite:
            if left.composite[name] == right.composite[name] and parts_of(left.etag) == parts_of(right.etag):
                return "same"
            return "differs" if alike else "unknown"
    # The same cuts and another digest of the MD5s of the parts: some part has other bytes.
    if alike and md5 and left.etag != right.etag and parts_of(left.etag) == parts_of(right.etag) == len(cuts):
        return "differs"
    return "unknown"


def _wholes(facts: ByteFacts) -> dict[str, str]:
    """Checksums over all bytes: those that are kept, and those that follow from the parts."""
    found = dict(facts.whole)
    if facts.parts and sum(part.size for part in facts.parts) == facts.size:
        for name in _POLYNOMIALS:
            if name not in found and all(name in part.sums for part in facts.parts):
                joined = joined_crc(name, [(part.sums[name], part.size) for part in facts.parts])
                if joined:
                    found[name] = joined
    return found


def joined_crc(name: str, parts: Iterable[tuple[str, int]]) -> str:
    """The CRC, in base64, of bytes whose parts have these CRCs (base64) and sizes; "" when one is none."""
    width, polynomial = _POLYNOMIALS[name]
    total = 0
    for text, size in parts:
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error:
            return ""
        if len(raw) * 8 != width:
            return ""
        total = _after_zeros(total, size, width, polynomial) ^ int.from_bytes(raw, "big")
    return base64.b64encode(total.to_bytes(width // 8, "big")).decode("ascii")


def _after_zeros(value: int, size: int, width: int, polynomial: int) -> int:
    """A CRC register after `size` more zero bytes, by repeated squaring of the linear map of one byte."""
    power = 0
    while size:
        if size & 1:
            value = _times(_zeros(width, polynomial, power), value)
        size >>= 1
        power += 1
    return value


@lru_cache(maxsize=256)
def _zeros(width: int, polynomial: int, power: int) -> tuple[int, ...]:
    """The columns of the linear map of 2**power zero bytes."""
    if power:
        half = _zeros(width, polynomial, power - 1)
        return tuple(_times(half, column) for column in half)
    columns = []
    for bit in range(width):
        value = 1 << bit
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        columns.append(value)
    return tuple(columns)


def _times(columns: tuple[int, ...], value: int) -> int:
    result, bit = 0, 0
    while value:
        if value & 1:
            result ^= columns[bit]
        value >>= 1
        bit += 1
    return result
