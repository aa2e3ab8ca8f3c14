"""Browse on a real reader: the emulator over HTTP, a closed port, and no credentials."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s3console.config import load_config
from s3console.ui.app import S3ConsoleApp
from s3console.workflow.desk import Desk, open_desk

from .conftest import SIZE, frame, press, settle
from .test_browse import browse


def desk_on(tmp_path: Path, endpoint_url: str) -> Desk:
    return open_desk(load_config(
        {"endpoint_url": endpoint_url, "region": "us-east-1", "state_dir": str(tmp_path / "home")}, {}))


async def test_versions_markers_and_hostile_names_over_http(
    ministack: Any, aws_env: Callable[[Any], None], tmp_path: Path
) -> None:
    aws_env(ministack)
    bucket, client = ministack.bucket(versioning=True), ministack.client()
    for body in (b"old", b'{"new": true}'):
        client.put_object(Bucket=bucket, Key="d/1::png.json", Body=body, ContentType="application/json")
    client.put_object(Bucket=bucket, Key="d/gone", Body=b"x")
    client.delete_object(Bucket=bucket, Key="d/gone")
    client.put_object(Bucket=bucket, Key="d/esc\x1b]2;PWNED\x07", Body=b"y")
    app = S3ConsoleApp(desk_on(tmp_path, ministack.endpoint_url), start=f"s3://{bucket}/d/")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert [row.key for row in browse(app).rows.rows(0, 9)] == ["d/1::png.json", "d/esc\x1b]2;PWNED\x07"]
        assert "application/json" in frame(app)
        assert "esc\\x1b]2;PWNED\\x07" in frame(app)
        await press(pilot, "v")
        assert "2 versions" in frame(app)
        assert "current" in frame(app)
        await press(pilot, "p")
        assert '"new": true' in frame(app)
        await press(pilot, "escape", "full_stop")
        assert "deleted" in frame(app)
        assert browse(app).rows.loaded == 3


async def test_a_closed_port_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    app = S3ConsoleApp(desk_on(tmp_path, "http://127.0.0.1:9"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        shown = frame(app)
        assert "127.0.0.1:9" in shown
        assert "Traceback" not in shown
        assert "unexpected" not in shown


async def test_no_credentials_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    app = S3ConsoleApp(desk_on(tmp_path, "http://127.0.0.1:9"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "redentials" in frame(app)
        assert "unexpected" not in frame(app)
