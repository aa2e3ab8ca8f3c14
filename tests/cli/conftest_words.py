"""The command line in this process, on a served demo of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from s3console.cli.main import main
from s3console.demo.server import DemoServer

Run = Callable[..., tuple[int, list[dict[str, Any]], str]]
THEN = "2024-06-20T00:00:00Z"


@pytest.fixture(scope="module")
def served() -> Iterator[DemoServer]:
    with DemoServer() as server:
        yield server


@pytest.fixture
def run(served: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> Run:
    """`run(*words)` gives the exit code, the rows of stdout, and stderr; `plain=True` leaves out --json and
    gives everything as text."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": served.access_key, "AWS_SECRET_ACCESS_KEY": served.secret_key,
        "AWS_DEFAULT_REGION": served.region, "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_S3": served.endpoint_url, "S3CONSOLE_HOME": str(tmp_path / "state"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)

    def words(*arguments: str, plain: bool = False) -> tuple[int, list[dict[str, Any]], str]:
        code = main([*arguments] if plain else [*arguments, "--json"])
        captured = capsys.readouterr()
        rows = [] if plain else [json.loads(line) for line in captured.out.split("\n") if line]
        return code, rows, captured.err + (captured.out if plain else "")

    return words
