"""The merge against a brute-force oracle, on whole listings and on listings that break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3console.core.compare import Comparison, EvidenceRules, Group, LeftRow, is_md5
from s3console.core.errors import ListingIncomplete
from s3console.core.keys import prefix_of
from s3console.core.model import Batch, Entry
from s3console.core.prefix_counts import PrefixCount

MD5 = {letter: letter * 32 for letter in "abc"}
ETAGS = st.sampled_from([*MD5.values(), "a" * 32 + "-2", "b" * 32 + "-2", ""])
KEYS = st.text(alphabet="a/bé\x01\U0001f600", min_size=1, max_size=6)


def batches(
    rows: list[Entry], page: int, *, versions: bool, fail_after: int | None = None
) -> Iterator[Batch]:
    """Rows as pages; with `fail_after`, the listing breaks after that many pages."""
    pages = [rows[at : at + page] for at in range(0, len(rows), page)]
    known = None
    for number, chunk in enumerate(pages):
        if fail_after is not None and number >= fail_after:
            break
        known = chunk[-1].key
        yield Batch(
            [r.key for r in chunk],
            [r.size for r in chunk],
            [r.etag for r in chunk],
            [r.modified for r in chunk],
            [r.storage_class for r in chunk],
            [r.version_id for r in chunk] if versions else None,
            [r.is_latest for r in chunk] if versions else None,
            [r.is_delete_marker for r in chunk] if versions else None,
        )
    if fail_after is not None and fail_after <= len(pages):
        raise ListingIncomplete("broken", known_through=known)


@st.composite
def current_rows(draw: st.DrawFn) -> list[Entry]:
    table = draw(st.dictionaries(KEYS, st.tuples(st.integers(0, 2), ETAGS), max_size=12))
    return [Entry(key, size, etag, "2024-01-01T00:00:00Z") for key, (size, etag) in sorted(table.items())]


@st.composite
def version_rows(draw: st.DrawFn) -> list[Entry]:
    table = draw(
        st.dictionaries(
            KEYS,
            st.lists(st.tuples(st.integers(0, 2), ETAGS, st.booleans()), min_size=1, max_size=4),
            max_size=8,
        )
    )
    rows = []
    for key, history in sorted(table.items()):
        for at, (size, etag, marker) in enumerate(history):
            rows.append(
                Entry(
                    key,
                    0 if marker else size,
                    "" if marker else etag,
                    "2024-01-01T00:00:00Z",
                    "STANDARD",
                    f"v{at}",
                    at == 0,
                    marker,
                )
            )
    return rows


def run(
    left: list[Entry],
    right: list[Entry],
    page: int,
    *,
    versions: bool,
    evidence: str = "auto",
    left_fail: int | None = None,
    right_fail: int | None = None,
) -> tuple[Comparison, list[LeftRow], list[Group], list[PrefixCount]]:
    prefixes: list[PrefixCount] = []
    merge = Comparison(
        batches(left, page, versions=False, fail_after=left_fail),
        batches(right, page, versions=versions, fail_after=right_fail),
        rules=EvidenceRules(evidence),
        depth=2,
        on_prefix=prefixes.append,
    )  # type: ignore[arg-type]
    lefts: list[LeftRow] = []
    groups: list[Group] = []
    for outcome in merge.run():
        lefts += outcome.rows()
        groups += outcome.groups
    return merge, lefts, groups, prefixes


@given(current_rows(), current_rows(), st.integers(1, 5), st.sampled_from(["auto", "size", "etag"]))
@settings(max_examples=300, deadline=None)
def test_current_objects_are_classified_as_by_brute_force(
    left: list[Entry], right: list[Entry], page: int, evidence: str
) -> None:
    merge, lefts, groups, prefixes = run(left, right, page, versions=False, evidence=evidence)
    there = {row.key: row for row in right}
    rules = EvidenceRules(evidence)  # type: ignore[arg-type]
    wanted = {}
    for row in left:
        other = there.get(row.key)
        wanted[row.key] = (
            "m" if other is None else rules.verdict(row.size, row.etag, other.size, other.etag)[0]
        )
    assert {row.key: row.status for row in lefts} == wanted
    assert [row.key for row in lefts] == [row.key for row in left]
    assert [group.key for group in groups] == sorted(group.key for group in groups)
    assert {g.key for g in groups if g.state == "only"} == set(there) - {row.key for row in left}
    tally = merge.tally
    assert tally.left.entries == len(left) == tally.same + tally.missing + tally.differs + tally.unknown
    assert tally.right.entries == len(right) == tally.same + tally.differs + tally.unknown + tally.right_only
    assert merge.complete
    assert sum(row.left_entries for row in prefixes) == len(left)
    assert sum(row.right_entries for row in prefixes) == len(right)
    assert sum(row.same for row in prefixes) == tally.same
    by_prefix: dict[str, int] = {}
    for prefix in prefixes:
        by_prefix[prefix.prefix] = by_prefix.get(prefix.prefix, 0) + prefix.left_entries
    for row in left:
        by_prefix[prefix_of(row.key, "", 2)] -= 1
    assert not any(by_prefix.values())


@given(current_rows(), version_rows(), st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_versions_arrive_as_whole_groups(left: list[Entry], right: list[Entry], page: int) -> None:
    merge, _, groups, _ = run(left, right, page, versions=True)
    by_key: dict[str, list[Entry]] = {}
    for row in right:
        by_key.setdefault(row.key, []).append(row)
    names = {row.key for row in left}
    for group in groups:
        listed = by_key[group.key]
        assert [row.version_id for row in group.rows] == [row.version_id for row in listed]
        if group.state == "only":
            assert group.key not in names
        if group.state == "hidden":
            assert group.key in names and listed[0].is_delete_marker
    shown = {group.key for group in groups}
    for key, listed in by_key.items():
        assert key in shown or (len(listed) == 1 and key in names)
    count = merge.tally.right
    assert count.entries + count.versions + count.delete_markers == len(right)


@given(current_rows(), version_rows(), st.integers(1, 4), st.integers(0, 4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_broken_listing_never_gives_a_wrong_finding(
    left: list[Entry], right: list[Entry], page: int, pages: int, left_breaks: bool
) -> None:
    whole, all_left, all_groups, _ = run(left, right, page, versions=True)
    merge, lefts, groups, _ = run(
        left,
        right,
        page,
        versions=True,
        left_fail=pages if left_breaks else None,
        right_fail=None if left_breaks else pages,
    )
    if merge.complete:
        assert (lefts, groups) == (all_left, all_groups)
        return
    reach = merge.known_through
    assert lefts == [row for row in all_left if reach is not None and row.key <= reach]
    assert groups == [group for group in all_groups if reach is not None and group.key <= reach]
    assert not whole.failures[0]


def test_prefixes_are_cut_off_on_both_sides() -> None:
    left = [Entry("old/a", 1, MD5["a"], "")]
    right = [Entry("new/x/a", 1, MD5["a"], "")]
    merge = Comparison(
        batches(left, 2, versions=False),
        batches(right, 2, versions=False),
        left_prefix="old/",
        right_prefix="new/x/",
    )
    list(merge.run())
    assert merge.tally.same == 1


@pytest.mark.parametrize(
    ("etag", "plain"),
    [
        ("d41d8cd98f00b204e9800998ecf8427e", True),
        ("d41d8cd98f00b204e9800998ecf8427e-2", False),
        ("", False),
        ("z" * 32, False),
    ],
)
def test_only_plain_md5_etags_decide_a_difference(etag: str, plain: bool) -> None:
    assert is_md5(etag) is plain
    other = "0" * 32
    assert EvidenceRules().verdict(5, etag, 5, other) == ("differs" if plain else "unknown")
    assert EvidenceRules(md5=False).verdict(5, etag, 5, other) == "unknown"
    assert EvidenceRules().verdict(5, etag, 6, etag) == "differs"
