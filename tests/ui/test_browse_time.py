"""Time in the console: the time line of a key, a prefix as it was, two versions, the restore form."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from s3console.core.model import Entry
from s3console.core.timeline import NOW
from s3console.demo import acts, site
from s3console.store.plans import list_plans
from s3console.ui.app import S3ConsoleApp
from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.feed import Feed
from s3console.ui.browsing.listing import LoadedRows
from s3console.ui.browsing.moments import Line, bar_runs
from s3console.ui.dialogs.restore_form import RestoreForm
from s3console.ui.dialogs.staged import StagedDialog
from s3console.workflow.desk import Desk

from .conftest import SIZE, frame, press, settle, type_text
from .fake_desk import Bucket, ReadTwin
from .test_browse import browse
from .working import Looks, until

AFTER_BREAK_IN = "2024-06-25T03:30:00Z"


def stood(until_: str, prefix: str) -> dict[str, str]:
    """Keys right below a prefix with their ETags, as the story says they stood: made without any store."""
    stacks = acts.replay((act for act in site.site_acts() if act.at <= until_), site.SITE)
    return {key: stack[0].etag for key, stack in stacks.items()
            if key.startswith(prefix) and "/" not in key[len(prefix):] and not stack[0].is_delete_marker}


async def test_a_prefix_as_it_was(
    empty_desk: Desk, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3console.ui.dialogs.time.ago", lambda stamp, now: "2y")
    prefix = "wp-content/plugins/gallery/parts/"
    app = S3ConsoleApp(empty_desk, start=f"s3://site/{prefix}")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        now = browse(app).rows.count()
        assert now < 20, "it was deleted in June, and some came back"
        await press(pilot, "t")
        await type_text(pilot, "2024-06-01")
        await looks(pilot, "time")
        await press(pilot, "enter")
        rows = browse(app).rows.rows(0, 99)
        assert {row.key: row.entry.etag for row in rows if row.entry} == stood("2024-06-01T00:00:00Z", prefix)
        assert rows
        await looks(pilot, "as of a time")
        await press(pilot, "d")
        assert "This is how it was; esc goes back" in frame(app)
        await press(pilot, "r")
        assert isinstance(app.screen, StagedDialog)
        await press(pilot, "escape", "escape")
        assert browse(app).moment == NOW
        assert browse(app).rows.count() == now


async def test_the_time_line_and_two_versions(empty_desk: Desk, looks: Looks, tmp_path: Path) -> None:
    app = S3ConsoleApp(empty_desk, start="s3://site/index.php")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "v", "left", "left")
        assert browse(app).pane.line.moment == site.FIRST_DEPLOY
        await press(pilot, "greater_than_sign", "comma")
        assert browse(app).pane.line.moment == "2024-05-03T08:00:00Z"
        standing = browse(app).pane.line.standing
        assert standing is not None and standing.modified == site.FIRST_DEPLOY
        await looks(pilot, "time line")
        await press(pilot, "equals_sign")
        await looks(pilot, "two versions")
        await press(pilot, "escape")
        browse(app).command_export(str(tmp_path / "versions.csv"))
        await settle(pilot)
        assert (tmp_path / "versions.csv").read_text().count("index.php") == 2


async def test_the_restore_form(empty_desk: Desk, looks: Looks, tmp_path: Path) -> None:
    app = S3ConsoleApp(empty_desk, start="s3://site/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        app.run_words(f"restore @{AFTER_BREAK_IN}")
        await settle(pilot)
        form = app.screen
        assert isinstance(form, RestoreForm)
        await press(pilot, "S")
        await until(pilot, lambda: form.scan is not None and form.scan.done)
        form._seconds = 0.0
        form._show_scan()
        await looks(pilot, "restore form")
        assert form.scan is not None
        groups = {kind: group.keys for kind, group in form.scan.groups.items()}
        assert groups["deleted"] == 61
        await press(pilot, *["down"] * 7, "enter")
        app.screen.query_one(Input).value = str(tmp_path / "m.csv")
        await press(pilot, "enter", "e")
        assert (tmp_path / "m.csv").read_bytes().count(b"\r\n") == form.scan.stood.keys
        await press(pilot, "a")
        assert isinstance(app.screen, StagedDialog)
        plan = app.screen.plan
        assert plan.operations == form.scan.in_place
        assert [one.plan for one in list_plans(empty_desk.home)] == [plan.plan]


def history(*times: str, gone: tuple[str, ...] = ()) -> Line:
    rows = [Entry("k", 1, "e", time, version_id=time, is_delete_marker=time in gone) for time in times]
    return Line(tuple(sorted(rows, key=lambda row: row.modified, reverse=True)))


def test_the_line_slides_between_changes() -> None:
    one, two, three = "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"
    line = history(one, two, three, gone=(three,))
    seen = []
    for _ in range(4):
        line = line.slid(-1)
        seen.append(line.moment)
    assert seen == [three, two, one, one]
    assert line.turned(-1, "2026-01-01T00:00:00Z").standing is None
    assert [line.slid(1).moment, line.slid(1).slid(1).slid(1).moment] == [two, NOW]
    assert line.at("2024-02-15T00:00:00Z").slid(-1).moment == two
    assert line.at("2024-02-15T00:00:00Z").slid(1).moment == three
    assert line.turned(10**5, "2026-01-01T00:00:00Z").moment == NOW
    for moment in (NOW, one, "2023-01-01T00:00:00Z", "2024-02-15T00:00:00Z"):
        runs = bar_runs(line.at(moment), 60)
        assert sum(len(text) for text, _ in runs) == 59
        assert sum(text == "●" for text, _ in runs) == 1


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 100])
def test_a_listing_of_a_moment_does_not_depend_on_its_pages(page_size: int) -> None:
    """Keys whose versions go over the end of a page are judged as a whole."""
    from s3console.s3.facts import BucketFacts

    entries = []
    for name in ("a", "b/x", "b.txt", "c", "d/y", "e"):
        for day in (9, 7, 5, 3):
            entries.append(Entry(f"p/{name}", day, f"{day}", f"2024-01-0{day}T00:00:00Z",
                                 version_id=f"{name}{day}", is_latest=day == 9,
                                 is_delete_marker=name == "c" and day == 5))
    entries.append(Entry("p/later", 1, "1", "2024-01-08T00:00:00Z", version_id="l"))
    # Below one prefix all came later, below another all was deleted by then.
    entries += [Entry(f"p/newer/{n}", 1, "1", "2024-01-08T00:00:00Z", version_id="l") for n in range(3)]
    entries += [Entry("p/gone/x", 0, "", "2024-01-04T00:00:00Z", version_id="m", is_delete_marker=True),
                Entry("p/gone/x", 5, "5", "2024-01-03T00:00:00Z", version_id="g", is_latest=False)]
    twin = ReadTwin([Bucket(BucketFacts("b", "", "r", "Enabled"), entries)], page_size=page_size)
    for with_deleted, wanted in (
            (False, ["p/a", "p/b.txt", "p/b/", "p/d/", "p/e"]),
            (True, ["p/a", "p/b.txt", "p/b/", "p/c", "p/d/", "p/e", "p/gone/"])):
        rows = LoadedRows()
        feed = Feed(Location("b", "p/"), versions=with_deleted, moment="2024-01-06T00:00:00Z")
        while feed.state != "done":
            rows.add(feed.next_chunk(twin))
        found = rows.rows(0, 99)
        # One page of one row says nothing about the three below: such a prefix is believed to have stood.
        extra = ["p/newer/"] if page_size == 1 else []
        assert [row.key for row in found] == sorted(wanted + extra)
        assert {row.entry.size for row in found if row.entry and not row.deleted} == {5}
        assert {row.versions for row in found if row.entry} == {4}
