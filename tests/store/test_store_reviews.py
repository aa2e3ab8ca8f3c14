"""Reviews: whole or not there, in order, and readable anywhere without reading all of it."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3console.core.errors import DamagedState, DiskFull, Refused, S3ConsoleError, UsageError
from s3console.core.keys import prefix_of
from s3console.core.model import (
    KINDS,
    Finding,
    Kind,
    Place,
    PrefixTotals,
    ReviewHeader,
    RuleFit,
    Side,
    SideTotals,
)
from s3console.store import review_writer
from s3console.store.columns import end_of, to_bytes
from s3console.store.home import Home
from s3console.store.reviews import Review, ReviewWriter, list_reviews, load_header

DAY = "2024-06-25T10:11:34Z"


def header(review: str, *, prefix: str = "", created: str = DAY) -> ReviewHeader:
    return ReviewHeader(
        review=review,
        created=created,
        left=SideTotals(Place("a", "left/\ud800"), 7, complete=True),
        right=SideTotals(Place("b", prefix), 9, known_through="z", reason="cut"),
        versions=True,
        same=4,
        totals={"missing": 3},
        rules=(RuleFit("colon-truncate(::)", 5, 4, 1),),
        notes=("one",),
    )


def side(key: str, **changes: object) -> Side:
    return Side(key, 5, "e" * 32, DAY, "STANDARD_IA", "v1", **changes)  # type: ignore[arg-type]


def finding(kind: Kind, key: str, *, counted: bool = True) -> Finding:
    if kind == "missing":
        return Finding(kind, Side(key, 1, "x"), intended_key=key, intended_state="absent", counted=counted)
    if kind == "misnamed":
        return Finding(
            kind,
            side("src/" + key),
            side(key, is_latest=False),
            "right/" + key,
            "differs",
            "colon-truncate(::)",
            "proved",
            side("repair/" + key),
            counted,
        )
    if kind == "junk":
        return Finding(kind, None, side(key, is_delete_marker=True), counted=counted)
    return Finding(kind, None, side(key), counted=counted)


def stored(
    home: Home, findings: Sequence[Finding], *, name: str = "r1", prefix: str = "", part: int = 700
) -> Review:
    with ReviewWriter(home, name) as writer:
        rest = iter(findings)
        while block := list(islice(rest, part)):
            writer.add(block)
        writer.finish(header(name, prefix=prefix))
    return Review.open(home, name)


def everything(parts: Iterator[list[Finding]]) -> list[Finding]:
    return [one for part in parts for one in part]


def test_findings_come_back_as_they_were(home: Home) -> None:
    keys = sorted(["", "a", "a/“x”", "a/\ud800", "b\x00", "\U0010ffff", "z\x1b[31m"])
    findings = [finding(kind, key) for key in keys for kind in KINDS]
    with stored(home, findings) as review:
        assert everything(review.findings()) == findings
        assert review.header == header("r1")
        assert load_header(home, "r1") == review.header
    names = {path.name: path.stat().st_mode & 0o777 for path in (home.reviews / "r1").iterdir()}
    assert names == {"review.json": 0o600, "findings.parquet": 0o600, "prefixes.parquet": 0o600}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.sampled_from("a/b\ud800\uffff\U0010ffff"), max_size=4),
            st.sampled_from(KINDS),
            st.booleans(),
        ),
        max_size=60,
    ),
    group=st.integers(1, 9),
    pages=st.lists(
        st.tuples(
            st.sampled_from(["", "a", "a/", "b", "\ud800", "\U0010ffff", "zz"]),
            st.none() | st.frozensets(st.sampled_from(KINDS)),
            st.integers(0, 70),
            st.none() | st.integers(0, 20),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_every_page_is_what_a_list_would_give(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[str, Kind, bool]],
    group: int,
    pages: list[tuple[str, frozenset[Kind] | None, int, int | None, bool]],
) -> None:
    monkeypatch.setattr(review_writer, "GROUP", group)
    home = Home.create(tmp_path_factory.mktemp("page") / "state")
    findings = [
        finding(kind, key, counted=counted) for key, kind, counted in sorted(rows, key=lambda row: row[0])
    ]
    with stored(home, findings, part=7) as review:
        for prefix, kinds, offset, limit, counted_only in pages:
            matching = [
                one
                for one in findings
                if one.position.startswith(prefix)
                and (kinds is None or one.kind in kinds)
                and (one.counted or not counted_only)
            ]
            wanted = matching[offset:] if limit is None else matching[offset : offset + limit]
            found = review.findings(prefix, kinds, offset, limit, counted_only=counted_only)
            assert everything(found) == wanted
            assert review.count(prefix, kinds, counted_only=counted_only) == len(matching)


def test_a_missing_key_is_filed_under_its_name_on_the_right(home: Home) -> None:
    findings = [
        Finding("extra", right=side("right/a")),
        Finding("missing", Side("zzz/b", 1, ""), intended_key="right/b", intended_state="absent"),
        Finding("extra", right=side("right/c")),
    ]
    with stored(home, findings) as review:
        assert review.page(0, 9, prefix="right/b") == findings[1:2]


def test_findings_out_of_order_are_refused(home: Home) -> None:
    with ReviewWriter(home, "r1") as writer:
        writer.add([finding("extra", "b"), finding("junk", "b")])
        with pytest.raises(ValueError, match="order"):
            writer.add([finding("extra", "a")])
    assert list(home.reviews.iterdir()) == []


def test_a_review_appears_only_when_it_is_finished(home: Home) -> None:
    writer = ReviewWriter(home, "r1")
    writer.add([finding("extra", "a")])
    assert list_reviews(home) == []
    with pytest.raises(UsageError, match="no review"):
        Review.open(home, "r1xx")
    with pytest.raises(ValueError, match="another review"):
        writer.finish(header("r2"))
    writer.finish(header("r1"))
    writer.discard()
    assert list_reviews(home) == [header("r1")]
    with pytest.raises(Refused):
        ReviewWriter(home, "r1")


def test_an_empty_review(home: Home) -> None:
    with stored(home, []) as review:
        assert everything(review.findings()) == []
        assert review.count() == 0
        assert review.prefixes() == []


def test_reviews_are_listed_newest_first_and_a_damaged_one_is_reported(home: Home) -> None:
    for name, created in (
        ("r1", "2024-01-01T00:00:00Z"),
        ("r2", "2024-03-01T00:00:00Z"),
        ("r3", "2024-02-01T00:00:00Z"),
    ):
        with ReviewWriter(home, name) as writer:
            writer.finish(header(name, created=created))
    (home.reviews / "r4").mkdir()
    path = home.reviews / "r1" / "review.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 2}))
    problems: list[S3ConsoleError] = []
    assert [one.review for one in list_reviews(home, problems=problems)] == ["r2", "r3"]
    assert sorted(type(problem).__name__ for problem in problems) == ["NewerState", "NotReachable"]


def rolled(rows: Sequence[PrefixTotals], base: str, depth: int) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        if row.prefix.startswith(base):
            name = prefix_of(row.prefix, base, depth)
            sums[name] = sums.get(name, 0) + row.right_entries
    return sums


def test_roll_ups_fold_to_any_depth_and_place(home: Home) -> None:
    rows = [
        PrefixTotals("base/", 1, 1, same=1),
        PrefixTotals("base/a/", 2, 3, missing=1, bytes=10),
        PrefixTotals("base/a/\ud800/", 4, 5, missing=2, bytes=20),
        PrefixTotals("base/a/c/d/", 1, 7, junk=3, bytes=40),
        PrefixTotals("base/b/x/", 1, 9),
        PrefixTotals("base/b/x/", 1, 10, extra=1),
    ]
    with ReviewWriter(home, "r1") as writer:
        writer.add_prefixes(iter(rows))
        writer.finish(header("r1", prefix="base/"))
    with Review.open(home, "r1") as review:
        assert review.prefixes() == [
            PrefixTotals("base/", 1, 1, same=1),
            PrefixTotals("base/a/", 7, 15, missing=3, junk=3, bytes=70),
            PrefixTotals("base/b/", 2, 19, extra=1),
        ]
        assert [row.prefix for row in review.prefixes(1, "base/a/")] == [
            "base/a/",
            "base/a/c/",
            "base/a/\ud800/",
        ]
        for depth in (1, 2, 3, 9):
            for under in ("base/", "base/a/", "base/b/", "base/none/"):
                found = {row.prefix: row.right_entries for row in review.prefixes(depth, under)}
                assert found == rolled(rows, under, depth)
        assert review.prefixes(9) == review.prefixes(9, "base/") == review.prefixes(9, "elsewhere/")
        assert [row.prefix for row in review.prefixes(0)] == ["base/"]


@pytest.mark.parametrize("file", ["findings.parquet", "prefixes.parquet", "review.json"])
def test_damage_is_an_error_and_never_a_wrong_answer(home: Home, file: str) -> None:
    findings = [finding("misnamed", f"k/{number:05d}") for number in range(3000)]
    stored(home, findings).close()
    path = home.reviews / "r1" / file
    content = path.read_bytes()
    for damage in (b"", content[: len(content) // 2], b"\x00" * len(content)):
        path.write_bytes(damage)
        with pytest.raises(DamagedState):
            Review.open(home, "r1").prefixes()


def test_damage_inside_a_row_group_is_an_error(home: Home) -> None:
    stored(home, [finding("misnamed", f"k/{number:05d}") for number in range(3000)]).close()
    path = home.reviews / "r1" / "findings.parquet"
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(bytes(content))
    with Review.open(home, "r1") as review, pytest.raises(DamagedState):
        everything(review.findings())


def test_findings_of_another_review_are_refused(home: Home) -> None:
    stored(home, [finding("extra", "a")]).close()
    stored(home, [finding("extra", "a"), finding("extra", "b")], name="r2").close()
    (home.reviews / "r2" / "findings.parquet").rename(home.reviews / "r1" / "findings.parquet")
    with pytest.raises(DamagedState, match="not those of the review"):
        Review.open(home, "r1")


def test_a_full_disk_leaves_no_review(home: Home, file_limit) -> None:  # type: ignore[no-untyped-def]
    findings = [finding("extra", f"{number:06d}/{number * 7919 % 65521:x}") for number in range(40_000)]
    with file_limit(50_000), pytest.raises(DiskFull), ReviewWriter(home, "r1") as writer:
        writer.add(findings)
        writer.finish(header("r1"))
    assert list(home.reviews.iterdir()) == []


def many(count: int) -> Iterator[list[Finding]]:
    for start in range(0, count, 2000):
        yield [
            Finding(
                "extra",
                None,
                Side(f"data/{number // 1000:04d}/{number:07d}.png", number, f"{number:032x}", DAY),
            )
            for number in range(start, min(start + 2000, count))
        ]


def test_a_late_page_of_a_long_review_is_fast_and_memory_stays_small(home: Home) -> None:
    count = 120_000
    tracemalloc.start()
    with ReviewWriter(home, "r1") as writer:
        for block in many(count):
            writer.add(block)
        writer.finish(header("r1"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 << 20
    assert pq.ParquetFile(home.reviews / "r1" / "findings.parquet").num_row_groups == 6
    before = time.process_time()
    with Review.open(home, "r1") as review:
        page = review.page(108_000, 100)
        assert time.process_time() - before < 0.3
        assert page[0].key == "data/0108/0108000.png"
        before = time.process_time()
        assert review.page(500, 100, prefix="data/0108/")[0].key == "data/0108/0108500.png"
        assert review.count("data/010") == 10_000
        assert time.process_time() - before < 0.3


def test_pages_from_several_threads(home: Home) -> None:
    findings = [finding("extra", f"{number:05d}") for number in range(50_000)]
    with stored(home, findings) as review, ThreadPoolExecutor(4) as threads:
        offsets = [number * 4999 for number in range(10)] * 2
        pages = list(threads.map(lambda offset: review.page(offset, 3), offsets))
    assert pages == [findings[offset : offset + 3] for offset in offsets]


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_stored_keys_have_the_order_and_prefixes_of_text(one: str, two: str) -> None:
    assert (to_bytes(one) < to_bytes(two)) == (one < two)
    low, end = to_bytes(one), end_of(to_bytes(one))
    assert (low <= to_bytes(two) and (end is None or to_bytes(two) < end)) == two.startswith(one)
