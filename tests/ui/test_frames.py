"""What the console looks like, in frames and pictures: empty screens, help, palette, themes, the tour."""

from __future__ import annotations

import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.widgets import Input

from s3console.ui import actions
from s3console.ui.app import S3ConsoleApp
from s3console.ui.remembered import Remembered
from s3console.ui.touring.steps import STEPS

from .conftest import SIZE, Look, Picture, frame, press, settle, type_text
from .fake_desk import FakeDesk
from .working import until

SMALL = (80, 24)


async def show(pilot: Pilot[Any], name: str) -> None:
    app = pilot.app
    assert isinstance(app, S3ConsoleApp)
    app.action_show(name)
    await settle(pilot)


async def test_screens_without_anything_teach(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for name in actions.SCREENS[1:]:
            await show(pilot, name)
            await look(pilot, f"{name}, empty", svg=name == "queue")


async def test_help_of_every_screen(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(pilot)
        for name in actions.SCREENS:
            await show(pilot, name)
            await press(pilot, "question_mark")
            await look(pilot, f"help of {name}", svg=name == "review")
            await press(pilot, "escape")


async def test_palette_and_command_line(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "colon")
        await type_text(pilot, "the")
        await look(pilot, "a word half typed")
        assert app.screen.query_one("#command-input", Input)._suggestion == "theme "
        await press(pilot, "escape", "ctrl+p")
        await type_text(pilot, "prof")
        await until(pilot, lambda: "Profile" in frame(app))
        await look(pilot, "the palette after four letters", svg=True)


@pytest.mark.parametrize("name", actions.SCREENS)
async def test_eighty_by_twenty_four(desk: FakeDesk, look: Look, name: str) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await show(pilot, name)
        await look(pilot, f"{name}, 80x24", svg=True)
        assert all(len(line) <= 80 for line in frame(app).splitlines())


def test_a_field_may_be_mounted_before_its_screen_is_on_the_stack(desk: FakeDesk) -> None:
    S3ConsoleApp(desk).clear_selection()


async def test_too_small_says_so(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk)
    async with app.run_test(size=(60, 18)) as pilot:
        await look(pilot, "60x18")


@pytest.mark.parametrize("environ", [
    {"NO_COLOR": "1"}, {"S3CONSOLE_THEME": "ansi"}, {"S3CONSOLE_THEME": "light"}, {"S3CONSOLE_ASCII": "1"},
], ids=lambda environ: next(iter(f"{name.lower()} {value}" for name, value in environ.items())))
async def test_other_looks(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion, environ: dict[str, str]
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert normal(app.export_screenshot(title="s3console")) == snapshot(extension_class=Picture)


def normal(svg: str) -> str:
    """A picture without the number of its app and without what the session asked so far."""
    svg = re.sub(r"\bterminal-\d+-", "terminal-", svg)
    return re.sub(r"\d+(?=&#160;(LIST|HEAD|GET)\b)", "#", svg)


async def test_the_tour_is_offered_once_and_waits(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, demo=True)
    async with app.run_test(size=SIZE) as pilot:
        await look(pilot, "the offer", svg=True)
        await press(pilot, "enter")
        await look(pilot, "the first step", svg=True)
        assert app.guide.at == 0
        await press(pilot, "j")
        await until(pilot, lambda: app.guide.at == 1)
        assert app.guide.number == f"2 of {len(STEPS)}"
        await press(pilot, "2")
        assert f"tour 2 of {len(STEPS)}" in frame(app), "every screen shows the step"
        await press(pilot, "escape")
        assert "tour 2" not in frame(app)
        app.run_words("tour")
        await settle(pilot)
        assert f"tour 2 of {len(STEPS)}" in frame(app)
    assert app.remembered == Remembered(tour_offered=True)
    again = S3ConsoleApp(FakeDesk(desk.home.path, desk.reader()), demo=True)
    async with again.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "new here?" not in frame(again)
