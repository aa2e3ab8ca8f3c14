"""The servers that races are run on."""

from __future__ import annotations

import pytest
from conftest_servers import S3Server


@pytest.fixture(scope="session", params=["ministack", "ceph", "moto"])
def race_server(request: pytest.FixtureRequest) -> S3Server:
    """Every server that a writer races with a job on."""
    server: S3Server = request.getfixturevalue(request.param)
    return server
