"""The session: who looks through what, what may be written, what is remembered, and the mouse."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.app import SuspendNotSupported
from textual.events import MouseScrollDown

from s3console.config import Settings
from s3console.core.errors import LoginExpired
from s3console.core.model import Connection
from s3console.s3.login_end import KEYS, SSO, LoginEnd, login_end
from s3console.ui.app import S3ConsoleApp
from s3console.ui.widgets.paged_table import PagedTable

from .conftest import PATIENCE, SIZE, frame, press, settle
from .fake_desk import FakeDesk


def second(desk: FakeDesk) -> FakeDesk:
    """The same state directory, opened again."""
    return FakeDesk(desk.home.path, desk.reader(), settings=desk.config.settings)


async def test_the_first_line_says_who_is_looking(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        first = frame(app).partition("\n")[0]
        for part in ("profile prod-audit", "account 1234-5678-9012", "us-west-2", "[READ-ONLY]"):
            assert part in first
        app.run_words("endpoint http://127.0.0.1:9000")
        await settle(pilot)
        first = frame(app).partition("\n")[0]
        assert "endpoint http://127.0.0.1:9000" in first
        assert "account" not in first, "a store of one's own has no account to ask for"
        app.run_words("endpoint aws")
        await settle(pilot)
        assert "account 1234-5678-9012" in frame(app)


async def test_switching_in_place_asks_the_other_store(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        before = desk.reader().counts["ListBuckets"]
        app.run_words("profile staging")
        await settle(pilot)
        assert app.desk.config.connection == Connection("staging", None, None)
        assert app.desk.config.right.profile == "staging"
        assert "profile staging" in frame(app)
        assert desk.reader().counts["ListBuckets"] == before + 1
        app.run_words("region eu-west-1")
        await settle(pilot)
        assert app.desk.config.connection.region == "eu-west-1"
        counts, dollars = app.requests_so_far()
        assert counts["ListBuckets"] >= 2
        assert dollars > 0


@pytest.mark.parametrize(("line", "complaint"), [
    ("profile nobody", "no profile nobody"), ("region x/y", "is no region"),
    ("endpoint ftp://x", "Write :endpoint"), ("theme no-such", "Known themes: dark, light, ansi"),
    ("keys emacs", "no such keymap"), ("write perhaps", "Write :write on"), ("tour", "belongs to the demo"),
    ("nonsense", "There is no command nonsense"),
])
async def test_words_that_can_not_be_carried_out_say_what_can(
    desk: FakeDesk, line: str, complaint: str
) -> None:
    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        app.profiles = ("prod-audit", "staging")
        app.run_words(line)
        await settle(pilot)
        assert any(complaint in note.message for note in app._notifications)


async def test_what_was_chosen_is_remembered(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert not app.live, "a profile never seen before starts read-only"
        for line in ("theme light", "keys commander", "write on"):
            app.run_words(line)
            await settle(pilot)
        assert app.theme == "s3console-light"
    kept = desk.home.path / "console.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    again = S3ConsoleApp(second(desk))
    assert (again.theme, again.keymap.name, again.live) == ("s3console-light", "commander", True)
    async with again.run_test(size=SIZE) as pilot:
        await settle(pilot)
        again.run_words("profile staging")
        await settle(pilot)
        assert not again.live, "writing was allowed for another profile"
        again.run_words("profile prod-audit")
        await settle(pilot)
        again.run_words("write off")
        await settle(pilot)
    assert not S3ConsoleApp(second(desk)).live
    assert not S3ConsoleApp(FakeDesk(desk.home.path, desk.reader(), read_only=True)).live
    kept.write_text("{broken", encoding="utf-8")
    assert S3ConsoleApp(second(desk)).theme == "s3console-dark"


async def test_a_protected_profile_stays_read_only(tmp_path: Path, desk: FakeDesk) -> None:
    protected = FakeDesk(tmp_path / "p", desk.reader(), settings=Settings(readonly=("prod*",)))
    protected.config = protected.config.through(protected.config.connection)
    app = S3ConsoleApp(protected)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        app.run_words("write on")
        await settle(pilot)
        assert not app.live
        assert any("protects this profile" in note.message for note in app._notifications)
        app.run_words("profile staging")
        await settle(pilot)
        app.run_words("write on")
        await settle(pilot)
        assert app.live
        app.run_words("profile prod-audit")
        await settle(pilot)
        assert not app.live


async def test_a_key_that_is_not_allowed_says_why(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "3", "A")
        assert [note.message for note in app._notifications][-1:] == [
            "This console is read-only; `:write on` allows it."]
        app.run_words("approve")
        await settle(pilot)
        await press(pilot, "question_mark")
        assert ":write on first" in frame(app)
    absent = S3ConsoleApp(FakeDesk(desk.home.path, desk.reader(), read_only=True))
    async with absent.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "3", "A")
        assert not list(absent._notifications)
        await press(pilot, "question_mark")
        assert "Approve this one plan" not in frame(absent)


@pytest.fixture
def aws_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A program called aws on the path, that keeps what it was called with."""
    told = tmp_path / "told"
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "aws"
    program.write_text(f"#!{sys.executable}\nimport sys\n"
                       f"open({str(told)!r}, 'w').write(' '.join(sys.argv[1:]))\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    yield told


async def test_logging_in_again_in_place(
    desk: FakeDesk, aws_program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = [True]

    def answer(operation: str) -> None:
        if expired[0]:
            raise LoginExpired("The login has expired", next_step="Log in again")

    desk.reader().before = answer

    @contextmanager
    def suspend(self: S3ConsoleApp) -> Iterator[None]:
        expired[0] = False
        yield

    monkeypatch.setattr(S3ConsoleApp, "suspend", suspend)
    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        assert "login has expired" in frame(app)
        await press(pilot, "L")
        assert aws_program.read_text() == "sso login --profile prod-audit"
        assert "bucket2" in frame(app)


async def test_login_without_a_terminal_or_program_says_the_command(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_suspend(self: S3ConsoleApp) -> None:
        raise SuspendNotSupported("headless")

    app = S3ConsoleApp(desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        monkeypatch.setenv("PATH", "/nowhere")
        await press(pilot, "L")
        notes = [note.message for note in app._notifications]
        assert any("aws sso login --profile prod-audit" in note for note in notes)


async def test_the_mouse(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    # However far apart a busy machine delivers the two clicks.
    monkeypatch.setattr(S3ConsoleApp, "CLICK_CHAIN_TIME_THRESHOLD", PATIENCE)
    app = S3ConsoleApp(desk, start="s3://logs-2024/2024/")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        names = app.screen.query_one("#names", PagedTable)
        await pilot.click("#names", offset=(4, 5))
        await settle(pilot)
        assert names.cursor == 4
        await pilot._post_mouse_events([MouseScrollDown, MouseScrollDown], "#names", offset=(4, 5))
        await settle(pilot)
        assert names.scroll_offset.y > 0
        assert names.cursor == 4, "the wheel moves the view and not the cursor"
        await pilot.click("#names", offset=(6, 5), times=2)
        await settle(pilot)
        assert "-inspect" in app.screen.query_one("#browse").classes
        await pilot.click("#context-line", offset=(30, 1))
        await settle(pilot)
        assert app.current_mode == "review"


@pytest.mark.parametrize(("profile", "named", "token", "end"), [
    ("plain", "", {}, None),
    ("old", "https://x.awsapps.com/start", {"expiresAt": "2031-01-02T03:04:05Z"}, 5),
    ("old", "https://x.awsapps.com/start", {"expiresAt": "2031-01-02T03:04:06UTC"}, 6),
    ("role", "corp", {"expiresAt": "2031-01-02T03:04:07Z"}, 7),
    ("new", "corp", {"expiresAt": "2031-01-02T03:04:05Z", "refreshToken": "r",
                     "registrationExpiresAt": "2199-01-01T00:00:00Z"}, None),
    ("new", "corp", {"expiresAt": "2031-01-02T03:04:08Z", "refreshToken": "r",
                     "registrationExpiresAt": "2020-01-01T00:00:00Z"}, 8),
    ("new", "corp", {"expiresAt": "soon"}, None),
    ("new", "corp", ["no", "token"], None),
    ("new", "", {}, None),
    ("nobody", "", {}, None),
])
def test_the_end_of_an_sso_session_is_read_from_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str, named: str, token: object, end: int | None
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile plain]\nregion = us-east-1\n"
                      "[profile old]\nsso_start_url = https://x.awsapps.com/start\n"
                      "[profile new]\nsso_session = corp\n"
                      "[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = new\n", "utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    if named:
        name = hashlib.sha1(named.encode()).hexdigest()
        (tmp_path / f"{name}.json").write_text(json.dumps(token), "utf-8")
    wanted = LoginEnd(SSO, datetime(2031, 1, 2, 3, 4, end, tzinfo=UTC)) if end is not None else None
    assert login_end(Connection(profile), environ={}, cache=tmp_path) == wanted
    assert login_end(Connection(profile, "http://127.0.0.1:1"), environ={}, cache=tmp_path) is None


def test_the_end_of_temporary_keys_of_the_environment() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "k", "AWS_CREDENTIAL_EXPIRATION": "2031-01-02T03:04:05Z"}
    at = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert login_end(Connection(), environ=environ) == LoginEnd(KEYS, at)
    assert login_end(Connection(), environ={**environ, "AWS_CREDENTIAL_EXPIRATION": "x"}) is None
    assert login_end(Connection("named"), environ=environ) is None, "a profile comes before the environment"
