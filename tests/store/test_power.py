"""The power goes at any moment: what was acknowledged is there, what is damaged is not believed.

A log of everything that checkpoint, journal and approvals write is cut at every point; what was not
synced is kept, lost or torn. Then the files are opened again.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from disk_log import Disk, Fate, Log, Recorder

from s3console.core.errors import DamagedState
from s3console.core.model import Approval
from s3console.store.approvals import load_approval, save_approval
from s3console.store.checkpoint import Checkpoint
from s3console.store.home import Home
from s3console.store.journal import Journal

COMMITS = 60
FATES: tuple[Fate, ...] = ("kept", "lost", "torn")
DIGEST = "%064x"


def value(number: int) -> dict[str, Any]:
    return {"number": number, "maps": f"{number:04x}" * 8_000}


def run_of_a_job(home: Home, log: Log) -> None:
    """What a runner writes, in its order: journal before the act, checkpoint after it."""
    journal = Journal(home.journal)
    save_approval(home, Approval(DIGEST % 1, "alice", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z", 9, ""))
    log.acknowledge("approval", 1)
    with Checkpoint(home.jobs / "checkpoint", reserve=4096) as checkpoint:
        for number in range(COMMITS):
            journal.append("batch begins", batch=number)
            log.acknowledge("journal", number)
            with checkpoint.commit() as put:
                put(f"batch/{number % 7:04d}", value(number))
                put("newest", number)
            log.acknowledge("checkpoint", number)
    journal.append("job ends")
    log.acknowledge("journal", COMMITS)


def after_the_cut(root: Path, disk: Disk) -> str:
    """Open everything again. Returns a word for the table; fails where a promise is broken."""
    promised = disk.acknowledged
    home = Home.open(root / "home")
    verdict = Journal(home.journal).verify()
    assert verdict.records > promised.get("journal", -1), f"the journal lost records: {verdict}"
    assert all("torn" in problem.what for problem in verdict.problems), verdict
    if promised.get("approval"):
        assert load_approval(home, DIGEST % 1) is not None
    if "checkpoint" not in promised and not (home.jobs / "checkpoint").exists():
        return "not begun"
    with Checkpoint(home.jobs / "checkpoint", reserve=4096) as checkpoint:
        newest = checkpoint.get("newest", -1)
        assert newest >= promised.get("checkpoint", -1), f"lost commits {newest}, promised {promised}"
        for back in range(min(7, newest + 1)):
            number = newest - back
            assert checkpoint.get(f"batch/{number % 7:04d}") == value(number), f"commit {number} is torn"
        with checkpoint.commit() as put:
            put("newest", newest + 1)
    Journal(home.journal).append("goes on")
    return "whole"


def record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Log, str]:
    """Run the job and log what it did to the disk, with what stood there before."""
    home = Home.create(folder / "was" / "home")
    recorder = Recorder(folder / "was", monkeypatch)
    log = recorder.log
    Checkpoint(folder / "warm", reserve=0).close()
    for path in (home.path, *sorted(home.path.rglob("*"))):
        if path.is_dir():
            log.add("mkdir", str(path))
        else:
            log.add("write", log.file(str(path)), 0, path.read_bytes())
            log.add("sync", log.file(str(path)))
        log.add("syncdir", str(path.parent))
    log.add("begin")
    with recorder.recording():
        run_of_a_job(home, log)
    written = Counter(event[0] for event in log.events)
    if written["write"] < COMMITS * 10:
        pytest.skip("SQLite is linked into Python here: its writes cannot be seen through a VFS")
    assert written["ack"] == 2 * COMMITS + 2
    return log, str(folder / "was")


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Log, str]:
    log, old = record(tmp_path, monkeypatch)
    assert sum(event[0] == "sync" for event in log.events) > 2 * COMMITS
    return log, old


def replay(log: Log, old: str, folder: Path, cuts: set[int], fates: tuple[Fate, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    for fate in fates:
        disk = Disk(fate, seed=1)
        for at, event in enumerate(log.events):
            if event[0] == "begin":
                continue
            disk.play(event)
            if at not in cuts:
                continue
            root = folder / "after"
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            disk.write_to(root, old)
            try:
                found[after_the_cut(root, disk)] += 1
            except (AssertionError, DamagedState) as error:
                raise AssertionError(f"cut at {at} ({event[0]}), the rest {fate}: {error!r}") from error
    return found


def places(log: Log) -> list[int]:
    """Where the power may go: after every event of the job."""
    return list(range(log.events.index(("begin",)) + 1, len(log.events)))


def test_the_power_goes_at_some_moments(recorded: tuple[Log, str], tmp_path: Path, capsys: Any) -> None:
    log, old = recorded
    chance, all_places = random.Random(3), places(log)
    syncs = [at for at in all_places if log.events[at][0] in ("sync", "ack", "rename", "syncdir")]
    cuts = set(all_places[:60]) | set(chance.sample(syncs, 60)) | set(chance.sample(all_places, 40))
    found = replay(log, old, tmp_path, cuts, FATES)
    with capsys.disabled():
        print(f"\npower: {found.total()} cuts of {len(all_places)} places, 0 acknowledged lost", end=" ")
    assert found["whole"] > 200


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_the_power_goes_at_every_moment(recorded: tuple[Log, str], tmp_path: Path, capsys: Any) -> None:
    log, old = recorded
    all_places = places(log)
    found = replay(log, old, tmp_path, set(all_places), FATES)
    with capsys.disabled():
        print(f"\npower: {found.total()} cuts (every one of {len(all_places)} places, 3 fates), "
              f"{dict(found)}, 0 acknowledged lost", end=" ")
    assert found.total() == 3 * len(all_places)


@pytest.mark.parametrize("level", [1, 0])
def test_the_replay_finds_settings_that_lose_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    """The method is tested too: with the settings diskcache has by itself (1), commits are lost."""
    from s3console.store import checkpoint as module

    monkeypatch.setattr(module, "SETTINGS", {**module.SETTINGS, "sqlite_synchronous": level})
    module._expected.cache_clear()
    try:
        log, old = record(tmp_path, monkeypatch)
        cuts = {at for at in places(log) if log.events[at][:2] == ("ack", "checkpoint")}
        with pytest.raises(AssertionError, match=r"lost commits|DamagedState"):
            replay(log, old, tmp_path, cuts, ("lost",))
    finally:
        module._expected.cache_clear()
