"""A place to move on a real server, and the three acts run to their end."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from s3console.config import load_config
from s3console.core.model import JobStatus, Place, Plan
from s3console.run import launch
from s3console.store.home import Home
from s3console.store.jobs import JobLock, job_folder, request_control
from s3console.workflow.approving import approve
from s3console.workflow.desk import Desk
from s3console.workflow.jobs import job_status, submit


@dataclass
class Mover:
    """A desk of its own with a source and a target bucket."""

    server: Any
    path: Path
    versioned: bool = False
    target_versioned: bool = True
    buckets: bool = True
    pid: int = 0
    surprises: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.s3 = self.server.client()
        self.home = Home.create(self.path / "home")
        config = load_config({"endpoint_url": self.server.endpoint_url, "state_dir": str(self.home.path)},
                             self.server.environ)
        self.desk = Desk(self.home, config)
        if not self.buckets:
            return
        self.old = self.server.bucket(versioning=self.versioned)
        self.new = self.server.bucket(versioning=self.target_versioned)
        self.source = Place(self.old, "", self.server.connection)
        self.target = Place(self.new, "", self.server.connection)

    def put(self, key: str, body: bytes = b"x", *, bucket: str = "", **more: Any) -> None:
        self.s3.put_object(Bucket=bucket or self.old, Key=key, Body=body, **more)

    def start(self, plan: Plan, **limits: Any) -> tuple[str, int]:
        """Approve a plan and start its job."""
        approve(self.desk, plan.plan, count=plan.operations)
        job = submit(self.desk, plan.plan)
        self.pid = launch(self.home.path, job, extra_env=self.server.environ, **limits)
        return job, self.pid

    def wait(self, job: str, seconds: float = 200.0) -> JobStatus:
        """Until its runner is gone. A surprise is looked at and the job resumed, once; any other pause
        is told to end."""
        folder, end = job_folder(self.home, job), time.monotonic() + seconds
        resumed = False
        while time.monotonic() < end:
            gone = not runs(self.pid)
            status = job_status(self.desk, job)
            if gone:
                return status
            paused = status.state == "paused" and status.runner == self.pid
            if paused and "surprise" in status.message:
                if not resumed:
                    self.surprises.append(status.message)
                    request_control(folder, "resume")
                resumed = True
            elif paused and "cancelled" not in status.message:
                request_control(folder, "cancel")
            time.sleep(0.05)
        raise AssertionError(f"the job does not end: {status}; {self.logs(job)}")

    def run(self, plan: Plan, **limits: Any) -> tuple[str, JobStatus]:
        job, _ = self.start(plan, **limits)
        return job, self.wait(job)

    def killed_after(self, job: str, least: int) -> None:
        """Kill the runner with -9 once so many operations are done; the rest is still to do then."""
        end = time.monotonic() + 150
        while job_status(self.desk, job).done < least:
            assert runs(self.pid) and time.monotonic() < end, self.logs(job)
            time.sleep(0.01)
        kill(self.pid)
        while JobLock.owner_of(job_folder(self.home, job)) is not None:
            assert time.monotonic() < end, self.logs(job)
            time.sleep(0.02)
        assert least <= job_status(self.desk, job).done < job_status(self.desk, job).planned, \
            "it was over before it was killed"

    def again(self, job: str) -> JobStatus:
        self.pid = launch(self.home.path, job, extra_env=self.server.environ)
        return self.wait(job)

    def logs(self, job: str) -> str:
        folder = job_folder(self.home, job).path
        return "\n".join((folder / name).read_text() for name in ("runner.log", "workers.log")
                         if (folder / name).exists())[-3000:]

    def keys(self, bucket: str) -> dict[str, str]:
        """Current keys with their ETags."""
        found = {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, EncodingType="url"):
            from urllib.parse import unquote_plus

            for row in page.get("Contents", []):
                found[unquote_plus(row["Key"])] = row["ETag"].strip('"')
        return found

    def bodies(self, bucket: str) -> dict[str, list[bytes | None]]:
        """The bytes of every version by key, oldest first; None for a delete marker."""
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for kind in ("Versions", "DeleteMarkers"):
                for r in page.get(kind, []):
                    row = (r["IsLatest"], r["LastModified"], kind, r["VersionId"])
                    rows.setdefault(r["Key"], []).append(row)
        found: dict[str, list[bytes | None]] = {}
        for key, of_key in rows.items():
            found[key] = [None if kind == "DeleteMarkers" else self.s3.get_object(
                Bucket=bucket, Key=key, VersionId=version)["Body"].read()
                for _, _, kind, version in sorted(of_key, key=lambda row: row[:2])]
        return found

    def history(self, bucket: str) -> list[tuple[str, str, bool]]:
        """Key, version id and whether it is a marker, of everything in a bucket."""
        rows = []
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            rows += [(r["Key"], r["VersionId"], False) for r in page.get("Versions", [])]
            rows += [(r["Key"], r["VersionId"], True) for r in page.get("DeleteMarkers", [])]
        return sorted(rows)


def kill(pid: int) -> None:
    os.kill(pid, 9)


def runs(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
