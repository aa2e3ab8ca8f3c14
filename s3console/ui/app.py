"""The console: five screens, one registry of actions, a read-only start, and nothing that blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Input

from s3console.core.errors import S3ConsoleError
from s3console.ui import actions
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.display import message_text
from s3console.ui.session import TABS, Session
from s3console.ui.threads import run_in_thread


def _screen_class(name: str) -> Callable[[], Screen[Any]]:
    """The screen of a mode; its module is imported when it is first shown."""

    def make() -> Screen[Any]:
        module = import_module(f"s3console.ui.screens.{name}")
        screen: Screen[Any] = getattr(module, f"{name.capitalize()}Screen")()
        return screen

    return make


class S3ConsoleApp(Session):
    """The console on a desk. `start` is a place to open; `read_only` can not be lifted inside."""

    TITLE = "s3console"
    CSS_PATH = Path(__file__).parent / "app.tcss"
    DEFAULT_MODE = "browse"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        name: _screen_class(name) for _, name, _ in TABS
        if name == "browse" or find_spec(f"s3console.ui.screens.{name}") is not None
    }
    BINDINGS: ClassVar = [Binding("ctrl+q", "leave", "quit", show=False, priority=True)]
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, desk: DeskLike, *, start: str | None = None, read_only: bool = False) -> None:
        super().__init__(desk, read_only=read_only)
        self.start = start

    def on_mount(self) -> None:
        self.call_after_refresh(self._look_back)

    def _look_back(self) -> None:
        """Ask what becomes of jobs that a crash or a kill left behind."""
        from s3console.ui.jobs.facts import Interrupted, go_on, interrupted

        def welcome(found: list[Interrupted]) -> None:
            if found:
                from s3console.ui.dialogs.welcome import WelcomeBack

                self.push_screen(WelcomeBack(found, may_write=not self.read_only),
                                 lambda answer: answered(answer, found))

        def answered(answer: str | None, found: list[Interrupted]) -> None:
            if answer == "journal":
                self.action_show("journal")
            elif answer == "continue":
                self.live = True
                safe = [one.job.job for one in found if one.valid]
                run_in_thread(self, lambda task: go_on(self.desk, safe), failed=complain, name="go on")
                self.action_show("queue")

        def complain(error: S3ConsoleError) -> None:
            self.notify(message_text(error.sentence), severity="error", markup=False)

        run_in_thread(self, lambda task: interrupted(self.desk), then=welcome, failed=complain,
                      name="look back")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that opens a field is a plain letter while a field has the focus."""
        if action in actions.OPENS_FIELD and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    # actions of every screen

    def action_show(self, name: str) -> None:
        """Switch to a screen."""
        if name not in self._modes:
            self.notify(f"There is no screen {name}.", severity="warning", markup=False)
        elif name != self.current_mode:
            while len(self.screen_stack) > 1:
                self.pop_screen()
            self.switch_mode(name)

    def action_show_help(self) -> None:
        from s3console.ui.dialogs.help import HelpDialog

        screen = self.screen_of_mode
        if screen is not None:
            self.push_screen(HelpDialog(screen.scope, live=self.live))

    def action_all_keys(self) -> None:
        from s3console.ui.dialogs.help import HelpDialog

        self.push_screen(HelpDialog(None, live=self.live))

    def action_command_line(self, text: str = "") -> None:
        from s3console.ui.widgets.command_line import CommandLine

        screen = self.screen_of_mode
        if screen is not None and screen is self.screen:
            known = actions.words(screen.scope, read_only=not self.live)
            screen.query_one("#key-hints").display = False
            choices = [f"{word} " if action.takes else word for word, action in known.items()]
            screen.query_one(CommandLine).open(choices, text)

    def action_open_place(self) -> None:
        self.action_command_line("open ")

    def action_write(self) -> None:
        self.action_command_line("write ")

    def action_theme(self) -> None:
        self.action_command_line("theme ")

    def command_write(self, argument: str) -> None:
        """`:write on` and `:write off`."""
        if argument not in ("on", "off"):
            self.notify("Write :write on or :write off.", severity="warning", markup=False)
        elif argument == "on" and self.read_only:
            self.notify("This console was started read-only and stays so. "
                        "Start it again without --read-only.", severity="warning", markup=False)
        else:
            self.live = argument == "on"

    def command_theme(self, argument: str) -> None:
        """`:theme light` and the names of Textual's own themes."""
        name = f"s3console-{argument}" if f"s3console-{argument}" in self.available_themes else argument
        if name in self.available_themes:
            self.theme = name
        else:
            self.notify("Known themes: dark, light, ansi.", severity="warning", markup=False)

    def command_open_place(self, argument: str) -> None:
        """`:open PLACE` on any screen: Browse goes there."""
        self.start = argument
        self.action_show("browse")
        screen = self.screen_of_mode
        if screen is not None and (go := getattr(screen, "go_to_text", None)) is not None:
            go(argument)

    def command_compare(self, argument: str) -> None:
        """`:compare LEFT RIGHT` on any screen: Compare starts it."""
        self.call_later(self._compare, argument)

    async def _compare(self, argument: str) -> None:
        # The screen has no widgets before the switch is over.
        if self.current_mode != "compare":
            await self.switch_mode("compare")
        screen = self.screen_of_mode
        if screen is not None and (start := getattr(screen, "command_compare", None)) is not None:
            start(argument)

    def run_words(self, text: str) -> None:
        """Carry out a line typed after `:`."""
        screen = self.screen_of_mode
        word, _, argument = text.strip().partition(" ")
        argument = argument.strip()
        action = actions.words(screen.scope if screen else "", read_only=not self.live).get(word)
        if action is None:
            self.notify(f"There is no command {message_text(word)}. Press ? for what there is.",
                        severity="warning", markup=False)
            return
        method = action.word if action.name == "show" else action.name
        if argument:
            for target in (screen, self):
                if (command := getattr(target, f"command_{method}", None)) is not None:
                    command(argument)
                    return
        self.call_later(self.perform, action.method)

    async def perform(self, method: str) -> None:
        """Carry out an action by its method: by the focused widget, the screen, or the console."""
        name = method.partition("(")[0]
        for target in (self.screen.focused, self.screen_of_mode, self):
            if target is self or (target is not None and hasattr(target, f"action_{name}")):
                await self.run_action(method, default_namespace=target)
                return

    def action_leave(self) -> None:
        """Quit; a running job is asked about, and goes on by itself either way."""
        if not self.job_runs():
            self.exit(0)
            return
        from s3console.ui.dialogs.ask import AskDialog

        running = sum(1 for job in self.jobs if job.state == "running")
        what = "A job is running" if running == 1 else f"{running} jobs are running"
        self.push_screen(
            AskDialog("quit", [(f"{what}. ", "foreground"), ("It goes on without the console; ", "muted"),
                               ("open s3console again to look at it.", "muted")],
                      yes="quit, let it run", no="stay"),
            lambda quit_it: self.exit(0) if quit_it else None,
        )

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette holds the registry of actions and nothing else."""
        base = self.screen_of_mode
        scope = base.scope if base else ""
        for action in actions.ACTIONS:
            if action.scope not in (scope, "everywhere") or (action.writes and not self.live):
                continue
            missing = action.name == "show" and action.word not in self._modes
            if missing or action.id == "everywhere.escape":
                continue
            yield SystemCommand(
                action.label.capitalize(), action.help,
                lambda method=action.method: self.call_later(self.perform, method),
            )

def run(desk: DeskLike, *, start: str | None = None, read_only: bool = False) -> int:
    """Open the console and return its exit code: 0, or 1 after a crash."""
    app = S3ConsoleApp(desk, start=start, read_only=read_only)
    app.run()
    return app.return_code or 0
