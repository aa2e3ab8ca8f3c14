"""Histories longer than a page, all of one second: paging goes on inside a key, document order decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers.odd_server import OddServer, Row
from workflow.odd_buckets import etag
from workflow.scan_drivers import desk_of, places

from s3console.core.model import Finding, Place
from s3console.store.reviews import Review
from s3console.workflow.comparing import CompareOptions, compare
from s3console.workflow.desk import Desk

LONG = 2_500
"""Versions of one key: three pages of a real store."""


def version(key: str, at: int, body: int, *, marker: bool = False) -> Row:
    """The `at`-th row of a key as it is listed, the newest first."""
    return Row(key, 5, etag(body), f"v{at:06d}", marker, at == 0)


def history() -> list[Row]:
    """Neighbours of one version each around: a key whose newest row is a marker above 2,499 versions, the
    third of which has the right bytes; one whose current bytes stand 2,500 times; one of markers only; and a
    wrong name with 2,500 versions, of which all but the newest are surplus."""
    below = [version("b", at, 1 if at == 3 else 9) for at in range(1, LONG)]
    hidden = [version("b", 0, 0, marker=True), *below]
    same = [version("c", at, 2) for at in range(LONG)]
    gone = [version("d", at, 0, marker=True) for at in range(LONG)]
    wrong = [version("e", at, 5) for at in range(LONG)]
    return [version("a", 0, 0), *hidden, *same, *gone, *wrong, version("f", 0, 6)]


def findings(desk: Desk) -> tuple[dict[str, int], list[Finding]]:
    header = compare(desk, *places(desk), CompareOptions(versions=True, fresh=True))
    side = header.right
    assert header.complete and side.delete_markers == LONG + 1
    assert side.entries + side.versions + side.delete_markers == 4 * LONG + 2
    with Review.open(desk.home, header.review) as review:
        return header.totals, [one for block in review.findings(counted_only=False) for one in block]


@pytest.mark.parametrize("page", [1000, 999, 83])
def test_a_key_of_more_versions_than_a_page(odd_server: OddServer, tmp_path: Path, page: int) -> None:
    odd_server.page_size = page
    odd_server.rows["one"] = [Row("a", 5, etag(0)), Row("b", 5, etag(1)), Row("c", 5, etag(2)),
                              Row("d", 5, etag(4)), Row("e::png", 5, etag(5)), Row("f", 5, etag(6))]
    odd_server.rows["two"] = history()
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    listed = [(key, one) for batch in desk.reader().listing(Place("two", connection=desk.config.connection),
                                                            versions=True)
              for key, one in zip(batch.keys, batch.version_ids or (), strict=True)]
    assert listed == [(row.key, row.version) for row in odd_server.rows["two"]]
    totals, found = findings(desk)
    assert totals == {"missing": 2, "extra": 0, "differs": 0, "unknown": 0, "misnamed": 1, "junk": 0,
                      "duplicate": 2 * (LONG - 1)}
    by_kind: dict[str, list[Finding]] = {}
    for one in found:
        by_kind.setdefault(one.kind, []).append(one)
    missing = {one.key: one for one in by_kind["missing"]}
    assert missing["b"].repair is not None and missing["b"].repair.version_id == "v000003"
    assert missing["d"].repair is None
    (pair,) = by_kind["misnamed"]
    assert (pair.subject.version_id, pair.intended_key, pair.grade) == ("v000000", "e::png", "proved")
    surplus = [one.subject.version_id for one in by_kind["duplicate"] if one.key == "e"]
    assert surplus == [f"v{at:06d}" for at in range(1, LONG)]
    assert not [one for one in found if one.subject.is_latest and one.kind == "duplicate"]
