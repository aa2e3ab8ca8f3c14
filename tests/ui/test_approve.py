"""The approval dialog: what it says, and every way in which it does not approve."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from s3console.store.approvals import load_approval
from s3console.store.plans import load_plan
from s3console.ui.app import S3ConsoleApp
from s3console.ui.dialogs.approve import ApproveDialog
from s3console.ui.dialogs.operations import OperationsDialog
from s3console.ui.widgets.number_field import NumberField
from s3console.workflow.desk import Desk
from s3console.workflow.jobs import list_jobs

from .conftest import SIZE, frame, press, settle
from .working import Looks, by_hand, console, go, planned, until

LONG = 600.0


async def ask(pilot: Pilot[Any], *, patient: bool = True) -> None:
    """Open the dialog for the plan on the cursor."""
    await go(pilot, "review")
    await press(pilot, "A")
    assert isinstance(pilot.app.screen, ApproveDialog)
    if patient:
        opened_long_ago(pilot.app.screen)


def opened_long_ago(dialog: ApproveDialog, seconds: float = LONG) -> None:
    """Move the moment in which the dialog and its field appeared into the past."""
    for part in (dialog, *dialog.query(NumberField)):
        assert part._since < float("inf"), "it has not appeared yet"
        part._since -= seconds


def asked(app: S3ConsoleApp) -> bool:
    return isinstance(app.screen, ApproveDialog)


def typed(app: S3ConsoleApp) -> str:
    return app.screen.query_one(NumberField).text


def approved(desk: Desk, plan: str) -> bool:
    return load_approval(desk.home, load_plan(desk.home, plan).digest) is not None


async def test_what_it_says_and_the_wrong_number(work_desk: Desk, looks: Looks) -> None:
    plan = planned(work_desk, "document002/")
    app = console(work_desk)
    async with app.run_test(size=SIZE) as pilot:
        await ask(pilot)
        await looks(pilot, "cannot be undone")
        await press(pilot, "enter")
        assert asked(app)
        await by_hand(pilot, "255")
        await press(pilot, "enter", "y", "enter")
        assert asked(app)
        assert typed(app) == "255"
        assert "not yet: 256 operations" in frame(app)
        await press(pilot, "escape")
        assert not asked(app)
        assert not approved(work_desk, plan)
        assert list_jobs(work_desk) == []


async def test_keys_right_after_it_opens_are_dropped(work_desk: Desk) -> None:
    planned(work_desk, "document002/")
    app = console(work_desk)
    async with app.run_test(size=SIZE) as pilot:
        await ask(pilot, patient=False)
        # As if it had just opened, however slow this machine is.
        app.screen.query_one(NumberField)._since += LONG
        await by_hand(pilot, "256")
        await press(pilot, "enter")
        assert typed(app) == ""
        assert asked(app)


async def test_a_paste_and_a_burst_are_refused(work_desk: Desk) -> None:
    plan = planned(work_desk, "document002/")
    app = console(work_desk)
    async with app.run_test(size=SIZE) as pilot:
        await ask(pilot)
        field = app.screen.query_one(NumberField)
        field.post_message(events.Paste("256"))
        await settle(pilot)
        assert typed(app) == ""
        assert "a paste is not taken" in frame(app)
        burst = [events.Key(digit, digit) for digit in "256"]
        for n, event in enumerate(burst):
            event.time = burst[0].time + n * 0.001
            field.post_message(event)
        await settle(pilot)
        assert typed(app) == ""
        await press(pilot, "enter")
        assert asked(app)
        assert not approved(work_desk, plan)


async def test_the_right_number_is_answered(work_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(work_desk, "document002/")
    app = console(work_desk)
    answers: list[tuple[str, int]] = []
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "review")
        monkeypatch.setattr(screen, "approve", lambda plan, count: answers.append((plan.prefix, count)))
        await ask(pilot)
        await by_hand(pilot, "2566")
        await press(pilot, "backspace")
        assert app.screen.query_one(NumberField).right
        await press(pilot, "enter")
        assert not asked(app)
        assert answers == [("document002/", 256)]


async def test_what_can_be_undone_takes_a_y(
    work_desk: Desk, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(work_desk, "document003/", only="copy")
    app = console(work_desk)
    answers: list[int] = []
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "review")
        monkeypatch.setattr(screen, "approve", lambda plan, count: answers.append(count))
        await ask(pilot, patient=False)
        app.screen._since += LONG  # type: ignore[attr-defined]
        await press(pilot, "y", "enter")
        assert asked(app)
        app.screen._since -= 2 * LONG  # type: ignore[attr-defined]
        await looks(pilot, "can be undone")
        await press(pilot, "enter")
        assert not asked(app)
        assert answers == []
        await ask(pilot)
        burst = [events.Key(key, key) for key in "yes"]
        for n, event in enumerate(burst):
            event.time = burst[0].time + n * 0.001
            app.screen.post_message(event)
        await asyncio.sleep(2 * ApproveDialog.WAIT)
        await settle(pilot)
        assert asked(app), "a text that begins with y is no answer"
        assert answers == []
        await press(pilot, "y")
        await until(pilot, lambda: answers == [160])


async def test_all_operations_can_be_read_first(work_desk: Desk, looks: Looks) -> None:
    planned(work_desk, "document005/", include=("duplicate",))
    app = console(work_desk)
    async with app.run_test(size=SIZE) as pilot:
        await ask(pilot)
        await press(pilot, "v")
        assert isinstance(app.screen, OperationsDialog)
        await looks(pilot, "first operations")
        await press(pilot, "G")
        await looks(pilot, "last operations")
        await press(pilot, "escape")
        assert asked(app)


async def test_narrow(work_desk: Desk, looks: Looks) -> None:
    planned(work_desk, "document002/")
    app = console(work_desk)
    async with app.run_test(size=(80, 24)) as pilot:
        await ask(pilot)
        await looks(pilot, "narrow")


async def test_it_does_not_exist_in_read_only_mode(work_desk: Desk) -> None:
    planned(work_desk, "document002/")
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "review")
        await press(pilot, "A")
        assert app.screen is screen
        assert ":write on allows approvals" in frame(app)
        assert "A approve" not in frame(app)
        await press(pilot, "colon")
        assert "approve" not in frame(app).splitlines()[-1]
