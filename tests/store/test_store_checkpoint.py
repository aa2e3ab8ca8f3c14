"""The checkpoint keeps what it acknowledged, tells when it cannot, and has one owner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3console.core.errors import Busy, DamagedState, DiskFull
from s3console.store.checkpoint import RESERVE, SETTINGS, Checkpoint

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "job" / "checkpoint"


def put_all(checkpoint: Checkpoint, rows: dict[str, Any]) -> None:
    with checkpoint.commit() as put:
        for key, value in rows.items():
            put(key, value)


def test_what_was_committed_is_there_after_opening_again(directory: Path) -> None:
    rows = {"batch/000001": {"intent": [1, 2], "key": "\ud800“"}, "batch/000002": b"\x00\xff", "job": None}
    with Checkpoint(directory) as checkpoint:
        put_all(checkpoint, rows)
        assert checkpoint.keys() == sorted(rows)
        assert checkpoint.keys("batch/") == ["batch/000001", "batch/000002"]
    with Checkpoint(directory) as checkpoint:
        assert {key: checkpoint.get(key, "no") for key in rows} == rows
        assert checkpoint.get("absent", 7) == 7


@given(
    rows=st.dictionaries(
        st.text(max_size=6).filter(lambda key: key != "meta"), VALUES | st.binary(max_size=50)
    )
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: dict[str, Any]) -> None:
    directory = tmp_path_factory.mktemp("any") / "checkpoint"
    with Checkpoint(directory, reserve=0) as checkpoint:
        put_all(checkpoint, rows)
        assert {key: checkpoint.get(key) for key in checkpoint.keys("")} == rows


def test_an_error_inside_a_commit_takes_all_of_it_back(directory: Path) -> None:
    with Checkpoint(directory) as checkpoint:
        put_all(checkpoint, {"a": 1})
        with pytest.raises(ZeroDivisionError), checkpoint.commit() as put:
            put("a", 2)
            put("b", 2)
            raise ZeroDivisionError
        assert (checkpoint.get("a"), checkpoint.get("b")) == (1, None)
        put_all(checkpoint, {"b": 3})
        assert checkpoint.get("b") == 3


def test_values_that_are_not_json_are_refused(directory: Path) -> None:
    with Checkpoint(directory) as checkpoint:
        for value in (object(), {1, 2}, float("nan"), b"x" * (64 * 1024 * 1024 + 1)):
            with pytest.raises((TypeError, ValueError)):
                put_all(checkpoint, {"a": value})
        for key in ("meta", "\ud800"):
            with pytest.raises(ValueError):
                put_all(checkpoint, {key: 1})
        with checkpoint.commit() as put:
            pass
        with pytest.raises(RuntimeError):
            put("late", 1)
        assert checkpoint.keys() == []


def test_files_are_private_and_nothing_lies_outside_the_database(directory: Path) -> None:
    before = os.umask(0o022)
    try:
        checkpoint = Checkpoint(directory)
        put_all(checkpoint, {"large": b"x" * 5_000_000})
    finally:
        os.umask(before)
    files = {path.name: path.stat() for path in directory.iterdir()}
    assert set(files) == {"cache.db", "cache.db-wal", "cache.db-shm", "reserve"}
    assert {facts.st_mode & 0o777 for facts in files.values()} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700
    assert files["reserve"].st_blocks * 512 >= RESERVE
    checkpoint.close()
    checkpoint.close()
    assert [path.name for path in directory.iterdir()] == ["cache.db"]


def test_the_settings_are_the_measured_ones(directory: Path) -> None:
    with Checkpoint(directory) as checkpoint:
        sql = checkpoint._cache._sql
        stored = dict(sql("SELECT key, value FROM Settings").fetchall())
        assert SETTINGS.items() <= stored.items()
        pragmas = {
            name: sql(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode", "mmap_size")
        }
        assert pragmas == {"synchronous": 2, "journal_mode": "wal", "mmap_size": 0}


def test_a_second_process_is_told_who_has_it(directory: Path, child_environ: dict[str, str]) -> None:
    Checkpoint(directory).close()
    code = (
        "import sys, pathlib; from s3console.store.checkpoint import Checkpoint\n"
        "c = Checkpoint(pathlib.Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=child_environ,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == "open\n"
    with pytest.raises(Busy, match=f"process {child.pid} is using"):
        Checkpoint(directory)
    child.kill()
    child.communicate()
    with Checkpoint(directory) as checkpoint, pytest.raises(Busy, match=f"process {os.getpid()} "):
        Checkpoint(directory)
    assert checkpoint._cache is None


def test_only_the_thread_that_opened_it_may_use_it(directory: Path) -> None:
    caught: list[str] = []
    with Checkpoint(directory) as checkpoint:

        def use() -> None:
            for act in (checkpoint.keys, lambda: checkpoint.get("a"), lambda: put_all(checkpoint, {"a": 1})):
                try:
                    act()
                except RuntimeError as error:
                    caught.append(str(error))

        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        with checkpoint.commit(), pytest.raises(RuntimeError, match="inside"):
            put_all(checkpoint, {"a": 1})
    assert len(caught) == 3
    with pytest.raises(RuntimeError, match="closed"):
        checkpoint.get("a")


def test_killed_at_any_moment_nothing_acknowledged_is_lost(
    tmp_path: Path, child_environ: dict[str, str]
) -> None:
    crash = Path(__file__).with_name("killed_writer.py")
    done = subprocess.run(
        [sys.executable, str(crash), "checkpoint", str(tmp_path), "35", "7"],
        capture_output=True,
        text=True,
        timeout=120,
        env=child_environ,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["acknowledged"] >= 17, "each second one was killed after it had written something"
    assert (result["lost"], result["broken"]) == (0, 0)


def test_killed_while_it_is_made(directory: Path) -> None:
    aside = directory.with_name(".new-checkpoint")
    aside.mkdir(parents=True)
    (aside / "cache.db").write_bytes(b"half a schema")
    with Checkpoint(directory) as checkpoint:
        put_all(checkpoint, {"a": 1})
    assert not aside.exists()


def test_a_full_disk_loses_nothing_and_says_so(small_disk: Path) -> None:
    other = small_disk / "other"
    other.write_bytes(bytes(1 << 20))
    checkpoint = Checkpoint(small_disk / "checkpoint", reserve=512 * 1024)
    written = 0
    with pytest.raises(DiskFull) as caught:
        for written in range(10_000):
            put_all(checkpoint, {f"row/{written:05d}": b"x" * 20_000})
    assert caught.value.exit_code == 4
    assert "othing acknowledged is lost" in caught.value.sentence
    assert not (small_disk / "checkpoint" / "reserve").exists()
    put_all(checkpoint, {"stopped": "disk full"})
    assert len(checkpoint.keys("row/")) == written > 10
    checkpoint.close()
    other.unlink()
    with Checkpoint(small_disk / "checkpoint", reserve=0) as checkpoint:
        assert checkpoint.get("stopped") == "disk full"
        assert all(checkpoint.get(f"row/{number:05d}") == b"x" * 20_000 for number in range(written))


def test_over_quota_loses_nothing_and_says_so(directory: Path, file_limit) -> None:  # type: ignore[no-untyped-def]
    checkpoint = Checkpoint(directory, reserve=4096)
    written = 0
    with file_limit(2 << 20), pytest.raises(DiskFull):
        for written in range(1000):
            put_all(checkpoint, {f"row/{written:05d}": b"x" * 20_000})
    assert len(checkpoint.keys("row/")) == written > 10
    put_all(checkpoint, {"more": 1})
    checkpoint.close()
    with Checkpoint(directory) as checkpoint:
        assert len(checkpoint.keys()) == written + 1


def test_no_room_for_the_reserve_means_no_work_begins(directory: Path, file_limit) -> None:  # type: ignore[no-untyped-def]
    Checkpoint(directory).close()
    with file_limit(1 << 20), pytest.raises(DiskFull):
        Checkpoint(directory)
    Checkpoint(directory).close()


@pytest.mark.parametrize("content", [b"", b"hello" * 999, "half"])
def test_a_damaged_file_is_refused(directory: Path, content: bytes | str) -> None:
    with Checkpoint(directory) as checkpoint:
        put_all(checkpoint, {f"row/{number}": "x" * 500 for number in range(200)})
    path = directory / "cache.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    with pytest.raises(DamagedState) as caught:
        Checkpoint(directory)
    assert caught.value.exit_code == 5
    path.unlink()
    with pytest.raises(DamagedState, match="missing"):
        Checkpoint(directory)


def test_a_flipped_bit_never_gives_a_wrong_value(directory: Path) -> None:
    expected = {f"row/{number:04d}": {"number": number, "pad": "z" * 50} for number in range(400)}
    with Checkpoint(directory, reserve=0) as checkpoint:
        put_all(checkpoint, expected)
    path = directory / "cache.db"
    whole = path.read_bytes()
    outcomes = {"refused": 0, "row refused": 0, "harmless": 0}
    for trial in range(60):
        at = (trial * 7919 * 13) % len(whole)
        path.write_bytes(whole[:at] + bytes((whole[at] ^ (1 << trial % 8),)) + whole[at + 1 :])
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        try:
            checkpoint = Checkpoint(directory, reserve=0)
        except DamagedState:
            outcomes["refused"] += 1
            continue
        refused = 0
        for key, value in expected.items():
            try:
                assert checkpoint.get(key) == value, (trial, at, key)
            except DamagedState:
                refused += 1
        outcomes["row refused" if refused else "harmless"] += 1
        checkpoint.close()
    assert outcomes["refused"] > 0
    assert outcomes["row refused"] > 0
