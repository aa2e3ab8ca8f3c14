"""kill -9 of comparisons at random points: a restart lists nothing again that was saved, and the review is
the one of a comparison that nobody killed. S3CONSOLE_KILLS says how many points (20)."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from servers.odd_server import OddServer
from workflow.odd_buckets import sides
from workflow.scan_drivers import Child, contents, desk_of, places

from s3console.core.errors import NotReachable
from s3console.core.model import ReviewHeader
from s3console.store.leftovers import sweep
from s3console.workflow.comparing import CompareOptions, Progress, compare
from s3console.workflow.desk import Desk

KILLS = int(os.environ.get("S3CONSOLE_KILLS", "20"))
LISTINGS = ("ListObjectsV2", "ListObjectVersions")


@pytest.fixture
def child(odd_server: OddServer, tmp_path: Path) -> Iterator[Child]:
    one = Child(odd_server.endpoint_url, tmp_path)
    yield one
    one.close()


def fill(odd: OddServer, *, versions: bool, count: int) -> None:
    odd.page_size = 50
    odd.rows["one"], odd.rows["two"] = sides(versions=versions, count=count)


def pages_after(odd: OddServer, seen: int) -> list[str]:
    """What the first listing request of each side since then began behind."""
    first: dict[str, str] = {}
    for call, _, query in odd.asked[seen:]:
        if call in LISTINGS:
            first.setdefault(call, query.get("start-after", query.get("key-marker", "")))
    return list(first.values())


class Strike:
    """Kills a comparison when the server is asked for a page, and before it answers: however busy the machine
    is, that is in time. The other side of the comparison goes on for `pause` seconds meanwhile."""

    def __init__(self, odd: OddServer, point: int, pause: float) -> None:
        self._odd, self._point, self._pause = odd, point, pause
        self._begun = self._asked()
        self._pid = 0
        self._known, self.struck = threading.Event(), threading.Event()
        odd.on_page = self._on_page

    def _asked(self) -> int:
        return sum(self._odd.calls[name] for name in LISTINGS)

    def at(self, pid: int) -> None:
        """Say whom."""
        self._pid = pid
        self._known.set()

    def _on_page(self, _bucket: str, _number: int) -> None:
        if self._asked() - self._begun >= self._point and not self.struck.is_set():
            time.sleep(self._pause)
            self.now()

    def now(self) -> None:
        self._known.wait(60)
        self._odd.on_page = None
        with suppress(ProcessLookupError):  # it came to its end in the meantime
            os.kill(self._pid, signal.SIGKILL)
        self.struck.set()


@pytest.mark.parametrize("versions", [False, True])
def test_killed_comparisons_go_on(odd_server: OddServer, child: Child, tmp_path: Path,
                                  versions: bool) -> None:
    fill(odd_server, versions=versions, count=1200)
    rng = random.Random(11 if versions else 7)
    desk = desk_of(odd_server.endpoint_url, tmp_path / "calm")
    calm = compare(desk, *places(desk),
                   CompareOptions(versions=versions))
    wanted = contents(desk, calm.review)
    pages = calm.left.requests + calm.right.requests
    kills = resumed = rounds = 0
    reviews = child.state / "reviews"
    while kills < KILLS // 2:
        rounds, before_this = rounds + 1, kills
        assert rounds < 100
        before, stored = "", len(list(reviews.glob("r*"))) if reviews.exists() else 0
        while True:
            seen = len(odd_server.asked)
            point = rng.randrange(2, pages) if rng.random() < 0.8 else pages * 2
            spared = kills - before_this >= 6
            strike = Strike(odd_server, 10 * pages if spared else point, rng.uniform(0, 0.01))
            strike.at(child.start(versions=versions))
            late = rng.choice(["pairing", "writing", "done"])
            end = time.monotonic() + 60
            while not (spared or strike.struck.is_set()) and time.monotonic() < end:
                if any(row[0] in (late, "review") for row in child.told()):
                    time.sleep(rng.uniform(0, 0.01))
                    strike.now()
                time.sleep(0.002)
            status = child.ended()
            kills += os.WIFSIGNALED(status)
            told = child.told()
            made = len(list(reviews.glob("r*"))) if reviews.exists() else 0
            if told and not told[0][1]:
                assert not before, "a new start only after a review"
            elif told:
                resumed += 1
                assert told[0][1] >= before, "nothing that was saved is lost"
                assert told[0][3] < 2, "CPU seconds until the listing goes on"
                assert all(start >= told[0][1] for start in pages_after(odd_server, seen))
            # A process that was killed after it had stored its review leaves nothing to go on with, or all.
            before = "" if made > stored else max([before, *(row[1] for row in told)])
            stored = made
            if any(row[0] == "review" for row in told):
                break
            assert os.WIFSIGNALED(status), status
        home = desk_of(odd_server.endpoint_url, child.state)
        assert contents(home, told[-1][1]) == wanted
        assert not list(home.home.reviews.glob(".scan-*"))
    assert resumed >= kills // 2
    print(f"{kills} kills, {resumed} resumed, {rounds} reviews")


def interrupted(desk: Desk, *, after: int, fresh: bool = False) -> list[Progress]:
    """A comparison that is stopped after some windows."""
    told: list[Progress] = []
    windows = iter(range(10_000))
    with pytest.raises(KeyboardInterrupt):
        compare(desk, *places(desk),
                CompareOptions(fresh=fresh), told.append, lambda: next(windows) >= after, save_every=0.0)
    return told


def finished(desk: Desk, **options: Any) -> tuple[ReviewHeader, list[Progress]]:
    told: list[Progress] = []
    header = compare(desk, *places(desk), CompareOptions(**options), told.append)
    return header, told


def test_fresh_and_other_options_begin_anew(odd_server: OddServer, tmp_path: Path) -> None:
    fill(odd_server, versions=False, count=600)
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    interrupted(desk, after=5)
    header, told = finished(desk, evidence="size")
    assert not told[0].resumed and header.complete
    assert len(list(desk.home.reviews.glob(".scan-*"))) == 1
    header, told = finished(desk)
    assert told[0].resumed and told[0].phase == "listing"
    assert any("interrupted" in note for note in header.notes)
    interrupted(desk, after=5)
    header, told = finished(desk, fresh=True)
    assert not told[0].resumed and not header.notes
    assert not list(desk.home.reviews.glob(".scan-*"))


def test_a_resumed_listing_that_breaks_at_once_keeps_what_is_known(odd_server: OddServer,
                                                                   tmp_path: Path) -> None:
    fill(odd_server, versions=False, count=600)
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    interrupted(desk, after=5)
    odd_server.fault("html", bucket="one")
    header, told = finished(desk)
    assert told[0].resumed and not header.complete
    assert header.left.known_through == told[0].resumed == header.right.known_through
    assert header.same and header.left.entries


def test_an_old_scan_and_a_damaged_one_are_not_gone_on_with(odd_server: OddServer, tmp_path: Path) -> None:
    fill(odd_server, versions=False, count=600)
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    interrupted(desk, after=5)
    (folder,) = desk.home.reviews.glob(".scan-*")
    assert sweep(desk.home, clock=time.time() + 3600) == []
    facts = json.loads((folder / "scan.json").read_text())
    for damage in (
        lambda: (folder / "scan.json").write_text(json.dumps(facts | {"created": "2024-01-01T00:00:00Z"})),
        lambda: (folder / "scan.json").write_text("{"),
        lambda: os.truncate(folder / "left", 10),
        lambda: (folder / "scan.json").write_text(json.dumps(facts | {"state": 3})),
    ):
        damage()
        header, told = finished(desk)
        assert header.complete and not told[0].resumed
        interrupted(desk, after=5)
    assert sweep(desk.home, clock=time.time() + 25 * 3600) == [folder.name]


def test_a_scan_that_never_began_leaves_nothing(odd_server: OddServer, tmp_path: Path) -> None:
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    with pytest.raises(NotReachable):
        finished(desk)
    assert not list(desk.home.reviews.iterdir())


def test_two_equal_comparisons_at_once_do_not_share_a_folder(odd_server: OddServer, tmp_path: Path) -> None:
    fill(odd_server, versions=False, count=600)
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    inner: list[ReviewHeader] = []

    def nested() -> bool:
        if not inner:
            inner.append(finished(desk)[0])
        return False

    outer = compare(desk, *places(desk), None, None, nested, save_every=0.0)
    assert contents(desk, outer.review) == contents(desk, inner[0].review)
