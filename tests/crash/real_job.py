"""A repair job over a real server: filled, planned, approved; and the oracle that reads the server."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from s3console.core.model import Approval, JobStatus, Operation, Place, Ref
from s3console.run import launch
from s3console.store.approvals import save_approval
from s3console.store.home import Home, now, stamp
from s3console.store.jobs import JobFolder, JobLock, create_job, job_folder, read_status
from s3console.store.journal import Journal
from s3console.store.plan_writer import PlanWriter


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


@dataclass
class RealJob:
    """`misnamed` versions under doubled names, `missing` keys of a left bucket, markers, live writes."""

    server: Any
    path: Path
    misnamed: int = 60
    missing: int = 40
    batch_size: int = 20
    left_server: Any = None
    approved: bool = True
    operations: list[Operation] = field(default_factory=list)
    keep: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.s3 = self.server.client()
        self.left_server = self.left_server or self.server
        self.left_s3 = self.left_server.client()
        self.left = self.left_server.bucket()
        self.right = self.server.bucket(versioning=True)
        self.home = Home.create(self.path)
        self._fill()
        self.plan = self._seal()
        if self.approved:
            self.approve()
        self.job = create_job(self.home, self.plan)

    def approve(self) -> None:
        moment = now()
        save_approval(self.home, Approval(self.plan.digest, "tester", stamp(moment),
                                          stamp(moment + timedelta(hours=1)), self.plan.operations, "typed"))

    def _put(self, bucket: str, key: str, body: bytes) -> str:
        return str(self.s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId", ""))

    def _fill(self) -> None:
        names = [f"d/{i // 3:04d}::png::{i % 3}" for i in range(self.misnamed)]
        copies: list[Operation] = []
        deletes: list[tuple[Ref, int | None, Ref | None, bool]] = []
        with ThreadPoolExecutor(4) as pool:
            bodies = [f"misnamed {i}".encode() for i in range(self.misnamed)]
            # Three sources per wrong name, one after the other: their order makes the versions.
            wrong = [f"d/d/{i // 3:04d}" for i in range(self.misnamed)]
            ids = [""] * self.misnamed
            for turn in range(3):
                at = range(turn, self.misnamed, 3)
                for i, version in zip(at, pool.map(
                        lambda i: self._put(self.right, wrong[i], bodies[i]), at), strict=True):
                    ids[i] = version
            list(pool.map(lambda i: self.left_s3.put_object(
                Bucket=self.left, Key=f"m/{i:04d} %+é", Body=b"missing %d" % i), range(self.missing)))
        for i in range(self.missing):
            body, key = b"missing %d" % i, f"m/{i:04d} %+é"
            copies.append(Operation(len(copies), "copy", Ref("right", self.right, key),
                                    Ref("left", self.left, key, "", md5(body), len(body)), "absent"))
        for i in range(self.misnamed):
            source = Ref("right", self.right, wrong[i], ids[i], md5(bodies[i]), len(bodies[i]))
            deletes.append((source, len(copies), None, False))
            target = Ref("right", self.right, names[i])
            copies.append(Operation(len(copies), "copy", target, source, "absent"))
        marker = self.s3.delete_object(Bucket=self.right, Key="d/d/0000")["VersionId"]
        deletes.append((Ref("right", self.right, "d/d/0000", marker), None, None, True))
        held = self._put(self.right, "held", b"held")
        twin = self._put(self.right, "d/held", b"held")
        deletes.append((Ref("right", self.right, "d/held", twin, md5(b"held"), 4), None,
                        Ref("right", self.right, "held", "", md5(b"held"), 4), False))
        live = self._put(self.right, "d/d/0001", b"newer than the plan")
        self.keep = {("d/d/0001", live): md5(b"newer than the plan"), ("held", held): md5(b"held")}
        self.operations = copies + [
            Operation(len(copies) + n, "delete", ref, after=after, witness=witness, is_delete_marker=gone)
            for n, (ref, after, witness, gone) in enumerate(deletes)]

    def _seal(self) -> Any:
        with PlanWriter(self.home, self.batch_size) as writer:
            writer.add(self.operations)
            return writer.seal(
                prefix="", left=Place(self.left, "", self.left_server.connection),
                right=Place(self.right, "", self.server.connection), created_by="tester",
                versioning="Enabled", requests={})

    @property
    def folder(self) -> JobFolder:
        return job_folder(self.home, self.job)

    def launch(self, *, rate: float = 0.0, workers: int = 2, **environ: str) -> int:
        return launch(self.home.path, self.job, workers=workers, rate=rate,
                      extra_env={**self.server.environ, **environ})

    def status(self) -> JobStatus:
        return read_status(self.folder)

    def alive(self) -> bool:
        return JobLock.owner_of(self.folder) is not None

    def done(self) -> int:
        return read_status(self.folder).done

    def wait(self, *, until: int | None = None, seconds: float = 150.0, pid: int = 0) -> str:
        """Wait for the runner to end, or for `until` operations to be done. Returns the state."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = read_status(self.folder)
            if until is not None and status.done >= until and status.runner == pid:
                return status.state
            if not _runs(pid):
                return read_status(self.folder).state
            time.sleep(0.01)
        raise AssertionError(f"the runner does not end: {read_status(self.folder)}; {self.logs()}")

    def logs(self) -> str:
        return "\n".join((self.folder.path / name).read_text() for name in ("runner.log", "workers.log")
                         if (self.folder.path / name).exists())[-3000:]

    # ---- the oracle

    def versions(self) -> dict[str, list[tuple[str, str, bool]]]:
        """Everything in the right bucket: (version id, ETag, marker) by key, newest first."""
        found: dict[str, list[tuple[str, str, bool]]] = {}
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.right):
            for row in page.get("Versions", []):
                found.setdefault(row["Key"], []).append((row["VersionId"], row["ETag"].strip('"'), False))
            for row in page.get("DeleteMarkers", []):
                found.setdefault(row["Key"], []).append((row["VersionId"], "", True))
        return found

    def check_now(self) -> None:
        """What must hold at any instant: no source version gone without its copy, nothing else touched."""
        world = self.versions()
        approved = {(op.target.key, op.target.version_id) for op in self.operations if op.kind == "delete"}
        for op in self.operations:
            if op.source is not None:
                rows = world.get(op.target.key, [])
                assert len(rows) <= 1, f"copied twice: {op.target.key}"
                assert all(etag == op.source.etag for _, etag, _ in rows), op.target.key
            elif op.after is not None and not any(v == op.target.version_id
                                                  for v, _, _ in world.get(op.target.key, [])):
                copy = self.operations[op.after].target.key
                assert world.get(copy), f"{op.target.key} was deleted and {copy} is not there"
        for (key, version), etag in self.keep.items():
            assert (version, etag, False) in world[key], f"{key} was touched"
        targets = {op.target.key for op in self.operations if op.source is not None}
        for key, rows in world.items():
            for version, _, marker in rows:
                known = key in targets or (key, version) in approved or (key, version) in self.keep
                assert known and (not marker or (key, version) in approved), f"appeared: {key} {version}"

    def check_end(self) -> None:
        """The end state: every copy once, every delete done, totals and journal whole."""
        self.check_now()
        world = self.versions()
        for op in self.operations:
            ids = {v for v, _, _ in world.get(op.target.key, [])}
            if op.kind == "delete":
                assert op.target.version_id not in ids, op.target.key
            else:
                assert len(ids) == 1, op.target.key
        status = read_status(self.folder)
        assert (status.state, status.done, status.failed, status.skipped) == (
            "done", self.plan.operations, 0, 0), f"{status}; {self.logs()}"
        assert status.remaining == 0
        assert status.bytes == sum(op.source.size for op in self.operations if op.source is not None)
        verdict = Journal(self.home.journal).verify()
        assert verdict.whole, verdict


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """The worker processes of a runner."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(p) for p in text.split()]


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 9)
