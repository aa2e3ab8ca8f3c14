"""Where the state directory is, and that it is refused when it is not safe."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3console.core.errors import DamagedState, DiskFull, NewerState, NotReachable, Refused, UsageError
from s3console.store.home import (
    Home,
    check_id,
    default_home,
    disk_error,
    new_id,
    read_json,
    resolve_id,
    write_atomic,
    write_json,
)
from s3console.store.leftovers import hold, sweep


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"S3CONSOLE_HOME": "/s", "XDG_STATE_HOME": "/x", "HOME": "/h"}, "/s"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/s3console"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/s3console"),
        ({"S3CONSOLE_HOME": "", "XDG_STATE_HOME": "", "HOME": "/h"}, "/h/.local/state/s3console"),
    ],
)
def test_the_place_of_the_state_directory(environ: dict[str, str], expected: str) -> None:
    assert default_home(environ) == Path(expected)


def test_create_is_private_and_can_be_repeated(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = Home.create(tmp_path / "deep" / "state")
    finally:
        os.umask(before)
    assert Home.create(home.path) == Home.open(home.path) == home
    assert [mode(path) for path in (home.path, *home.folders)] == [0o700] * 7
    assert mode(home.path / "schema.json") == 0o600
    assert read_json(home.path / "schema.json") == {"schema": 1}


def test_open_needs_an_existing_directory(tmp_path: Path) -> None:
    with pytest.raises(NotReachable, match="no state directory"):
        Home.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_unsafe_directory_is_refused(tmp_path: Path, home: Home) -> None:
    link = tmp_path / "link"
    link.symlink_to(home.path)
    with pytest.raises(Refused, match="symbolic link"):
        Home.create(link)
    home.jobs.chmod(0o750)
    with pytest.raises(Refused, match=r"mode 750.*chmod 700"):
        Home.create(home.path)
    home.jobs.chmod(0o700)
    foreign = tmp_path / "foreign"
    foreign.mkdir(mode=0o700)
    (foreign / "thesis.txt").write_text("mine")
    with pytest.raises(Refused, match="not made by s3console"):
        Home.create(foreign)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(Refused, match="not a directory"):
        Home.create(file)


def test_a_directory_of_another_user_is_refused(home: Home) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    os.chown(home.path, 12345, -1)
    with pytest.raises(Refused, match="another user"):
        Home.create(home.path)


def test_a_newer_schema_is_refused(home: Home) -> None:
    write_json(home.path / "schema.json", {"schema": 2})
    with pytest.raises(NewerState, match=r"schema 2.*knows 1") as caught:
        Home.create(home.path)
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"{}", b'{"schema": "1"}', b'{"schema": true}', b"\xff", b"[" * 100_000]
)
def test_a_damaged_document_is_refused(home: Home, content: bytes) -> None:
    path = home.path / "schema.json"
    path.write_bytes(content)
    with pytest.raises(DamagedState):
        read_json(path)


def test_a_link_or_a_pipe_is_never_read(home: Home, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"schema": 1}')
    (home.path / "link.json").symlink_to(secret)
    os.mkfifo(home.path / "pipe.json")
    for name in ("link.json", "pipe.json"):
        with pytest.raises(DamagedState):
            read_json(home.path / name)


def test_write_atomic_leaves_the_old_file_when_it_fails(home: Home, file_limit) -> None:  # type: ignore[no-untyped-def]
    path = home.path / "facts"
    write_atomic(path, b"old")
    with file_limit(1000), pytest.raises(DiskFull) as caught:
        write_atomic(path, b"x" * 5000)
    assert caught.value.exit_code == 4
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in home.path.iterdir() if "tmp" in entry.name] == []


def test_a_full_disk_is_a_clear_error(small_disk: Path) -> None:
    home = Home.create(small_disk / "state")
    with pytest.raises(DiskFull, match="Free some space"):
        write_atomic(home.path / "big", bytes(8 << 20))
    assert not (home.path / "big").exists()


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (errno.ENOSPC, DiskFull, 4),
        (errno.EDQUOT, DiskFull, 4),
        (errno.EACCES, NotReachable, 3),
        (errno.EROFS, NotReachable, 3),
        (errno.ENOENT, NotReachable, 3),
        (errno.EIO, NotReachable, 3),
    ],
)
def test_errors_of_the_disk(number: int, kind: type[Exception], code: int) -> None:
    error = disk_error(OSError(number, os.strerror(number)), "/some\x1b[31m/where")
    assert isinstance(error, kind)
    assert error.exit_code == code
    assert "\x1b" not in error.sentence


def test_no_permission_is_exit_code_3(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(NotReachable, match="no permission"):
        Home.create(locked / "state")


@given(st.lists(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)), min_size=2))
def test_ids_sort_by_creation(moments: list[datetime]) -> None:
    ordered = sorted(moment.replace(tzinfo=UTC) for moment in moments)
    ids = [new_id("r", moment=moment) for moment in ordered]
    for (one, first), (two, second) in pairwise(zip(ordered, ids, strict=True)):
        if two - one > timedelta(milliseconds=1):
            assert first < second
    assert all(check_id(text, "review") == text for text in ids)


def test_ids_from_a_person(home: Home) -> None:
    for name in ("20261121-123456-ab12", "20261121-123456-ab99", "20251121-000000-zz12"):
        (home.jobs / name).mkdir()
    (home.jobs / ".new-x").mkdir()
    assert resolve_id(home.jobs, "2025", "job") == "20251121-000000-zz12"
    assert resolve_id(home.jobs, "ab99", "job") == "20261121-123456-ab99"
    with pytest.raises(UsageError, match="fits 2 jobs"):
        resolve_id(home.jobs, "20261121", "job")
    for wrong in ("202", "nope", "../plans", "", ".new-x", "a/b", "\x1b[31m", "x" * 500, "ab\n"):
        with pytest.raises(UsageError) as caught:
            resolve_id(home.jobs, wrong, "job")
        assert "\x1b" not in caught.value.sentence
        assert caught.value.exit_code == 2


def test_leftovers_are_swept_unless_somebody_holds_them(home: Home) -> None:
    dead, alive, young = (home.reviews / name for name in (".new-dead", ".new-alive", ".new-young"))
    for folder in (dead, alive, young):
        folder.mkdir()
    (dead / "findings.parquet").write_bytes(b"half")
    for folder in (dead, alive):
        os.utime(folder, (1, 1))
    (home.reviews / "kept").mkdir()
    descriptor = hold(alive)
    assert sweep(home) == [".new-dead"]
    os.close(descriptor)
    assert sweep(home) == [".new-alive"]
    assert sorted(path.name for path in home.reviews.iterdir()) == [".new-young", "kept"]


def test_an_empty_directory_of_ours_is_closed_before_its_use(tmp_path: Path) -> None:
    path = tmp_path / "made-by-mkdir"
    path.mkdir(mode=0o755)
    path.chmod(0o755)
    Home.create(path)
    assert path.stat().st_mode & 0o777 == 0o700
