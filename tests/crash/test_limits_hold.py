"""What the operator allows holds: bandwidth as the server sees it, and how many workers there are."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crash.real_job import children
from workflow.mover import Mover

from s3console.core.abilities import assumed
from s3console.core.model import Place
from s3console.run.duty import OPERATIONS_EACH
from s3console.store.home import now, stamp
from s3console.store.jobs import job_folder, read_status, request_control
from s3console.store.probes import save_abilities
from s3console.workflow.planning import plan_copy


@pytest.fixture
def mover(synthetic: Any, aws_env: Any, tmp_path: Path) -> Mover:
    """A desk on the synthetic server, which is known to honour every condition."""
    aws_env(synthetic)
    made = Mover(synthetic, tmp_path, buckets=False)
    save_abilities(made.home, replace(assumed(synthetic.endpoint_url, aws=True), at=stamp(now()),
                                      versioning="Unversioned"))
    return made


def copies(server: Any, *, reset: bool = False) -> int:
    asked = urllib.request.Request(f"{server.endpoint_url}/_requests", method="DELETE" if reset else "GET")
    with urllib.request.urlopen(asked) as answer:
        return int(json.loads(answer.read() or b"{}").get("COPY", 0))


def place(m: Mover, bucket: str) -> Place:
    return Place(bucket, "", m.server.connection)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_bandwidth_holds_at_the_server(mover: Mover, workers: int) -> None:
    """The server counts what it copied within a window in the middle of the job."""
    m, keys, size, allowed = mover, 400, 100_000, 5_000_000.0
    plan = plan_copy(m.desk, place(m, f"syn-{keys}-d1-real1-size{size}"), place(m, f"syn-0-d1-sink{workers}"))
    copies(m.server, reset=True)
    seen: list[tuple[float, int, float]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            before = time.monotonic()
            count = copies(m.server)
            seen.append((before, count, time.monotonic()))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        job, status = m.run(plan, bandwidth=allowed, workers=workers)
    finally:
        ended.set()
        watcher.join()
    assert status.done == keys, m.logs(job)
    middle = [one for one in seen if 0.15 * keys <= one[1] <= 0.95 * keys]
    (first, low, _), (_, high, last) = middle[0], middle[-1]
    told = (high - low) * size / (last - first)
    # A machine that others use may hold the runner up for a while, but never makes it faster.
    best = max((many - few) * size / (before - after) for _, few, after in middle
               for before, many, _ in middle if before - after >= 1.0)
    print(f"asked for {allowed:,.0f} B/s, the server saw {told:,.0f} B/s over {last - first:.1f} s, "
          f"{best:,.0f} B/s at best")
    assert (high - low) * size <= 1.05 * allowed * (last - first) + allowed / 4, "it caught up"
    assert best >= 0.95 * allowed


def test_as_many_workers_as_allowed(mover: Mover) -> None:
    m = mover
    keys = OPERATIONS_EACH + 1_000
    plan = plan_copy(m.desk, place(m, f"syn-{keys}-d1-real1"), place(m, "syn-0-d1-sink3"))
    job, pid = m.start(plan, rate=400.0, workers=2)
    folder, end, most = job_folder(m.home, job), time.monotonic() + 150, 0
    # The second comes when it can on a busy machine; a third never does.
    while (read_status(folder).done < 400 or most < 2) and time.monotonic() < end:
        most = max(most, len(children(pid)))
        time.sleep(0.02)
    assert most == 2, m.logs(job)
    request_control(folder, "limits", values={"workers": 1})
    while len(children(pid)) > 1 and time.monotonic() < end:
        time.sleep(0.02)
    before = read_status(folder).done
    while read_status(folder).done < before + 200 and time.monotonic() < end:
        assert len(children(pid)) <= 1
        time.sleep(0.02)
    assert read_status(folder).done >= before + 200, "it goes on with one"
    request_control(folder, "cancel")
    assert m.wait(job).state == "cancelled"
