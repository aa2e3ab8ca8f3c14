"""What a place holds and costs, by prefix and storage class: against a count row by row."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3console.core.keys import prefix_of
from s3console.core.model import Batch, Entry
from s3console.core.prices import LISTED
from s3console.core.usage import UsageCounter

TIB = 1024**4
CLASSES = ("STANDARD", "GLACIER", "STANDARD_IA")


def counted(keys: Sequence[str], sizes: Sequence[int], classes: Sequence[str], **more: int) -> UsageCounter:
    counter = UsageCounter("", more.get("depth", 1))
    counter.add(Batch(keys, sizes, [""] * len(keys), [""] * len(keys), classes))
    return counter


def test_the_two_buckets_of_the_story() -> None:
    """419.85 TiB in us-west-1 and 696.26 TiB in us-west-2, in a thousand objects of three prefixes."""
    for size, region, price in ((419.85, "us-west-1", 10_799.36), (696.26, "us-west-2", 15_535.58)):
        each = int(size * TIB) // 1000
        counter = counted([f"d{number // 400}/{number:04d}" for number in range(1000)], [each] * 1000,
                          ["STANDARD"] * 1000)
        assert round(counter.total().monthly(region), 2) == pytest.approx(price, abs=0.01)
        assert len(counter.sorted()) == 3 and counter.seen == 1000


def test_classes_have_prices_of_their_own_and_no_price_is_counted_twice() -> None:
    counter = counted(["a/1", "a/2", "b/1"], [10 * TIB] * 3, ["STANDARD", "DEEP_ARCHIVE", "DEEP_ARCHIVE"])
    rows = dict(counter.sorted())
    assert rows["a/"].monthly("us-east-1") == pytest.approx(10 * 1024 * (0.023 + 0.00099))
    assert [name for name, _, _ in rows["a/"].priced("us-east-1")] == ["DEEP_ARCHIVE", "STANDARD"]
    own = LISTED.with_overrides({"as_of": "2030-01-01", "regions": {"us-east-1": {"storage": {
        "DEEP_ARCHIVE": 1.0}}}})
    assert rows["b/"].monthly("us-east-1", own) == pytest.approx(10 * 1024)


entries = st.lists(st.tuples(
    st.text("ab/", min_size=1, max_size=6), st.integers(0, 99), st.sampled_from(CLASSES), st.booleans(),
    st.booleans()), max_size=40)


@given(entries, st.booleans(), st.integers(1, 3), st.integers(1, 7), st.sampled_from(["", "a", "a/"]))
def test_every_row_is_counted_once(rows: list[tuple[str, int, str, bool, bool]], versions: bool, depth: int,
                                   page: int, base: str) -> None:
    listed = [Entry(base + key, 0 if marker and versions else size, "", "", kind, "v", latest or not versions,
                    marker and versions) for key, size, kind, latest, marker in sorted(rows)]
    counter = UsageCounter(base, depth)
    for part in itertools.batched(listed, page) if hasattr(itertools, "batched") else (
            listed[at:at + page] for at in range(0, len(listed), page)):
        counter.add(Batch(
            [e.key for e in part], [e.size for e in part], [""] * len(part), [""] * len(part),
            [e.storage_class for e in part], ["v"] * len(part) if versions else None,
            [e.is_latest for e in part] if versions else None,
            [e.is_delete_marker for e in part] if versions else None))
    wanted: Counter[tuple[str, str, str]] = Counter()
    for entry in listed:
        prefix = prefix_of(entry.key, base, depth)
        if entry.is_delete_marker:
            wanted[prefix, "", "delete_markers"] += 1
            continue
        what, weight = ("objects", "bytes") if entry.is_latest else ("versions", "version_bytes")
        for name in ("", entry.storage_class):
            wanted[prefix, name, what] += 1
            wanted[prefix, name, weight] += entry.size
    found: Counter[tuple[str, str, str]] = Counter()
    for prefix, usage in counter.sorted():
        for name, one in (("", usage.total), *usage.classes.items()):
            for what in ("objects", "bytes", "versions", "version_bytes", "delete_markers"):
                found[prefix, name, what] += getattr(one, what)
    assert +found == +wanted
    total = counter.total().total
    assert total.objects + total.versions + total.delete_markers == len(listed) == counter.seen
