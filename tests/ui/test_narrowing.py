"""What helps in daily work on any screen: `/`, `y`, `w`, `:rules`, `:cost`, reasons, keys in sentences."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3console.config import Settings
from s3console.core.errors import UsageError
from s3console.core.model import Connection, Finding, JobStatus
from s3console.ui.app import S3ConsoleApp
from s3console.ui.comparing import facts as compared
from s3console.ui.dialogs.ask import AskDialog
from s3console.ui.dialogs.copy_menu import CopyMenu
from s3console.ui.dialogs.help import FIXED, HelpDialog
from s3console.ui.dialogs.lines import LinesDialog
from s3console.ui.dialogs.menu import MenuDialog
from s3console.ui.jobs import facts
from s3console.ui.keymap import make_keymap
from s3console.ui.screens.browse import BrowseScreen
from s3console.ui.screens.compare import CompareScreen
from s3console.ui.screens.journal import JournalScreen
from s3console.ui.screens.review import ReviewScreen
from s3console.workflow.desk import Desk

from .conftest import SIZE, frame, press, settle, type_text
from .fake_desk import FakeDesk
from .working import console, go, planned, soon


async def test_plans_are_narrowed_and_looked_up_in_the_journal(work_desk: Desk) -> None:
    for prefix in ("document002/", "document005/"):
        planned(work_desk, prefix)
    copies = planned(work_desk, "document006/", only="copy")
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "review")
        assert isinstance(screen, ReviewScreen)
        await soon(pilot, lambda: screen.plans.source.count() == 3)
        await press(pilot, "slash")
        await type_text(pilot, "nothing")
        assert "None of 3 plans holds this text" in frame(app)
        screen.narrow_to("DOCUMENT006")
        await settle(pilot)
        assert screen.plans.source.count() == 1
        assert "1 shown" in frame(app)
        await press(pilot, "enter")
        assert screen.plans.has_focus
        await press(pilot, "y")
        assert isinstance(app.screen, CopyMenu)
        assert f"s3console approve {copies}" in frame(app)
        await press(pilot, "escape", "R", "enter")
        screen.narrow_to("rejected")
        await settle(pilot)
        assert screen.plans.source.count() == 1
        await press(pilot, "A")
        assert "This console is read-only" in frame(app)
        await press(pilot, "minus")
        assert "This plan is rejected" in frame(app)
        await press(pilot, "w")
        journal = await soon(pilot, lambda: app.screen_of_mode
                             if isinstance(app.screen_of_mode, JournalScreen) else None)
        await settle(pilot)
        assert journal.records.source.count() == 1
        assert "rejected" in frame(app)
        await go(pilot, "review")
        await press(pilot, "escape")
        assert screen.plans.source.count() == 3


async def test_prefixes_are_narrowed_and_a_comparison_is_explained(work_desk: Desk) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "compare")
        assert isinstance(screen, CompareScreen)
        assert "a plan" not in frame(app), "there is nothing to plan from yet"
        await press(pilot, "a")
        assert "Open a comparison first" in frame(app)
        await press(pilot, "enter")
        everything = screen.prefixes.source.count()
        await press(pilot, "slash")
        await type_text(pilot, "006")
        await press(pilot, "enter")
        assert [row.name for row in screen.prefixes.source.rows(0, 9)] == ["all", "document006/"]
        assert "1 of 17 prefixes" in frame(app)
        await press(pilot, "end", "y")
        assert "arn:aws:s3:::bucket2/document006/" in frame(app)
        await press(pilot, "escape", "escape")
        assert screen.prefixes.source.count() == everything
        for words, told in (("rules", "contradicted"), ("cost", "Not in these figures")):
            app.run_words(words)
            await settle(pilot)
            assert isinstance(app.screen, LinesDialog)
            assert told in frame(app)
            await press(pilot, "escape")


async def test_leaving_while_a_job_runs_may_pause_it(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[str] = []

    def pause_all(desk: object) -> str:
        paused.append("all")
        return ""

    monkeypatch.setattr(facts, "pause_all", pause_all)
    monkeypatch.setattr("s3console.ui.bridge.jobs", lambda desk: [JobStatus("j", "p", "running", 9, 1, 0, 0)])
    monkeypatch.setattr(facts, "job_states", lambda desk, jobs: [JobStatus("j", "p", "running", 9, 1, 0, 0)])
    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE) as pilot:
        await soon(pilot, app.job_runs)
        await pilot.press("q")
        await soon(pilot, lambda: isinstance(app.screen, MenuDialog))
        assert "pause" not in frame(app), "a console that may not write pauses nothing"
        await pilot.press("q", "escape")
        await soon(pilot, lambda: not isinstance(app.screen, MenuDialog))
        app.live = True
        await pilot.press("q")
        await soon(pilot, lambda: isinstance(app.screen, MenuDialog))
        await pilot.press("p")
        await soon(pilot, lambda: paused)
    assert paused == ["all"]
    assert app.return_code == 0


async def test_the_last_connection_is_looked_through_again(desk: FakeDesk, tmp_path: Path) -> None:
    plain = FakeDesk(desk.home.path, desk.reader(), connection=Connection())
    app = S3ConsoleApp(plain)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.run_words("profile staging")
        app.run_words("region eu-west-1")
        await settle(pilot)
    again = S3ConsoleApp(FakeDesk(desk.home.path, desk.reader(), connection=Connection()))
    assert again.desk.config.connection == Connection("staging", None, "eu-west-1")
    asked = S3ConsoleApp(FakeDesk(desk.home.path, desk.reader(), connection=Connection("other")))
    assert asked.desk.config.connection == Connection("other"), "what is asked for goes first"


async def test_sentences_name_the_keys_in_use(tmp_path: Path, desk: FakeDesk) -> None:
    own = {"browse.time": "T", "browse.filter": "f7", "browse.size": "Z", "everywhere.open": "O"}
    other = FakeDesk(tmp_path / "own", desk.reader(), settings=Settings(keys=own))
    app = S3ConsoleApp(other, start="s3://bucket2/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        assert "press T." in frame(app)
        await press(pilot, "n")
        assert "f7 first" in frame(app)
        app.clear_notifications()
        browse = app.screen_of_mode
        assert browse is not None
        browse.query_one("#buckets").focus()
        await press(pilot, "question_mark")
        assert "by its name with O." in frame(app)


async def test_buckets_are_narrowed_too(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        screen = app.screen_of_mode
        assert isinstance(screen, BrowseScreen)
        await press(pilot, "slash")
        await type_text(pilot, "LOGS")
        assert [row.name for row in screen.buckets.source.rows(0, 9)] == ["logs-2024"]
        await press(pilot, "enter", "enter")
        assert screen.place.uri == "s3://logs-2024/"
        assert app.focused is screen.names
        screen.buckets.focus()
        await press(pilot, "escape")
        assert screen.buckets.source.count() == 3
        assert screen.buckets.current.name == "logs-2024", "the cursor stays on its bucket"


async def test_the_size_of_a_prefix_is_said_where_no_details_are_shown(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "z")
        assert "objects, 214 KiB" in frame(app)


async def test_review_points_at_the_plan_that_was_just_made(work_desk: Desk) -> None:
    planned(work_desk, "document002/")
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "review")
        assert isinstance(screen, ReviewScreen)
        await soon(pilot, lambda: screen.plans.source.count() == 1)
        await go(pilot, "browse")
        made = planned(work_desk, "document006/", only="copy")
        await go(pilot, "review")
        await soon(pilot, lambda: screen.plans.source.count() == 2)
        await settle(pilot)
        assert screen.line is not None
        assert screen.line.plan.plan == made
        await press(pilot, "up", "f5")
        assert screen.line.plan.plan != made, "the cursor stays where it was put"


async def test_findings_are_narrowed_by_name_rule_and_kind(work_desk: Desk) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "compare")
        assert isinstance(screen, CompareScreen)
        await press(pilot, "enter", "home", "tab", "slash")
        assert screen.review is not None
        everything = [finding for block in screen.review.findings() for finding in block]
        await type_text(pilot, "DISTCP")
        assert [finding.key for finding in screen.findings.source.rows(0, 9_999)] == [
            finding.key for finding in everything if "distcp" in finding.rule]
        await press(pilot, "enter")
        assert screen.findings.has_focus
        assert f"found of {len(everything):,}" in frame(app)
        await press(pilot, "n", "n", "N")
        assert screen.findings.cursor == 1
        screen.seek("missing")
        await settle(pilot)
        rows = screen.findings.source.rows(0, 9_999)
        assert {finding.kind for finding in rows} == {"missing"}
        assert len(rows) == sum(finding.kind == "missing" for finding in everything)
        screen.seek("document006/")
        await settle(pilot)
        assert all("document006/" in (finding.position + finding.key + finding.intended_key)
                   for finding in screen.findings.source.rows(0, 9_999))
        await press(pilot, "escape")
        assert not screen.sought
        assert screen.findings.source.count() == len(everything)
        await press(pilot, "slash")
        await type_text(pilot, "no such text")
        assert "No finding here holds no such text." in frame(app)
        await press(pilot, "escape")
        assert screen.findings.has_focus
        assert screen.findings.source.count() == len(everything)


async def test_names_directly_here_are_narrowed_without_what_is_deeper(work_desk: Desk) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "compare")
        assert isinstance(screen, CompareScreen)
        await press(pilot, "enter", "home", "down")
        assert screen.prefixes.current.here  # type: ignore[union-attr]
        screen.seek("folder")
        await settle(pilot)
        assert [finding.key for finding in screen.findings.source.rows(0, 9)] == ["document008_$folder$"]


async def test_esc_stops_a_search_and_says_how_far_it_came(
    work_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()

    def held(*arguments: object, **more: object) -> Iterator[tuple[int, int, list[Finding]]]:
        told = [*sifted(*arguments, **more)]  # type: ignore[arg-type]
        seen, total, found = told[-1]
        yield seen // 2, total, found[:1]
        let_go.wait(120)
        yield seen, total, found[1:]

    sifted = compared.sifted
    monkeypatch.setattr(compared, "sifted", held)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "compare")
        assert isinstance(screen, CompareScreen)
        await press(pilot, "enter", "home", "tab")
        await pilot.press("slash", "d", "o", "c")
        await soon(pilot, lambda: "seen, esc stops" in frame(app))
        assert screen.findings.source.count() == 1, "what was found is shown while the rest is read"
        await pilot.press("escape")
        await soon(pilot, lambda: "stopped:" in frame(app))
        let_go.set()
        await settle(pilot)
        assert screen.findings.source.count() == 1
        assert screen.sought == "doc"
        await press(pilot, "escape")
        assert not screen.sought
        assert screen.findings.source.count() > 1


async def test_a_search_ends_at_its_limit(work_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "SIEVE_LIMIT", 5)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "compare")
        assert isinstance(screen, CompareScreen)
        await press(pilot, "enter", "home", "tab")
        screen.seek("document")
        await settle(pilot)
        assert screen.findings.source.count() == 5
        assert "the first 5: a longer text shows fewer" in frame(app)


async def test_no_keymap_changes_the_answers_of_dialogs(tmp_path: Path, desk: FakeDesk) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        make_keymap("vi", {"dialog.yes": "n"})
    own = {"everywhere.escape": "f12", "list.choose": "Y"}
    app = S3ConsoleApp(FakeDesk(tmp_path / "own", desk.reader(), settings=Settings(keys=own)))
    answers: list[bool | None] = []
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("escape", "y", "n", "enter"):
            dialog = AskDialog("sure?", [("Really?", "")], yes="do it")
            app.push_screen(dialog, answers.append)
            await soon(pilot, lambda shown=dialog: app.screen is shown)  # type: ignore[misc]
            await settle(pilot)
            await press(pilot, key)
        assert answers == [False, True, False, False]
        await press(pilot, "question_mark", "end")
        assert isinstance(app.screen, HelpDialog)
        assert all(line.help in frame(app) for line in FIXED)
