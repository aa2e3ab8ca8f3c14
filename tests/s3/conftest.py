"""The store and a stock client for the contract tests, on every server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest_servers import S3Server
from contract_tools import client_of, opened

from s3console.s3.write import WriteStore


@pytest.fixture
def store(s3_server: S3Server, aws_env: Callable[[S3Server], None]) -> WriteStore:
    """A writer whose large copies begin at 6 MiB."""
    aws_env(s3_server)
    return opened(s3_server)


@pytest.fixture
def client(s3_server: S3Server) -> Any:
    return client_of(s3_server)
