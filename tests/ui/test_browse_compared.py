"""What Browse says from stored comparisons: the last ones, and the same bytes beside a version."""

from __future__ import annotations

import shutil
from typing import Any

from textual.pilot import Pilot

from s3console.store.reviews import Review
from s3console.ui.browsing import kept
from s3console.ui.screens.browse import BrowseScreen
from s3console.ui.screens.compare import CompareScreen
from s3console.ui.widgets.recent_compares import RecentCompares
from s3console.workflow.desk import Desk

from .conftest import SIZE, frame, press, settle
from .test_browse import browse
from .working import REVIEW, console, go, soon


async def test_the_last_comparisons_open_from_browse(work_desk: Desk) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        shown = frame(app)
        assert "recent compares" in shown
        assert "bucket1 → bucket2" in shown
        app.screen.query_one("#compared").focus()
        await press(pilot, "enter")
        screen = await soon(pilot, lambda: app.screen_of_mode
                            if isinstance(app.screen_of_mode, CompareScreen) else None)
        assert await soon(pilot, lambda: screen.review)
        assert screen.review is not None
        assert screen.review.header.review == REVIEW
        shutil.rmtree(work_desk.home.reviews / REVIEW)
        await go(pilot, "browse")
        await soon(pilot, lambda: not app.screen.query_one(RecentCompares).display)


async def test_without_a_comparison_there_is_no_list_of_them(empty_desk: Desk) -> None:
    app = console(empty_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert browse(app).compared == []
        assert not app.screen.query(RecentCompares)


async def test_a_version_that_the_other_side_holds_too_is_named(work_desk: Desk) -> None:
    with Review.open(work_desk.home, REVIEW) as review:
        every = [finding for part in review.findings(kinds=["misnamed"]) for finding in part]
    found = next(one for one in every if one.left is not None and one.right is not None
                 and one.left.etag == one.right.etag)
    key, wrong = found.key, {finding.key for finding in every}
    other = next(one.key for one in work_desk.reader().page("bucket2", "", delimiter="").batch.entries()
                 if one.key not in wrong)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        screen = await go(pilot, "browse")
        assert isinstance(screen, BrowseScreen)
        await show_versions(pilot, screen, key)
        before = dict(work_desk.reader().requests)
        await soon(pilot, lambda: "= bucket1 (same ETag)" in frame(app))
        assert dict(work_desk.reader().requests) == before, "no request is spent on it"
        await press(pilot, "escape")
        await show_versions(pilot, screen, other)
        assert "same ETag" not in frame(app)
    assert kept.twins(work_desk, "bucket2", "no such name") is None
    assert kept.twins(work_desk, "no-such-bucket", key) is None


async def show_versions(pilot: Pilot[Any], screen: BrowseScreen, key: str) -> None:
    """Open the versions of a key by its name."""
    screen.go_to_text(f"s3://bucket2/{key}")
    await soon(pilot, lambda: screen.names.current is not None and screen.names.current.key == key)
    await press(pilot, "v")
    await soon(pilot, lambda: screen.pane.line.history)
    await settle(pilot)
