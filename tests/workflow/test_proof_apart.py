"""The processes that fetch pages are killed at every page of either side of a comparison: no wrong finding,
no "in sync", no delete, and the range that is not known is named."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from s3.test_apart import gone, processes
from servers.odd_server import OddServer
from workflow.odd_buckets import sides
from workflow.test_proof_sweep import PAGE, SWEPT, fill, judge, place, reader

from s3console.config import load_config
from s3console.core.model import Connection, Place, ReviewHeader
from s3console.s3.listing import BucketListing
from s3console.s3.read import ReadStore
from s3console.workflow.comparing import CompareOptions, compare
from s3console.workflow.desk import Desk, open_desk


class ApartStore(ReadStore):
    """A store whose listings always have their pages fetched by a process."""

    def listing(self, place: Place, **options: Any) -> BucketListing:
        return super().listing(place, **{**options, "parallel": 6, "apart": True})


@lru_cache
def apart(endpoint_url: str) -> ApartStore:
    return ApartStore(reader(endpoint_url).calls)


class ApartDesk(Desk):
    """A desk whose reader lists with processes and does not wait between two tries."""

    def reader(self, connection: Connection | None = None) -> ReadStore:
        assert self.config.connection.endpoint_url
        return apart(self.config.connection.endpoint_url)


@pytest.fixture
def desk(odd_server: OddServer, tmp_path: Path) -> Iterator[Desk]:
    config = load_config({"endpoint_url": odd_server.endpoint_url, "state_dir": str(tmp_path / "state")}, {})
    yield ApartDesk(open_desk(config).home, config)


def swept(odd: OddServer, desk: Desk, bucket: str, page: int, *, versions: bool) -> str:
    """One comparison whose processes are killed when a page of a bucket is asked for, and how it ended."""
    truth = fill(odd, versions=versions)
    struck: list[int] = []

    def strike(name: str, number: int) -> None:
        if (name, number) == (bucket, page) and not struck:
            struck.extend(processes())
            for pid in struck:
                os.kill(pid, signal.SIGKILL)

    odd.on_page = strike
    header: ReviewHeader = compare(desk, place(desk, "one"), place(desk, "two"),
                                   CompareOptions(versions=versions))
    judge(desk, header, truth)
    assert gone()
    if header.complete:
        return "complete" if struck else "before"
    assert struck
    broken = [side for side in (header.left, header.right) if not side.complete]
    assert all(side.known_through and side.reason for side in broken)
    assert any("was ended" in side.reason for side in broken)
    return "incomplete"


def sweep(odd: OddServer, desk: Desk, step: int, *, versions: bool) -> Counter[str]:
    ends: Counter[str] = Counter()
    before = SWEPT["findings"]
    for bucket in ("one", "two"):
        pages = -(-len(sides(versions=versions)[bucket == "two"]) // PAGE)
        for page in range(1, pages, step):
            ends[swept(odd, desk, bucket, page, versions=versions)] += 1
    print(f"killed at {ends.total()} pages: {dict(ends)}; {SWEPT['findings'] - before:,} findings, 0 wrong")
    return ends


@pytest.mark.parametrize("versions", [False, True])
def test_killed_at_some_pages_of_either_side(odd_server: OddServer, desk: Desk, versions: bool) -> None:
    assert sweep(odd_server, desk, 3, versions=versions)["incomplete"] >= 2


@pytest.mark.long
@pytest.mark.parametrize("versions", [False, True])
def test_killed_at_every_page_of_either_side(odd_server: OddServer, desk: Desk, versions: bool) -> None:
    assert sweep(odd_server, desk, 1, versions=versions)["incomplete"] >= 8
