"""Every fault at every request of a small download: files are whole and right, or not there at all.

The generators of a download are driven over the strict store and a real directory. A crash ends a life
at any request or local act; the next one goes on. Nothing of the directory is replaced or removed but
what was reviewed.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from crash.rig import BATCH, MemoryCheckpoint, MemoryPlan
from crash.rig_jobs import Job
from crash.strict_store import FOREIGN, Crash, Network, StrictStore, World

from s3console.core.errors import DiskFull, EndpointUnreachable, ServiceError, UntrustedAnswer
from s3console.core.model import Operation, Ref
from s3console.core.trees import pack_standing
from s3console.run import downloading, slices
from s3console.run.batches import Ledger
from s3console.run.engine import CHANGED, Fetch, Local, Manner, PartSize, Wait
from s3console.run.local_tree import Tree
from s3console.run.transport import Transport
from s3console.run.walk import Limits, Walk
from s3console.s3.lean_gets import Fetched

FAULTS = ("503", "timeout-before", "reset", "cut", "empty", "html", "error-200", "403", "expired", "404",
          "crash-before", "crash-after", "foreign-source", "full", "wrong bytes", "local write")
PASSING = frozenset(("503", "timeout-before", "reset", "cut", "empty", "html", "error-200", "expired",
                     "crash-before", "crash-after", "full", "wrong bytes", "403", "404"))
BODIES = {"a": b"A" * 40, "d/b ü": b"", "d/c": b"C" * 9, "replaced": b"right bytes"}
BEFORE = {"replaced": b"old bytes", "mine": b"not of the job", "extra": b"reviewed, to go"}


class Getting(Transport):
    """Answers fetches from the world, with faults at the bytes too; local acts are real."""

    def __init__(self, store: StrictStore, network: Network, lives: Lives) -> None:
        super().__init__({"right": store, "left": store})
        self._network, self._lives = network, lives

    def _perform(self, request: Any) -> Any:
        match request:
            case Fetch(ref, sink, first, last):
                return self._fetch(ref, sink, first, last)
            case PartSize():
                return 0
            case Local(root, act):
                return self._locally(root, act)
        return super()._perform(request)

    def _fetch(self, ref: Ref, sink: Any, first: int, last: int) -> Fetched:
        kind = self._network.script[0] if self._network.script else ""

        def act() -> Fetched:
            found = self._network.world.find(ref.bucket, ref.key, ref.version_id)
            if found is None or kind == "404":
                raise ServiceError("NoSuchKey", 404)
            body = found.body[first:] if last < 0 else found.body[first:last + 1]
            if kind == "wrong bytes":
                body = bytes(b ^ 1 for b in body)
            if kind in ("cut", "reset", "timeout-after", "crash-after"):
                sink(body[:len(body) // 2])
                if kind == "cut":
                    raise EndpointUnreachable("the answer broke off in the middle")
            else:
                sink(body)
            return Fetched(len(body), len(found.body), found.etag, 1_700_000_000, found.version_id)

        answer: Fetched = self._network.send("get", act, source=ref, target=None)
        return answer

    def _locally(self, root: str, act: Any) -> Any:
        """A local act with the few faults a disk has."""
        fault = self._network.script.pop(0) if self._network.script else ""
        if fault == "crash-before":
            raise Crash
        if fault == "local write":
            self._lives.foreign_file()
        found = self._locally_done(root, act)
        if fault == "crash-after":
            raise Crash
        return found

    def _locally_done(self, root: str, act: Any) -> Any:
        return super()._perform(Local(root, act))


@dataclass
class Lives:
    """A download job with its directory, through any number of lives."""

    root: Path
    world: World = field(default_factory=World)
    touched: set[str] = field(default_factory=set)
    newer: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        self.network = Network(self.world)
        self.network.foreign = self._foreign
        self.checkpoint = MemoryCheckpoint(self.network)
        self.world.bucket("left", versioned=False)
        for name, body in BEFORE.items():
            (self.root / name).write_bytes(body)
        tree = Tree(str(self.root))
        ops = []
        for key, body in BODIES.items():
            made = self.world.put("left", key, body)
            expect = f"file:{pack_standing(tree.standing('replaced'))}" if key == "replaced" else "absent"
            source = Ref("left", "left", key, "", made.etag, len(body))
            ops.append(Operation(len(ops), "download", Ref("local", str(self.root), key), source, expect))
        extra = tree.standing("extra")
        ops.append(Operation(len(ops), "unlink", Ref("local", str(self.root), "extra", pack_standing(extra),
                                                     "", extra.size)))
        self.job = Job(self.world, ops, versioning="Unversioned")

    def _foreign(self, where: str, ref: Ref) -> None:
        self.world.put(ref.bucket, ref.key, b"written since")
        self.touched.add(ref.key)

    def foreign_file(self) -> None:
        """Somebody else writes into the directory."""
        for name in ("a", "replaced", "extra"):
            (self.root / name).write_bytes(b"somebody was faster")
            self.touched.add(name)
            self.newer.add(name)

    def life(self, script: list[str]) -> str:
        self.network.script = list(script)
        walk: Walk | None = None
        try:
            walk = Walk(MemoryPlan(self.job), self.ledger(), now=lambda: "", announce=lambda *_, **__: None,
                        limits=Limits(canary=2))
            return self._walk(walk)
        except Crash:
            return "crash"
        except DiskFull:
            return "full"
        finally:
            self.network.script = []

    def ledger(self) -> Ledger:
        return Ledger(self.checkpoint, len(self.job.operations), BATCH)

    def _walk(self, walk: Walk) -> str:
        transport = Getting(StrictStore(self.network), self.network, self)
        manner = Manner(tries=4)
        while True:
            work = walk.next(3)
            if work is not None:
                outcomes = []
                for task in slices.first_round(work, manner) + slices.second_round(work, [], manner):
                    outcomes += task.outcomes(self._driven(task, transport))
                walk.report(work.number, outcomes)
                walk.commit()
            elif walk.halt is not None:
                walk.commit()
                return walk.halt.how
            else:
                assert walk.finished
                return "done"

    @staticmethod
    def _driven(task: slices.Task, transport: Transport) -> Any:
        answer: Any = None
        try:
            while True:
                request = task.steps.send(answer)
                answer = ("ok", None) if isinstance(request, Wait) else transport.answer(request)
        except StopIteration as end:
            return end.value
        finally:
            task.steps.close()

    def finish(self) -> None:
        for _ in range(6):
            if self.life([]) == "done" and not self.ledger().totals().failed:
                return
            walk = Walk(MemoryPlan(self.job), self.ledger(), now=lambda: "", announce=lambda *_, **__: None)
            walk.retry()
        raise AssertionError("it does not come to an end")

    def check_now(self) -> None:
        """At any instant: a file is whole and right, or what stood there before, or somebody else's."""
        assert (self.root / "mine").read_bytes() == b"not of the job"
        for path in (p for p in self.root.rglob("*") if p.is_file()):
            name, body = str(path.relative_to(self.root)), path.read_bytes()
            known = (BODIES.get(name), b"somebody was faster", BEFORE.get(name))
            assert path.name.startswith(".s3console-") or body in known, f"{name} holds {body[:20]!r}"

    def check_end(self, *, whole: bool) -> None:
        self.check_now()
        for name in self.newer:
            assert (self.root / name).read_bytes() == b"somebody was faster", f"{name} was newer"
        ledger = self.ledger()
        totals = ledger.totals()
        assert totals.done + totals.skipped == len(self.job.operations)
        assert {code for _, code, _ in ledger.failures()} <= {CHANGED, "CopyNotVerified"}
        left = [p.name for p in self.root.rglob("*") if p.name.startswith(".s3console-")]
        assert not left, f"unfinished files stay: {left}"
        for op in self.job.operations:
            record, bit = ledger.record(op.index // BATCH), 1 << op.index % BATCH
            path = self.root / op.target.key
            if op.target.key in self.touched:
                continue
            assert (record.verified | record.deleted) & bit, f"{op.target.key} was given up"
            assert path.exists() == (op.kind == "download")
            if op.source is not None:
                assert hashlib.md5(path.read_bytes()).hexdigest() == op.source.etag
        if whole:
            assert totals.done == len(self.job.operations), f"a passing fault cost an operation: {totals}"


def lives_of(root: Path, scripts: list[list[str]]) -> None:
    lives = Lives(root)
    for script in scripts:
        lives.life(script)
        lives.check_now()
    lives.finish()
    lives.check_end(whole=PASSING.issuperset(f for script in scripts for f in script if f))


def places(root: Path) -> int:
    lives = Lives(root)
    lives.network.script = script = [""] * 200
    assert lives.life(script) == "done"
    return 26


def cases(count: int) -> Iterator[list[str]]:
    for at, fault in product(range(count), FAULTS):
        yield [""] * at + [fault]


def test_every_fault_at_every_request(tmp_path: Path, capsys: Any) -> None:
    done = 0
    for script in cases(places(tmp_path / "tree")):
        try:
            lives_of(tmp_path / "tree", [script])
        except AssertionError as error:
            raise AssertionError(f"{script[-1]} at {len(script) - 1}: {error}") from error
        done += 1
    with capsys.disabled():
        print(f"\nsweep of download and unlink: {done:,} cases ({len(FAULTS)} faults)", end=" ")
    assert done > 300 and set(FOREIGN) & set(FAULTS)


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_every_pair_of_faults(tmp_path: Path, capsys: Any) -> None:
    done, count = 0, places(tmp_path / "tree")
    for first in range(count):
        for second, one, other in product(range(first + 1, count), FAULTS, FAULTS):
            script = [""] * (second + 1)
            script[first], script[second] = one, other
            lives_of(tmp_path / "tree", [script])
            done += 1
    with capsys.disabled():
        print(f"\npairs of download and unlink: {done:,} cases", end=" ")
    assert done > 10_000


def test_wrong_bytes_are_never_kept(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "tree")
    lives.life(["", "wrong bytes"] * 3)
    lives.check_now()
    with pytest.raises(UntrustedAnswer):
        Network(World())._after("empty", "get")


def proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_proof", lambda *_: True)


def replaces_whatever_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Tree.place

    def blind(self: Tree, *, key: str, expect: str, **more: Any) -> Any:
        found = self.standing(key)
        return place(self, key=key, expect=f"file:{pack_standing(found)}" if found else "absent", **more)

    monkeypatch.setattr(Tree, "place", blind)


def removes_whatever_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tree, "unlink", lambda self, *, target: (Path(target.bucket) / target.key).unlink())


def leaves_half_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def direct(self: Tree, *, key: str, data: bytes, **more: Any) -> Any:
        (Path(self.root) / key).parent.mkdir(parents=True, exist_ok=True)
        (Path(self.root) / key).write_bytes(data[:len(data) // 2])
        return self.standing(key)

    monkeypatch.setattr(Tree, "place", direct)


@pytest.mark.parametrize("bug", [proves_nothing, replaces_whatever_stands_there,
                                 removes_whatever_stands_there, leaves_half_a_file])
def test_each_seeded_bug_is_caught(bug: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    with pytest.raises((AssertionError, OSError)) as caught:
        for script in cases(26):
            lives_of(tmp_path / "tree", [script])
    print(bug.__name__, caught.value)
