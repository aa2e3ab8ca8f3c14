"""Journal: newest first, read window by window, checked on demand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from s3console.store.journal import FILE, Journal
from s3console.store.plans import list_plans
from s3console.ui.dialogs.record import RecordDialog
from s3console.ui.screens.journal import JournalScreen
from s3console.workflow.approving import approve
from s3console.workflow.desk import Desk
from s3console.workflow.jobs import job_status, launch, submit
from s3console.workflow.planning import plan_repair

from .conftest import SIZE, frame, press, settle, type_text
from .working import REVIEW, Looks, console, go, says, until

AT = datetime(2024, 6, 25, 10, 11, 34, tzinfo=UTC)


def written(desk: Desk, count: int) -> Journal:
    journal = Journal(desk.home.journal)
    for n in range(count):
        journal.append("batch begins", moment=AT, job="20240625-101134-demo", batch=n)
    journal.append("approved", moment=AT, plan="3fc19a070011", operations=1204, deletes=602, by="maria",
                   title="repair s3://bucket2/document002/\x1b]2;x")
    return journal


def journal_file(desk: Desk) -> Path:
    path = desk.home.journal
    return path / FILE if path.is_dir() else path


async def test_newest_first_with_details(work_desk: Desk, looks: Looks) -> None:
    written(work_desk, 3)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        await go(pilot, "journal")
        await looks(pilot, "newest first")
        await press(pilot, "down")
        assert "batch       2" in frame(app)


async def test_a_long_journal_is_read_as_far_as_it_is_scrolled(work_desk: Desk) -> None:
    written(work_desk, 900)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "journal")
        assert isinstance(screen, JournalScreen)
        assert len(screen.records.source._kept) == 256
        await press(pilot, "G")
        assert screen.records.current.facts["batch"] == 0  # type: ignore[union-attr]
        await press(pilot, "escape")
        assert screen.records.cursor == 0


async def test_the_chain_is_checked(work_desk: Desk) -> None:
    written(work_desk, 3)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await go(pilot, "journal")
        await press(pilot, "v")
        await until(pilot, lambda: "The journal is whole: 4 records" in frame(app))
        path = journal_file(work_desk)
        path.write_text(path.read_text().replace('"batch":1', '"batch":7'))
        await press(pilot, "v")
        await until(pilot, lambda: "of the journal not a record" in frame(app))


async def test_empty_and_narrow(work_desk: Desk, looks: Looks) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, "journal")
        await looks(pilot, "empty")
        written(work_desk, 2)
        await press(pilot, "f5")
        await settle(pilot)
        await looks(pilot, "narrow")


async def test_filter_details_and_export(work_desk: Desk, looks: Looks, tmp_path: Path) -> None:
    written(work_desk, 300)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "journal")
        assert isinstance(screen, JournalScreen)
        await press(pilot, "slash")
        await type_text(pilot, "MARIA")
        await until(pilot, lambda: "1 record of 301" in frame(app))
        await press(pilot, "enter")
        await looks(pilot, "filtered")
        screen.export_to(str(tmp_path / "some.jsonl"))
        await until(pilot, lambda: says(app, "1 record written"))
        assert '"approved"' in (tmp_path / "some.jsonl").read_text()
        app.clear_notifications()
        await press(pilot, "enter")
        assert isinstance(app.screen, RecordDialog)
        await looks(pilot, "one record")
        await press(pilot, "escape", "slash")
        await type_text(pilot, " and nobody")
        await until(pilot, lambda: "No record holds this text" in frame(app))
        await press(pilot, "escape")
        await until(pilot, lambda: "301 records" in frame(app))


async def test_u_plans_what_takes_a_job_back(work_desk: Desk) -> None:
    plan = plan_repair(work_desk, REVIEW, "document009/", only="copy")
    approve(work_desk, plan.digest, count=plan.operations)
    job = submit(work_desk, plan.digest)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "escape")
        screen = await go(pilot, "journal")
        assert isinstance(screen, JournalScreen)
        await until(pilot, lambda: screen.records.current is not None)
        await press(pilot, "u")
        await until(pilot, lambda: says(app, "Let it end, or cancel it"))
        app.clear_notifications()
        launch(work_desk, job)
        await until(pilot, lambda: job_status(work_desk, job).state == "done"
                    and not job_status(work_desk, job).runner)
        await press(pilot, "f5")
        await until(pilot, lambda: "job finish" in frame(app))
        await press(pilot, "u")
        await until(pilot, lambda: says(app, "takes back 80 operations"))
        undo = next(one for one in list_plans(work_desk.home) if one.title.startswith("undo job"))
        assert (undo.delete, undo.copy) == (80, 0)
