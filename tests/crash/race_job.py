"""Jobs of every kind on a real server with a writer beside them, and the oracle that reads the server.

The writer puts something newer under names the job reads or writes, each name once: so whatever of it is
gone or covered in the end is the work of the job. Half of what it writes is as long as what was reviewed.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from crash.real_job import kill, md5

from s3console.core.abilities import Abilities, assumed
from s3console.core.model import Approval, Connection, JobStatus, Operation, Place, Ref
from s3console.run import launch
from s3console.run.engine import CHANGED
from s3console.s3.connect import open_reader
from s3console.s3.probe import probe
from s3console.store.approvals import save_approval
from s3console.store.home import Home, now, stamp
from s3console.store.jobs import (
    JobFolder,
    JobLock,
    create_job,
    job_folder,
    read_failures,
    read_status,
    request_control,
)
from s3console.store.plan_writer import PlanWriter
from s3console.store.probes import save_abilities

GUARD = {"copy": "copy_absent", "across": "put_absent", "move": "copy_absent", "overwrite": "copy_match",
         "restore": "copy_match", "hide": "delete_match", "remove": "delete_match",
         "moved away": "delete_match"}
"""The condition that keeps a kind safe; the others name a version or an upload, which is nobody else's."""


RATE, NEAR = 100.0, 30
"""Operations per second of the job, and how many of them the writer may be before or behind it."""


class Foreign(NamedTuple):
    """What the writer wrote: `kind` is that of the operation whose name it took."""

    kind: str
    bucket: str
    key: str
    version: str
    etag: str


@dataclass
class Seen:
    """What became of the races of one job, by kind."""

    written: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)

    def add(self, other: Seen) -> None:
        for name in ("written", "covered", "changed", "done"):
            getattr(self, name).update(getattr(other, name))


@dataclass
class RaceJob:
    """Operations of every kind on a bucket with versions or without, `each` of a kind."""

    server: Any
    path: Path
    versioned: bool
    seed: int
    each: int = 8
    operations: list[Operation] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    targets: list[tuple[str, str, str, int]] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)
    settled: int = 0

    def __post_init__(self) -> None:
        self.s3 = self.server.client()
        self.left, self.right = self.server.bucket(), self.server.bucket(versioning=self.versioned)
        self.home = Home.create(self.path)
        far = self.server.endpoint_url.replace("127.0.0.1", "localhost")
        self.far = Connection(endpoint_url=far) if self.seed % 3 == 2 else self.server.connection
        self.abilities = self._probed()
        copies, deletes = (self._versions if self.versioned else self._names)()
        for kind, operation in [*copies, *deletes]:
            self.kinds.append(kind)
            self.operations.append(operation(len(self.operations)))
        self.before = set(self.rows())
        self._submit()

    # ---- what there is

    def _probed(self) -> Abilities:
        found = PROBED.get((self.server.endpoint_url, self.versioned))
        if found is None:
            scratch = self.server.bucket(versioning=self.versioned)
            found = probe(open_reader(self.server.connection), Place(scratch, "scratch/"), "race",
                          at=stamp(now()))
            PROBED[self.server.endpoint_url, self.versioned] = found
        save_abilities(self.home, found)
        return found

    def _put(self, bucket: str, key: str, body: bytes) -> Ref:
        made = self.s3.put_object(Bucket=bucket, Key=key, Body=body)
        version = made.get("VersionId", "") if bucket == self.right and self.versioned else ""
        side = "right" if bucket == self.right else "left"
        return Ref(side, bucket, key, version, md5(body), len(body))

    def _puts(self, bucket: str, name: str, turn: int = 0) -> list[Ref]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda n: self._put(bucket, f"{name}/{n:03d}", b"%s %d %d" % (
                name.encode(), n, turn)), range(self.each)))

    def _aim(self, kind: str, ref: Ref) -> None:
        """Something for the writer to write to."""
        self.targets.append((kind, ref.bucket, ref.key, ref.size))

    def _versions(self) -> tuple[list[Any], list[Any]]:
        left, right = self.left, self.right
        copies: list[Any] = []
        deletes: list[Any] = []
        copies += self._from_left("copy")
        for s, t in zip(self._puts(left, "overwrite", 1), self._puts(right, "overwrite"), strict=True):
            copies.append(("overwrite", adding("copy", t._replace(version_id=""), s, f"etag:{t.etag}")))
            self._aim("overwrite", t)
        for s, t in zip(self._puts(right, "restore"), self._puts(right, "restore", 1), strict=True):
            copies.append(("restore", adding("restore", t._replace(version_id=""), s, f"etag:{t.etag}")))
            self._aim("restore", t)
        moved = self._puts(right, "move")
        for s in moved:
            target = Ref("right", right, s.key.replace("move", "to"), "", "", s.size)
            deletes.append(("moved away", removing(s, after=len(copies))))
            copies.append(("move", adding("copy", target, s, "absent")))
            self._aim("move", target)
            self._aim("moved away", s)
        for kind, name in (("version", "version"), ("undo", "undo")):
            for ref in self._puts(right, name):
                deletes.append((kind, removing(ref, how="latest" if kind == "undo" else "")))
                self._aim(kind, ref)
        self._puts(right, "marker")
        for n in range(self.each):
            made = self.s3.delete_object(Bucket=right, Key=f"marker/{n:03d}")["VersionId"]
            ref = Ref("right", right, f"marker/{n:03d}", made)
            deletes.append(("marker", removing(ref, is_delete_marker=True)))
            self._aim("marker", ref._replace(size=10))
        for ref in self._puts(right, "hide"):
            deletes.append(("hide", removing(ref._replace(version_id=""))))
            self._aim("hide", ref)
        return copies, deletes

    def _from_left(self, name: str) -> list[Any]:
        kind = "across" if self.far != self.server.connection else "copy"
        found = []
        for n, s in enumerate(self._puts(self.left, name)):
            target = Ref("right", self.right, s.key, "", "", s.size)
            found.append((kind, adding("copy", target, s, "absent")))
            # The source of every third has no versions and is written to as well.
            self._aim("source" if n % 3 == 2 else kind, s if n % 3 == 2 else target)
        return found

    def _names(self) -> tuple[list[Any], list[Any]]:
        left, right = self.left, self.right
        copies: list[Any] = list(self._from_left("copy"))
        deletes: list[Any] = []
        for s, t in zip(self._puts(left, "overwrite", 1), self._puts(right, "overwrite"), strict=True):
            copies.append(("overwrite", adding("copy", t, s, f"etag:{t.etag}")))
            self._aim("overwrite", t)
        for s in self._puts(right, "move"):
            target = Ref("right", right, s.key.replace("move", "to"), "", "", s.size)
            deletes.append(("moved away", removing(s, after=len(copies))))
            copies.append(("move", adding("copy", target, s, "absent")))
            self._aim("move" if len(copies) % 2 else "moved away", target if len(copies) % 2 else s)
        for ref in self._puts(right, "remove"):
            deletes.append(("remove", removing(ref)))
            self._aim("remove", ref)
        for n in range(self.each):
            upload = self.s3.create_multipart_upload(Bucket=right, Key=f"upload/{n:03d}")["UploadId"]
            ref = Ref("right", right, f"upload/{n:03d}", upload)
            deletes.append(("abort", removing(ref, kind="abort")))
            self._aim("abort", ref._replace(size=10))
        return copies, deletes

    def rows(self) -> dict[tuple[str, str], tuple[str, bool]]:
        """Everything in the right bucket: ETag ("" of a marker) and whether it is the latest."""
        found = {}
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.right):
            for row in page.get("Versions", []):
                found[row["Key"], row["VersionId"]] = row["ETag"].strip('"'), row["IsLatest"]
            for row in page.get("DeleteMarkers", []):
                found[row["Key"], row["VersionId"]] = "", row["IsLatest"]
        return found

    # ---- the job and the writer

    def _submit(self) -> None:
        with PlanWriter(self.home, 20) as writer:
            writer.add(self.operations)
            self.plan = writer.seal(
                prefix="", left=Place(self.left, "", self.far),
                right=Place(self.right, "", self.server.connection), created_by="tester",
                versioning="Enabled" if self.versioned else "Unversioned", requests={"HeadObject": 1})
        moment = now()
        save_approval(self.home, Approval(self.plan.digest, "tester", stamp(moment),
                                          stamp(moment + timedelta(hours=1)), self.plan.operations, "typed"))
        self.job = create_job(self.home, self.plan)

    @property
    def folder(self) -> JobFolder:
        return job_folder(self.home, self.job)

    def race(self) -> JobStatus:
        """Run the job to its end with the writer beside it; a pause for a surprise is looked at and ended."""
        pid = launch(self.home.path, self.job, rate=RATE, extra_env=self.server.environ)
        end = time.monotonic() + 200
        while JobLock.owner_of(self.folder) != pid and time.monotonic() < end:
            time.sleep(0.01)
        with self._writing():
            while JobLock.owner_of(self.folder) == pid and time.monotonic() < end:
                status = read_status(self.folder)
                self.settled = status.done + status.skipped
                if status.state == "paused" and status.runner == pid:
                    assert "surprise" in status.message or "in a row" in status.message, status
                    request_control(self.folder, "resume")
                time.sleep(0.02)
        if JobLock.owner_of(self.folder) == pid:
            kill(pid)
        return read_status(self.folder)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Two writers, each of which keeps pace with the job: now a little before it, now a little behind."""
        ended, rng = threading.Event(), random.Random(self.seed)
        todo = sorted((self._index(*one[:3]) + rng.uniform(-NEAR, NEAR), one) for one in self.targets)
        threads = [threading.Thread(target=self._write, args=(todo[n::2], ended)) for n in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    def _index(self, kind: str, bucket: str, key: str) -> int:
        """The operation that reads or writes a name."""
        return next(n for n, op in enumerate(self.operations)
                    if (self.kinds[n] == kind and op.target.key == key)
                    or (kind == "source" and op.source is not None and op.source[1:3] == (bucket, key)))

    def _write(self, todo: list[tuple[float, tuple[str, str, str, int]]], ended: threading.Event) -> None:
        client = self.server.client()
        for due, (kind, bucket, key, size) in todo:
            while self.settled < due:
                if ended.wait(0.005):
                    return
            body = hashlib.sha256(f"{self.seed} {bucket} {key}".encode()).hexdigest().encode()
            body = body[:size] if body[0] % 2 and size else body
            made = client.put_object(Bucket=bucket, Key=key, Body=body)
            self.foreign.append(Foreign(kind, bucket, key, made.get("VersionId", "null"), md5(body)))

    # ---- the oracle

    def judge(self, status: JobStatus) -> Seen:
        """What was lost, covered, left alone; raises where something went that the plan does not name."""
        assert status.state == "done" and status.failed == 0, status
        assert status.done + status.skipped == status.planned, status
        failures = read_failures(self.folder)
        assert {one.code for one in failures} <= {CHANGED, "CopyNotVerified"}, failures
        skipped = {one.index for one in failures}
        seen, rows = Seen(), self.rows()
        latest = {key: (version, etag) for (key, version), (etag, top) in rows.items() if top}
        for index, kind in enumerate(self.kinds):
            seen.done[kind] += index not in skipped
            seen.changed[kind] += index in skipped
        for one in self.foreign:
            seen.written[one.kind] += 1
            if one.bucket != self.right:
                continue
            if self.versioned:
                assert rows.get((one.key, one.version), ("", False))[0] == one.etag, f"newer and gone: {one}"
            held = latest.get(one.key, ("", ""))
            seen.covered[one.kind] += held[1] != one.etag
        approved = {(op.target.key, op.target.version_id or "null") for op in self.operations if op.removes}
        written = {(one.bucket, one.key) for one in self.foreign}
        for name in self.before - set(rows):
            assert name in approved, f"went and is not approved: {name}"
        for index, op in enumerate(self.operations):
            if index not in skipped:
                self._stands(op, rows, latest, written)
        return seen

    def _stands(self, op: Operation, rows: dict[tuple[str, str], tuple[str, bool]],
                latest: dict[str, tuple[str, str]], written: set[tuple[str, str]]) -> None:
        """What is called done is done: a copy holds the reviewed bytes, and what was deleted is gone."""
        target = op.target
        touched = (target.bucket, target.key) in written
        if op.source is not None:
            held = [etag for (key, _), (etag, _) in rows.items() if key == target.key]
            assert op.source.etag in held or (touched and not self.versioned), \
                f"said copied and does not hold the reviewed bytes: {op}"
        elif op.kind == "delete" and target.version_id:
            assert (target.key, target.version_id) not in rows, f"said deleted and stands: {op}"
        elif op.kind == "delete" and not touched:
            assert not latest.get(target.key, ("", ""))[1], f"said deleted and stands: {op}"

    def guarded(self, kind: str) -> bool:
        """Whether the endpoint itself keeps a kind safe."""
        name = GUARD.get(kind)
        return name is None or getattr(self.abilities, name) == "yes"


def adding(kind: Any, target: Ref, source: Ref, expect: str) -> Callable[[int], Operation]:
    return lambda index: Operation(index, kind, target, source, expect)


def removing(target: Ref, *, kind: Any = "delete", **more: Any) -> Callable[[int], Operation]:
    return lambda index: Operation(index, kind, target, **more)


PROBED: dict[tuple[str, bool], Abilities] = {}


def bucket_race(server: Any, path: Path, seed: int) -> tuple[bool, bool]:
    """A job that removes an empty bucket while somebody writes into it; whether the bucket went, and whether
    it took something along."""
    rng, client, name = random.Random(seed), server.client(), server.bucket()
    home = Home.create(path)
    save_abilities(home, assumed(server.endpoint_url, aws=False))
    with PlanWriter(home) as writer:
        writer.add([Operation(0, "bucket", Ref("right", name, ""))])
        plan = writer.seal(prefix="", left=None, right=Place(name, "", server.connection),
                           created_by="tester", versioning="Unversioned", requests={})
    moment = now()
    save_approval(home, Approval(plan.digest, "tester", stamp(moment), stamp(moment + timedelta(hours=1)), 1,
                                 "typed"))
    folder = job_folder(home, create_job(home, plan))
    pid = launch(home.path, folder.job, extra_env=server.environ)
    end, stands, gone = time.monotonic() + 150, False, False
    while time.monotonic() < end:
        owner = JobLock.owner_of(folder)
        if read_status(folder).state in ("done", "failed") and owner is None:
            break
        if read_status(folder).state == "paused" and owner == pid:
            request_control(folder, "resume")
        # Something stands there for a moment, then nothing for a longer one.
        if not gone:
            try:
                if stands:
                    client.delete_object(Bucket=name, Key="newer")
                else:
                    client.put_object(Bucket=name, Key="newer", Body=b"x")
                stands = not stands
            except ClientError as error:
                assert error.response["Error"]["Code"] == "NoSuchBucket", error
                gone = True
        time.sleep(rng.uniform(0.0, 0.01) if stands else rng.uniform(0.0, 0.1))
    if JobLock.owner_of(folder) == pid:
        kill(pid)
    gone = name not in [one["Name"] for one in client.list_buckets()["Buckets"]]
    return gone, gone and stands


__all__ = ["PROBED", "Foreign", "RaceJob", "Seen", "bucket_race"]
