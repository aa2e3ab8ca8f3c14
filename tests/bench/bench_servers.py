"""The servers that are measured against: the synthetic one, and a real Ceph gateway where it is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from bench_measure import Server
from bench_peers import REPOSITORY
from botocore.config import Config

SCRIPTS = REPOSITORY / "tests" / "servers"
CEPH = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd")
_OFFSETS = (0, 1, *range(10, 30))


def free_port(offsets: tuple[int, ...] = (0,)) -> int:
    """A port that is free together with those at the offsets."""
    for _ in range(200):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port + max(offsets) < 65_536 and all(_free(port + offset) for offset in offsets):
            return port
    raise SystemExit("no free port on 127.0.0.1")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _started(script: str, folder: Path, port: int) -> dict[str, str]:
    with (folder / "start.log").open("wb") as log:
        done = subprocess.run([str(SCRIPTS / script), str(folder), str(port)], stdout=log, stderr=log,
                              stdin=subprocess.DEVNULL, check=False, timeout=120)
    if done.returncode:
        raise SystemExit((folder / "start.log").read_text().strip())
    return dict(line.split("=", 1) for line in (folder / "env").read_text().split())


@contextmanager
def synthetic(endpoint: str, pid: int) -> Iterator[Server]:
    """The synthetic server that was named, or one of our own on a free port."""
    if endpoint:
        yield Server(endpoint, pid)
        return
    folder = Path(tempfile.mkdtemp(prefix="synth-"))
    try:
        facts = _started("start-synth-s3.sh", folder, free_port())
        yield Server(facts["S3_ENDPOINT"], int((folder / "pid").read_text()))
    finally:
        subprocess.run([str(SCRIPTS / "stop-pid.sh"), str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


class Gateway:
    """A running Ceph gateway with buckets made on demand."""

    def __init__(self, facts: dict[str, str]) -> None:
        self.endpoint = facts["S3_ENDPOINT"]
        self.keys = facts["AWS_ACCESS_KEY_ID"], facts["AWS_SECRET_ACCESS_KEY"]
        self._client: Any = boto3.client(
            "s3", endpoint_url=self.endpoint, aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1], region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=32))

    def bucket(self, name: str, count: int) -> str:
        """A new bucket with so many objects of 1 KB below d/."""
        self._client.create_bucket(Bucket=name)
        put = partial(self._client.put_object, Bucket=name, Body=b"x" * 1024, ContentType="text/plain")
        with ThreadPoolExecutor(16) as threads:
            for _ in threads.map(lambda number: put(Key=f"d/{number:08d}.txt"), range(count)):
                pass
        return name


@contextmanager
def gateway() -> Iterator[Gateway | str]:
    """A Ceph gateway with its data in memory, or why there is none."""
    lacking = [program for program in CEPH if not shutil.which(program)]
    if lacking:
        yield f"Ceph is missing (no {', '.join(lacking)}): apt-get install radosgw ceph-mon ceph-osd"
        return
    folder = Path(tempfile.mkdtemp(prefix="ceph-"))
    try:
        print("starting Ceph ...", file=sys.stderr, flush=True)
        yield Gateway(_started("start-ceph-rgw.sh", folder, free_port(_OFFSETS)))
    finally:
        subprocess.run([str(SCRIPTS / "stop-ceph-rgw.sh"), str(folder)], check=False, env=dict(os.environ))
        shutil.rmtree(folder, ignore_errors=True)
