"""Leaving operations out, approving several plans, stale plans: the Review screen over real plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3console.core.errors import Refused, UsageError
from s3console.core.model import Operation
from s3console.store.approvals import load_approval, load_rejection
from s3console.store.plans import list_plans, load_plan, open_plan
from s3console.ui.dialogs.approve_several import ApproveSeveral
from s3console.ui.dialogs.compare_form import CompareForm
from s3console.ui.dialogs.operations import OperationsDialog
from s3console.ui.screens.compare import CompareScreen
from s3console.ui.screens.review import ReviewScreen
from s3console.workflow import staleness
from s3console.workflow.approving import approve
from s3console.workflow.desk import Desk
from s3console.workflow.jobs import list_jobs
from s3console.workflow.plan_states import plan_state
from s3console.workflow.reducing import plan_without

from .conftest import SIZE, press, settle
from .working import REVIEW, Looks, console, go, planned, says, until


def operations(desk: Desk, plan: str) -> list[Operation]:
    with open_plan(desk.home, plan) as sealed:
        sealed.verify()
        return list(sealed.all_operations())


def test_a_plan_without_some_operations_is_another_plan(work_desk: Desk) -> None:
    old = load_plan(work_desk.home, planned(work_desk, "document002/"))
    before = operations(work_desk, old.plan)
    first_delete = next(one.index for one in before if one.removes)
    new = plan_without(work_desk, old.plan, [0, 3, first_delete + 5])
    after = operations(work_desk, new.plan)
    assert new.digest != old.digest
    assert (new.copy, new.delete) == (126, 125)
    gone = {before[index].target for index in (0, 3)}
    assert not gone & {one.target for one in after}
    assert [one.index for one in after] == list(range(len(after)))
    for one in after:
        if one.after is not None:
            copy = next(past for past in before if past.target == one.target and past.removes)
            assert copy.after is not None
            assert after[one.after].target == before[copy.after].target, "a delete waits for its own copy"
    rejection = load_rejection(work_desk.home, old.digest)
    assert rejection is not None
    assert rejection.reason == f"replaced by plan {new.plan}"
    assert any("dropped by hand (3)" in note for note in new.notes)
    assert any("with the copies they wait for (2)" in note for note in new.notes)
    with pytest.raises(Refused, match="rejected"):
        approve(work_desk, old.plan, count=old.operations)
    with pytest.raises(Refused, match="rejected"):
        plan_without(work_desk, old.plan, [1])


def test_what_cannot_be_left_out(work_desk: Desk) -> None:
    plan = planned(work_desk, "document003/", only="copy")
    with pytest.raises(UsageError, match="no operation 161"):
        plan_without(work_desk, plan, [160])
    with pytest.raises(UsageError, match="no operation is named"):
        plan_without(work_desk, plan, [])
    with pytest.raises(Refused, match="nothing to plan"):
        plan_without(work_desk, plan, range(160))
    assert plan_state(work_desk, load_plan(work_desk.home, plan)) == "ready"
    assert len(list_plans(work_desk.home)) == 1


async def test_marked_rows_are_left_out_on_the_screen(work_desk: Desk, looks: Looks) -> None:
    old = load_plan(work_desk.home, planned(work_desk, "document002/"))
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "review")
        assert isinstance(screen, ReviewScreen)
        await press(pilot, "minus")
        assert isinstance(app.screen, OperationsDialog)
        await press(pilot, "minus")
        assert isinstance(app.screen, OperationsDialog), "nothing is marked"
        app.clear_notifications()
        await press(pilot, "space", "space")
        await looks(pilot, "two marked")
        await press(pilot, "minus")
        await until(pilot, lambda: says(app, "252 operations, 4 fewer"))
        assert screen.line is not None
        assert (screen.line.plan.operations, screen.line.state) == (252, "ready")
        assert load_rejection(work_desk.home, old.digest) is not None


async def test_one_y_approves_several_that_can_be_undone(work_desk: Desk, looks: Looks) -> None:
    lossy = planned(work_desk, "document002/")
    names = [planned(work_desk, prefix, only="copy") for prefix in ("document003/", "document009/")]
    app = console(work_desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await go(pilot, "review")
        await press(pilot, "asterisk", "A")
        assert says(app, "loses bytes, so it is approved alone")
        assert app.screen is app.screen_of_mode
        await press(pilot, "escape", "home")
        app.clear_notifications()
        row = next(n for n, line in enumerate(app.screen.plans.source.rows(0, 9))  # type: ignore[attr-defined]
                   if line.plan.plan == lossy)
        for at in range(3):
            app.screen.plans.cursor = at  # type: ignore[attr-defined]
            if at != row:
                await press(pilot, "space")
        await press(pilot, "A")
        assert isinstance(app.screen, ApproveSeveral)
        # As if it had just opened, however slow this machine is.
        app.screen._since += 600
        await press(pilot, "y")
        assert isinstance(app.screen, ApproveSeveral), "the y came too early"
        await looks(pilot, "two at once")
        app.screen._since -= 1200
        await press(pilot, "enter")
        assert not list_jobs(work_desk)
        await press(pilot, "A")
        assert isinstance(app.screen, ApproveSeveral)
        app.screen._since -= 600
        await press(pilot, "y")
        await until(pilot, lambda: sorted(job.plan for job in list_jobs(work_desk)) == sorted(names))
        assert load_approval(work_desk.home, load_plan(work_desk.home, lossy).digest) is None


async def test_a_stale_plan_says_why_and_leads_back(
    work_desk: Desk, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(work_desk, "document005/")
    from s3console.workflow import plan_states

    later = plan_states.now()
    for module in (plan_states, staleness):
        monkeypatch.setattr(module, "now", lambda: later.replace(year=later.year + 1))
    app = console(work_desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await go(pilot, "review")
        await looks(pilot, "stale")
        await press(pilot, "A")
        assert app.screen is app.screen_of_mode
        assert says(app, "This plan is stale")
        await press(pilot, "c")
        await settle(pilot)
        screen = app.screen_of_mode
        assert isinstance(screen, CompareScreen)
        assert screen.review is not None
        assert screen.review.header.review == REVIEW
        assert screen.prefixes.current.totals.prefix == "document005/"  # type: ignore[union-attr]
        await go(pilot, "review")
        await press(pilot, "S")
        assert isinstance(app.screen, CompareForm)
        assert app.screen.sides == ("s3://bucket1/document005/", "s3://bucket2/document005/")


async def test_operations_go_into_a_file(work_desk: Desk, tmp_path: Path) -> None:
    planned(work_desk, "document003/", only="copy")
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "review")
        assert isinstance(screen, ReviewScreen)
        assert screen.line is not None
        path = tmp_path / "operations.csv"
        screen.export_to(screen.line.plan, str(path))
        await until(pilot, lambda: says(app, "160 operations written"))
        lines = path.read_text().splitlines()
        assert len(lines) == 161
        assert lines[0].startswith("number,kind,bucket,key")
        screen.export_to(screen.line.plan, str(tmp_path / "operations.txt"))
        await until(pilot, lambda: says(app, "End it with .csv"))
