"""Browse as an operator meets it: every step is a frame of text."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from s3console.core.errors import AccessRefused, CredentialsMissing, EndpointUnreachable
from s3console.core.model import Connection, JobStatus, Place
from s3console.ui.app import S3ConsoleApp
from s3console.ui.screens.browse import BrowseScreen
from s3console.ui.widgets.object_pane import ObjectPane

from .conftest import PATIENCE, SIZE, Look, frame, press, settle, type_text
from .fake_desk import FakeDesk, ReadTwin, entry, store
from .working import soon


def browse(app: S3ConsoleApp) -> BrowseScreen:
    screen = app.screen_of_mode
    assert isinstance(screen, BrowseScreen)
    return screen


def holding(text: str) -> int:
    """How many of the 2,500 log names hold this text."""
    return sum(1 for n in range(2500) if text in f"{n:06d}.log")


async def test_first_seconds(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await look(pilot, "start", svg=True)
        await press(pilot, "down")
        await look(pilot, "second bucket")
        await press(pilot, "enter", "down", "enter")
        await look(pilot, "prefix opened")
        await press(pilot, "backspace")
        assert browse(app).place.uri == "s3://bucket2/"
        assert browse(app).names.current.key == "document002/"


async def test_versions_and_preview(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "v")
        await look(pilot, "versions of a key", svg=True)
        await press(pilot, "escape")
        assert app.screen.query_one(ObjectPane).view == "details"
        for name in ("manifest.json", "cover.bin", "readme.txt"):
            browse(app).go_to_text("s3://bucket2/document123/" + name)
            await settle(pilot)
            assert browse(app).names.current.key == "document123/" + name
            await press(pilot, "p")
            await look(pilot, "preview of " + name)
            await press(pilot, "p")


async def test_deleted_keys_and_marks(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "full_stop", "space", "space")
        await look(pilot, "deleted keys shown and two rows marked", svg=True)
        await press(pilot, "down", "enter")
        assert "delete marker" in frame(app)
        await press(pilot, "escape", "escape")
        assert not browse(app).names.marks


async def test_filter_says_what_is_loaded(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, start="s3://logs-2024/2024/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "0017")
        assert f"{holding('0017')} of 2,500 loaded" in frame(app)
        await look(pilot, "filter")
        await press(pilot, "backspace")
        assert browse(app).rows.count() == holding("001")
        # All is loaded: Enter goes to what is left, Esc shows all with the cursor on the same name.
        await press(pilot, "enter", "down")
        assert app.focused is browse(app).names
        assert browse(app).rows.count() == holding("001")
        here = browse(app).names.current.key
        await press(pilot, "escape")
        assert browse(app).rows.count() == 2500
        assert browse(app).names.current.key == here


async def test_n_goes_to_the_next_name_that_holds_the_text(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk, start="s3://logs-2024/2024/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "n")
        assert "/ first" in frame(app)
        await press(pilot, "slash")
        await type_text(pilot, "99.log")
        await press(pilot, "enter", "escape")
        names = browse(app).names
        names.cursor = 0
        await press(pilot, "n", "n")
        assert names.current.key == "2024/000199.log"
        await press(pilot, "N")
        assert names.current.key == "2024/000099.log"
        await press(pilot, "N")
        assert names.current.key == "2024/002499.log"


async def test_a_burst_of_filter_and_enter_goes_to_what_is_left(desk: FakeDesk) -> None:
    """Enter right behind the text opens nothing; the next one must not find the rows of before."""
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        for name in ("slash", *"readme", "enter"):
            app.post_message(events.Key(name, "/" if name == "slash" else name if len(name) == 1 else None))
        await settle(pilot)
        assert browse(app).pane.view == "details"
        assert browse(app).rows.count() == 1
        await press(pilot, "enter")
        assert browse(app).pane.view == "preview"
        assert browse(app).names.current.key == "document123/readme.txt"


async def test_enter_asks_the_store_while_not_all_is_loaded(tmp_path: Path) -> None:
    """Names found by their first letters are shown whole, and copied by their whole names."""
    twin, gate = store(page_size=100), threading.Event()

    def slow(operation: str) -> None:
        if operation == "ListObjectsV2" and twin.counts[operation] == 3:
            gate.wait(60)

    twin.before = slow
    app = S3ConsoleApp(FakeDesk(tmp_path / "home", twin), start="s3://logs-2024/2024/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        for _ in range(2000):
            await pilot.pause(0.01)
            if browse(app).rows.loaded:
                break
        await pilot.press("slash", "0", "0", "2", "4", "enter")
        gate.set()
        await settle(pilot)
        assert browse(app).place.uri == "s3://logs-2024/2024/0024"
        assert browse(app).rows.loaded == 100
        assert "002400.log" in frame(app)
        picked = browse(app).picked()
        assert picked is not None
        assert (picked.base, picked.entries[0].key) == ("2024/", "2024/002400.log")
        await press(pilot, "left_square_bracket")
        assert browse(app).place.uri == "s3://logs-2024/2024/"


async def test_first_page_is_shown_while_the_listing_goes_on(tmp_path: Path, look: Look) -> None:
    twin, gate = store(page_size=100), threading.Event()

    def slow(operation: str) -> None:
        if operation == "ListObjectsV2" and twin.counts[operation] == 3:
            gate.wait(2 * PATIENCE)

    twin.before = slow
    app = S3ConsoleApp(FakeDesk(tmp_path / "home", twin), start="s3://logs-2024/2024/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await soon(pilot, lambda: browse(app).rows.loaded)
        assert 0 < browse(app).rows.loaded < 2500
        await soon(pilot, lambda: "still listing" in frame(app))
        await pilot.press("slash", "9")
        await soon(pilot, lambda: "loaded, still listing" in frame(app))
        gate.set()
        await settle(pilot)
        assert browse(app).rows.loaded == 2500
        assert "of 2,500 loaded" in frame(app)


async def test_help_and_read_only_badge(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket1/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "question_mark")
        await look(pilot, "help", svg=True)
        await press(pilot, "escape")
        assert "[READ-ONLY]" in frame(app)
        await press(pilot, "colon")
        await type_text(pilot, "write on")
        await press(pilot, "enter")
        assert "[LIVE]" in frame(app)
        await press(pilot, "colon")
        await type_text(pilot, "write off")
        await press(pilot, "enter")
        assert "[READ-ONLY]" in frame(app)


async def test_read_only_option_wins(tmp_path: Path) -> None:
    app = S3ConsoleApp(FakeDesk(tmp_path / "home", store()), read_only=True)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        app.run_words("write on")
        await settle(pilot)
        assert not app.live
        assert "started read-only" in frame(app)


async def test_command_line_opens_and_refuses(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "o")
        assert ": open" in frame(app).replace(":open", ": open")
        await type_text(pilot, "arn:aws:s3:::bucket2/document123/")
        await press(pilot, "enter")
        assert browse(app).place.uri == "s3://bucket2/document123/"
        await press(pilot, "colon")
        await type_text(pilot, "frobnicate")
        await press(pilot, "enter")
        assert "There is no command frobnicate" in frame(app)


@pytest.mark.parametrize("error", [
    CredentialsMissing("No credentials were found", where="profile prod-audit",
                       next_step="Run `aws sso login`, or set AWS_PROFILE"),
    EndpointUnreachable("The endpoint does not answer", where="http://127.0.0.1:9",
                        next_step="Check that the server runs and press F5"),
    AccessRefused("This profile may not list the buckets", where="prod-audit", next_step=""),
], ids=lambda error: type(error).__name__)
async def test_an_error_is_one_sentence_on_the_same_screen(
    tmp_path: Path, look: Look, error: Exception
) -> None:
    app = S3ConsoleApp(FakeDesk(tmp_path / "home", store(), broken=error))  # type: ignore[arg-type]
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await look(pilot, type(error).__name__)
        assert "Traceback" not in frame(app)


async def test_access_denied_in_one_bucket(tmp_path: Path, look: Look) -> None:
    twin = store()

    def refuse(operation: str) -> None:
        if operation == "ListObjectsV2":
            raise AccessRefused("This profile may not list the bucket", where="s3://bucket2",
                                next_step="Ask for s3:ListBucket")

    twin.before = refuse
    app = S3ConsoleApp(FakeDesk(tmp_path / "home", twin), start="s3://bucket2/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await look(pilot, "listing refused")


async def test_eighty_columns(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await look(pilot, "80x24", svg=True)
        await press(pilot, "v")
        await look(pilot, "80x24 versions")


async def test_too_small(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk)
    async with app.run_test(size=(70, 18), notifications=True) as pilot:
        await look(pilot, "too small")


async def test_quit_asks_only_while_a_job_runs(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_value == 0


async def test_size_of_a_prefix(desk: FakeDesk, look: Look) -> None:
    app = S3ConsoleApp(desk, start="s3://logs-2024/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "z")
        assert "2,500 objects" in frame(app)
        assert "3 LISTs" in frame(app)


async def test_copy_menu_quotes_what_a_shell_would_run(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/hostile/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        names = [row.key for row in browse(app).rows.rows(0, 99)]
        browse(app).names.cursor = names.index("hostile/line1\nline2")
        await press(pilot, "y")
        assert "line1\\x0aline2" in frame(app)
        await press(pilot, "k")
        assert app.clipboard == "'hostile/line1\nline2'"


async def test_context_names_profile_region_and_endpoint(tmp_path: Path, twin: ReadTwin) -> None:
    connection = Connection("ops", "http://127.0.0.1:9000", "eu-central-1")
    app = S3ConsoleApp(FakeDesk(tmp_path / "home", twin, connection=connection), start="s3://bucket1/")
    async with app.run_test(size=(160, 36), notifications=True) as pilot:
        await settle(pilot)
        first = " ".join(frame(app).splitlines()[:2])
        for part in ("ops", "http://127.0.0.1:9000", "eu-central-1", "bucket1", "[READ-ONLY]"):
            assert part in first


async def test_what_is_typed_after_a_colon_never_reaches_the_list(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        for key in ("colon", *"open", "space", "q", "3", "v", "z"):
            app.post_message(events.Key(key, {"colon": ":", "space": " "}.get(key, key)))
        await settle(pilot)
        assert app.screen.query_one("#command-input", Input).value == "open q3vz"
        assert app.current_mode == "browse"
        await press(pilot, "escape")
        assert browse(app).focused is browse(app).names
        for key in ("slash", "colon", "o", "slash"):
            app.post_message(events.Key(key, {"colon": ":", "slash": "/"}.get(key, key)))
        await settle(pilot)
        assert app.screen.query_one("#filter", Input).value == ":o/"


async def test_a_bucket_that_no_list_shows_is_opened_by_its_name(tmp_path: Path) -> None:
    twin = store()

    def refuse(operation: str) -> None:
        if operation == "ListBuckets":
            raise AccessRefused("This profile may not list the buckets", where="prod-audit", next_step="")

    twin.before = refuse
    app = S3ConsoleApp(FakeDesk(tmp_path / "home", twin))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "o")
        await type_text(pilot, "bucket2")
        await press(pilot, "enter")
        assert browse(app).rows.count() == 4
        assert [row.name for row in browse(app).bucket_rows] == ["bucket2"]
        assert browse(app).bucket_rows[0].versioned


async def test_a_place_that_a_job_changed_is_seen(
    desk: FakeDesk, twin: ReadTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are read again with the cursor on its name; marks are not taken away, so it is only said."""
    place = Place("bucket2", "document123/")
    monkeypatch.setattr("s3console.ui.jobs.facts.touched", lambda desk, jobs: [place])
    app = S3ConsoleApp(desk, start=place.uri)

    def came(name: str) -> None:
        bucket = twin.data["bucket2"]
        bucket.entries.insert(0, entry(place.prefix + name, 7, "2024-03-15T00:00:00Z", version_id=name))
        bucket.entries.sort(key=lambda one: one.key)
        app._polled(([JobStatus(name, "p", "running", 1, 0, 0, 0)], 0))
        app._polled(([JobStatus(name, "p", "done", 1, 1, 0, 0)], 0))

    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await press(pilot, "down", "down")
        here = browse(app).names.current.key
        came("00first")
        await settle(pilot)
        assert "00first" in frame(app)
        assert browse(app).names.current.key == here
        await press(pilot, "space")
        came("00second")
        await settle(pilot)
        assert "00second" not in frame(app)
        assert "changed, f5 looks again" in frame(app)
        await press(pilot, "f5")
        assert "00second" in frame(app)
        assert "changed" not in frame(app)
