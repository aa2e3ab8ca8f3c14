"""Several pages of one listing at once: the same listing as page by page, and the same ends under faults."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from conftest_servers import S3Server
from servers.odd_server import OddServer, Row

from s3console.core.alphabet import common
from s3console.core.errors import ListingIncomplete, S3ConsoleError, UntrustedAnswer
from s3console.core.model import Connection, Entry, Place
from s3console.s3.connect import open_reader
from s3console.s3.facts import PackedBatch
from s3console.s3.listing import BucketListing, _enough
from s3console.s3.read import ReadStore
from s3console.s3.sharded import MOST_AT_ONCE, worthwhile
from s3console.s3.transport import Patience

QUICK = Patience(sleep=lambda _: None)
PLAIN = [f"a/{number:05d}" for number in range(700)]
STARTS, ENDS = ("", "a//", "/", "\U0001f600", "é", "\x01"), ("", "\n", "::jpg", " +%", "\U0010fffd")
ODD = sorted({f"{start}{number:03d}{end}" for number in range(30) for start in STARTS for end in ENDS}
             | {"k" * 1024, "z" + "\U0001f680" * 250})
FAULTS = ("503", "500", "403", "400", "error_200", "dropped", "reset", "html", "empty", "truncated",
          "unsorted", "wrong_name", "no_token", "missing_row", "key_count", "no_size")
SYNTHETIC = ["syn-60000-odd7-cut3-miss5", "syn-60000-d1-hex1-err9", "syn-20000-d3-lat20"]
SETS = {"plain": PLAIN, "odd": ODD, "one": PLAIN[:1], "few": PLAIN[:21], "none": []}


@pytest.fixture(scope="module")
def stores() -> dict[str, ReadStore]:
    return {}


def reader(odd: OddServer, stores: dict[str, ReadStore]) -> ReadStore:
    if odd.endpoint_url not in stores:
        stores[odd.endpoint_url] = open_reader(Connection(endpoint_url=odd.endpoint_url), patience=QUICK)
    return stores[odd.endpoint_url]


def rows(keys: list[str], *, versions: bool) -> list[Row]:
    if not versions:
        return [Row(key) for key in keys]
    # Every tenth key has more versions than a page holds.
    return [Row(key, version=f"{count:02d}", latest=count == 0, marker=count == 1)
            for number, key in enumerate(keys) for count in range(25 if number % 10 == 0 else 2)]


def names(found: list[Entry]) -> list[tuple[str, str]]:
    return [(entry.key, entry.version_id) for entry in found]


def walk(listing: BucketListing) -> tuple[list[Entry], S3ConsoleError | None]:
    seen: list[Entry] = []
    try:
        for batch in listing:
            seen += batch.entries()
    except S3ConsoleError as error:
        assert not listing.proof.complete
        return seen, error
    assert listing.proof.complete and listing.proof.entries == len(seen)
    return seen, None


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("keys", SETS.values(), ids=SETS)
def test_the_same_as_page_by_page(odd_server: OddServer, stores: dict[str, ReadStore], keys: list[str],
                                  versions: bool) -> None:
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(keys, versions=versions)
    store = reader(odd_server, stores)
    for parallel in (2, 16):
        seen, error = walk(store.listing(Place("bucket"), versions=versions, parallel=parallel))
        assert error is None
        assert names(seen) == [(row.key, row.version) for row in odd_server.rows["bucket"]]


@pytest.mark.parametrize("versions", [False, True])
def test_inside_a_prefix_and_behind_a_key(odd_server: OddServer, stores: dict[str, ReadStore],
                                          versions: bool) -> None:
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows([f"{first}/{number:04d}" for first in "abc" for number in range(300)],
                                     versions=versions)
    listing = reader(odd_server, stores).listing(Place("bucket", "b/"), versions=versions, parallel=8,
                                                 start_after="b/0099")
    seen, error = walk(listing)
    assert error is None and names(seen) == [(row.key, row.version) for row in odd_server.rows["bucket"]
                                             if "b/0099" < row.key < "c"]


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("page", [3, 30, 69])
@pytest.mark.parametrize("kind", FAULTS)
def test_a_lasting_fault_ends_it_before_the_first_unknown_key(
        odd_server: OddServer, stores: dict[str, ReadStore], kind: str, page: int, versions: bool) -> None:
    if versions and kind in ("missing_row", "key_count"):
        kind = "truncated"
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(PLAIN if not versions else PLAIN[:150], versions=versions)
    odd_server.fault(kind, page=page)
    right = [(row.key, row.version) for row in odd_server.rows["bucket"]]
    page = min(page, (len(right) - 1) // 10)
    seen, error = walk(reader(odd_server, stores).listing(Place("bucket"), versions=versions, parallel=8))
    if error is None:
        # Ranges begin where they like: the page that is at fault may never have been asked for.
        assert names(seen) == right
        return
    assert isinstance(error, ListingIncomplete) and error.known_through is not None
    assert names(seen) == right[:len(seen)]
    known = [name for name in right if name[0] <= (error.known_through or "")]
    assert known == [name for name in names(seen) if name[0] <= (error.known_through or "")]
    assert len(seen) <= (page + 1) * 10
    if not versions:
        assert error.known_through == seen[-1].key


def test_slow_down_is_obeyed_and_overcome(odd_server: OddServer, stores: dict[str, ReadStore]) -> None:
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(PLAIN, versions=False)
    odd_server.fault("503", times=20)
    waits: list[float] = []
    store = open_reader(Connection(endpoint_url=odd_server.endpoint_url),
                        patience=Patience(attempts=30, sleep=waits.append))
    listing = store.listing(Place("bucket"), parallel=16)
    seen, error = walk(listing)
    assert error is None and [entry.key for entry in seen] == PLAIN
    assert len(waits) == 20
    assert listing.proof.requests >= odd_server.calls["ListObjectsV2"] - 20


def test_a_store_that_lists_behind_its_end_is_not_believed(odd_server: OddServer,
                                                           stores: dict[str, ReadStore]) -> None:
    """A page in the middle always says that it is the last, while keys behind it are known."""
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(PLAIN, versions=False)
    plain = odd_server.answer

    def lying(method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        answer = plain(method, target, headers, body)
        if b"<Key>a/00350</Key>" in answer.body:
            time.sleep(0.3)
            answer.body = answer.body.replace(b"<IsTruncated>true", b"<IsTruncated>false")
        return answer

    odd_server.answer = lying  # type: ignore[method-assign]
    try:
        seen, error = walk(reader(odd_server, stores).listing(Place("bucket"), parallel=8))
    finally:
        odd_server.answer = plain  # type: ignore[method-assign]
    assert [entry.key for entry in seen] == PLAIN[:len(seen)]
    if error is not None:
        assert isinstance(error, ListingIncomplete) and isinstance(error.cause, UntrustedAnswer)
    assert error is not None or len(seen) in (len(PLAIN), *range(350, 362))


@pytest.mark.parametrize("versions", [False, True])
def test_a_store_that_loses_a_row_behind_a_cut_is_read_page_by_page(odd_server: OddServer,
                                                                    versions: bool) -> None:
    """Behind a text that names no key the store skips a row, as some do."""
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(PLAIN, versions=versions)
    keys = set(PLAIN)
    plain = odd_server._first

    def losing(found: list[Row], query: dict[str, str], *, versions: bool) -> int:
        after = query.get("start-after", query.get("key-marker", ""))
        return plain(found, query, versions=versions) + (bool(after) and after not in keys)

    odd_server._first = losing  # type: ignore[method-assign]
    try:
        store = open_reader(Connection(endpoint_url=odd_server.endpoint_url), patience=QUICK)
        seen, error = walk(store.listing(Place("bucket"), versions=versions, parallel=8))
    finally:
        odd_server._first = plain  # type: ignore[method-assign]
    assert error is None and names(seen) == [(row.key, row.version) for row in odd_server.rows["bucket"]]
    looks = 1 + common(PLAIN[0], PLAIN[9])
    # A look of the listing before, which had ended, may still arrive.
    asked = odd_server.calls["ListObjectVersions" if versions else "ListObjectsV2"]
    assert asked <= -(-len(seen) // 10) + looks, "no page twice"
    assert store.cuts_hold == {versions: False}


def test_leaving_early_leaves_no_thread(odd_server: OddServer, stores: dict[str, ReadStore]) -> None:
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(PLAIN, versions=False)
    for count, _ in enumerate(reader(odd_server, stores).listing(Place("bucket"), parallel=8)):
        if count == 20:
            break
    end = time.monotonic() + 60
    while time.monotonic() < end and any("listing" in one.name for one in threading.enumerate()):
        time.sleep(0.02)
    assert not any("listing" in one.name for one in threading.enumerate())


def test_how_many_pages_pay() -> None:
    assert worthwhile([0.001, 0.002], [0.001, 0.001]) == 1, "a store on this machine is read page by page"
    assert worthwhile([0.05, 0.05], [0.0011, 0.0015]) == MOST_AT_ONCE
    assert 4 <= worthwhile([0.012, 0.012], [0.001, 0.002]) <= 24


@pytest.mark.parametrize("waits, calm, enough", [
    ([0.08], True, True), ([0.005], True, False), ([0.2] + [0.004] * 3, True, False),
    ([0.2] + [0.004] * 9, True, True), ([0.08] * 5, False, False), ([0.08] * 6, False, True)])
def test_one_late_page_tells_a_far_store_while_this_machine_is_calm(
        waits: list[float], calm: bool, enough: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3console.s3.listing._calm", lambda: calm)
    assert _enough(waits) is enough


def test_a_batch_that_waited_is_the_same(odd_server: OddServer, stores: dict[str, ReadStore]) -> None:
    for versions in (False, True):
        odd_server.rows["bucket"] = rows(ODD, versions=versions)
        store = reader(odd_server, stores)
        page = store.version_page("bucket") if versions else store.page("bucket", delimiter="")
        again = PackedBatch(page.batch).batch()
        assert list(again.entries()) == list(page.batch.entries())


@pytest.mark.parametrize("bucket", SYNTHETIC)
def test_on_the_synthetic_store(synthetic: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    store = open_reader(Connection(endpoint_url=synthetic.endpoint_url, region="us-east-1"),
                        patience=Patience(attempts=20, sleep=lambda _: None))
    serial, error = walk(store.listing(Place(bucket), parallel=1))
    assert error is None
    for parallel in (12, None):
        seen, error = walk(store.listing(Place(bucket), parallel=parallel))
        assert error is None and seen == serial
