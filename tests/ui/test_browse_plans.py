"""The keys of Browse that make plans, on the demo: what is marked, what is asked, what is sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from s3console.core.model import Plan
from s3console.store.plans import list_plans, open_plan
from s3console.ui.app import S3ConsoleApp
from s3console.ui.dialogs.staged import StagedDialog
from s3console.ui.dialogs.target import TargetDialog
from s3console.workflow.desk import Desk

from .conftest import SIZE, frame, press, settle, type_text
from .test_browse import browse
from .working import Looks


async def opened(pilot: Pilot[Any], text: str) -> None:
    browse(pilot.app).go_to_text(text)  # type: ignore[arg-type]
    await settle(pilot)


def staged(app: S3ConsoleApp) -> Plan:
    """The plan that was made last; its dialog is on the screen."""
    assert isinstance(app.screen, StagedDialog), frame(app)
    return app.screen.plan


def operations(desk: Desk, plan: Plan) -> list[tuple[str, str, str]]:
    with open_plan(desk.home, plan.plan) as sealed:
        return [(one.kind, one.source.key if one.source else "", one.target.key)
                for one in sealed.all_operations()]


async def test_copy_and_move_of_marks(empty_desk: Desk, looks: Looks) -> None:
    app = S3ConsoleApp(empty_desk, start="s3://site/index.php")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "c")
        assert isinstance(app.screen, TargetDialog)
        await type_text(pilot, "move-dst/to")
        await press(pilot, "enter")
        assert isinstance(app.screen, TargetDialog), "several names need a place that ends in /"
        await type_text(pilot, "/")
        await looks(pilot, "copy to")
        await press(pilot, "enter")
        plan = staged(app)
        made = operations(empty_desk, plan)
        assert made[0] == ("copy", "index.php", "to/index.php")
        assert len(made) == plan.copy == 121
        assert {target for _, _, target in made} >= {"to/news/2024/000.html"}
        shown = frame(app)
        for text in ("121 copies of", "can be undone", "waits for approval; nothing was sent", "open Review"):
            assert text in shown, text
        await press(pilot, "escape")
        assert not browse(app).names.marks
        await opened(pilot, "s3://site/old.php")
        await press(pilot, "m")
        await type_text(pilot, "site/renamed.php")
        await press(pilot, "enter")
        plan = staged(app)
        assert (plan.reversible, operations(empty_desk, plan)) == (
            True, [("copy", "old.php", "renamed.php"), ("delete", "", "old.php")])
        await press(pilot, "3")
        assert app.current_mode == "review"


async def test_delete_asks_which_and_restore_knows_what_stands(empty_desk: Desk, looks: Looks) -> None:
    app = S3ConsoleApp(empty_desk, start="s3://site/index.php")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "d")
        await looks(pilot, "which delete")
        await press(pilot, "escape")
        await opened(pilot, "s3://site/wp-content/uploads/2024/03/")
        assert not browse(app).rows.count(), "all of March was deleted by mistake"
        await press(pilot, "full_stop", "space", "space", "r")
        plan = staged(app)
        assert (plan.delete, plan.reversible) == (2, True)
        await press(pilot, "escape")
        await opened(pilot, "s3://site/index.php")
        await press(pilot, "r")
        assert "This key stands" in frame(app)
        await press(pilot, "d", "d")
        assert (staged(app).delete, staged(app).reversible) == (1, True)
        await press(pilot, "escape", "v", "down", "r")
        plan = staged(app)
        assert (plan.restore, plan.reversible) == (1, True)
        await press(pilot, "escape", "d")
        plan = staged(app)
        assert (plan.delete, plan.reversible) == (1, False), "a version is lost for good"
        await press(pilot, "escape", "escape")
        assert len(list_plans(empty_desk.home)) == 4


async def test_a_download_is_a_plan_too(empty_desk: Desk, tmp_path: Path) -> None:
    app = S3ConsoleApp(empty_desk, start="s3://site/news/2024/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "w")
        app.screen.query_one(Input).value = str(tmp_path / "here")
        await press(pilot, "enter")
        assert staged(app).operations == 2
        assert not (tmp_path / "here").exists(), "nothing is written before the approval"


async def test_one_version_is_downloaded_by_itself(empty_desk: Desk, tmp_path: Path) -> None:
    app = S3ConsoleApp(empty_desk, start="s3://site/index.php")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "v", "end")
        oldest = browse(app).pane.line.history[-1]
        await press(pilot, "w")
        app.screen.query_one(Input).value = str(tmp_path / "here")
        await press(pilot, "enter")
        plan = staged(app)
        assert plan.operations == 1
        with open_plan(empty_desk.home, plan.digest) as sealed:
            operation = next(iter(sealed.all_operations()))
        assert operation.source is not None
        assert (operation.source.key, operation.source.version_id) == ("index.php", oldest.version_id)
        assert operation.target.key.endswith("index.php")
        await press(pilot, "escape", "space", "up", "space", "w")
        app.screen.query_one(Input).value = str(tmp_path / "here")
        await press(pilot, "enter")
        assert "one version with bytes" in frame(app)
