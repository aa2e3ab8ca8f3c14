"""A checkpoint written by somebody else: nothing in it is executed, read, deleted or believed."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from s3console.core.errors import DamagedState, NewerState, Refused
from s3console.store import checkpoint as module
from s3console.store.checkpoint import Checkpoint, SafeDisk

Attack = Callable[[sqlite3.Connection], object]


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "job" / "checkpoint"
    with Checkpoint(path, reserve=0) as checkpoint, checkpoint.commit() as put:
        put("job", {"state": "running"})
        put("batch/1", b"\x01")
    return path


def attacked(directory: Path, sql: str, parameters: tuple[object, ...] = ()) -> None:
    connection = sqlite3.connect(directory / "cache.db")
    connection.execute(sql, parameters)
    connection.commit()
    connection.close()


def test_pickles_are_never_loaded(directory: Path, tmp_path: Path) -> None:
    proof = tmp_path / "executed"
    attacked(
        directory, "UPDATE Cache SET value = ?, mode = 4 WHERE key = 'job'", (pickle.dumps(Bomb(proof)),)
    )
    with pytest.raises(DamagedState, match="rows that s3console did not write"):
        Checkpoint(directory)
    attacked(directory, "UPDATE Cache SET mode = 1 WHERE key = 'job'")
    with Checkpoint(directory) as checkpoint, pytest.raises(DamagedState, match="damaged"):
        checkpoint.get("job")
    attacked(directory, "UPDATE Cache SET key = ?, raw = 0 WHERE key = 'job'", (pickle.dumps(Bomb(proof)),))
    with pytest.raises(DamagedState):
        Checkpoint(directory)
    assert not proof.exists()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE Cache SET filename = '{victim}' WHERE key = 'job'",
        "UPDATE Cache SET filename = '../../victim' WHERE key = 'job'",
        "UPDATE Cache SET expire_time = 1 WHERE key = 'job'",
        "UPDATE Cache SET tag = 'x' WHERE key = 'job'",
        "UPDATE Cache SET value = 'text' WHERE key = 'job'",
        "UPDATE Cache SET key = 7 WHERE key = 'job'",
        "UPDATE Cache SET mode = NULL WHERE key = 'job'",
        "INSERT INTO Settings VALUES ('sqlite_user_version', 7)",
        "UPDATE Settings SET value = 'least-recently-used' WHERE key = 'eviction_policy'",
        "UPDATE Settings SET value = 1 WHERE key = 'sqlite_synchronous'",
        "UPDATE Settings SET value = 'many' WHERE key = 'count'",
        "DELETE FROM Settings WHERE key = 'disk_min_file_size'",
        "CREATE TRIGGER wipe AFTER INSERT ON Cache BEGIN DELETE FROM Cache WHERE key = 'job'; END",
        "DROP TRIGGER Settings_count_insert",
        "CREATE VIEW more AS SELECT 1",
        "CREATE TABLE more (x)",
        "DROP TABLE Cache",
    ],
)
def test_foreign_rows_settings_and_schema_are_refused(directory: Path, tmp_path: Path, sql: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    attacked(directory, sql.format(victim=victim))
    before = (directory / "cache.db").read_bytes()
    with pytest.raises(DamagedState):
        Checkpoint(directory)
    assert victim.read_text() == "precious"
    assert (directory / "cache.db").read_bytes() == before


def test_a_row_moved_to_another_key_is_refused(directory: Path) -> None:
    attacked(directory, "DELETE FROM Cache WHERE key = 'batch/1'")
    attacked(directory, "UPDATE Cache SET key = 'batch/1' WHERE key = 'job'")
    with Checkpoint(directory) as checkpoint, pytest.raises(DamagedState, match="another key"):
        checkpoint.get("batch/1")


def test_a_newer_schema_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SCHEMA", 2)
    newer = directory.with_name("newer")
    Checkpoint(newer, reserve=0).close()
    monkeypatch.undo()
    with pytest.raises(NewerState, match=r"schema 2.*knows 1"):
        Checkpoint(newer)


def test_links_and_open_modes_are_refused(directory: Path, tmp_path: Path) -> None:
    path = directory / "cache.db"
    path.chmod(0o640)
    with pytest.raises(Refused):
        Checkpoint(directory)
    path.chmod(0o600)
    (tmp_path / "second-name").hardlink_to(path)
    with pytest.raises(Refused):
        Checkpoint(directory)
    (tmp_path / "second-name").unlink()
    moved = path.rename(tmp_path / "moved.db")
    path.symlink_to(moved)
    with pytest.raises(Refused):
        Checkpoint(directory)
    link = directory.with_name("link")
    link.symlink_to(directory)
    with pytest.raises(Refused, match="symbolic link"):
        Checkpoint(link)
    directory.chmod(0o755)
    with pytest.raises(Refused, match="other users"):
        Checkpoint(directory)


def test_the_disk_has_no_way_to_pickle_or_to_files(tmp_path: Path) -> None:
    disk = SafeDisk(str(tmp_path), min_file_size=0, pickle_protocol=0)
    for value in ({"a": 1}, "text", 7, None, [b"x"]):
        with pytest.raises(TypeError):
            disk.store(value, False)
    with pytest.raises(TypeError):
        disk.put(("a", "b"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DamagedState):
        disk.fetch(4, None, pickle.dumps(1), False)
    with pytest.raises(DamagedState):
        disk.remove("victim")


def test_a_dollar_name_in_the_path_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELSEWHERE", "elsewhere")
    with pytest.raises(Refused, match=r"\$"):
        Checkpoint(tmp_path / "$ELSEWHERE" / "checkpoint")
    assert not (tmp_path / "elsewhere").exists()
