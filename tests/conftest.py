"""Fixtures for all tests."""

from typing import Any

import pytest
from conftest_servers import aws_env, ceph, ministack, moto, odd_server, running_odd_server, s3_server
from conftest_synth import synthetic

__all__ = ["aws_env", "ceph", "ministack", "moto", "odd_server", "running_odd_server", "s3_server",
           "synthetic"]

CRASHED = pytest.StashKey[list[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: Any, sched: Any) -> None:
    """A worker of pytest-xdist died in this test."""
    sched.config.stash.setdefault(CRASHED, []).append(crashitem)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that died is no failed test: a second run in which it lives must not hide it."""
    if CRASHED in session.config.stash:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
