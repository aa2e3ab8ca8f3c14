"""A state directory and facts to put into it."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from conftest_store import copies

import s3console
from s3console.core.model import Place, Plan
from s3console.store.home import Home
from s3console.store.plan_writer import PlanWriter

Limit = Callable[[int], AbstractContextManager[None]]
MakePlan = Callable[..., Plan]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "state")


@pytest.fixture
def child_environ() -> dict[str, str]:
    """For child processes: they import this s3console."""
    return {**os.environ, "PYTHONPATH": str(Path(s3console.__file__).parents[1])}


@pytest.fixture
def file_limit() -> Limit:
    """No file of this process may grow beyond so many bytes: writes fail with EFBIG, as over quota."""

    @contextlib.contextmanager
    def limit(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    path = tmp_path / "disk"
    path.mkdir(mode=0o700)
    options = "size=4m,mode=0700"
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(path)], capture_output=True)
    if made.returncode:
        pytest.skip(
            "a small disk needs the right to mount tmpfs: " + made.stderr.decode(errors="replace").strip()
        )
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def make_plan(home: Home) -> MakePlan:
    def make(count: int = 12, *, batch_size: int = 5, title: str = "copy a to b", created: str = "") -> Plan:
        with PlanWriter(home, batch_size) as writer:
            writer.add(copies(count))
            return writer.seal(
                prefix="a/",
                left=Place("a"),
                right=Place("b"),
                created_by="alice",
                versioning="Enabled",
                requests={"CopyObject": count},
                title=title,
                created=created,
            )

    return make
