"""Command lines for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest_cli import Cli, MakeCli, environment
from conftest_servers import S3Server
from conftest_words import run, served


@pytest.fixture
def bare_cli(tmp_path: Path) -> Cli:
    """No credentials, no endpoint."""
    return Cli(tmp_path / "state", environment(tmp_path / "state"))


@pytest.fixture
def odd_cli(tmp_path: Path) -> MakeCli:
    """A command line for a scripted server."""
    def make(endpoint: str) -> Cli:
        state = tmp_path / "state"
        return Cli(state, environment(state, AWS_ACCESS_KEY_ID="odd", AWS_SECRET_ACCESS_KEY="odd-secret"),
                   ("--endpoint-url", endpoint), ["odd-secret"])
    return make


@pytest.fixture(scope="module")
def cli(ministack: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The command line on MiniStack; one state directory for the tests of a module."""
    state = tmp_path_factory.mktemp("cli") / "state"
    yield Cli(state, environment(state, **ministack.environ), ("--endpoint-url", ministack.endpoint_url),
              [ministack.secret_key] if len(ministack.secret_key) > 5 else [])


__all__ = ["run", "served"]
