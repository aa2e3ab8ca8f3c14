"""A download that is killed goes on, and one that changes nothing costs next to nothing: real processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest_servers import S3Server
from conftest_synth import alone as alone
from workflow.conftest_desk import desk_for

from s3console.core.trees import is_part
from s3console.workflow.approving import approve
from s3console.workflow.desk import parse_place
from s3console.workflow.downloading import plan_download
from s3console.workflow.jobs import job_status, launch, submit

FILES, SIZE = 1_500, 10_240
BODY = b"x" * SIZE


def requests(server: S3Server) -> int:
    with urllib.request.urlopen(f"{server.endpoint_url}/_requests", timeout=10) as answer:
        return sum(json.load(answer).values())


def present(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()] if root.exists() else []


def wait_until(done: Callable[[], bool], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 150
    while not done():
        assert time.monotonic() < deadline, what()
        time.sleep(0.01)


def kill_all(runner: int) -> None:
    os.killpg(runner, signal.SIGKILL)


def kill_runner(runner: int) -> None:
    os.kill(runner, signal.SIGKILL)


LONG = pytest.mark.long


@pytest.mark.parametrize(("least", "kill"), [
    (400, kill_all), (400, kill_runner), pytest.param(0, kill_all, marks=LONG),
    pytest.param(1, kill_all, marks=LONG), pytest.param(1_200, kill_all, marks=LONG),
    pytest.param(1, kill_runner, marks=LONG),
])
def test_killed_it_goes_on_and_ends_the_same(
    alone: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path, least: int,
    kill: Callable[[int], None],
) -> None:
    aws_env(alone)
    desk = desk_for(alone.endpoint_url, tmp_path / "state")
    place = parse_place(f"s3://syn-{FILES}-d20-real1-size{SIZE}-lat15/", desk.config.connection)
    root = tmp_path / "tree"
    made = plan_download(desk, place, root)
    assert made.plan is not None and made.new == FILES
    approve(desk, made.plan.plan)
    job = submit(desk, made.plan.plan)
    # Slow enough that it is not over before a busy machine comes to kill it.
    runner = launch(desk, job, rate=250)
    wait_until(lambda: len(present(root)) >= least, lambda: job_status(desk, job))
    kill(runner)
    wait_until(lambda: job_status(desk, job).runner == 0, lambda: job_status(desk, job))
    assert all(path.read_bytes() == BODY for path in present(root) if not is_part(path.name))
    launch(desk, job)
    wait_until(lambda: job_status(desk, job).state == "done", lambda: job_status(desk, job))
    status = job_status(desk, job)
    assert (status.done, status.failed, status.skipped) == (FILES, 0, 0)
    files = present(root)
    assert len(files) == FILES
    assert {hashlib.md5(path.read_bytes()).digest() for path in files} == {hashlib.md5(BODY).digest()}
    again = plan_download(desk, place, root)
    assert (again.plan, again.same) == (None, FILES)


def test_an_unchanged_tree_costs_twenty_requests_and_reads_nothing(
    alone: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path
) -> None:
    """The story's tree: 14,310 files. Its bytes are small here; what is counted does not depend on them."""
    aws_env(alone)
    desk = desk_for(alone.endpoint_url, tmp_path / "state")
    place = parse_place("s3://syn-14310-d40-real1-size100/", desk.config.connection)
    root = tmp_path / "tree"
    for batch in desk.reader(place.connection).listing(place):
        for key in batch.keys:
            (root / key).parent.mkdir(parents=True, exist_ok=True)
            (root / key).write_bytes(b"x" * 100)
    first = plan_download(desk, place, root)
    assert (first.plan, first.same, first.hashed) == (None, 14_310, 14_310)
    for _ in range(2):
        before = requests(alone)
        again = plan_download(desk, place, root)
        assert (again.plan, again.same, again.hashed, again.hashed_bytes) == (None, 14_310, 0, 0)
        assert requests(alone) - before == again.requests <= 20


def test_a_short_manifest_of_a_large_bucket_is_looked_up_where_its_keys_are(
    alone: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path
) -> None:
    aws_env(alone)
    desk = desk_for(alone.endpoint_url, tmp_path / "state")
    place = parse_place("s3://syn-100000-d1-real1-v2/", desk.config.connection)
    numbers = [0, 1, 2, 50_000, 50_001, 77_777, 99_999]
    manifest = tmp_path / "m.csv"
    manifest.write_text("".join(f"document000/{number:010d}.jpg,{number:010d}.0\r\n" for number in numbers))
    before = requests(alone)
    made = plan_download(desk, manifest, tmp_path / "tree", place=place)
    assert (made.new, made.unstored, made.wanted) == (7, 0, 7)
    looked = requests(alone) - before
    # Four stretches of the listing, and the facts of the bucket for the price of the plan.
    assert looked == made.requests <= 4 + 5
    manifest.write_text(manifest.read_text().replace("77777.0", "77777.9") + "zz,1\r\n")
    made = plan_download(desk, manifest, tmp_path / "tree", place=place)
    assert (made.new, [one.key for one in made.named]) == (6, ["document000/0000077777.jpg", "zz"])
