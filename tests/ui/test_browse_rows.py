"""Places, sorting, finding, marking by pattern, exporting, copying as text, the log of calls, why a name."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path

from textual.widgets import Input

from s3console.store.places import load_places
from s3console.ui.app import S3ConsoleApp
from s3console.ui.dialogs.call_log import CallLogDialog
from s3console.ui.dialogs.copy_menu import CopyMenu
from s3console.ui.dialogs.explain import ExplainDialog
from s3console.ui.dialogs.places import PlacesDialog
from s3console.ui.widgets.paged_table import PagedTable
from s3console.workflow.desk import Desk

from .conftest import PATIENCE, SIZE, frame, press, settle, type_text
from .fake_desk import FakeDesk, store
from .test_browse import browse
from .working import Looks, soon, until


async def test_places_are_saved_and_gone_to(empty_desk: Desk) -> None:
    app = S3ConsoleApp(empty_desk, start="s3://site/news/2024/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "b", "b")
        assert load_places(empty_desk.home).saved == ("s3://site/news/2024/",)
        assert "saved places" in frame(app)
        await press(pilot, "backspace", "backspace", "b")
        assert isinstance(app.screen, PlacesDialog)
        await press(pilot, "enter")
        assert browse(app).place.uri == "s3://site/news/2024/"
        await press(pilot, "b", "d")
        assert load_places(empty_desk.home).saved == ()


async def test_sort_find_mark_and_export(empty_desk: Desk, tmp_path: Path, looks: Looks) -> None:
    app = S3ConsoleApp(empty_desk, start="s3://site/wp-includes/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "s", "s")
        sizes = [row.entry.size for row in browse(app).rows.rows(0, 99) if row.entry]
        assert sizes == sorted(sizes, reverse=True) and len(sizes) == 3
        assert [row.entry for row in browse(app).rows.rows(0, 2)] == [None, None], "prefixes come first"
        await press(pilot, "s", "n", "f")
        await type_text(pilot, "PART-1")
        await press(pilot, "enter")
        found = [row.key for row in browse(app).rows.rows(0, 99)]
        assert found == [f"wp-includes/parts/part-{n}.php" for n in range(10, 20)]
        await looks(pilot, "found")
        await press(pilot, "plus")
        await type_text(pilot, "*part-1")
        app.screen.query_one(Input).value = "/1[0-3]/"
        await press(pilot, "enter")
        assert len(browse(app).names.marks) == 4
        browse(app).command_export(str(tmp_path / "rows.csv"))
        await settle(pilot)
        with (tmp_path / "rows.csv").open(newline="") as file:
            assert [row["key"] for row in csv.DictReader(file)] == found
        browse(app).command_export(str(tmp_path / "rows.jsonl"))
        await settle(pilot)
        lines = (tmp_path / "rows.jsonl").read_text().splitlines()
        assert [json.loads(line)["key"] for line in lines] == found
        browse(app).command_export(str(tmp_path / "rows.csv"))
        await settle(pilot)
        assert "this file exists already" in frame(app)
        await press(pilot, "escape", "escape")
        assert browse(app).wanted == ""
        assert browse(app).rows.count() == 5


async def test_a_search_says_how_far_it_is_and_esc_stops_it(tmp_path: Path) -> None:
    twin, gate = store(page_size=100), threading.Event()
    app = S3ConsoleApp(FakeDesk(tmp_path / "home", twin), start="s3://logs-2024/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)

        def slow(operation: str) -> None:
            if operation == "ListObjectsV2" and twin.counts[operation] == before + 6:
                gate.wait(2 * PATIENCE)

        before = twin.counts["ListObjectsV2"]
        twin.before = slow
        app.run_words("find 00")
        await soon(pilot, lambda: twin.counts["ListObjectsV2"] == before + 6)
        await soon(pilot, lambda: "looking for 00" in frame(app) and "esc stops" in frame(app))
        await pilot.press("escape")
        await soon(pilot, lambda: "esc stops" not in frame(app) and "stopped" in frame(app))
        gate.set()
        await settle(pilot)
        assert twin.counts["ListObjectsV2"] <= before + 7, "nothing more is asked for"


async def test_texts_to_copy_and_the_log(empty_desk: Desk, looks: Looks) -> None:
    app = S3ConsoleApp(empty_desk, start="s3://site/index.php")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "y", "a")
        assert app.clipboard == "arn:aws:s3:::site/index.php"
        await press(pilot, "u")
        assert app.clipboard == f"{empty_desk.reader().endpoint_url}/site/index.php"
        await press(pilot, "c")
        assert app.clipboard.startswith("aws --endpoint-url http://127.0.0.1:")
        await press(pilot, "p")
        assert "X-Amz-Expires=3600" in app.clipboard
        assert isinstance(app.screen, CopyMenu)
        assert "60 minutes" in frame(app)
        await press(pilot, "y")
        await looks(pilot, "copied")
        await press(pilot, "escape", "at")
        assert isinstance(app.screen, CallLogDialog)
        calls = app.screen.query_one(PagedTable).source.rows(0, 999)
        assert {"ListBuckets", "ListObjectsV2", "HeadObject"} <= {call.name for call in calls}
        assert {call.status for call in calls} <= {200, 404}
        assert "404" in frame(app)


async def test_why_a_name_is_wrong(work_desk: Desk) -> None:
    from s3console.store.reviews import Review, list_reviews

    review = Review.open(work_desk.home, list_reviews(work_desk.home)[0].review)
    wrong = next(one for block in review.findings(kinds=frozenset({"misnamed"})) for one in block if one.rule)
    app = S3ConsoleApp(work_desk, start=f"s3://bucket2/{wrong.key}")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: getattr(browse(app).names.current, "key", "") == wrong.key)
        await until(pilot, lambda: "~ misnamed" in frame(app))
        assert "~ misnamed" in frame(app) and "should be" in frame(app)
        await press(pilot, "x")
        assert isinstance(app.screen, ExplainDialog)
        assert wrong.rule.split("(")[0] in frame(app)
