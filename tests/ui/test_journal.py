"""Journal: newest first, read window by window, checked on demand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from s3console.store.journal import FILE, Journal
from s3console.ui.screens.journal import JournalScreen
from s3console.workflow.desk import Desk

from .conftest import SIZE, frame, press, settle
from .working import Looks, console, go, until

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
