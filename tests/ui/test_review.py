"""Review: plans that wait, and the way from a plan to a job that is done."""

from __future__ import annotations

from time import monotonic

from s3console.store.approvals import load_rejection
from s3console.store.plans import load_plan
from s3console.ui.dialogs.approve import ApproveDialog
from s3console.ui.screens.review import ReviewScreen
from s3console.ui.widgets.number_field import NumberField
from s3console.workflow.desk import Desk, parse_place
from s3console.workflow.jobs import list_jobs

from .conftest import SIZE, frame, press, settle
from .working import Looks, by_hand, console, go, planned, soon, until


async def test_plans_in_full(work_desk: Desk, looks: Looks) -> None:
    planned(work_desk, "document005/")
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        await go(pilot, "review")
        await looks(pilot, "a plan that cannot be undone")
        planned(work_desk, "document008/", include=("junk",))
        await press(pilot, "f5", "down")
        assert "by name alone (junk)" in frame(app)
        planned(work_desk, "document006/", only="copy")
        await press(pilot, "f5", "end")
        assert "3 of 3 plans wait" in frame(app)
        app.run_words("write on")
        await settle(pilot)
        assert "A approves this plan" in frame(app)


async def test_no_plan_yet(work_desk: Desk, looks: Looks) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        await go(pilot, "review")
        await looks(pilot, "no plan yet")


async def test_reject_keeps_the_reason(work_desk: Desk) -> None:
    plan = planned(work_desk, "document002/")
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        await go(pilot, "review")
        await press(pilot, "R", *"wrong")
        await press(pilot, "enter")
        assert "rejected" in frame(app)
    rejection = load_rejection(work_desk.home, load_plan(work_desk.home, plan).digest)
    assert rejection is not None
    assert rejection.reason == "wrong"


async def test_from_plan_to_done_on_the_demo(work_desk: Desk) -> None:
    planned(work_desk, "document002/")
    planned(work_desk, "document003/")
    app = console(work_desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "review")
        assert isinstance(screen, ReviewScreen)
        line = screen.line
        assert line is not None
        first = line.plan
        await press(pilot, "A")
        assert isinstance(app.screen, ApproveDialog)
        await soon(pilot, lambda: monotonic() - app.screen.query_one(NumberField)._since > NumberField.DEAF)
        await by_hand(pilot, str(first.operations))
        await press(pilot, "enter")
        await settle(pilot)
        line = screen.line
        assert line is not None
        assert line.plan.digest != first.digest
        assert line.state == "ready"
        await until(pilot, lambda: [job.state for job in list_jobs(work_desk)] == ["done"])
        job = list_jobs(work_desk)[0]
        assert (job.done, job.failed, job.skipped) == (first.operations, 0, 0)
        app.clear_notifications()
        await go(pilot, "queue")
        await until(pilot, lambda: "✓ done" in frame(app))
        assert "✓ verified" in frame(app)
        assert "Nothing failed" in frame(app)
        await go(pilot, "journal")
        await until(pilot, lambda: "job finish" in frame(app))
        compare = await go(pilot, "compare")
        await press(pilot, "enter")
        assert {row.name: row.state for row in compare.prefixes.source.rows(0, 9)}[first.prefix] == "done"  # type: ignore[attr-defined]
    reader, place = work_desk.reader(), parse_place("s3://bucket2/", work_desk.config.connection)
    page = reader.page(place.bucket, f"{first.prefix}{first.prefix}", delimiter="")
    assert len(page.batch) == 0 or first.prefix != "document002/"


async def test_narrow(work_desk: Desk, looks: Looks) -> None:
    planned(work_desk, "document005/")
    app = console(work_desk, live=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, "review")
        await looks(pilot, "narrow")
