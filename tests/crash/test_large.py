"""One real object of 6 GiB, copied in parts on a Ceph gateway that keeps its data on disk.

The runner and its workers are killed in the middle. What stands in the end is proved part by part: the ETag
of the target follows from the bytes of the source.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest_servers import CEPH_PROGRAMS, SCRIPTS, S3Server, _free_port, _read_env
from crash.real_job import children, kill
from workflow.mover import Mover

from s3console.core.errors import ServiceError
from s3console.core.model import Operation, Ref
from s3console.run import launch
from s3console.run.copying import copying
from s3console.run.engine import Manner
from s3console.store.jobs import JobLock, job_folder
from s3console.workflow.moving import plan_move

GIB = 1 << 30
SIZE, BLOCK, PART = 6 * GIB, 256 << 20, 512 << 20
NEED = 30 * GIB


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[S3Server]:
    """A gateway of its own, with room on disk for the source, what a killed copy leaves, and the target."""
    lacking = [program for program in CEPH_PROGRAMS if not shutil.which(program)]
    free = shutil.disk_usage(tmp_path).free
    if lacking or free < NEED:
        reason = (f"6 GiB need Ceph ({', '.join(lacking) or 'it is there'}) and {NEED // GIB} GiB "
                  f"({free // GIB} are free)")
        print(reason)
        pytest.skip(reason)
    folder = tmp_path / "ceph"
    subprocess.run([str(SCRIPTS / "start-ceph-rgw.sh"), str(folder), str(_free_port((0, 1, *range(10, 30))))],
                   env=os.environ | {"STORE": "bluestore", "MEM": str(NEED - 4 * GIB)}, check=True,
                   timeout=240, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL)
    env = _read_env(folder / "env")
    yield S3Server("ceph", env["S3_ENDPOINT"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    subprocess.run([str(SCRIPTS / "stop-ceph-rgw.sh"), str(folder)], timeout=120, check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(folder, ignore_errors=True)


def uploaded(m: Mover, key: str) -> list[str]:
    """Six GiB whose parts of the copy all differ; returns the MD5 of each of them."""
    seed = os.urandom(BLOCK - 16)
    upload = m.s3.create_multipart_upload(Bucket=m.old, Key=key, Metadata={"a": "b"})["UploadId"]
    sent, digests = [], []
    part = hashlib.md5()
    for n in range(SIZE // BLOCK):
        block = b"%016d" % n + seed
        part.update(block)
        made = m.s3.upload_part(Bucket=m.old, Key=key, UploadId=upload, PartNumber=n + 1, Body=block)
        sent.append({"PartNumber": n + 1, "ETag": made["ETag"]})
        if (n + 1) % (PART // BLOCK) == 0:
            digests.append(part.hexdigest())
            part = hashlib.md5()
    m.s3.complete_multipart_upload(Bucket=m.old, Key=key, UploadId=upload, MultipartUpload={"Parts": sent})
    return digests


def killed_in_the_middle(m: Mover, job: str, pid: int) -> int:
    """Kill the runner and its workers once some parts are copied; returns how many were."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        for one in m.s3.list_multipart_uploads(Bucket=m.new).get("Uploads", []):
            parts = m.s3.list_parts(Bucket=m.new, Key=one["Key"], UploadId=one["UploadId"]).get("Parts", [])
            if len(parts) >= 3:
                workers = children(pid)
                kill(pid)
                for worker in workers:
                    kill(worker)
                while JobLock.owner_of(job_folder(m.home, job)) is not None and time.monotonic() < end:
                    time.sleep(0.05)
                return len(parts)
        time.sleep(0.2)
    raise AssertionError(f"it does not copy: {m.logs(job)}")


@pytest.mark.parametrize(("after", "result"), [("a" * 32 + "-24", "verified"), ("b" * 32 + "-24", "skipped")])
def test_what_is_too_large_to_be_read_is_proved_by_its_source(after: str, result: str) -> None:
    """On a store that ignores the condition on the source of a copy."""
    class Seen(NamedTuple):
        size: int
        etag: str
        version_id: str = ""

    source = Ref("left", "b", "k", "", "a" * 32 + "-24", SIZE)
    made = Seen(SIZE, "c" * 32 + "-12")
    answers = {
        "Head source": [Seen(SIZE, source.etag), Seen(SIZE, after)], "Copy source": [made],
        "Head target": [made], "Compare source": [ServiceError("NotProved", 400)]}
    steps = copying(Operation(0, "copy", Ref("right", "c", "k"), source, "absent"), Manner())
    asked: list[str] = []
    answer: Any = None
    with pytest.raises(StopIteration) as end:
        while True:
            request = steps.send(answer)
            asked.append(f"{type(request).__name__} {'source' if request[0] == source else 'target'}")
            value = answers[asked[-1]].pop(0)
            answer = ("error", value) if isinstance(value, ServiceError) else ("ok", value)
    assert end.value.value.result == result
    assert asked == ["Head source", "Copy source", "Head target", "Compare source", "Head source"]


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_six_gib_killed_in_the_middle(gateway: S3Server, aws_env: Any, tmp_path: Path, capsys: Any) -> None:
    aws_env(gateway)
    m = Mover(gateway, tmp_path, versioned=True)
    digests = uploaded(m, "six")
    plan = plan_move(m.desk, m.source, m.target)
    assert plan.bytes == SIZE
    begun = time.monotonic()
    job, pid = m.start(plan)
    parts = killed_in_the_middle(m, job, pid)
    killed = time.monotonic()
    m.pid = launch(m.home.path, job, extra_env=gateway.environ)
    status = m.wait(job, 1200)
    assert (status.state, status.done, status.bytes) == ("done", plan.operations, SIZE), m.logs(job)
    head = m.s3.head_object(Bucket=m.new, Key="six")
    assert (head["ContentLength"], head["Metadata"]) == (SIZE, {"a": "b"})
    whole = hashlib.md5(b"".join(map(bytes.fromhex, digests))).hexdigest()
    assert head["ETag"].strip('"') == f"{whole}-{SIZE // PART}", "every part holds the bytes of the source"
    versions = m.s3.list_object_versions(Bucket=m.new).get("Versions", [])
    assert len(versions) == 1, "copied once"
    left = m.s3.list_multipart_uploads(Bucket=m.new).get("Uploads", [])
    with capsys.disabled():
        print(f"\n6 GiB: killed after {parts} of {SIZE // PART} parts and {killed - begun:.0f} s, whole "
              f"{time.monotonic() - killed:.0f} s later; {status.requests}; uploads left behind: {len(left)}",
              end=" ")
    assert status.requests["UploadPartCopy"] == SIZE // PART
    # What the killed worker had begun stays; `plan abort` finds it and aborts it.
    assert len(left) == 1
