"""`demo --serve`: a filled S3 on loopback that tells how to reach it and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest
from conftest_cli import Cli


def test_demo_serves_and_ends(bare_cli: Cli) -> None:
    pytest.importorskip("ministack", reason="the demo extra is not installed")
    process = subprocess.Popen(bare_cli.command("demo", "--serve", "--json"), env=bare_cli.environ, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["endpoint_url"].startswith("http://127.0.0.1:") and told["objects"] > 10_000
        bare_cli.environ |= {"AWS_ACCESS_KEY_ID": told["access_key"],
                             "AWS_SECRET_ACCESS_KEY": told["secret_key"]}
        listed = bare_cli("--endpoint-url", told["endpoint_url"], "ls", "s3://", "--json", code=0).lines
        assert {"bucket1", "bucket2"} <= {line["bucket"] for line in listed}
        hostile = bare_cli("--endpoint-url", told["endpoint_url"], "ls", "s3://hostile/", "-r", code=0).out
        assert hostile.isprintable() or all(line.isprintable() for line in hostile.split("\n"))
        assert not bare_cli.state.exists()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert bare_cli("--endpoint-url", told["endpoint_url"], "ls", "s3://", code=3).out == ""
