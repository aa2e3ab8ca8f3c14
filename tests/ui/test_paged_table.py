"""PagedTable: any number of rows, little work per key, flat memory."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from s3console.core.errors import NotReachable
from s3console.ui.widgets.page_cache import PAGES_KEPT
from s3console.ui.widgets.paged_table import PagedTable

from .conftest import PATIENCE
from .pty_app import PtyApp
from .table_app import Numbers, TableApp

HERE = Path(__file__).parent
TEN_MILLION = 10_000_000


@pytest.mark.parametrize("kind", ["fast", "slow"])
def test_ten_million_rows_cost_what_is_visible(kind: str) -> None:
    paths = os.pathsep.join([str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")])
    app = PtyApp([sys.executable, str(HERE / "table_app.py"), str(TEN_MILLION), kind],
                 env={"PYTHONPATH": paths})
    app.until("000000000008/8::")
    app.quiet()
    first_cpu, first_rss = app.cpu_seconds(), app.rss_mib()
    mark = len(app.buf)
    app.send("G")
    app.until("/9999999::", start=mark)
    for _ in range(6):
        app.send("\x1b[5~")
        app.quiet(0.03)
    mark = len(app.buf)
    app.send("g")
    app.until("000000000000/0::", start=mark)
    for _ in range(100):
        app.send("j")
        app.read(0.01)
    app.quiet()
    work, grown = app.cpu_seconds() - first_cpu, app.rss_mib() - first_rss
    app.send("\x11")
    assert app.wait() == 0
    print(f"{kind}: {first_cpu:.2f} s CPU, {work:.2f} s for 108 keys, {first_rss:.0f} + {grown:.1f} MiB")
    assert first_cpu < 3.0, f"{first_cpu:.2f} s CPU before the first paint"
    assert first_rss < 90, f"{first_rss:.0f} MiB after the first paint"
    assert work < 4.0, f"{work:.2f} s CPU for 108 keys"
    assert grown < 15, f"{grown:.1f} MiB more after 108 keys"


async def test_cursor_pages_and_edges() -> None:
    app = TableApp(1000, fast=True)
    async with app.run_test(size=(100, 21)) as pilot:
        table = app.query_one(PagedTable)
        await pilot.press("j", "j", "k", "ctrl+d")
        assert table.cursor == 1 + 10
        await pilot.press("ctrl+u", "pagedown")
        assert table.cursor == 1 + 19
        await pilot.press("G")
        assert table.cursor == 999
        assert table.scroll_offset.y == 980
        await pilot.press("down", "g", "up")
        assert table.cursor == 0
        assert table.scroll_offset.y == 0


async def test_marks_belong_to_rows() -> None:
    app = TableApp(50, fast=True)
    async with app.run_test(size=(100, 21)) as pilot:
        table = app.query_one(PagedTable)
        await pilot.press("space", "j", "space")
        assert list(table.marks) == [0, 2]
        await pilot.press("shift+down", "shift+down")
        assert set(table.marks) == {0, 2, 3, 4, 5}
        await pilot.press("asterisk")
        assert not table.marks
        await pilot.press("asterisk")
        assert len(table.marks) == 50


async def test_mark_all_has_a_limit() -> None:
    app = TableApp(TEN_MILLION, fast=True)
    async with app.run_test(size=(100, 21)) as pilot:
        await pilot.press("asterisk")
        assert not app.query_one(PagedTable).marks


async def test_a_click_moves_and_a_double_click_opens() -> None:
    opened: list[int] = []

    class Listening(TableApp):
        # However far apart a busy machine delivers the two clicks.
        CLICK_CHAIN_TIME_THRESHOLD = PATIENCE

        def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
            opened.append(event.index)

    app = Listening(50, fast=True)
    async with app.run_test(size=(100, 21)) as pilot:
        await pilot.click(PagedTable, offset=(5, 7))
        assert app.query_one(PagedTable).cursor == 6
        assert not opened
        await pilot.double_click(PagedTable, offset=(5, 9))
        await pilot.pause()
        assert opened == [8]


async def test_the_newest_window_is_read_first_and_old_ones_are_forgotten() -> None:
    gate = threading.Event()
    asked: list[int] = []

    class Gated(Numbers):
        def rows(self, start: int, stop: int) -> Sequence[int]:
            asked.append(start)
            gate.wait(PATIENCE)
            return range(start, stop)

    app = TableApp(10, fast=True)
    app.numbers = Gated(1_000_000, fast=False)
    async with app.run_test(size=(100, 21)) as pilot:
        table = app.query_one(PagedTable)
        await pilot.pause()
        for cursor in (100_000, 200_000, 300_000):
            table.cursor = cursor
            await pilot.pause()
        gate.set()
        end = time.monotonic() + PATIENCE
        while app.threads.busy or table.current is None:
            assert time.monotonic() < end, f"the row never came: {asked}"
            await pilot.pause(0.01)
        assert table.current == 300_000
        assert asked[0] == 0
        assert asked[1] // 128 in (299_900 // 128, 300_000 // 128, 300_019 // 128)
        for page in range(80):
            table.cursor = page * 128
            for _ in range(50):
                await pilot.pause()
                if table.current is not None:
                    break
        assert len(table.cache.pages) <= PAGES_KEPT


async def test_a_source_that_fails_tells_its_screen() -> None:
    failures: list[str] = []

    class Broken(Numbers):
        def rows(self, start: int, stop: int) -> Sequence[int]:
            raise NotReachable("the file is gone", where="x", next_step="look")

    class Listening(TableApp):
        def on_paged_table_failed(self, event: PagedTable.Failed) -> None:
            failures.append(event.error.sentence)

    app = Listening(10, fast=True)
    app.numbers = Broken(500, fast=False)
    async with app.run_test(size=(100, 21)) as pilot:
        end = time.monotonic() + PATIENCE
        while not failures and time.monotonic() < end:
            await pilot.pause(0.01)
    assert failures[0] == "the file is gone (x). look."


async def test_a_growing_source_keeps_the_cursor() -> None:
    app = TableApp(0, fast=True)
    async with app.run_test(size=(100, 21)) as pilot:
        table = app.query_one(PagedTable)
        table.note(("Nothing yet.", "muted"))
        await pilot.pause()
        assert "Nothing yet." in "".join(s.text for s in table.render_line(2))
        for count in (5, 130, 1000):
            app.numbers.total = count
            table.grew()
            await pilot.pause()
            assert table.virtual_size.height == count + 1
        table.cursor = 500
        app.numbers.total = 2000
        table.grew()
        await pilot.pause()
        assert table.current == 500
