"""One registry of actions: bindings, hints, help, palette, `:` words and the README say the same; keymaps."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from s3console.config import Settings, load_config
from s3console.core.errors import UsageError
from s3console.ui import actions
from s3console.ui.app import S3ConsoleApp
from s3console.ui.dialogs.help import HelpDialog
from s3console.ui.keymap import COMMANDER, KEYMAPS, Keymap, clashes, key_of, make_keymap
from s3console.ui.widgets.paged_table import PagedTable

from .conftest import SIZE, frame, press, settle
from .fake_desk import FakeDesk

ROOT = Path(__file__).parent.parent.parent


def screen_class(scope: str) -> type:
    module = import_module(f"s3console.ui.screens.{scope}")
    found = getattr(module, f"{scope.capitalize()}Screen")
    assert isinstance(found, type)
    return found


def below(base: type) -> Iterator[type]:
    """All classes made from a class."""
    for known in base.__subclasses__():
        yield known
        yield from below(known)


def carriers(action: actions.Action) -> Iterator[type]:
    """The classes that must have the method of an action."""
    if action.method.startswith("app."):
        yield S3ConsoleApp
    elif action.scope == "everywhere":
        yield from map(screen_class, S3ConsoleApp.MODES)
    elif action.scope == "list":
        yield PagedTable
    elif action.scope in actions.SCREENS:
        yield screen_class(action.scope)
    else:
        yield next((found for found in below(Widget) if hasattr(found, f"action_{action.name}")
                   and found.__module__.startswith("s3console")), object)


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.id)
def test_every_action_is_carried_out_by_somebody(action: actions.Action) -> None:
    for carrier in carriers(action):
        assert hasattr(carrier, f"action_{action.name}"), carrier


def test_ids_are_unique_and_every_binding_has_one() -> None:
    ids = [action.id for action in actions.ACTIONS]
    assert len(ids) == len(set(ids))
    for scope in dict.fromkeys(action.scope for action in actions.ACTIONS):
        bound = [binding for binding in actions.bindings(scope) if isinstance(binding, Binding)]
        assert [binding.id for binding in bound] == [action.id for action in actions.of_scope(scope)]
        for binding, action in zip(bound, actions.of_scope(scope), strict=True):
            assert binding.action == action.method
            assert tuple(binding.key.split(",")) == (action.keys or (actions.UNBOUND,))


@pytest.mark.parametrize("name", KEYMAPS)
def test_a_key_means_one_thing_on_a_screen(name: str) -> None:
    keymap = make_keymap(name, {})
    for scope in actions.SCREENS:
        keys = [key for action in actions.of_scope(scope, "everywhere") for key in keymap.keys(action)]
        assert len(keys) == len(set(keys)), sorted(key for key in keys if keys.count(key) > 1)
    assert not list(clashes(keymap))


def test_the_commander_map_names_actions_that_exist() -> None:
    known = {action.id: action for action in actions.ACTIONS}
    for name, key in (("browse.preview", "f3"), ("browse.copy-to", "f5"), ("browse.move-to", "f6"),
                      ("browse.delete", "f8")):
        assert make_keymap("commander", {}).keys(known[name])[0] == key
    assert set(COMMANDER) <= set(known)


def test_the_readme_has_the_key_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = "\n".join(actions.markdown_table())
    assert table in readme, "the registry of actions has changed: run `make screenshots ARGS=keys`"
    for action in actions.ACTIONS:
        assert action.help in table
        assert all(f"`{actions.key_name(key)}`" in table for key in action.keys)


def test_what_changes_s3_is_absent_or_says_why() -> None:
    def why(action: actions.Action) -> str:
        return "Read-only; `:write on` allows it." if action.writes else ""

    for scope in actions.SCREENS:
        writing = {action for action in actions.of_scope(scope) if action.writes}
        assert not writing & set(actions.hints(scope, read_only=True))
        assert not writing & set(actions.words(scope, read_only=True).values())
        absent = HelpDialog(scope, keymap=Keymap(), why_not=why, read_only=True)
        assert not writing & set(absent.lines())
        shown = HelpDialog(scope, keymap=Keymap(), why_not=why, read_only=False)
        assert writing <= set(shown.lines())
        assert all(shown.last_runs(action) == [(":write on first", "live")] for action in writing)


async def test_help_hints_palette_and_words_come_from_the_registry(desk: FakeDesk) -> None:
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for scope in actions.SCREENS:
            app.action_show(scope)
            await settle(pilot)
            screen = app.screen_of_mode
            assert screen is not None
            expected = {action for action in actions.of_scope(scope, "everywhere")
                        if action.id != "everywhere.escape"}
            offered = list(app.get_system_commands(screen))
            assert len(offered) == len(expected)
            assert {command.title.partition("  ")[0].lower() for command in offered} == {
                action.label.lower() for action in expected}
            last = frame(app).rstrip("\n").rpartition("\n")[2]
            first = next(a for a in actions.hints(scope, read_only=True) if not app.why_not(a))
            assert f"{app.keymap.shown(first)} {first.label}" in last
            app.action_command_line()
            await settle(pilot)
            field = screen.query_one("#command-input", Input)
            for word in actions.words(scope, read_only=False):
                assert field.suggester is not None
                suggestion = await field.suggester.get_suggestion(word)
                assert suggestion is not None
                assert suggestion.startswith(word)
            await press(pilot, "escape")


@pytest.mark.parametrize(("own", "complaint"), [
    ({"browse.size": "p"}, "the key p would mean both"),
    ({"browse.size": "j"}, "the key j would mean both"),
    ({"browse.nothing": "f3"}, "an action that does not exist (browse.nothing)"),
    ({"browse.size": "sizekey"}, "there is no such key (sizekey)"),
    ({"queue.retry": "?"}, "the key ? would mean both"),
])
def test_keys_that_can_not_be_are_one_sentence(own: dict[str, str], complaint: str) -> None:
    with pytest.raises(UsageError, match=r".") as refused:
        make_keymap("vi", own)
    assert complaint in refused.value.sentence
    if "both" in complaint:
        assert next(iter(own)) in refused.value.sentence


def test_keys_as_people_write_them() -> None:
    assert [key_of(text) for text in ("?", "F3", "ctrl+x", "space", "G", "Ctrl+Shift+A", "insert", "<")] == [
        "question_mark", "f3", "ctrl+x", "space", "G", "ctrl+shift+a", "insert", "less_than_sign"]
    swapped = make_keymap("vi", {"browse.size": "p", "browse.preview": "z"})
    known = {action.id: action for action in actions.ACTIONS}
    assert swapped.keys(known["browse.size"]) == ("p",)
    assert make_keymap("vi", {"everywhere.login": ""}).shown(known["everywhere.login"]) == ""


async def test_own_keys_reach_bindings_hints_and_help(tmp_path: Path, desk: FakeDesk) -> None:
    own = {"browse.filter": "F", "browse.versions": "p", "browse.preview": "v", "everywhere.theme": "T"}
    other = FakeDesk(tmp_path / "own", desk.reader(), settings=Settings(keys=own))
    app = S3ConsoleApp(other, start="s3://bucket2/document123/manifest.json")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "F filter" in frame(app)
        await press(pilot, "F")
        assert app.screen.query_one("#filter-line").display
        await press(pilot, "escape", "T")
        assert app.screen.query_one("#command-input", Input).value == "theme "
        await press(pilot, "escape", "v")
        assert "café" in frame(app), "the preview of the key under the cursor"
        await press(pilot, "v", "question_mark")
        assert re.search(r"│ +F +Narrow the names", frame(app))
        await press(pilot, "escape")
        app.run_words("keys commander")
        await settle(pilot)
        assert app.remembered.keymap == "commander"
        await press(pilot, "f10")
        await pilot.pause()
    assert app.return_code == 0


def test_a_clash_in_the_file_is_said_before_the_console_opens(tmp_path: Path, desk: FakeDesk) -> None:
    with pytest.raises(UsageError, match=r"browse\.size"):
        S3ConsoleApp(FakeDesk(tmp_path / "x", desk.reader(), settings=Settings(keys={"browse.size": "p"})))


@pytest.mark.parametrize(("text", "complaint"), [
    ("keymap = 'emacs'", "keymap of the configuration file must be one of vi, commander"),
    ("readonly = 'prod'", "readonly of the configuration file must be a list of texts"),
    ("[keys]\nx = 1", "keys of the configuration file must be a table of texts"),
    ("colour = 'red'", "unknown entry colour"),
    ("keys = [", "is not TOML"),
    ("theme = '\x00'", "is not TOML"),
])
def test_a_configuration_without_meaning_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        load_config({}, {"S3CONSOLE_CONFIG": str(path), "HOME": str(tmp_path)})
    assert complaint in refused.value.sentence
    assert refused.value.sentence.isprintable()


def test_read_only_patterns_win(tmp_path: Path) -> None:
    path = tmp_path / "s3console" / "config.toml"
    path.parent.mkdir()
    path.write_text("readonly = ['prod*']\ntheme = 'light'\n", encoding="utf-8")
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    assert load_config({"profile": "prod-audit"}, environ).read_only
    assert load_config({"right_profile": "prod"}, environ).read_only
    assert load_config({}, {**environ, "AWS_PROFILE": "prod"}).read_only
    free = load_config({"profile": "staging"}, environ)
    assert not free.read_only
    assert free.settings.theme == "light"
    assert load_config({"read_only": True}, environ).read_only


def _classes(base: type) -> Iterator[type]:
    for found in base.__subclasses__():
        yield found
        yield from _classes(found)


def test_no_screen_or_dialog_leaves_open_what_its_parts_ask_for() -> None:
    for room in ("screens", "dialogs"):
        for path in (ROOT / "s3console" / "ui" / room).glob("[a-z]*.py"):
            import_module(f"s3console.ui.{room}.{path.stem}")
    whole = [found for found in _classes(Screen)
             if found.__module__.startswith("s3console.") and not found.__subclasses__()]
    assert len(whole) > 20
    for found in whole:
        for name in dir(found):
            member = inspect.getattr_static(found, name)
            code = getattr(member.fget if isinstance(member, property) else member, "__code__", None)
            assert code is None or "NotImplementedError" not in code.co_names, f"{found.__name__}.{name}"
