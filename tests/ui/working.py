"""The demo server, a desk on it, and a stored review of its DistCp story, for the screens that work."""

from __future__ import annotations

import asyncio
import os
import random
import re
import select
import shutil
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, ClassVar, TypeVar

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.app import App
from textual.pilot import Pilot

from s3console.config import load_config
from s3console.demo.server import DemoServer
from s3console.store.home import Home
from s3console.store.leftovers import SCAN
from s3console.ui.app import S3ConsoleApp
from s3console.ui.comparing.child import Child, Reached
from s3console.ui.plans import facts
from s3console.ui.screens import comparing
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import Task
from s3console.workflow.comparing import CompareOptions, compare
from s3console.workflow.desk import Desk, open_desk, parse_place
from s3console.workflow.jobs import list_jobs
from s3console.workflow.planning import plan_repair

from .conftest import PATIENCE, SIZE, Picture, frame, settle

REVIEW = "r20240625-101134-demo"
T = TypeVar("T")


class HeldComparison(Child):
    """A comparison that is stopped when its scan begins; nothing it says is read before it is let go."""

    let_go: ClassVar[threading.Event]
    until_it_speaks: ClassVar[bool] = False
    """Whether it goes on to its first word: before that it may hold what another comparison waits for."""

    def __init__(self, words: Sequence[str], *, into: IO[bytes] | None = None) -> None:
        super().__init__(words, into=into)
        state = next(word.partition("=")[2] for word in words if word.startswith("--state-dir="))
        reviews, end = Path(state) / "reviews", time.monotonic() + PATIENCE
        while not list(reviews.glob(f"{SCAN}*")) and time.monotonic() < end:
            time.sleep(0.001)
        if self.until_it_speaks:
            select.select([self._process.stderr], [], [], PATIENCE)
        os.kill(self._process.pid, signal.SIGSTOP)

    def finish(self, task: Task, progress: Callable[[Reached], None] | None = None) -> bytes:
        self.let_go.wait(2 * PATIENCE)
        os.kill(self._process.pid, signal.SIGCONT)
        return super().finish(task, progress)


@pytest.fixture
def held_comparison(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Comparisons of the Compare screen stand still until this is set."""
    let_go = threading.Event()
    monkeypatch.setattr(HeldComparison, "let_go", let_go, raising=False)
    monkeypatch.setattr(comparing, "Child", HeldComparison)
    yield let_go
    let_go.set()


@pytest.fixture(scope="module")
def demo_server() -> Iterator[DemoServer]:
    """One embedded S3 with the stories; jobs of the tests change it, so no other file of tests shares it."""
    with DemoServer() as server:
        yield server


def _environ(server: DemoServer, patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    for name, value in server.environment().items():
        patch.setenv(name, value)


@pytest.fixture(scope="module")
def reviewed(demo_server: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with one review of bucket1 and bucket2."""
    path = tmp_path_factory.mktemp("reviewed") / "home"
    with pytest.MonkeyPatch.context() as patch:
        _environ(demo_server, patch)
        patch.setattr(Home, "new_id", lambda self, prefix="": REVIEW)
        desk = open_desk(load_config({"state_dir": str(path)}, os.environ))
        here = desk.config.connection
        compare(desk, parse_place("s3://bucket1/", here), parse_place("s3://bucket2/", here),
                CompareOptions(versions=True))
    return path


@pytest.fixture
def empty_desk(demo_server: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk on the demo without any state."""
    _environ(demo_server, monkeypatch)
    return open_desk(load_config({"state_dir": str(tmp_path / "empty")}, os.environ))


@pytest.fixture
def work_desk(
    demo_server: DemoServer, reviewed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """A desk of its own with the stored review. Runners it left are ended."""
    _environ(demo_server, monkeypatch)
    monkeypatch.setenv("LOGNAME", "maria")
    monkeypatch.setattr(facts, "random", SimpleNamespace(Random=lambda seed: random.Random(7)))
    shutil.copytree(reviewed, tmp_path / "home")
    (tmp_path / "home").chmod(0o700)
    desk = open_desk(load_config({"state_dir": str(tmp_path / "home")}, os.environ))
    yield desk
    for job in list_jobs(desk):
        if job.runner:
            os.kill(job.runner, 9)


Opened = Callable[..., Any]


def planned(desk: Desk, prefix: str, **more: Any) -> str:
    """A plan for a prefix of the review; returns its id."""
    return plan_repair(desk, REVIEW, prefix, **more).plan


def console(desk: Desk, *, live: bool = True, read_only: bool = False) -> S3ConsoleApp:
    """A console that may write, unless told otherwise."""
    app = S3ConsoleApp(desk, read_only=read_only)
    if live:
        app.live = True
    return app


async def go(pilot: Pilot[Any], name: str) -> ConsoleScreen:
    """Show a screen and wait until it rests."""
    await settle(pilot)
    app = pilot.app
    assert isinstance(app, S3ConsoleApp)
    app.action_show(name)
    await settle(pilot)
    screen = app.screen_of_mode
    assert screen is not None
    assert screen.scope == name
    return screen


async def until(pilot: Pilot[Any], wish: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Wait for something outside of the console, such as a runner."""
    await soon(pilot, wish, seconds=seconds)
    await settle(pilot)


async def soon(pilot: Pilot[Any], wish: Callable[[], T | None], *, seconds: float = PATIENCE) -> T:
    """What comes while a thread of the console may still be at work."""
    deadline = time.monotonic() + seconds
    while not (found := wish()):
        told = "\n".join(notice.message for notice in pilot.app._notifications)
        assert time.monotonic() < deadline, told + "\n" + frame(pilot.app)  # type: ignore[arg-type]
        await pilot.pause(0.02)
    return found


def says(app: App[Any], text: str) -> bool:
    """Whether a notification on the screen holds this text, wherever its lines are broken."""
    return any(text.lower() in notice.message.lower() for notice in app._notifications)


async def by_hand(pilot: Pilot[Any], text: str) -> None:
    """Characters at the pace of a hand."""
    for character in text:
        await asyncio.sleep(0.015)
        await pilot.press(character)
    await pilot.pause()


_MASKS = (
    (r"\b[rp]?20\d{6}-\d{6}-\w{4}\b", lambda m: "#" * len(m[0])),
    (r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?", lambda m: "2024-06-25 10:11:34"[:len(m[0])]),
    (r"\b[0-9a-f]{16}…", lambda m: "digest" + "#" * (len(m[0]) - 6)),
    (r"\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12}\b", lambda m: "#" * 12),
    (r"\b\d{12}\b", lambda m: "#" * 12),
    (r"(?<=LOG  )\d\d:\d\d:\d\d", lambda m: "10:11:34"),
    (r"(?<=bucket1 → bucket2) +\d+[smhd](?= │)", lambda m: "#s".rjust(len(m[0]))),
    (r"127\.0\.0\.1:\d+", lambda m: "127.0.0.1:" + "#" * (len(m[0]) - 10)),
    (r"\b\d(?= ?s ago)", lambda m: "#"),
    (r"\d+ LIST.*estimated", lambda m: "requests".rjust(len(m[0]))),
)


def masked(text: str) -> str:
    """A frame without what differs from run to run: ids, times, ports, samples at random."""
    for pattern, change in _MASKS:
        text = re.sub(pattern, change, text)
    return text


Looks = Callable[..., Awaitable[None]]


@pytest.fixture
def looks(snapshot: SnapshotAssertion) -> Looks:
    """`await looks(pilot, "name")` compares the masked frame."""

    async def check(pilot: Pilot[Any], name: str) -> None:
        await settle(pilot)
        assert isinstance(pilot.app, S3ConsoleApp)
        pilot.app.poll()
        await settle(pilot)
        assert masked(frame(pilot.app)) == snapshot(name=name)

    return check


__all__ = ["SIZE", "Picture", "by_hand", "console", "demo_server", "empty_desk", "go", "held_comparison",
           "looks", "masked", "planned", "reviewed", "says", "soon", "until", "work_desk"]
