"""Looks at the console: text frames in one readable file, a few pictures beside it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.pilot import Pilot
from textual.widgets import Input

from s3console.ui.app import S3ConsoleApp
from s3console.ui.threads import Task

from .fake_desk import FakeDesk, ReadTwin, store

SIZE = (120, 36)
PATIENCE = 120.0
"""Seconds that a busy machine may take to bring what is waited for."""
Look = Callable[..., Awaitable[None]]


class Picture(SingleFileSnapshotExtension):
    """One SVG per picture."""

    file_extension = "svg"
    _write_mode = WriteMode.TEXT


def frame(app: S3ConsoleApp) -> str:
    """What the terminal shows, as text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


TIMED = ("poll", "look", "journal")
"""Looks that a timer begins again and again."""


def looks_under_way(app: S3ConsoleApp) -> set[Task]:
    """The looks of timers that have not been delivered."""
    return {task for tasks in list(app.threads._running.values()) for name, task in list(tasks.items())
            if name in TIMED and not (task.done.is_set() or task.cancelled)}


def busy(app: S3ConsoleApp, *, but: set[Task]) -> bool:
    """Whether a thread of the console works on anything but these."""
    return any(not (task.done.is_set() or task.cancelled or task in but)
               for tasks in list(app.threads._running.values()) for task in list(tasks.values()))


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until every thread has delivered and the screen was drawn."""
    app = pilot.app
    assert isinstance(app, S3ConsoleApp)
    calm, begun, first = 0, monotonic(), looks_under_way(app)
    while True:
        await pilot.pause()
        # A job that runs is looked at all the time: on a busy machine there is never a moment without a look.
        late = looks_under_way(app) - first if monotonic() > begun + 5 else set()
        calm = 0 if busy(app, but=late) else calm + 1
        if calm == 3:
            break
        assert monotonic() < begun + PATIENCE, "the console did not come to rest"
        await pilot.pause(0.01)
    app.refresh_chrome()
    await pilot.pause()
    await pilot.pause()


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Keys one by one, each with its consequences."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def type_text(pilot: Pilot[Any], text: str) -> None:
    """Text into the field that has the focus."""
    names = {":": "colon", "/": "slash", ".": "full_stop", " ": "space", "-": "minus", "_": "underscore"}
    await pilot.press(*(names.get(char, char) for char in text))
    await settle(pilot)


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """No animation, no blinking, the same colours and the same marks on every machine."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "S3CONSOLE_THEME", "S3CONSOLE_ASCII", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)


@pytest.fixture
def twin() -> ReadTwin:
    """The store the console looks at."""
    return store()


@pytest.fixture
def desk(tmp_path: Path, twin: ReadTwin) -> FakeDesk:
    """A desk with a real state directory and the store twin."""
    return FakeDesk(tmp_path / "home", twin)


@pytest.fixture
def look(snapshot: SnapshotAssertion) -> Look:
    """`await look(pilot, "name")` compares the frame; `svg=True` the picture too."""

    async def check(pilot: Pilot[Any], name: str, *, svg: bool = False) -> None:
        await settle(pilot)
        assert isinstance(pilot.app, S3ConsoleApp)
        shown = re.sub(r"\d+(?= (LIST|HEAD|GET)\b)", "#", frame(pilot.app))
        assert shown == snapshot(name=name)
        if svg:
            drawn = re.sub(r"\bterminal-\d+-", "terminal-", pilot.app.export_screenshot(title="s3console"))
            drawn = re.sub(r"\d+(?=&#160;(LIST|HEAD|GET)\b)", "#", drawn)
            assert drawn == snapshot(extension_class=Picture, name=name + "-svg")

    return check


from .working import (  # noqa: E402 - it needs the above
    demo_server,
    empty_desk,
    held_comparison,
    looks,
    reviewed,
    work_desk,
)

__all__ = ["Look", "calm", "demo_server", "desk", "empty_desk", "frame", "held_comparison", "look", "looks",
           "press", "reviewed", "settle", "twin", "type_text", "work_desk"]


@pytest.fixture(autouse=True)
def notices_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence stays until a test has read it, however slow the machine is."""
    monkeypatch.setattr(S3ConsoleApp, "NOTIFICATION_TIMEOUT", 600.0)
