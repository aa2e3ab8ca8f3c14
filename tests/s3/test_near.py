"""A listing of a store that answers at once is read by whoever iterates, any other by a thread: the same."""

from __future__ import annotations

import threading

import pytest
from servers.odd_server import Fault, OddServer, Row

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Connection, Place, Proof
from s3console.s3 import listing as listings
from s3console.s3.connect import open_reader
from s3console.s3.facts import never
from s3console.s3.transport import Patience

KEYS = [f"a/{number:03d}" for number in range(30)]
NEAR, FAR = 1e9, -1.0


def _threads() -> bool:
    return any(thread.name == "listing" for thread in threading.enumerate())


@pytest.mark.parametrize("kind", ["", "503", "truncated", "unsorted", "key_count", "dropped"])
@pytest.mark.parametrize("page", [0, 1, 5])
def test_who_reads_the_pages_changes_nothing(odd_server: OddServer, monkeypatch: pytest.MonkeyPatch,
                                             kind: str, page: int) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(listings, "_enough", lambda _waits: True)
    odd_server.page_size = 3
    odd_server.rows["bucket"] = [Row(key) for key in KEYS]
    found: list[tuple[list[str], type | None, Proof]] = []
    for near, stop in ((NEAR, never), (FAR, never), (NEAR, lambda: False)):
        monkeypatch.setattr(listings, "_AT_ONCE", near)
        odd_server.listing_faults[:] = [Fault(kind, page)] if kind else []
        store = open_reader(Connection(endpoint_url=odd_server.endpoint_url, region="us-east-1"),
                            patience=Patience(attempts=2, sleep=lambda _: None))
        listing, seen, said, threads = store.listing(Place("bucket"), parallel=1, stop=stop), [], None, False
        try:
            for batch in listing:
                seen += batch.keys
                threads = threads or _threads()
        except S3ConsoleError as error:
            said = type(error)
        found.append((list(seen), said, listing.proof))
        if len(seen) > 3 * 3:
            assert threads == (near == FAR or stop is not never)
    assert found[0] == found[1] == found[2]
    seen, said, proof = found[0]
    assert seen == (KEYS[:3 * page] if kind else KEYS)
    assert proof.complete == (said is None) == (not kind)
