"""What rules say about whole batches of names, held against what they do with each name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3console.core.rules import Chain, KeyBlock, chains

PIECES = st.sampled_from(
    ["a", "b/", "a/", "/", ".", "..", " ", "\n", "::", ":x", "ü", "%41", "~", ".gz", "_$folder$"])
KEYS = st.lists(PIECES, min_size=1, max_size=7).map("".join)
BATCHES = st.lists(KEYS, min_size=1, max_size=12)
FOUND = chains("auto", double_depths=(0, 1, 2))


@settings(deadline=None)
@given(BATCHES, st.sampled_from(["//", "/.", "./", "../", "  ", " /", "~", "_$folder$", "\n/", "/\n", ".\n"]))
def test_a_batch_holds_what_its_keys_hold(keys: list[str], text: str) -> None:
    block = KeyBlock(keys)
    assert block.holds(text) == (text in "\n".join(keys))
    for char in "/. ":
        assert block.starts(char) or not any(key.startswith(char) for key in keys)
        assert block.ends(char) or not any(key.endswith(char) for key in keys)


@settings(max_examples=300, deadline=None)
@given(BATCHES, st.sampled_from(["", "a/", "b"]))
def test_a_chain_reaches_all_its_images(keys: list[str], base: str) -> None:
    for chain in FOUND:
        images = [image for image in chain.images(keys, base=base) if image is not None]
        if images:
            assert chain.reaches(images, base=base), chain.name
            assert chain.touches(keys, base=base), chain.name


@pytest.mark.parametrize("chain", [one for one in FOUND if "double-root" in one.name],
                         ids=lambda one: one.name)
def test_a_doubled_directory_is_seen(chain: Chain) -> None:
    assert not chain.reaches([f"a/b/c/{number}" for number in range(100)])


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a/x", "a/y/z", "b/x", "a", "/a", "a/\na/x", "a/x\nb"]),
                min_size=1, max_size=6))
def test_a_batch_of_one_directory_is_doubled_as_its_keys_are(keys: list[str]) -> None:
    (double,) = chains("distcp-double-root")
    assert double.images(keys) == [double.images([key])[0] for key in keys]
    (dropped,) = chains("distcp-missing-root(depth=0)")
    assert dropped.images(keys) == [dropped.images([key])[0] for key in keys]
