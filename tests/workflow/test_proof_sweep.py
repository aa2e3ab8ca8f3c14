"""Every fault at every page of either side of a comparison: no wrong finding, no "in sync", no delete.

The oracle knows nothing of the program: two dictionaries say what each side holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from cli.conftest_cli import Cli, environment
from servers.odd_server import OddServer, Row
from workflow.odd_buckets import sides

from s3console.config import load_config
from s3console.core.errors import AccessRefused, ListingIncomplete, NotReachable, Refused
from s3console.core.model import Connection, Finding, Place, ReviewHeader
from s3console.s3.connect import open_reader
from s3console.s3.read import ReadStore
from s3console.s3.transport import Patience
from s3console.store.reviews import Review
from s3console.workflow.comparing import CompareOptions, compare
from s3console.workflow.desk import Desk, open_desk, parse_place
from s3console.workflow.endings import WholeListing
from s3console.workflow.planning import plan_repair

PAGE = 20
FAULTS = ("503", "400", "403", "truncated", "html", "empty", "no_truncated", "no_token", "same_token",
          "early", "dropped", "reset", "unsorted", "error_200")
ALSO_OF_OBJECTS = ("missing_row", "key_count")


SWEPT: Counter[str] = Counter()
"""What all cases of this file came to, for the line at the end."""


@pytest.fixture(scope="module", autouse=True)
def told(request: pytest.FixtureRequest) -> Iterator[None]:
    """Says the counts of the sweep in one line, captured or not."""
    yield
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\nsweep: {SWEPT['cases']} faults of {len(FAULTS) + len(ALSO_OF_OBJECTS)} kinds, one at every "
              f"page of either side: {SWEPT['incomplete']} reviews incomplete with their range named, "
              f"{SWEPT['complete']} complete by asking behind an early end, {SWEPT['refused']} refused at "
              f"once; {SWEPT['findings']:,} findings, 0 wrong; 0 deletes plannable")


class Truth:
    """What is so, said by dictionaries: judges every finding by itself."""

    def __init__(self, left: list[Row], right: list[Row]) -> None:
        self.left = {row.key: row for row in left}
        self.now = {row.key: row for row in right if row.latest and not row.marker}
        self.rows = {(row.key, row.version): row for row in right}

    def same(self, through: str | None) -> int:
        return sum(1 for key, row in self.left.items() if (through is None or key <= through)
                   and key in self.now and self.now[key].etag == row.etag)

    def unsettled(self, through: str | None) -> set[str]:
        """Left keys that a complete answer must name in some finding."""
        return {key for key, row in self.left.items() if (through is None or key <= through)
                and (key not in self.now or self.now[key].etag != row.etag)}

    def check(self, finding: Finding) -> None:
        key = finding.key
        if finding.kind == "missing":
            assert key in self.left and key not in self.now
            return
        row = self.rows[key, finding.subject.version_id]
        assert row.marker == finding.subject.is_delete_marker
        if finding.kind == "differs":
            assert self.left[key].etag != self.now[key].etag
        elif finding.kind == "misnamed":
            assert finding.left is not None and key not in self.left
            assert self.left[finding.left.key].etag == row.etag
            assert (finding.intended_state == "absent") == (finding.intended_key not in self.now)
        elif finding.kind in ("extra", "junk"):
            assert key not in self.left
            assert finding.kind == "extra" or ".distcp.tmp" in key
        elif finding.kind == "duplicate":
            assert finding.left is not None and self.left[finding.left.key].etag == row.etag
        else:
            pytest.fail(f"{finding.kind} is no kind of these buckets")


@lru_cache
def reader(endpoint_url: str) -> ReadStore:
    return open_reader(Connection(endpoint_url=endpoint_url), patience=Patience(sleep=lambda _: None))


class SweptDesk(Desk):
    """A desk whose reader does not wait between two tries."""

    def reader(self, connection: Connection | None = None) -> ReadStore:
        assert self.config.connection.endpoint_url
        return reader(self.config.connection.endpoint_url)


@pytest.fixture
def desk(odd_server: OddServer, tmp_path: Path) -> Iterator[Desk]:
    config = load_config({"endpoint_url": odd_server.endpoint_url, "state_dir": str(tmp_path / "state")}, {})
    yield SweptDesk(open_desk(config).home, config)


def place(desk: Desk, bucket: str) -> Place:
    return parse_place(f"s3://{bucket}/", desk.config.connection)


def compared(desk: Desk, *, versions: bool) -> ReviewHeader:
    return compare(desk, place(desk, "one"), place(desk, "two"), CompareOptions(versions=versions))


def fill(odd: OddServer, *, versions: bool) -> Truth:
    odd.reset()
    odd.page_size = PAGE
    odd.rows["one"], odd.rows["two"] = sides(versions=versions)
    if not versions:
        odd.rows["two"] = [row._replace(version="") for row in odd.rows["two"]]
    return Truth(odd.rows["one"], odd.rows["two"])


def known_through(header: ReviewHeader) -> str | None:
    """The last key that both sides know; None when all is known; "" when nothing is."""
    cuts = [side.known_through or "" for side in (header.left, header.right) if not side.complete]
    return min(cuts) if cuts else None


def judge(desk: Desk, header: ReviewHeader, truth: Truth) -> None:
    """The review against the truth up to where it claims to know, and the plans that it allows."""
    cut = known_through(header)
    with Review.open(desk.home, header.review) as review:
        found = [finding for block in review.findings(counted_only=False) for finding in block]
    SWEPT["findings"] += len(found)
    for finding in found:
        truth.check(finding)
        assert cut is None or finding.position <= cut or finding.kind == "misnamed"
    named = {side.key for finding in found for side in (finding.left,) if side is not None}
    assert truth.unsettled(cut) <= named
    assert header.same == truth.same(cut)
    if cut is None:
        return
    assert any(side.reason for side in (header.left, header.right))
    for only in (None, "delete"):
        with pytest.raises(Refused):
            plan_repair(desk, header.review, "", only=only, include=("junk", "duplicate"))  # type: ignore[arg-type]
    if any(finding.kind in ("missing", "misnamed") for finding in found):
        plan = plan_repair(desk, header.review, "", only="copy")
        assert plan.copy and not plan.delete and not plan.delete_bytes


def test_without_a_fault_the_truth_comes_out(odd_server: OddServer, desk: Desk) -> None:
    for versions in (False, True):
        truth = fill(odd_server, versions=versions)
        header = compared(desk, versions=versions)
        judge(desk, header, truth)
        assert header.complete
        assert header.totals == {"missing": 10, "extra": 9, "differs": 10, "unknown": 0, "misnamed": 15,
                                 "junk": 9, "duplicate": 15 if versions else 0}


def cases() -> list[tuple[str, bool]]:
    return [(kind, False) for kind in (*FAULTS, *ALSO_OF_OBJECTS)] + [(kind, True) for kind in FAULTS]


@pytest.mark.parametrize(("kind", "versions"), cases())
def test_every_page_of_either_side(odd_server: OddServer, desk: Desk, kind: str, versions: bool) -> None:
    ends: Counter[str] = Counter()
    for bucket in ("one", "two"):
        pages = -(-len(sides(versions=versions)[bucket == "two"]) // PAGE)
        for page in range(pages):
            if kind in ALSO_OF_OBJECTS and versions and bucket == "two":
                continue
            truth = fill(odd_server, versions=versions)
            odd_server.fault(kind, page=page, bucket=bucket)
            try:
                header = compared(desk, versions=versions)
            except AccessRefused:
                assert kind == "403" and page == 0
                ends["refused"] += 1
                continue
            judge(desk, header, truth)
            broken, other = (header.left, header.right) if bucket == "one" else (header.right, header.left)
            ends["complete" if header.complete else "incomplete"] += 1
            if not header.complete:
                assert not broken.complete and "s3://" in broken.reason and len(broken.reason) < 500
                assert broken.known_through or page == 0
                assert other.complete or (other.known_through == broken.known_through and other.reason)
            # A list that ends early is continued behind its end; all else stays unproved.
            assert not header.complete or kind == "early"
    SWEPT.update(ends)
    SWEPT["cases"] += ends.total()
    assert sum(ends.values()) >= 14 and (ends["incomplete"] or kind == "early"), ends


@pytest.mark.parametrize("bucket", ["one", "two"])
@pytest.mark.parametrize("kind", ["503", "truncated", "html", "empty", "same_token", "early", "dropped"])
def test_a_list_that_lies_at_every_page(odd_server: OddServer, desk: Desk, kind: str, bucket: str) -> None:
    for versions in (False, True):
        truth = fill(odd_server, versions=versions)
        odd_server.fault(kind, bucket=bucket)
        try:
            header = compared(desk, versions=versions)
        except NotReachable:
            continue
        judge(desk, header, truth)
        assert header.complete == (kind == "early") or not header.complete


def test_an_end_that_is_not_one_is_asked_behind(odd_server: OddServer, desk: Desk) -> None:
    odd_server.page_size = 4
    odd_server.rows["one"] = [Row(f"k{number:02d}") for number in range(23)]
    history = [Row("b", version=f"{n}", latest=n == 0) for n in range(6)]
    odd_server.rows["two"] = [Row("a", version="1"), *history]
    odd_server.fault("early", page=2, bucket="one")
    odd_server.fault("early", page=0, bucket="two")
    header = compared(desk, versions=True)
    assert not header.right.complete and header.right.known_through == "a"
    assert "ends its list before its last key" in header.right.reason
    listing = WholeListing(desk.reader(), place(desk, "one"), versions=False)
    assert len([key for batch in listing for key in batch.keys]) == 23
    assert listing.proof.complete and listing.proof.entries == 23 and listing.proof.requests == 8


@pytest.mark.parametrize(("kind", "bucket"), [("503", "one"), ("truncated", "two"), ("same_token", "two")])
def test_the_command_line_ends_with_4_and_names_the_range(odd_server: OddServer, tmp_path: Path, kind: str,
                                                          bucket: str) -> None:
    state = tmp_path / "state"
    cli = Cli(state, environment(state, AWS_ACCESS_KEY_ID="odd", AWS_SECRET_ACCESS_KEY="odd-secret"),
              ("--endpoint-url", odd_server.endpoint_url), ["odd-secret"])
    fill(odd_server, versions=False)
    odd_server.fault(kind, page=3, bucket=bucket)
    answer = cli("--json", "compare", "s3://one/", "s3://two/", code=4)
    side = answer.object["left" if bucket == "one" else "right"]
    assert answer.object["complete"] is False and side["complete"] is False
    assert side["known_through"] and side["reason"]
    assert f"Keys after “{side['known_through']}” were not compared" in answer.err
    review = answer.object["review"]
    text = cli("review", review, code=0)
    assert "INCOMPLETE" in text.out and side["known_through"] in text.out + text.err
    refused = cli("plan", "repair", review, "--prefix", "s3://two/", code=5)
    assert "incomplete" in refused.err
    made = cli("--json", "plan", "repair", review, "--prefix", "s3://two/", "--only", "copy", code=0)
    assert made.object["copy"] and made.object["delete"] == 0


def test_the_error_of_a_broken_plan_copy_names_the_range(odd_server: OddServer, desk: Desk) -> None:
    from s3console.workflow.planning import plan_copy

    fill(odd_server, versions=False)
    odd_server.fault("503", page=2, bucket="one")
    with pytest.raises(ListingIncomplete) as caught:
        plan_copy(desk, place(desk, "one"), place(desk, "two"))
    assert caught.value.known_through
