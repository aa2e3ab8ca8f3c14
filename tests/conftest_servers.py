"""S3 servers for the tests: MiniStack, a real Ceph RADOS Gateway, and the odd server with its faults.

A server is started once per test run and shared by the workers of pytest-xdist through a counter in
a locked file; the last one to leave stops it.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from servers.odd_server import OddServer

from s3console.core.model import Connection

SCRIPTS = Path(__file__).parent / "servers"
CEPH_PROGRAMS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd")


@dataclass(frozen=True)
class S3Server:
    """A running server. `name` is "ministack", "ceph" or "moto"."""

    name: str
    endpoint_url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    @property
    def environ(self) -> dict[str, str]:
        """What a child process needs in its environment."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_DEFAULT_REGION": self.region, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

    @property
    def connection(self) -> Connection:
        return Connection(endpoint_url=self.endpoint_url)

    def client(self) -> Any:
        """A stock boto3 client, to fill buckets and to look at them from the side."""
        return boto3.client(
            "s3", endpoint_url=self.endpoint_url, aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key, region_name=self.region,
            config=Config(s3={"addressing_style": "path"}, read_timeout=75, retries={"max_attempts": 2},
                          max_pool_connections=32))

    def bucket(self, *, versioning: bool = False) -> str:
        """A new empty bucket of a name that no other test has."""
        name = f"t-{uuid.uuid4().hex[:16]}"
        client = self.client()
        client.create_bucket(Bucket=name)
        if versioning:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def unheard() -> Iterator[int]:
    """A port of this machine on which nobody listens, and which nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def _free_port(offsets: tuple[int, ...] = (0,)) -> int:
    """A port from 20000 up that is free together with those at the offsets a server also needs.

    A server of many ports binds them one after the other: those of one port keep out of its range. Workers of
    one run that choose at the same time choose among ports of their own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    for _ in range(200):
        port = (random.randrange(20000, 26000) if len(offsets) > 1
                else random.randrange(26112 + worker, 32000, 16))
        if all(_free(port + offset) for offset in offsets):
            return port
    raise RuntimeError("no free port between 20000 and 32000")


def _read_env(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().split("\n") if "=" in line)


def _shared(name: str, root: Path, start: Callable[[Path], None], stop: str) -> Iterator[S3Server]:
    """Start the server, or join the one that another worker of this run has started."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / "users"

    def count(step: int) -> int:
        value = int(users.read_text() or 0) + step if users.exists() else step
        users.write_text(str(value))
        return value

    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if count(1) == 1:
            start(folder)
            _stop_when_the_run_is_gone(stop, folder)
    env = _read_env(folder / "env")
    try:
        yield S3Server(name, env["S3_ENDPOINT"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    finally:
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if count(-1) == 0:
                _run(SCRIPTS / stop, folder)


def _run(*command: object, **environ: str) -> None:
    # The daemons keep the file descriptors they inherit, so output goes to a file and not to a pipe.
    folder = Path(str(command[1]))
    with (folder / "start.log").open("ab") as log:
        done = subprocess.run([str(part) for part in command], stdout=log, stderr=log, timeout=300,
                              stdin=subprocess.DEVNULL, env=os.environ | environ, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(folder / 'start.log').read_text()[-2000:]}")


def _stop_when_the_run_is_gone(script: str, folder: Path) -> None:
    """A run that is killed stops nothing; this small watcher then stops the server for it."""
    run = os.getppid() if os.environ.get("PYTEST_XDIST_WORKER") else os.getpid()
    watch = 'while kill -0 "$1" 2>/dev/null; do sleep 2; done; "$2" "$3"'
    subprocess.Popen(["sh", "-c", watch, "watch", str(run), str(SCRIPTS / script), str(folder)],
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                     start_new_session=True)


def _shared_root(factory: pytest.TempPathFactory) -> Path:
    """The temporary directory that all workers of one run see."""
    base = factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "servers"


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """MiniStack, an emulator in Python."""
    program = Path(sys.executable).with_name("ministack")
    if not program.exists():
        pytest.skip("MiniStack is not installed: pip install 's3console[demo]'")
    yield from _shared(
        "ministack", _shared_root(tmp_path_factory),
        lambda folder: _run(SCRIPTS / "start-ministack.sh", folder, _free_port(), MINISTACK=str(program)),
        "stop-pid.sh")


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real Ceph RADOS Gateway with its data in memory."""
    lacking = [program for program in CEPH_PROGRAMS if not shutil.which(program)]
    if lacking:
        reason = f"Ceph is not installed (no {', '.join(lacking)}): apt-get install radosgw ceph-mon ceph-osd"
        print(reason)
        pytest.skip(reason)
    offsets = (0, 1, *range(10, 30))
    yield from _shared(
        "ceph", _shared_root(tmp_path_factory),
        lambda folder: _run(SCRIPTS / "start-ceph-rgw.sh", folder, _free_port(offsets)),
        "stop-ceph-rgw.sh")


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """moto in server mode, another emulator in Python."""
    program = Path(sys.executable).with_name("moto_server")
    if not program.exists():
        reason = "moto is not installed: pip install 'moto[s3,server]'"
        print(reason)
        pytest.skip(reason)
    yield from _shared(
        "moto", _shared_root(tmp_path_factory),
        lambda folder: _run(SCRIPTS / "start-moto.sh", folder, _free_port(), MOTO=str(program)),
        "stop-pid.sh")


@pytest.fixture(scope="session", params=["ministack", "ceph"])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Every server that the contract of the store must hold on."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def aws_env(monkeypatch: pytest.MonkeyPatch) -> Callable[[S3Server], None]:
    """Puts the keys of a server, and nothing else of AWS, into the environment of this test."""

    def apply(server: S3Server) -> None:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)

    return apply


@pytest.fixture(scope="session")
def running_odd_server() -> Iterator[OddServer]:
    with OddServer() as server:
        yield server


@pytest.fixture
def odd_server(running_odd_server: OddServer, monkeypatch: pytest.MonkeyPatch) -> OddServer:
    """A scripted S3 look-alike that answers wrongly on request; its keys are in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "odd")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "odd-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    running_odd_server.reset()
    return running_odd_server


__all__ = ["S3Server", "aws_env", "ceph", "ministack", "moto", "odd_server", "running_odd_server",
           "s3_server", "unheard"]
