"""Which keys can be files, which stand in each other's way, and the ETags of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3console.core.etags import MIB, EtagHash, fits, part_sizes
from s3console.core.trees import (
    Ancestors,
    Crowd,
    Standing,
    folded,
    is_part,
    local_parts,
    pack_standing,
    part_name,
    unpack_standing,
)

FIVE = b"\0" * 5 * MIB + b"x"
ROUND = bytes(range(256)) * (8 * MIB // 256)


@pytest.mark.parametrize(("data", "part_size", "etag"), [
    (b"", 0, "d41d8cd98f00b204e9800998ecf8427e"),
    (b"", 5 * MIB, "59adb24ef3cdbe0297f05b395827453f-1"),
    (FIVE, 0, "3ac6e5710eaf3391cb0b37e608ec14c6"),
    (FIVE, 5 * MIB, "912fbcd7e22cf02ae1c8f7f09b6ac317-2"),
    (FIVE, 8 * MIB, "6544673917a01fd2df7868992ee08554-1"),
    (ROUND, 0, "57b019a28c426df5727b3992701bd2be"),
    (ROUND, 5 * MIB, "6f5ec6f8536f64075bdb90edc5cb9f96-2"),
])
@pytest.mark.parametrize("step", [1 << 30, 1_000_003, 5 * MIB])
def test_etags_of_the_story(data: bytes, part_size: int, etag: str, step: int) -> None:
    found = EtagHash(part_size)
    for at in range(0, len(data), step):
        found.update(data[at:at + step])
    assert found.etag() == etag
    parts = int(etag.partition("-")[2] or 0)
    if part_size and data:
        assert fits(len(data), parts, part_size)
        assert part_size in part_sizes(len(data), parts) or parts == 1


@pytest.mark.parametrize(("key", "said"), [
    ("../evil", "leaves"), ("a/../../b", "leaves"), ("/abs", "absolute"), ("a//b", "empty"),
    (".", "single dot"),
    ("a/./b", "single dot"), ("a/", "slash"), ("", "empty"), ("a\0b", "NUL"), ("x" * 256, "255 bytes"),
    ("d/" + "é" * 128, "255 bytes"), ("bad\udcff", "UTF-8"), ("lost\ufffd", "UTF-8"),
    ("a/" + part_name("0a1b2c3d", 7), "unfinished"),
])
def test_keys_that_are_no_files(key: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        local_parts(key)


@pytest.mark.parametrize("key", [
    "index.php", "a,b.txt", "back\\slash.txt", "line\nbreak.txt", 'q"uote.txt', "x:y.txt", "...", "a/..b",
    "~",
    "-rf", " ", "x" * 255, "é" * 127, "\u202ertl", "con", "a" + "/b" * 400,
])
def test_any_other_key_is_stored_under_its_own_name(key: str) -> None:
    assert "/".join(local_parts(key)) == key


KEYS = st.text(alphabet=st.sampled_from("ab.-/A\u00e9e\u0301"), min_size=1, max_size=9)


@settings(max_examples=400, deadline=None)
@given(st.sets(KEYS, max_size=25))
def test_nothing_is_stored_below_a_file(keys: set[str]) -> None:
    seen, stored = Ancestors(), set()
    for key in sorted(keys):
        above = any(key.startswith(one + "/") for one in stored)
        assert bool(seen.above(key)) == above
        if not above:
            seen.add(key, "a file")
            stored.add(key)


def test_what_looks_the_same_is_found() -> None:
    crowd = Crowd()
    taken = [crowd.taken(key) for key in (
        "A", "a", "b/c", "b/C", "B/d", "e\u0301", "\u00e9", "stra\u00dfe", "STRASSE", "b", "x", "X/y")]
    assert taken == [False, True, False, True, False, False, True, False, True, True, False, True]
    assert folded("\u212a") == "k"


def test_a_standing_survives_its_text() -> None:
    one = Standing(3, 1_700_000_000_123_456_789, 42)
    assert unpack_standing(pack_standing(one)) == one
    assert is_part(part_name("p", 1)) and not is_part(".s3console-x") and not is_part("a.part")
