"""Downloads as generators over a real directory and a store of one object that fails on request."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from s3console.core.errors import ServiceError
from s3console.core.etags import EtagHash
from s3console.core.model import Operation, Ref
from s3console.core.trees import is_part, pack_standing, unpack_standing
from s3console.run import downloading as engine
from s3console.run.downloading import downloading, unlinking
from s3console.run.engine import Answer, Fetch, Local, Manner, Outcome, PartSize, Wait
from s3console.run.local_tree import Tree, temporary_name
from s3console.s3.lean_gets import RANGE_IGNORED, Fetched

WHEN = 1_700_000_000
BODY = bytes(range(256)) * 4


class Died(Exception):
    """The process is killed at this point."""


class Object:
    """One object. `faults` holds what goes wrong at the nth request: an error, a break after so many bytes
    (a whole number), or `Died`."""

    def __init__(self, root: Path, body: bytes = BODY, *, cuts: Any = 0, plain: bool = True) -> None:
        self.body, self.cuts, self.plain = body, cuts, plain
        self.etag = EtagHash(cuts)
        self.etag.update(body)
        self.tree = Tree(str(root))
        self.faults: dict[int, Any] = {}
        self.asked: list[tuple[int, int]] = []
        self.requests = 0
        self.ranges = True

    def operation(self, key: str = "d/file", expect: str = "absent", *, version: str = "v1") -> Operation:
        etag = self.etag.etag()
        source = Ref("left", "bucket", key, version, etag, len(self.body))
        return Operation(0, "download", Ref("local", self.tree.root, key, "", etag, len(self.body)), source,
                         expect)

    def answer(self, request: Any) -> Answer:
        if isinstance(request, Local):
            try:
                return "ok", request.act(self.tree)
            except ServiceError as error:
                return "error", error
        self.requests += 1
        fault = self.faults.get(self.requests)
        if fault is Died:
            raise Died
        if isinstance(fault, ServiceError):
            return "error", fault
        if isinstance(request, PartSize):
            if isinstance(self.cuts, tuple):
                return "ok", self.cuts[request.number - 1]
            return "ok", min(self.cuts, max(0, len(self.body) - self.cuts * (request.number - 1)))
        assert isinstance(request, Fetch)
        first, last = request.first, request.last if request.last >= 0 else len(self.body) - 1
        self.asked.append((first, last))
        if not self.ranges:
            first, last = 0, len(self.body) - 1
        data = self.body[first:last + 1]
        for at in range(0, len(data) if fault is None else fault, 100):
            if request.sink(data[at:at + 100]) == 0:
                return "error", ServiceError("UntrustedAnswer", 500)
        if fault is not None:
            return "error", ServiceError("EndpointBroke", 500)
        if not self.ranges and request.first:
            return "error", ServiceError(RANGE_IGNORED, 400)
        return "ok", Fetched(len(data), len(self.body), self.etag.etag(), WHEN, "v1", self.plain)

    def run(self, operation: Operation, *, look: bool = False) -> Outcome:
        steps, answer = downloading(operation, Manner(), look=look), None
        try:
            while True:
                request = next(steps) if answer is None else steps.send(answer)
                answer = ("ok", None) if isinstance(request, Wait) else self.answer(request)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        finally:
            steps.close()


@pytest.fixture(params=["at once", "in pieces"])
def sized(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "in pieces":
        monkeypatch.setattr(engine, "AT_ONCE", 10)
        monkeypatch.setattr(engine, "PIECE", 300)
    yield request.param


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir())


def whole(root: Path, outcome: Outcome) -> None:
    path = root / "d" / "file"
    assert outcome.result == "verified" and files(root) == ["d/file"], outcome
    assert path.read_bytes() == BODY and path.stat().st_mtime == WHEN
    facts = path.stat()
    assert unpack_standing(outcome.version_id) == (len(BODY), facts.st_mtime_ns, facts.st_ino)


def test_a_file_arrives_whole_whatever_breaks(tmp_path: Path, sized: str) -> None:
    requests = 1 if sized == "at once" else 4
    for at in range(requests + 1):
        for number, fault in enumerate((None, 0, 150, ServiceError("SlowDown", 503))):
            root = tmp_path / f"{at}-{number}"
            store = Object(root)
            store.faults = {at + 1: fault} if fault is not None else {}
            whole(root, store.run(store.operation()))


def test_killed_at_any_request_it_goes_on_and_ends_the_same(tmp_path: Path, sized: str) -> None:
    for at in range(1, 6):
        root = tmp_path / str(at)
        store = Object(root)
        store.faults = {at: Died}
        try:
            outcome = store.run(store.operation())
        except Died:
            assert not (root / "d" / "file").exists()
            assert all(is_part(Path(name).name) for name in files(root))
            again = Object(root)
            outcome = again.run(again.operation(), look=True)
            if sized == "in pieces":
                assert again.asked[0][0] == 300 * (at - 1), "what was there already is not fetched again"
        whole(root, outcome)
        third = Object(root)
        outcome = third.run(third.operation(), look=True)
        assert not third.asked and outcome.result == "verified"


def test_the_leavings_of_another_version_are_not_gone_on_with(tmp_path: Path, sized: str) -> None:
    old = Object(tmp_path, b"other" * 300)
    old.faults = {3: Died}
    if sized == "in pieces":
        with pytest.raises(Died):
            old.run(old.operation())
    store = Object(tmp_path)
    assert store.run(store.operation()).result == "verified"
    assert (tmp_path / "d" / "file").read_bytes() == BODY


def test_a_store_that_ignores_ranges_is_read_from_the_start(tmp_path: Path, sized: str) -> None:
    for at in range(1, 4):
        root = tmp_path / str(at)
        store = Object(root)
        store.faults = {at: Died}
        with contextlib.suppress(Died):
            store.run(store.operation())
        again = Object(root)
        again.ranges = False
        whole(root, again.run(again.operation()) if not (root / "d" / "file").exists()
              else again.run(again.operation(), look=True))


@pytest.mark.parametrize("part_size", [100, 256, 300, 1000])
def test_parts_prove_the_bytes(tmp_path: Path, sized: str, part_size: int) -> None:
    store = Object(tmp_path, cuts=part_size)
    outcome = store.run(store.operation())
    assert outcome.sure and outcome.etag.endswith(f"-{-(-len(BODY) // part_size)}")
    whole(tmp_path, outcome)


def test_parts_of_any_size_prove_the_bytes(tmp_path: Path, sized: str) -> None:
    for cuts in ((500, 24, 500), (24, 1000), (1, 2, 1021)):
        root = tmp_path / str(cuts[0])
        store = Object(root, cuts=cuts)
        outcome = store.run(store.operation())
        assert outcome.sure
        whole(root, outcome)
    untold = Object(tmp_path / "untold", cuts=(24, 1000))
    untold.cuts = 0
    outcome = untold.run(untold.operation())
    assert (outcome.result, outcome.sure) == ("verified", False)


@pytest.mark.parametrize("cuts", [0, 300, (24, 1000)])
def test_wrong_bytes_never_become_a_file(tmp_path: Path, sized: str, cuts: Any) -> None:
    store = Object(tmp_path, cuts=cuts)
    store.body = BODY[:-1] + b"?"
    outcome = store.run(store.operation())
    assert (outcome.result, outcome.code) == ("failed", "NotProved")
    assert not (tmp_path / "d" / "file").exists()


def test_an_encrypted_object_is_taken_and_not_called_proved(tmp_path: Path, sized: str) -> None:
    store = Object(tmp_path, plain=False)
    store.body = BODY[:-1] + b"?"
    outcome = store.run(store.operation())
    assert (outcome.result, outcome.sure) == ("verified", False)
    assert files(tmp_path) == ["d/file"]


def test_what_stands_there_is_only_replaced_when_reviewed(tmp_path: Path, sized: str) -> None:
    path = tmp_path / "d" / "file"
    path.parent.mkdir()
    path.write_bytes(b"mine")
    store = Object(tmp_path)
    outcome = store.run(store.operation())
    assert (outcome.result, outcome.code) == ("skipped", "ChangedSincePlan")
    assert path.read_bytes() == b"mine" and files(tmp_path) == ["d/file"]
    standing = store.tree.standing("d/file")
    assert standing is not None
    expect = f"file:{pack_standing(standing)}"
    path.write_bytes(b"newer")
    assert store.run(store.operation(expect=expect)).result == "skipped"
    standing = store.tree.standing("d/file")
    assert standing is not None
    whole(tmp_path, store.run(store.operation(expect=f"file:{pack_standing(standing)}")))


def plant_link(root: Path, outside: Path) -> None:
    (root / "d").symlink_to(outside)


def plant_file(root: Path, outside: Path) -> None:
    (root / "d").write_bytes(b"in the way")


def plant_folder(root: Path, outside: Path) -> None:
    (root / "d" / "file").mkdir(parents=True)


def plant_leaf_link(root: Path, outside: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "file").symlink_to(outside / "target")


@pytest.mark.parametrize("plant", [plant_link, plant_file, plant_folder, plant_leaf_link])
def test_nothing_is_written_through_what_stands_on_the_way(
    tmp_path: Path, sized: str, plant: Callable[[Path, Path], None]
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "target").write_bytes(b"precious")
    store = Object(root)
    plant(root, outside)
    outcome = store.run(store.operation())
    assert outcome.result in ("failed", "skipped"), outcome
    assert outcome.code in ("LocalPath", "ChangedSincePlan"), outcome
    assert os.listdir(outside) == ["target"] and (outside / "target").read_bytes() == b"precious"


@pytest.mark.parametrize("key", ["../evil", "/abs", "a/../../b", "a//b", "d/.", "x" * 300])
def test_the_door_is_shut_for_the_worker_too(tmp_path: Path, key: str) -> None:
    root = tmp_path / "root"
    store = Object(root)
    outcome = store.run(store.operation(key))
    assert (outcome.result, outcome.code) == ("failed", "LocalPath") and files(tmp_path) == []


def test_a_planted_part_is_not_written_through(tmp_path: Path, sized: str) -> None:
    store = Object(tmp_path / "root")
    operation = store.operation()
    (tmp_path / "root" / "d").mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "root" / "d" / temporary_name(operation)).symlink_to(victim)
    whole(tmp_path / "root", store.run(operation))
    (tmp_path / "root" / "d" / "file").unlink()
    os.link(victim, tmp_path / "root" / "d" / temporary_name(operation))
    whole(tmp_path / "root", store.run(operation))
    assert victim.read_bytes() == b"precious"


def test_two_jobs_never_write_one_file(tmp_path: Path, sized: str) -> None:
    store = Object(tmp_path)
    operation = store.operation()
    (tmp_path / "d").mkdir()
    other = os.open(tmp_path / "d" / temporary_name(operation), os.O_RDWR | os.O_CREAT)
    fcntl.flock(other, fcntl.LOCK_EX)
    outcome = store.run(operation)
    assert (outcome.result, outcome.code) == ("failed", "LocalPath") and "another process" in outcome.message
    os.close(other)
    whole(tmp_path, store.run(operation))


def test_a_full_disk_pauses_the_job(tmp_path: Path, sized: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Object(tmp_path)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("s3console.run.local_tree._write", full)
    outcome = store.run(store.operation())
    assert (outcome.result, outcome.code) == ("pause", "LocalDisk") and "No space" in outcome.message
    monkeypatch.undo()


def test_unlinking_takes_only_what_was_reviewed(tmp_path: Path) -> None:
    store = Object(tmp_path / "root")
    path = tmp_path / "root" / "old"
    path.write_bytes(b"old")
    standing = store.tree.standing("old")
    assert standing is not None
    target = Ref("local", store.tree.root, "old", pack_standing(standing), "", 3)

    def run(one: Ref) -> Outcome:
        steps = unlinking(Operation(0, "unlink", one))
        try:
            request = next(steps)
            while True:
                request = steps.send(store.answer(request))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    path.write_bytes(b"new")
    assert run(target).result == "skipped" and path.exists()
    path.unlink()
    assert run(target).result == "deleted"
    (tmp_path / "precious").write_bytes(b"x")
    path.symlink_to(tmp_path / "precious")
    assert run(target).result in ("failed", "skipped")
    assert run(target._replace(key="../precious")).result == "failed"
    assert path.is_symlink() and (tmp_path / "precious").exists()




def unlinked(store: Object, key: str) -> Outcome:
    """Delete one file as it stands."""
    standing = store.tree.standing(key)
    assert standing is not None
    target = Ref("local", store.tree.root, key, pack_standing(standing), "", 3)
    steps = unlinking(Operation(0, "unlink", target))
    try:
        request = next(steps)
        while True:
            request = steps.send(store.answer(request))
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def test_directories_that_a_delete_leaves_empty_go_and_no_others(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    store = Object(root)
    for name in ("a/b/c", "empty", "shared", "held/inside", "beside/empty"):
        (root / name).mkdir(parents=True)
    outside.mkdir()
    for name in ("a/b/c/old", "shared/old", "shared/kept", "held/old", "beside/old"):
        (root / name).write_bytes(b"old")
    (root / "held" / "inside" / "link").symlink_to(outside)
    for name in ("a/b/c/old", "shared/old", "held/old", "beside/old"):
        assert unlinked(store, name).result == "deleted"
    left = sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))
    assert left == ["beside", "beside/empty", "empty", "held", "held/inside", "held/inside/link", "shared",
                    "shared/kept"]
    (root / "last").write_bytes(b"old")
    for path in (root / "beside" / "empty", root / "empty", root / "beside"):
        path.rmdir()
    for name in ("shared/kept", "last"):
        assert unlinked(store, name).result == "deleted"
    assert os.listdir(root) == ["held"] and outside.exists()
    (root / "held" / "inside" / "link").unlink()
    (root / "held" / "inside" / "x").write_bytes(b"old")
    assert unlinked(store, "held/inside/x").result == "deleted"
    assert root.exists() and not os.listdir(root), "the root itself stays"


def test_a_directory_that_another_worker_removes_is_made_again(
    tmp_path: Path, sized: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers share a tree: one deletes the last file of a directory when the other wants to write there,
    before it looks and right after it has looked."""
    from s3console.run import local_tree

    root = tmp_path / "root"
    store, other = Object(root), Object(root)
    (root / "d").mkdir(parents=True)
    fresh = local_tree._fresh
    pending: list[str] = []

    def late(folder: Any, name: str) -> int:
        if pending:
            assert unlinked(other, pending.pop()).result == "deleted"
        return fresh(folder, name)

    monkeypatch.setattr(local_tree, "_fresh", late)
    for turn in range(2):
        (root / "d" / "old").write_bytes(b"old")
        assert store.tree.standing("d/old") is not None, "it knows the directory"
        if turn:
            pending.append("d/old")
        else:
            assert unlinked(other, "d/old").result == "deleted" and not (root / "d").exists()
        whole(root, store.run(store.operation()))
        assert not pending
        assert other.tree.standing("d/file") is not None
        (root / "d" / "file").unlink()
