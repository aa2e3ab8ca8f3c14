"""kill -9 of a large comparison at random points, on the synthetic server that counts what is listed: no
range that was saved is listed again, a restart asks its first new page within 2 s, and the review is the
one of a comparison that nobody killed, byte for byte."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from conftest_servers import SCRIPTS, _free_port, _run
from conftest_synth import lacking
from workflow.scan_drivers import Child, desk_of, places, rows_of

from s3console.workflow.comparing import compare


def spare(rest: int) -> int:
    """Pages beyond those that the rest of the keys fills: the last ones of the shards are not full."""
    return 80 + rest // 10


class Counted:
    """A synthetic server of our own, so that its counts are ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        port = _free_port()
        _run(SCRIPTS / "start-synth-s3.sh", folder, port)
        self.endpoint = f"http://127.0.0.1:{port}"

    def pages(self) -> int:
        with urllib.request.urlopen(f"{self.endpoint}/_requests", timeout=10) as answer:
            return int(json.load(answer).get("LIST", 0))

    def forget(self) -> None:
        asked = urllib.request.Request(f"{self.endpoint}/_requests", method="DELETE")
        urllib.request.urlopen(asked, timeout=10).close()

    def stop(self) -> None:
        subprocess.run([str(SCRIPTS / "stop-pid.sh"), str(self._folder)], check=False, timeout=10)


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    if reason := lacking():
        print(reason)
        pytest.skip(reason)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = Counted(tmp_path / "synth")
    yield server
    server.stop()


@pytest.fixture
def child(counted: Counted, tmp_path: Path) -> Iterator[Child]:
    one = Child(counted.endpoint, tmp_path)
    yield one
    one.close()


def place_of(key: str) -> int:
    """The number of a key of the synthetic server."""
    return int(key.split("/")[1].split(".")[0]) if key else 0


def until_first_page(counted: Counted, begun: float) -> float:
    """Seconds from `begun` to the first page that the server was asked for."""
    while not counted.pages() and time.monotonic() < begun + 60:
        time.sleep(0.005)
    return time.monotonic() - begun


def kill_at(counted: Counted, child: Child, pid: int, point: int) -> bool:
    """Kill the comparison when the server was asked for `point` pages; whether that came in time."""
    end = time.monotonic() + 120
    while counted.pages() < point and time.monotonic() < end:
        if any(row[0] == "review" for row in child.told()):
            break
        time.sleep(0.002)
    else:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(child.ended())


def run(counted: Counted, child: Child, tmp_path: Path, *, keys: int, kills: int, every: float) -> str:
    """Kill comparisons until there were enough kills; every review is looked at. Says what was counted."""
    left, right = f"syn-{keys}-d1", f"syn-{keys}-d1-miss1009-grow2003"
    calm = desk_of(counted.endpoint, tmp_path / "calm")
    wanted = rows_of(calm, compare(calm, *places(calm, left, right)).review)
    home, rng = desk_of(counted.endpoint, child.state), random.Random(keys + kills)
    done = rounds = resumed = again = 0
    starts: list[float] = []
    while done < kills:
        rounds += 1
        before, stored = "", set(home.home.reviews.glob("r*"))
        while True:
            counted.forget()
            begun = time.monotonic()
            pid = child.start(versions=False, save_every=every, left=left, right=right)
            starts.append(until_first_page(counted, begun))
            rest = 2 * (keys - place_of(before)) // 1000
            point = rng.randrange(2, max(3, rest)) if done < kills else 10 * keys
            done += kill_at(counted, child, pid, point)
            told = child.told()
            if told and told[0][1]:
                resumed += 1
                assert told[0][1] >= before and told[0][3] < 2
                before = told[0][1]
                rest = 2 * (keys - place_of(before)) // 1000
                again = max(again, counted.pages() - rest)
                assert counted.pages() - rest <= spare(rest), f"{counted.pages()} pages for {rest}"
            elif told:
                assert not before, "what was saved is lost"
            made = set(home.home.reviews.glob("r*")) - stored
            if made:
                break
        assert rows_of(home, made.pop().name) == wanted
    assert resumed >= kills // 3
    # CPU time is looked at above; the clock of a busy machine says little.
    assert sorted(starts)[len(starts) // 2] < 20
    return (f"{keys:,} keys a side: {done} kills, {resumed} resumed, {rounds} reviews, all identical; first "
            f"new page after {sorted(starts)[len(starts) // 2]:.2f} s (at most {max(starts):.2f} s); at most "
            f"{max(again, 0)} pages more than the rest has")


def test_a_large_comparison_goes_on_after_kills(counted: Counted, child: Child, tmp_path: Path) -> None:
    print(run(counted, child, tmp_path, keys=200_000, kills=5, every=0.1))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_million_keys_and_a_hundred_kills(counted: Counted, child: Child, tmp_path: Path) -> None:
    print(run(counted, child, tmp_path, keys=1_000_000, kills=100, every=0.5))
