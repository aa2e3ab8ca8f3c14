"""Compare as an operator meets it, over a stored review of the demo and over the demo itself."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from s3console.core.errors import S3ConsoleError
from s3console.core.keys import printable
from s3console.core.model import Finding, PrefixTotals, Side
from s3console.demo import stories
from s3console.store.reviews import list_reviews
from s3console.ui.comparing.child import Child, _reached
from s3console.ui.comparing.finding import compared_keys
from s3console.ui.comparing.rows import COUNTED, findings_layout, prefix_rows
from s3console.ui.dialogs.compare_form import CompareForm
from s3console.ui.screens.compare import CompareScreen
from s3console.ui.threads import Task
from s3console.workflow.desk import Desk

from .conftest import SIZE, frame, press, settle
from .working import Looks, console, go, planned, says, soon, until


async def opened(pilot: object, desk: Desk) -> CompareScreen:
    """The stored review, with the cursor on the first prefix to review."""
    screen = await go(pilot, "compare")  # type: ignore[arg-type]
    assert isinstance(screen, CompareScreen)
    await press(pilot, "enter")  # type: ignore[arg-type]
    return screen


async def test_a_comparison_runs_in_a_child_and_its_review_opens(empty_desk: Desk, looks: Looks) -> None:
    app = console(empty_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "compare")
        assert isinstance(screen, CompareScreen)
        await looks(pilot, "nothing compared yet")
        app.run_words("compare s3://bucket1/ s3://bucket2/")
        await soon(pilot, lambda: screen.running)
        await soon(pilot, lambda: "s3://bucket1/  →  s3://bucket2/" in frame(app))
        await until(pilot, lambda: screen.review is not None)
        await settle(pilot)
        assert screen.review is not None
        expected = stories.expected()
        totals = screen.review.header.totals
        assert {kind: totals[kind] for kind in COUNTED} == {k: getattr(expected, k) for k in COUNTED}
        assert screen.running is None
        assert not screen.query_one("#progress").display
        await looks(pilot, "the review is open")


async def test_stopping_a_comparison_keeps_nothing(
    empty_desk: Desk, held_comparison: threading.Event
) -> None:
    app = console(empty_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "compare")
        assert isinstance(screen, CompareScreen)
        app.run_words("compare s3://bucket1/ s3://bucket2/")
        child = await soon(pilot, lambda: screen.child)
        await press(pilot, "K")
        assert screen.running is None
        held_comparison.set()
        await until(pilot, lambda: child._process.poll() is not None)
        assert list_reviews(empty_desk.home) == []


async def test_what_the_child_refuses_is_said_here(empty_desk: Desk) -> None:
    app = console(empty_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "compare")
        assert isinstance(screen, CompareScreen)
        app.run_words("compare s3://bucket1/ s3://no-such-bucket-here/")
        await until(pilot, lambda: says(app, "no-such-bucket-here"))
        assert screen.running is None
        app.run_words("compare s3://bucket1/")
        await until(pilot, lambda: says(app, "Write two places"))


async def test_the_form_is_filled_from_the_last_review(work_desk: Desk, looks: Looks) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        await go(pilot, "compare")
        await press(pilot, "S")
        assert isinstance(app.screen, CompareForm)
        await looks(pilot, "the form")
        app.screen.query_one("#right").value = "s3://bucket1/"  # type: ignore[attr-defined]
        await press(pilot, "enter")
        assert "same place" in frame(app)
        await press(pilot, "escape")
        assert not isinstance(app.screen, CompareForm)


async def test_prefixes_findings_and_one_finding(work_desk: Desk, looks: Looks) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, work_desk)
        await looks(pilot, "first prefix to review")
        await press(pilot, "down", "down", "n", "n")
        assert screen.findings.cursor == 2
        await looks(pilot, "versions under one wrong name")
        await press(pilot, "N", "tab")
        assert screen.findings.cursor == 1
        await press(pilot, "x")
        await looks(pilot, "the rule explained")
        await press(pilot, "escape", "escape")
        assert screen.prefixes.has_focus


async def test_chips_narrow_the_findings(work_desk: Desk) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, work_desk)
        await press(pilot, "home", "tab")
        totals = screen.prefixes.current.totals  # type: ignore[union-attr]
        assert screen.findings.source.count() == sum(getattr(totals, kind) for kind in COUNTED)
        for kind in [kind for kind in COUNTED if getattr(totals, kind)]:
            await press(pilot, "right")
            assert screen.kind == kind
            assert screen.findings.source.count() == getattr(totals, kind)
            assert screen.findings.current.kind == kind  # type: ignore[union-attr]
            assert frame(app).count(kind) >= 3
        await press(pilot, "escape")
        assert screen.kind is None


async def test_into_deeper_prefixes_and_back_to_the_reviews(work_desk: Desk, looks: Looks) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, work_desk)
        await press(pilot, "enter")
        assert screen.base == "document002/"
        await looks(pilot, "one prefix deeper")
        await press(pilot, "backspace")
        assert screen.base == ""
        assert screen.prefixes.current.totals.prefix == "document002/"  # type: ignore[union-attr]
        await press(pilot, "home", "down")
        here = screen.prefixes.current
        assert here is not None
        assert here.here
        assert [f.key for f in screen.findings.source.rows(0, 9)] == ["document008_$folder$"]
        await press(pilot, "backspace")
        assert screen.review is None
        await looks(pilot, "recent reviews")


async def test_planning_stores_plans_and_shows_their_state(work_desk: Desk, looks: Looks) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, work_desk)
        await press(pilot, "a")
        assert screen.prefixes.current.state == "planned"  # type: ignore[union-attr]
        await press(pilot, "down", "space", "space", "f")
        states = [row.state for row in screen.prefixes.source.rows(0, 9)]
        assert states[3:6] == ["planned", "planned", "planned"]
        assert screen.prefixes.marks == {}
        await press(pilot, "up", "p")
        assert "with junk" not in frame(app)
        await press(pilot, "escape", "home", "p")
        await looks(pilot, "what may be included")
        await press(pilot, "escape")
    assert app.approvals_waiting == 3


async def test_names_directly_in_a_directory_are_not_planned_alone(work_desk: Desk) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await opened(pilot, work_desk)
        await press(pilot, "home", "down", "a")
        assert "Names directly in this" in frame(app)
        assert app.approvals_waiting == 0


async def test_export_writes_json_lines_once(work_desk: Desk, tmp_path: Path) -> None:
    app = console(work_desk, live=False)
    path = tmp_path / "out.jsonl"
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await opened(pilot, work_desk)
        screen.export_to(str(path))
        await until(pilot, lambda: "written to" in frame(app))
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(rows) == 128
        assert {row["kind"] for row in rows} == {"misnamed"}
        screen.export_to(str(path))
        await until(pilot, lambda: "exists already" in frame(app))
        assert len(path.read_text().splitlines()) == 128


async def test_states_follow_plans(work_desk: Desk) -> None:
    planned(work_desk, "document002/")
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, work_desk)
        rows = {row.name: row.state for row in screen.prefixes.source.rows(0, 40)}
    assert rows["document002/"] == "planned"
    assert rows["document001/"] == "clean"
    assert rows["document003/"] == "to review"
    assert rows["all"] == "in part"
    assert rows["(directly here)"] == "to review"


async def test_narrow_terminal(work_desk: Desk, looks: Looks) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, work_desk)
        await press(pilot, "tab")
        await looks(pilot, "narrow")


@pytest.mark.parametrize(("found", "wanted", "wrong", "restored"), [
    ("d/d/x/1", "d/x/1::png", "d/", "::png"),
    ("a/1", "a/1::png::200", "", "::png::200"),
    ("a/142", "a/3::jpg::142", "", "3::jpg::"),
    ("a/b\x1b]2;x/é", "a/b\x1b]2;x/é!", "", "!"),
])
def test_what_differs_between_two_names(found: str, wanted: str, wrong: str, restored: str) -> None:
    one, other = compared_keys(found, wanted, "misnamed")
    assert "".join(text for text, role in one if role == "bold misnamed") == wrong
    assert "".join(text for text, role in other if role == "bold ok") == restored
    assert "".join(text for text, _ in one) == printable(found)
    assert "".join(text for text, _ in other) == printable(wanted)


def test_hostile_names_never_reach_a_cell_raw() -> None:
    key = "x/[red]a\x1b[2J\u202egpj\n.exe"
    side = Side(key, 3, "e", version_id="\x1b]2;v")
    finding = Finding("misnamed", side, side, "x/right\x9b.txt", "absent", "form", "proved")
    layout = findings_layout(lambda: "x/")
    shown = "".join(text for column in layout.columns for text, _ in column.cell(finding))
    assert shown.isprintable()
    assert "[red]a\\x1b" in shown


def test_first_line_holds_the_totals() -> None:
    rows = prefix_rows("", [PrefixTotals("", missing=1), PrefixTotals("a/", missing=2, left_entries=5)], [])
    assert [(row.name, row.totals.missing, row.here, row.whole) for row in rows] == [
        ("all", 3, False, True), ("(directly here)", 1, True, False), ("a/", 2, False, False)]


def test_progress_lines() -> None:
    assert _reached(b"Note: something.") is None
    assert _reached(b'{"phase": "listing"}') is None
    line = json.dumps({"phase": "listing", "left_entries": 2, "right_entries": 3, "requests": 1, "same": 1,
                       "missing": 0, "differs": 0, "right_only": 0, "reached": "k", "seconds": 1.0,
                       "rate": 5.0})
    assert _reached(line.encode()) == ("listing", 2, 3, 1, 1, 0, 0, 0, 1.0, 5.0, ())
    told = json.dumps(json.loads(line) | {"prefixes": [["a/", 2, 1, 1, True]]})
    reached = _reached(told.encode())
    assert reached is not None
    assert reached.prefixes == (("a/", 2, 1, 1, True),)


async def test_a_child_that_fails_raises_its_sentence(work_desk: Desk) -> None:
    app = console(work_desk)
    async with app.run_test(size=SIZE):
        child = Child(["review", f"--state-dir={work_desk.home.path}", "--json", "--", "nothing"])
        with pytest.raises(S3ConsoleError, match="nothing"):
            child.finish(Task(app))
