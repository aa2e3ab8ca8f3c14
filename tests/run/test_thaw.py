"""Archived sources on moto: without --thaw they fail with a reason, with it the job waits and goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from conftest_servers import S3Server, _free_port
from workflow.mover import Mover

from s3console.core.errors import UsageError
from s3console.store.jobs import job_folder, read_failures
from s3console.workflow.carrying import Carrying
from s3console.workflow.jobs import job_status
from s3console.workflow.moving import plan_move
from s3console.workflow.planning import plan_copy


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[S3Server]:
    program = Path(sys.executable).with_name("moto_server")
    if not program.exists():
        print("moto is not installed: pip install 'moto[server]'")
        pytest.skip("moto is not installed: pip install 'moto[server]'")
    port = _free_port()
    with (tmp_path / "moto.log").open("wb") as log:
        process = subprocess.Popen([str(program), "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log,
                                   env={**os.environ, "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "1000000"})
    server = S3Server("moto", f"http://127.0.0.1:{port}", "test", "test")
    try:
        end = time.monotonic() + 120
        while True:
            try:
                server.client().list_buckets()
                break
            except EndpointConnectionError:
                assert process.poll() is None and time.monotonic() < end, (tmp_path / "moto.log").read_text()
                time.sleep(0.2)
        yield server
    finally:
        process.kill()
        process.wait(60)


@pytest.fixture
def mover(moto: S3Server, aws_env: Any, tmp_path: Path) -> Mover:
    aws_env(moto)
    made = Mover(moto, tmp_path, target_versioned=False)
    made.put("cold", b"frozen", StorageClass="GLACIER")
    made.put("warm", b"at hand")
    return made


def test_an_archived_source_fails_with_a_reason(mover: Mover) -> None:
    plan = plan_copy(mover.desk, mover.source, mover.target)
    assert any("--thaw" in note for note in plan.notes)
    job, status = mover.run(plan)
    assert (status.done, status.failed) == (1, 1), mover.logs(job)
    (failure,) = read_failures(job_folder(mover.home, job))
    assert (failure.key, failure.code) == ("cold", "InvalidObjectState")
    assert "--thaw" in failure.message


def test_a_job_waits_until_its_sources_are_thawed(mover: Mover) -> None:
    plan = plan_move(mover.desk, mover.source, mover.target,
                     carrying=Carrying(thaw="bulk/3", storage_class="STANDARD"))
    assert any("restored first" in note for note in plan.notes)
    job, _ = mover.start(plan, thaw_look=2.0)
    phases = set()
    end = time.monotonic() + 150
    while (status := job_status(mover.desk, job)).state not in ("done", "failed") and time.monotonic() < end:
        phases.add((status.phase, status.message))
        time.sleep(0.05)
    assert (status.state, status.done) == ("done", 2), f"{status} {mover.logs(job)}"
    assert ("thawing", "1 operations wait until their source is thawed") in phases, phases
    assert mover.s3.get_object(Bucket=mover.new, Key="cold")["Body"].read() == b"frozen"
    assert status.requests["RestoreObject"] >= 1


@pytest.mark.parametrize("wrong", [{"thaw": "soon"}, {"thaw": "Bulk/0"}, {"storage_class": "COLD"}])
def test_what_cannot_be_carried_that_way(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Carrying(**wrong)
