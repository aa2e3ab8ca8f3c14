"""Bytes judged by checksums: CRCs of wholes from those of parts, and what unequal composites do not prove."""

from __future__ import annotations

import base64
import hashlib
import random
import zlib

import pytest

from s3console.core.checksums import ByteFacts, PartFacts, joined_crc, judged, parts_of
from s3console.core.compare import EvidenceRules, one_part

DATA = random.Random(1).randbytes(40_000)


def crc(data: bytes, width: int, polynomial: int) -> int:
    """The textbook loop, bit by bit."""
    ones = (1 << width) - 1
    value = ones
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return value ^ ones


def text(value: int, width: int) -> str:
    return base64.b64encode(value.to_bytes(width // 8, "big")).decode()


def crc32(data: bytes) -> str:
    return text(zlib.crc32(data), 32)


def test_known_check_values() -> None:
    assert crc(b"123456789", 32, 0x82F63B78) == 0xE3069283
    assert crc(b"123456789", 64, 0x9A6C9329AC4BC9B5) == 0xAE8B14860A799888


@pytest.mark.parametrize(("name", "width", "polynomial"), [
    ("CRC32", 32, 0xEDB88320), ("CRC32C", 32, 0x82F63B78), ("CRC64NVME", 64, 0x9A6C9329AC4BC9B5)])
def test_the_crc_of_a_whole_follows_from_its_parts(name: str, width: int, polynomial: int) -> None:
    data = DATA[:3000]
    for cuts in ([3000], [1, 2999], [1000, 1000, 1000], [2048, 0, 952], [7, 13, 17, 2963]):
        parts, at = [], 0
        for size in cuts:
            parts.append((text(crc(data[at:at + size], width, polynomial), width), size))
            at += size
        assert joined_crc(name, parts) == text(crc(data, width, polynomial), width)
    assert joined_crc(name, [("no base64!", 3)]) == "" == joined_crc(name, [("AAA=", 3)])


def in_parts(data: bytes, size: int, *, known: bool = True) -> ByteFacts:
    pieces = [data[at:at + size] for at in range(0, len(data), size)]
    digest = hashlib.md5(b"".join(hashlib.md5(piece).digest() for piece in pieces)).hexdigest()
    composite = crc32(b"".join(zlib.crc32(piece).to_bytes(4, "big") for piece in pieces))
    parts = tuple(PartFacts(len(piece), {"CRC32": crc32(piece)}) for piece in pieces)
    return ByteFacts(len(data), f"{digest}-{len(pieces)}", {}, {"CRC32": composite}, parts if known else ())


def in_one(data: bytes) -> ByteFacts:
    return ByteFacts(len(data), hashlib.md5(data).hexdigest(), {"CRC32": crc32(data)})


OTHER = DATA[:-1] + bytes([DATA[-1] ^ 1])


def test_a_source_in_parts_and_its_copy_in_one_piece_are_the_same() -> None:
    assert judged(in_parts(DATA, 15_000), in_one(DATA)) == "same"
    assert judged(in_parts(DATA, 15_000), in_one(OTHER)) == "differs"
    assert judged(in_parts(DATA, 15_000), in_parts(DATA, 9_000)) == "same"
    assert judged(in_parts(DATA, 15_000), in_parts(OTHER, 9_000)) == "differs"


def test_unequal_composites_prove_nothing_without_equal_cuts() -> None:
    assert judged(in_parts(DATA, 15_000, known=False), in_parts(DATA, 13_500, known=False)) == "unknown"
    assert judged(in_parts(DATA, 15_000, known=False), in_one(DATA)) == "unknown"
    assert judged(in_parts(DATA, 15_000, known=False), in_parts(DATA, 15_000, known=False)) == "same"
    assert judged(in_one(DATA), ByteFacts(1, "x")) == "differs"


def test_equal_cuts_and_unequal_etags_are_different_bytes() -> None:
    def bare(data: bytes) -> ByteFacts:
        facts = in_parts(data, 15_000)
        return ByteFacts(facts.size, facts.etag, parts=tuple(PartFacts(part.size) for part in facts.parts))

    assert judged(bare(DATA), bare(OTHER)) == "differs"
    assert judged(bare(DATA), bare(OTHER), md5=False) == "unknown"


def test_a_multipart_upload_of_one_part_is_decided_by_the_listing() -> None:
    plain, single = hashlib.md5(DATA).hexdigest(), in_parts(DATA, 50_000).etag
    assert single.endswith("-1") and one_part(plain) == single
    rules = EvidenceRules()
    assert rules.verdict(9, plain, 9, single) == rules.verdict(9, single, 9, plain) == "same"
    assert rules.verdict(9, plain, 9, in_parts(OTHER, 50_000).etag) == "differs"
    assert rules.verdict(9, plain, 9, in_parts(DATA, 15_000).etag) == "unknown"
    assert EvidenceRules(md5=False).verdict(9, plain, 9, single) == "unknown"


@pytest.mark.parametrize(("etag", "parts"), [("0" * 32, 0), ("0" * 32 + "-17", 17), ("abc-2", 0), ("", 0),
                                             ("0" * 32 + "-", 0), ("0" * 32 + "-²", 0)])
def test_parts_of_an_etag(etag: str, parts: int) -> None:
    assert parts_of(etag) == parts
