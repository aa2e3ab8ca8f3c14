"""The store and a stock client for the contract tests, on every server: MiniStack, Ceph, and moto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest_servers import S3Server
from contract_tools import client_of, opened

from s3console.s3.write import WriteStore


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The contract runs on three servers, everything else on the two that jobs are tried on."""
    if "s3_server" in metafunc.fixturenames:
        contract = metafunc.module.__name__.rpartition(".")[2].startswith("test_contract")
        servers = ["ministack", "ceph", *(["moto"] if contract else [])]
        metafunc.parametrize("s3_server", servers, indirect=True, scope="session")


@pytest.fixture(scope="session")
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Every server that the contract of the store must hold on."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def store(s3_server: S3Server, aws_env: Callable[[S3Server], None]) -> WriteStore:
    """A writer whose large copies begin at 6 MiB."""
    aws_env(s3_server)
    return opened(s3_server)


@pytest.fixture
def client(s3_server: S3Server) -> Any:
    return client_of(s3_server)
