"""kill -9 at every page of either side: no review appears, nothing can be planned, and the same command
afterwards makes the review of a comparison that nobody killed, byte for byte."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from servers.odd_server import OddServer
from workflow.odd_buckets import sides
from workflow.scan_drivers import Child, contents, desk_of, places, rows_of

from s3console.core.errors import S3ConsoleError
from s3console.store.plans import list_plans
from s3console.workflow.comparing import CompareOptions, compare
from s3console.workflow.desk import Desk
from s3console.workflow.planning import plan_repair

PAGE = 20


@pytest.fixture
def child(odd_server: OddServer, tmp_path: Path) -> Iterator[Child]:
    one = Child(odd_server.endpoint_url, tmp_path)
    yield one
    one.close()


class Trap:
    """Holds the answer of one page back until the victim is dead."""

    def __init__(self, bucket: str, page: int) -> None:
        self.sprung, self.dead = threading.Event(), threading.Event()
        self._at = bucket, page

    def __call__(self, bucket: str, page: int) -> None:
        if (bucket, page) == self._at and not self.sprung.is_set():
            self.sprung.set()
            self.dead.wait(20)


def workers(pid: int) -> list[int]:
    """The processes that a process has started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def killed_at(odd: OddServer, child: Child, bucket: str, page: int, *, versions: bool, worker: bool) -> bool:
    """Start a comparison and kill it, or its workers alone, while it waits for a page. Returns whether
    there was one to kill."""
    trap = Trap(bucket, page)
    odd.on_page = trap
    try:
        pid = child.start(versions=versions)
        if not trap.sprung.wait(20):
            child.ended()
            return False
        for victim in workers(pid) if worker else [pid]:
            os.kill(victim, signal.SIGKILL)
    finally:
        odd.on_page = None
        trap.dead.set()
    child.ended()
    return True


def reviews(desk: Desk) -> list[str]:
    return sorted(found.name for found in desk.home.reviews.glob("r*")) if desk.home.reviews.exists() else []


def sweep(odd: OddServer, child: Child, calm: Desk, *, versions: bool, step: int) -> Counter[str]:
    """Every `step`-th page of either side: kill, look, go on, compare."""
    odd.page_size = PAGE
    odd.rows["one"], odd.rows["two"] = sides(versions=versions)
    header = compare(calm, *places(calm), CompareOptions(versions=versions))
    wanted, bytes_of = contents(calm, header.review), rows_of(calm, header.review)
    counts: Counter[str] = Counter()
    for bucket in ("one", "two"):
        for page in range(0, -(-len(odd.rows[bucket]) // PAGE), step):
            desk = desk_of(odd.endpoint_url, child.state)
            before = reviews(desk)
            assert killed_at(odd, child, bucket, page, versions=versions, worker=False)
            counts["kills"] += 1
            assert reviews(desk) == before
            with pytest.raises(S3ConsoleError):
                plan_repair(desk, "r20", "")
            assert not list_plans(desk.home)
            child.start(versions=versions)
            assert child.ended() == 0
            told = child.told()
            counts["resumed"] += bool(told[0][1])
            (made,) = set(reviews(desk)) - set(before)
            assert contents(desk, made) == wanted
            assert rows_of(desk, made) == bytes_of
            for file in (desk.home.reviews / made).iterdir():
                file.unlink()
            (desk.home.reviews / made).rmdir()
    return counts


@pytest.mark.parametrize("versions", [False, True])
def test_a_comparison_killed_at_every_page(odd_server: OddServer, child: Child, tmp_path: Path,
                                           versions: bool) -> None:
    calm = desk_of(odd_server.endpoint_url, tmp_path / "calm")
    counts = sweep(odd_server, child, calm, versions=versions, step=1)
    print(f"versions={versions}: {counts['kills']} kills, one at every page of either side, "
          f"{counts['resumed']} gone on with, 0 reviews before their time")
    assert counts["kills"] >= 14 and counts["resumed"]


def test_killed_workers_make_no_wrong_review(odd_server: OddServer, child: Child, tmp_path: Path) -> None:
    """Where a listing has worker processes, they alone die: the comparison ends, without a claim."""
    odd_server.page_size = PAGE
    odd_server.rows["one"], odd_server.rows["two"] = sides(versions=True)
    desk = desk_of(odd_server.endpoint_url, child.state)
    for page in (1, 3):
        killed_at(odd_server, child, "two", page, versions=True, worker=True)
    child.start(versions=True)
    assert child.ended() == 0
    calm = desk_of(odd_server.endpoint_url, tmp_path / "calm")
    wanted = contents(calm, compare(calm, *places(calm), CompareOptions(versions=True)).review)
    for review in reviews(desk):
        found = contents(desk, review)
        assert not (found[2].left.complete and found[2].right.complete) or found == wanted
