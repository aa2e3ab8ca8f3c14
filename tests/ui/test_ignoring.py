"""Ignoring findings with a note: stored, shown, in no plan, in no count of work, and taken back."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from s3console.cli.main import main
from s3console.core.errors import Refused, UsageError
from s3console.core.model import PrefixTotals
from s3console.store.ignored import ignored_of
from s3console.store.journal import Journal
from s3console.store.plans import list_plans
from s3console.store.reviews import Review
from s3console.ui.comparing import facts
from s3console.ui.comparing.child import Reached
from s3console.ui.comparing.costs import acts
from s3console.ui.comparing.passing import PassingRow, merged
from s3console.ui.comparing.rows import PrefixRow
from s3console.ui.screens.compare import CompareScreen
from s3console.workflow.desk import Desk
from s3console.workflow.ignoring import ignore, stop_ignoring
from s3console.workflow.planning import plan_repair

from .conftest import SIZE, frame, press, settle
from .working import REVIEW, HeldComparison, Looks, by_hand, console, go, says, soon, until


def row_of(screen: CompareScreen, prefix: str) -> PrefixRow:
    rows = screen.prefixes.source.rows(0, 99)
    return next(row for row in rows if row.totals.prefix == prefix and not row.whole)


async def at(pilot: object, prefix: str) -> CompareScreen:
    """The open review with the cursor on a prefix."""
    screen = await go(pilot, "compare")  # type: ignore[arg-type]
    assert isinstance(screen, CompareScreen)
    screen.show_prefix(REVIEW, prefix)
    await settle(pilot)  # type: ignore[arg-type]
    assert screen.prefixes.current.totals.prefix == prefix  # type: ignore[union-attr]
    return screen


def test_ignored_findings_are_in_no_plan(work_desk: Desk) -> None:
    whole = plan_repair(work_desk, REVIEW, "document005/")
    ignore(work_desk, REVIEW, "document005/", ("missing",), "left them out on purpose")
    less = plan_repair(work_desk, REVIEW, "document005/")
    assert (whole.copy, less.copy) == (216, 189)
    assert less.digest != whole.digest
    assert any(note.startswith("findings that are ignored") and "(27)" in note for note in less.notes)
    ignore(work_desk, REVIEW, "document005/", ("misnamed",), "both names are read")
    with pytest.raises(Refused, match="nothing to plan"):
        plan_repair(work_desk, REVIEW, "document005/")
    stop_ignoring(work_desk, REVIEW, "document005/", ("missing", "misnamed"))
    assert plan_repair(work_desk, REVIEW, "document005/").digest == whole.digest
    acts_told = [record.what for record in Journal(work_desk.home.journal).read(newest_first=False)]
    assert acts_told == ["ignored", "ignored", "counted again"]


def test_counts_of_what_is_left_to_do(work_desk: Desk) -> None:
    ignore(work_desk, REVIEW, "document005/", ("misnamed",), "wide")
    with Review.open(work_desk.home, REVIEW) as review:
        inside = next(row.prefix for row in review.prefixes(1, "document005/") if row.misnamed)
        ignore(work_desk, REVIEW, inside, ("misnamed", "missing"), "narrow, and inside the wide one")
        ignoring = ignored_of(work_desk.home, REVIEW)
        top = {row.prefix: row for row in review.prefixes(1)}
        aside = ignoring.left_out(review, top["document005/"])
        missing = review.count(inside, ("missing",))
        assert (aside.misnamed, aside.missing) == (189, missing), "what lies inside is counted once"
        assert ignoring.left_out(review, top["document006/"]) == PrefixTotals("document006/")
        deep = next(row for row in review.prefixes(1, "document005/") if row.prefix == inside)
        assert ignoring.left_out(review, deep).misnamed == deep.misnamed


def test_what_is_refused(work_desk: Desk) -> None:
    with pytest.raises(Refused, match="without a note"):
        ignore(work_desk, REVIEW, "document005/", ("misnamed",), "  ")
    with pytest.raises(UsageError, match="kinds"):
        ignore(work_desk, REVIEW, "document005/", (), "why")
    with pytest.raises(Refused, match="nothing of this kind"):
        stop_ignoring(work_desk, REVIEW, "document005/", ("misnamed",))
    assert ignored_of(work_desk.home, REVIEW).entries == ()
    assert Journal(work_desk.home.journal).read() == []


async def test_i_ignores_here_with_a_note_and_takes_it_back(work_desk: Desk, looks: Looks) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await at(pilot, "document003/")
        await press(pilot, "i")
        await looks(pilot, "asks why")
        await press(pilot, "enter")
        assert app.screen is not screen, "a note is needed"
        await by_hand(pilot, "both names are read")
        await press(pilot, "enter")
        await until(pilot, lambda: row_of(screen, "document003/").state == "ignored")
        app.clear_notifications()
        assert row_of(screen, "document003/").to_do("misnamed") == 0
        assert acts(screen.prefixes.source.rows(0, 1)[0], screen.review.header)[1] == 951 - 160  # type: ignore[union-attr]
        await looks(pilot, "ignored")
        await press(pilot, "a")
        await until(pilot, lambda: says(app, "There is nothing to plan here"))
        assert list_plans(work_desk.home) == []
        app.clear_notifications()
        await press(pilot, "i")
        assert "count again" in frame(app)
        await press(pilot, "y")
        await until(pilot, lambda: row_of(screen, "document003/").state == "to review")


async def test_one_of_several_kinds_is_chosen(work_desk: Desk) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await at(pilot, "document005/")
        await press(pilot, "i")
        assert "1  missing" in frame(app)
        await press(pilot, "1")
        await by_hand(pilot, "never needed")
        await press(pilot, "enter")
        await until(pilot, lambda: row_of(screen, "document005/").ignored == 27)
        assert row_of(screen, "document005/").state == "to review"
        assert "⊘ ignored 27" in frame(app)
        await press(pilot, "home", "i")
        assert "27 ignored" in frame(app)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
async def test_findings_go_into_a_file_of_each_form(work_desk: Desk, tmp_path: Path, ending: str) -> None:
    ignore(work_desk, REVIEW, "document005/", ("missing",), "on purpose")
    app = console(work_desk, live=False)
    path = tmp_path / f"findings.{ending}"
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await at(pilot, "document005/")
        screen.export_to(str(path))
        await until(pilot, lambda: says(app, "230 findings written"))
    if ending == "csv":
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    elif ending == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = pq.read_table(path).to_pylist()
    assert len(rows) == 230
    assert {row["ignored"] for row in rows if row["kind"] == "missing"} == {"on purpose"}
    assert {row["ignored"] for row in rows if row["kind"] != "missing"} == {""}
    assert {int(row["size"]) >= 0 for row in rows} == {True}


def test_rows_of_a_comparison_that_still_lists() -> None:
    rows: dict[str, PassingRow] = {}
    merged(rows, Reached(prefixes=(("a/", 3, 2, 2, False), ("b/", 1, 1, 1, True))))
    assert [rows[name].shown_state for name in ("a/", "b/")] == ["listing", "clean"]
    rows["a/"] = PassingRow("a/", 3, 2, 2, passed=False, state="planned")
    merged(rows, Reached(prefixes=(("a/", 4, 2, 2, True),)))
    assert (rows["a/"].left, rows["a/"].shown_state) == (4, "planned")


async def test_a_directory_is_planned_while_the_rest_is_listed(
    work_desk: Desk, held_comparison: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison is held where it stands; the plan is made from a comparison of its own."""
    monkeypatch.setattr(HeldComparison, "until_it_speaks", True)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "compare")
        assert isinstance(screen, CompareScreen)
        app.run_words("compare s3://bucket1/ s3://bucket2/")
        # A plan belongs to comparisons that began before it.
        await soon(pilot, lambda: screen.child)
        screen._reached(Reached("listing", prefixes=(
            ("document001/", 640, 640, 640, True), ("document002/", 640, 640, 512, True),
            ("document003/", 9, 9, 9, False))))
        await soon(pilot, lambda: "2 of 3 prefixes listed" in frame(app))
        await pilot.press("a")
        await soon(pilot, lambda: says(app, "Nothing differs there"))
        await pilot.press("down", "a")
        await soon(pilot, lambda: list_plans(work_desk.home))
        held_comparison.set()
        await settle(pilot)
        plan = list_plans(work_desk.home)[0]
        assert (plan.prefix, plan.operations, plan.right.prefix) == ("document002/", 256, "document002/")
        await until(pilot, lambda: screen.review is not None)
        await until(pilot, lambda: row_of(screen, "document002/").state == "planned")


def said(capsys: pytest.CaptureFixture[str], desk: Desk, *words: str, code: int = 0) -> str:
    """What a word of the command line writes to stdout."""
    assert main([*words, f"--state-dir={desk.home.path}"]) == code, capsys.readouterr().err
    return capsys.readouterr().out


def test_the_same_on_the_command_line(
    work_desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aside = ("review", REVIEW, "--ignore", "document003/", "--kind", "misnamed")
    said(capsys, work_desk, *aside, code=5)
    rows = said(capsys, work_desk, *aside, "--note", "both names are read", "--json")
    assert json.loads(rows)["note"] == "both names are read"
    shown = said(capsys, work_desk, "review", REVIEW)
    assert "both names are read" in shown
    states = {row["prefix"]: (row["state"], row["ignored"]) for row in
              map(json.loads, said(capsys, work_desk, "review", REVIEW, "--json").splitlines())}
    assert states["document003/"] == ("ignored", 160)
    assert states["document002/"] == ("open", 0)
    plan = json.loads(said(capsys, work_desk, "plan", "repair", REVIEW, "--prefix", "document005/", "--json"))
    less = json.loads(said(capsys, work_desk, "plan", "reduce", plan["plan"], "--without", "1,400-405",
                           "--json"))
    assert plan["operations"] - less["operations"] == 8, "the delete that waits for copy 1 goes with it"
    path = tmp_path / "plan.jsonl"
    said(capsys, work_desk, "show", less["plan"], "--export", str(path))
    assert [json.loads(line)["number"] for line in path.read_text().splitlines()] == [
        *range(1, less["operations"] + 1)]
    said(capsys, work_desk, "review", REVIEW, "--count-again", "document003/", "--kind", "misnamed")
    assert ignored_of(work_desk.home, REVIEW).entries == ()
    said(capsys, work_desk, "plan", "reduce", less["plan"], "--without", "3-x", code=2)


async def test_a_huge_prefix_is_planned_in_a_process_of_its_own(
    work_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "CHILD_FROM", 10)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await at(pilot, "document005/")
        await pilot.press("f")
        await until(pilot, lambda: row_of(screen, "document005/").state == "planned")
        await at(pilot, "document010/")
        await pilot.press("a")
        await until(pilot, lambda: says(app, "nothing to plan here"))
    plan = list_plans(work_desk.home)[0]
    assert (plan.copy, plan.delete) == (216, 0)
