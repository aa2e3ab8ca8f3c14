"""Fixtures for all tests."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest_servers import aws_env, ceph, ministack, moto, odd_server, running_odd_server, s3_server
from conftest_synth import synthetic

__all__ = ["aws_env", "ceph", "ministack", "moto", "odd_server", "running_odd_server", "s3_server",
           "synthetic"]

STARTED_BY = "STARTED_BY_TESTS"
"""A variable that everything the tests start inherits, whatever session it is in."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has it ignored, and what they start inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

CRASHED = pytest.StashKey[list[str]]()


def left_over() -> dict[int, str]:
    """The command lines of processes of s3console that this process of the tests has started and that run.

    The folder in the command line of a runner names the test it belongs to.
    """
    ours, found = f"{STARTED_BY}={os.getpid()}".encode(), {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if (any(word == b"s3console" or word.startswith(b"s3console.") for word in words)
                    and ours in (process / "environ").read_bytes().split(b"\0")):
                found[int(process.name)] = b" ".join(words).decode(errors="replace")
    return found


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_over(request: pytest.FixtureRequest) -> Iterator[None]:
    """No runner, console or other process of s3console outlives the tests; one that does is named and killed.

    A test that failed did not come to its own clearing up, so after a failure it is only told.
    """
    os.environ[STARTED_BY] = str(os.getpid())
    yield
    end = time.monotonic() + 60
    while (left := left_over()) and time.monotonic() < end and not request.session.testsfailed:
        time.sleep(0.1)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    told = "\n".join(["processes that the tests have left behind, now killed:", *left.values()])
    if left and request.session.testsfailed:
        print(told)
    else:
        assert not left, told


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: Any, sched: Any) -> None:
    """A worker of pytest-xdist died in this test."""
    sched.config.stash.setdefault(CRASHED, []).append(crashitem)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that died is no failed test: a second run in which it lives must not hide it."""
    if CRASHED in session.config.stash:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
