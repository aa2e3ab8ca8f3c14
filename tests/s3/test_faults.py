"""Every fault at the first, a middle and the last page: never a wrong listing, always the right error."""

from __future__ import annotations

from functools import lru_cache

import pytest
from servers.odd_server import OddServer, Row

from s3console.core.errors import (
    AccessRefused,
    EndpointUnreachable,
    ListingIncomplete,
    LoginExpired,
    NoSuchPlace,
    NotReachable,
    S3ConsoleError,
    UntrustedAnswer,
)
from s3console.core.model import Connection, Entry, Place
from s3console.s3.connect import open_reader
from s3console.s3.read import ReadStore
from s3console.s3.transport import Patience

QUICK = Patience(sleep=lambda _: None)
KEYS = [f"a/{number:03d}" for number in range(20)] + [f"b::{number:03d}" for number in range(15)]
UNTRUSTED = ("html", "empty", "truncated", "doctype", "too_large", "wrong_name", "wrong_prefix",
             "no_truncated", "unsorted", "no_size", "no_token", "same_token")
ONLY_OBJECTS = ("missing_row", "key_count")
# What is raised while nothing is proved yet; everything else is a listing without its proof.
OUT_OF_REACH = {"503": NotReachable, "500": NotReachable, "error_200": NotReachable, "403": AccessRefused,
                "expired": LoginExpired, "no_bucket": NoSuchPlace, "skew": NotReachable,
                "dropped": EndpointUnreachable, "reset": EndpointUnreachable}
PASSING = ("503", "500", "error_200", "dropped", "reset", "html", "empty", "truncated", "missing_row",
           "same_token", "wrong_name")


def rows(*, versions: bool) -> list[Row]:
    if not versions:
        return [Row(key) for key in KEYS]
    found = []
    for key in KEYS:
        found += [Row(key, version=f"v{n}-{key}", latest=n == 0, marker=n == 1) for n in range(3)]
    return found


@lru_cache
def opened(endpoint_url: str, *, libcurl: bool) -> ReadStore:
    """One store for all tests, since opening one costs a tenth of a second."""
    return open_reader(Connection(endpoint_url=endpoint_url), patience=QUICK, libcurl=libcurl)


def store(odd: OddServer, *, fresh: bool = False, libcurl: bool = True) -> ReadStore:
    return (opened.__wrapped__ if fresh else opened)(odd.endpoint_url, libcurl=libcurl)


def walk(odd: OddServer, *, versions: bool, fresh: bool = False,
         libcurl: bool = True) -> tuple[list[Entry], S3ConsoleError | None, ReadStore]:
    reader = store(odd, fresh=fresh, libcurl=libcurl)
    listing = reader.listing(Place("bucket", connection=reader.connection), versions=versions)
    seen: list[Entry] = []
    try:
        for batch in listing:
            seen += batch.entries()
    except S3ConsoleError as error:
        assert not listing.proof.complete and listing.proof.reason
        return seen, error, reader
    assert listing.proof.complete and listing.proof.entries == len(seen)
    return seen, None, reader


def names(found: list[Entry]) -> list[tuple[str, str]]:
    return [(entry.key, entry.version_id) for entry in found]


def truth(*, versions: bool) -> list[tuple[str, str]]:
    return [(row.key, row.version) for row in rows(versions=versions)]


def cases() -> list[tuple[str, bool]]:
    both = [(kind, versions) for kind in (*UNTRUSTED, *OUT_OF_REACH, "400") for versions in (False, True)]
    return both + [(kind, False) for kind in ONLY_OBJECTS]


@pytest.mark.parametrize("libcurl", [True, False], ids=["libcurl", "botocore"])
@pytest.mark.parametrize("page", [0, 1, -1], ids=["first", "middle", "last"])
@pytest.mark.parametrize(("kind", "versions"), cases())
def test_lasting_fault(odd_server: OddServer, kind: str, versions: bool, page: int, libcurl: bool) -> None:
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(versions=versions)
    last = (len(odd_server.rows["bucket"]) - 1) // 10
    odd_server.fault(kind, page=last if page < 0 else page)
    seen, error, _ = walk(odd_server, versions=versions, libcurl=libcurl)
    right = truth(versions=versions)
    assert error is not None
    assert names(seen) == right[:len(seen)], "what was handed out is the beginning of the truth"
    assert len(seen) < len(right)
    if page == 0 and kind in OUT_OF_REACH:
        assert type(error) is OUT_OF_REACH[kind] or isinstance(error, OUT_OF_REACH[kind])
        assert not isinstance(error, ListingIncomplete) and error.exit_code == 3
        return
    assert isinstance(error, ListingIncomplete) and error.exit_code == 4
    assert error.cause is not None and "bucket" in error.sentence and len(error.sentence) < 400
    if page == 0:
        assert error.known_through is None and not seen
        return
    known = error.known_through
    assert known is not None
    assert [name for name in right if name[0] <= known] == [name for name in names(seen) if name[0] <= known]
    if not versions:
        assert known == seen[-1].key


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("kind", PASSING)
def test_passing_fault_is_overcome(odd_server: OddServer, kind: str, versions: bool) -> None:
    if versions and kind in ONLY_OBJECTS:
        kind = "truncated"
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(versions=versions)
    odd_server.fault(kind, page=1, times=2)
    seen, error, reader = walk(odd_server, versions=versions)
    assert error is None and reader.requests
    assert names(seen) == truth(versions=versions)
    pages = -(-len(truth(versions=versions)) // 10)
    assert sum(odd_server.calls.values()) == pages + 2


def test_resume_after_a_broken_listing_sees_the_rest(odd_server: OddServer) -> None:
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(versions=False)
    odd_server.fault("503", page=2)
    seen, error, reader = walk(odd_server, versions=False)
    assert isinstance(error, ListingIncomplete) and error.known_through
    odd_server.listing_faults.clear()
    rest = reader.listing(Place("bucket"), start_after=error.known_through)
    again = [key for batch in rest for key in batch.keys]
    assert [entry.key for entry in seen] + again == KEYS
    assert rest.proof.complete


def test_resume_of_versions_begins_at_the_key_that_was_cut(odd_server: OddServer) -> None:
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(versions=True)
    odd_server.fault("reset", page=4)
    seen, error, reader = walk(odd_server, versions=True)
    assert isinstance(error, ListingIncomplete) and error.known_through
    odd_server.listing_faults.clear()
    rest = reader.listing(Place("bucket"), versions=True, start_after=error.known_through)
    again = [(entry.key, entry.version_id) for batch in rest for entry in batch.entries()]
    kept = [name for name in names(seen) if name[0] <= error.known_through]
    assert kept + again == truth(versions=True)


@pytest.mark.parametrize("kind", ["403", "expired", "no_bucket", "400"])
def test_a_refusal_is_not_repeated(odd_server: OddServer, kind: str) -> None:
    odd_server.rows["bucket"] = rows(versions=False)
    odd_server.fault(kind)
    walk(odd_server, versions=False)
    assert odd_server.calls["ListObjectsV2"] == 1


def test_repeats_are_bounded(odd_server: OddServer) -> None:
    odd_server.rows["bucket"] = rows(versions=False)
    odd_server.fault("503")
    waits: list[float] = []
    reader = open_reader(Connection(endpoint_url=odd_server.endpoint_url),
                         patience=Patience(sleep=waits.append, random=lambda: 1.0))
    with pytest.raises(NotReachable):
        reader.page("bucket")
    assert odd_server.calls["ListObjectsV2"] == 5
    assert waits == sorted(waits) and len(waits) == 4 and max(waits) <= 10


@pytest.mark.parametrize("kind", [*UNTRUSTED, *ONLY_OBJECTS])
def test_one_page_for_the_screen_is_checked_too(odd_server: OddServer, kind: str) -> None:
    odd_server.rows["bucket"] = rows(versions=False)
    odd_server.fault(kind)
    with pytest.raises(UntrustedAnswer) as caught:
        store(odd_server).page("bucket", delimiter="")
    assert caught.value.exit_code == 3 and "s3://bucket" in caught.value.sentence


@pytest.mark.parametrize("versions", [False, True])
def test_a_key_outside_the_prefix_is_refused(odd_server: OddServer, versions: bool) -> None:
    odd_server.rows["bucket"] = rows(versions=versions)
    odd_server.fault("outside")
    reader = store(odd_server)
    with pytest.raises(ListingIncomplete) as caught:
        list(reader.listing(Place("bucket", "a/"), versions=versions))
    assert caught.value.known_through is None and "outside" in caught.value.sentence


def test_a_circle_of_redirects_ends(odd_server: OddServer) -> None:
    odd_server.rows["bucket"] = rows(versions=False)
    odd_server.fault("loop", call="ListObjectsV2")
    with pytest.raises(NotReachable):
        store(odd_server).page("bucket")
    assert sum(odd_server.calls.values()) < 1000


def test_names_that_are_not_encoded_are_read_all_the_same(odd_server: OddServer) -> None:
    odd_server.encode = False
    keys = sorted(["a%2Fb", "a+b", "a&b<c>\"d'", "nl\nx", "tab\tx", "e\u0301", "\u00e9", "x \U0001f600"])
    odd_server.rows["bucket"] = [Row(key) for key in keys]
    odd_server.page_size = 3
    seen, error, _ = walk(odd_server, versions=False)
    assert error is None and [entry.key for entry in seen] == keys


def test_connections_are_used_again(odd_server: OddServer) -> None:
    odd_server.page_size = 2
    odd_server.rows["bucket"] = rows(versions=False)
    _, error, reader = walk(odd_server, versions=False, fresh=True)
    assert error is None and reader.requests == {"ListObjectsV2": 18}
    assert odd_server.connections == 1


def test_stop_ends_a_listing_as_incomplete(odd_server: OddServer) -> None:
    odd_server.page_size = 5
    odd_server.rows["bucket"] = rows(versions=False)
    seen: list[str] = []
    listing = store(odd_server).listing(Place("bucket"), stop=lambda: len(seen) >= 10)
    with pytest.raises(ListingIncomplete) as caught:
        for batch in listing:
            seen += batch.keys
    assert caught.value.known_through == seen[-1] == KEYS[9]


def test_leaving_a_listing_early_leaves_no_thread(odd_server: OddServer) -> None:
    import threading
    import time

    odd_server.page_size = 2
    odd_server.rows["bucket"] = rows(versions=False)
    for _ in store(odd_server).listing(Place("bucket"), stop=lambda: False):
        break
    end = time.monotonic() + 60
    while any(thread.name == "listing" for thread in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(thread.name == "listing" for thread in threading.enumerate())
