"""`demo --serve`: a filled S3 on loopback that tells how to reach it and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest_cli import ROOT, Cli
from ui.pty_app import PtyApp

BROKEN = """
from s3console.ui.app import S3ConsoleApp

def broken(self):
    secret = "hunter2-in-a-local"
    raise ZeroDivisionError(secret)

S3ConsoleApp._look_back = broken
"""


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
        assert process.wait(120) == 0
    assert bare_cli("--endpoint-url", told["endpoint_url"], "ls", "s3://", code=3).out == ""


def test_the_report_of_a_crash_outlives_the_demo(bare_cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("ministack", reason="the demo extra is not installed")
    passing = tmp_path / "tmp"
    passing.mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text(BROKEN)
    environ = {**bare_cli.environ, "TMPDIR": str(passing), "PYTHONPATH": f"{tmp_path / 'broken'}:{ROOT}"}
    del environ["S3CONSOLE_HOME"]
    app = PtyApp(["env", "-u", "S3CONSOLE_HOME", sys.executable, "-m", "s3console", "demo"], env=environ)
    assert app.wait(120) == 1, bytes(app.buf[-2000:])
    said = " ".join(app.buf.decode("utf-8", "replace").split())
    assert "unexpected ZeroDivisionError" in said and "hunter2" not in said
    (left,) = (path for path in passing.rglob("*") if path.is_file())
    assert re.sub(r"\s", "", str(left)) in re.sub(r"\s", "", said), "the sentence says where it is"
    assert "broken" in left.read_text() and "hunter2" not in left.read_text()
    assert left.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in passing.iterdir()] == [left.parent.name]
    assert os.listdir(left.parent) == [left.name]
