"""Canary credentials go through a whole walk, kills and tracebacks included, and are found nowhere.

Looked through afterwards: every file of the state directory and of the temporary directory, everything
that was printed, and meanwhile the command lines of every process of the machine.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from crash.real_job import children

from s3console.core.errors import UsageError
from s3console.store.home import Home
from s3console.store.jobs import JobLock, job_folder

ROOT = Path(__file__).resolve().parents[2]
CANARIES = ("AKIACANARYKEYID00001", "canary/secret+4f1e9c7bd2a6058e", "canary-session-token-77aa5512e09c")
BROKEN = """
import os
import s3console.run.copying as module

def broken(operations, manner, **more):
    secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "") + os.environ.get("AWS_SESSION_TOKEN", "")
    yield {"a fault": len(secret)}["that leaves a traceback"]

module.copying = module.looking_at = broken
"""


@dataclass
class Walk:
    """The command line with canary credentials; everything it prints is kept."""

    folder: Path
    environ: dict[str, str]
    endpoint: str
    printed: list[str] = field(default_factory=list)

    def __call__(self, *words: str, codes: tuple[int, ...] = (0, 1), **more: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "s3console", "--endpoint-url", self.endpoint, "-v", *words],
            env={**self.environ, **more}, capture_output=True, text=True, timeout=120, cwd=self.folder)
        self.printed += [done.stdout, done.stderr]
        assert done.returncode in codes, (words, done.stdout, done.stderr)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return json.loads(lines[-1]) if lines else done.stdout


@pytest.fixture(params=["environment", pytest.param("profile", marks=pytest.mark.long)])
def walk(request: pytest.FixtureRequest, ministack: Any, tmp_path: Path) -> Walk:
    key, secret, token = CANARIES
    environ = {name: value for name, value in os.environ.items()
               if not name.startswith(("AWS_", "S3CONSOLE_"))}
    environ |= {"PYTHONPATH": str(ROOT), "S3CONSOLE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path),
                "TMPDIR": str(tmp_path / "tmp"), "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_DEFAULT_REGION": "us-east-1"}
    (tmp_path / "tmp").mkdir()
    if request.param == "environment":
        environ |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token,
                    "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    else:
        (tmp_path / "aws").mkdir()
        (tmp_path / "aws" / "credentials").write_text(
            f"[canary]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
            f"aws_session_token = {token}\n")
        (tmp_path / "aws" / "config").write_text("[profile canary]\nregion = us-east-1\n")
        environ |= {"AWS_PROFILE": "canary", "AWS_CONFIG_FILE": str(tmp_path / "aws" / "config"),
                    "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "aws" / "credentials")}
    return Walk(tmp_path, environ, ministack.endpoint_url)


@pytest.fixture
def seen_processes() -> Iterator[list[bytes]]:
    """The command lines of all processes, looked at all the time."""
    found: set[bytes] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    found.add(path.read_bytes())
                except OSError:
                    continue

    watcher = threading.Thread(target=look)
    watcher.start()
    lines: list[bytes] = []
    yield lines
    ended.set()
    watcher.join()
    lines += found
    assert any(b"s3console.run.worker" in line for line in found), "no worker was ever seen"
    assert not [line for line in found for canary in CANARIES if canary.encode() in line]


def leaks(folder: Path) -> list[str]:
    """Files that hold a canary; the AWS configuration itself is meant to."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.parent != folder / "aws"):
        data = path.read_bytes()
        found += [f"{path.relative_to(folder)} holds {canary}" for canary in CANARIES
                  if canary.encode() in data or canary.encode("utf-16-le") in data]
    return found


def killed_in_the_middle(walk: Walk, plan: str) -> str:
    """Start a job, kill a worker and then its runner; returns the job."""
    job: str = walk("run", plan, "--rate", "8", "--detach", "--json")["job"]
    folder = job_folder(Home.open(walk.folder / "state"), job)
    end = time.monotonic() + 150
    while time.monotonic() < end:
        owner = JobLock.owner_of(folder)
        if owner and owner > 0 and (workers := children(owner)):
            os.kill(workers[0], signal.SIGKILL)
            # A moment in which the runner writes about it.
            time.sleep(0.3)
            os.kill(owner, signal.SIGKILL)
            break
        time.sleep(0.02)
    while JobLock.owner_of(folder) is not None and time.monotonic() < end:
        time.sleep(0.02)
    return job


def test_canaries_are_found_nowhere(walk: Walk, ministack: Any, seen_processes: list[bytes]) -> None:
    s3, old, new = ministack.client(), ministack.bucket(), ministack.bucket(versioning=True)
    for i in range(40):
        s3.put_object(Bucket=old, Key=f"d/k{i:02d}", Body=b"%d" % i)
    left, right = f"s3://{old}/", f"s3://{new}/"
    walk("doctor", left)
    walk("doctor", left, "--probe", "--scratch", f"{left}scratch/")
    walk("ls", left, "-r")
    walk("compare", left, right, "--versions", codes=(0, 1))
    first = walk("plan", "copy", f"{left}d/", f"{right}d/", "--json")
    walk("approve", first["plan"], "--count", "40")
    broken = walk.folder / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(BROKEN)
    job = walk("run", first["plan"], "--json", codes=(0, 1, 4, 70), PYTHONPATH=f"{broken}:{ROOT}")["job"]
    assert "Traceback" in (walk.folder / "state" / "jobs" / job / "workers.log").read_text()
    walk("job", job, "--failures")
    second = walk("plan", "copy", f"{left}d/", f"{right}e/", "--json")
    walk("approve", second["plan"])
    job = killed_in_the_middle(walk, second["plan"])
    assert walk("run", job, "--json")["done"] == 40
    walk("undo", job)
    walk("journal")
    walk("ls", "s3://no-such-bucket-here/", codes=(3,))
    walk("ls", left, "--profile", "no-such-profile", codes=(2, 3))
    assert "".join(walk.printed)
    assert not [canary for canary in CANARIES for text in walk.printed if canary in text]
    assert leaks(walk.folder) == []


def carried(walk: Walk, *words: str) -> dict[str, Any]:
    """Plan, approve and run; returns what is said of the job."""
    plan = walk("plan", *words, "--json")
    walk("approve", plan["plan"], "--count", str(plan["operations"]), "--json", codes=(0, 1, 2, 5))
    said: dict[str, Any] = walk("run", plan["plan"], "--json", codes=(0, 1, 4))
    assert said["state"] == "done" and said["done"] >= 1, (words, said)
    return said


@pytest.mark.long
def test_canaries_are_found_nowhere_after_every_kind_of_job(walk: Walk, ministack: Any,
                                                            seen_processes: list[bytes]) -> None:
    s3 = ministack.client()
    old, new, plain = ministack.bucket(versioning=True), ministack.bucket(versioning=True), ministack.bucket()
    far = ministack.endpoint_url.replace("127.0.0.1", "localhost")
    for i in range(6):
        for turn in range(2):
            s3.put_object(Bucket=old, Key=f"d/k{i}", Body=b"%d %d" % (i, turn))
        s3.put_object(Bucket=plain, Key=f"d/k{i}", Body=b"%d" % i)
    # A listing tells whole seconds: this moment is surely between the two writes.
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    time.sleep(3)
    s3.put_object(Bucket=old, Key="d/k0", Body=b"later")
    carried(walk, "restore", f"s3://{old}/d/", "--at", moment)
    carried(walk, "copy", f"s3://{plain}/d/", f"s3://{new}/across/", "--left-endpoint-url", far)
    moved = carried(walk, "move", f"s3://{plain}/d/", f"s3://{new}/moved/")
    carried(walk, "empty", f"s3://{plain}/d/", "--after", moved["job"])
    s3.create_multipart_upload(Bucket=plain, Key="half")
    carried(walk, "abort", f"s3://{plain}/", "--older-than", "0h")
    carried(walk, "delete-bucket", f"s3://{plain}/")
    hidden = carried(walk, "delete", f"s3://{new}/moved/")
    carried(walk, "delete", "--versions", f"s3://{new}/across/")
    carried(walk, "download", f"s3://{old}/d/", str(walk.folder / "tree"))
    walk("undo", hidden["job"])
    walk("manifest", f"s3://{old}/", "-o", str(walk.folder / "now"))
    walk("du", f"s3://{old}/")
    walk("jobs", "--json")
    walk("journal", "--json")
    assert not [canary for canary in CANARIES for text in walk.printed if canary in text]
    assert leaks(walk.folder) == []


def test_the_search_itself_finds_a_canary(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(f"…{CANARIES[1]}…")
    assert leaks(tmp_path) == [f"x holds {CANARIES[1]}"]
    with pytest.raises(UsageError):
        job_folder(Home.create(tmp_path / "home"), "none")
