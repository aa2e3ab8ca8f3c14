"""The console: five screens, one registry of actions, a read-only start, and nothing that blocks."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from textual.actions import ActionParseResult
from textual.app import SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Input

from s3console.core.errors import S3ConsoleError
from s3console.ui import actions
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.display import Runs, message_text
from s3console.ui.session import TABS
from s3console.ui.switching import Switching
from s3console.ui.threads import run_in_thread
from s3console.ui.touring.touring import Touring

COLLECT = (5_000, 20, 50)
"""When garbage is looked for: seldom, because a console makes few cycles."""
FREEZE_AGAIN = 4.0
"""Seconds after which boto3 is there as well."""
SWITCH = 0.001
"""Seconds after which a thread that reads pages lets the event loop go on; 5 ms is what Python waits."""


def _screen_class(name: str) -> Callable[[], Screen[Any]]:
    """The screen of a mode; its module is imported when it is first shown."""

    def make() -> Screen[Any]:
        module = import_module(f"s3console.ui.screens.{name}")
        screen: Screen[Any] = getattr(module, f"{name.capitalize()}Screen")()
        return screen

    return make


class S3ConsoleApp(Switching, Touring):
    """The console on a desk. `start` is a place to open; `read_only` can not be lifted inside. `lasting`
    says that the process is this console and nothing else."""

    TITLE = "s3console"
    CSS_PATH = Path(__file__).parent / "app.tcss"
    DEFAULT_MODE = "browse"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        name: _screen_class(name) for _, name, _ in TABS
        if name == "browse" or find_spec(f"s3console.ui.screens.{name}") is not None
    }
    BINDINGS: ClassVar = [Binding("ctrl+q", "leave", "quit", show=False, priority=True)]
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self, desk: DeskLike, *, start: str | None = None, read_only: bool = False, demo: bool = False,
    ) -> None:
        super().__init__(desk, read_only=read_only)
        self.start = start
        self.demo = demo
        self.lasting = False

    def on_mount(self) -> None:
        if self.lasting:
            # What is there by now stays: a collection that walks through all of it takes as long as
            # three keys may.
            self.call_after_refresh(gc.freeze)
            self.set_timer(FREEZE_AGAIN, self._settled)
            self.call_after_refresh(self._one_heap)
        self.call_after_refresh(self._look_back)
        if self.demo and not self.remembered.tour_offered:
            self.call_after_refresh(self.offer_tour)

    def _one_heap(self) -> None:
        from s3console.ui.memory import one_heap

        one_heap()

    def _settled(self) -> None:
        """What was needed to start is there, and what it took besides is not needed any more."""
        from s3console.ui.memory import give_back

        gc.freeze()
        give_back()

    def _look_back(self) -> None:
        """Ask what becomes of jobs that a crash or a kill left behind."""
        from s3console.ui.jobs.facts import Interrupted, go_on, interrupted

        def welcome(found: list[Interrupted]) -> None:
            if found:
                from s3console.ui.dialogs.welcome import WelcomeBack

                self.push_screen(WelcomeBack(found, may_write=not self.read_only),
                                 lambda answer: answered(answer, found))

        def answered(answer: str | None, found: list[Interrupted]) -> None:
            if answer in ("journal", "queue"):
                self.action_show(answer)
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
            self.push_screen(HelpDialog(
                screen.scope, keymap=self.keymap, why_not=self.why_not, read_only=self.read_only,
                teaches=screen.teaches(), title=f"keys of {screen.scope}"))

    def action_all_keys(self) -> None:
        from s3console.ui.dialogs.help import HelpDialog

        self.push_screen(HelpDialog(None, keymap=self.keymap, why_not=self.why_not,
                                    read_only=self.read_only, title="all keys"))

    def action_call_log(self) -> None:
        from s3console.ui.dialogs.call_log import CallLogDialog

        self.push_screen(CallLogDialog(self.calls_so_far))

    def action_command_line(self, text: str = "") -> None:
        from s3console.ui.widgets.command_line import CommandLine

        screen = self.screen_of_mode
        if screen is not None and screen is self.screen:
            known = actions.words(screen.scope, read_only=self.read_only)
            screen.query_one("#key-hints").display = False
            choices = [f"{word} " if action.takes else word for word, action in known.items()]
            choices += [f"{word} {value}" for word in known for value in self.values_of(word)]
            screen.query_one(CommandLine).open(choices, text)
            self.ask_profiles()

    def action_open_place(self) -> None:
        self.action_command_line("open ")

    def action_write(self) -> None:
        self.action_command_line("write ")

    def action_theme(self) -> None:
        self.action_command_line("theme ")

    def action_profile(self) -> None:
        self.action_command_line("profile ")

    def action_region(self) -> None:
        self.action_command_line("region ")

    def action_endpoint(self) -> None:
        self.action_command_line("endpoint ")

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
        action = actions.words(screen.scope if screen else "", read_only=self.read_only).get(word)
        if action is None:
            self.notify(f"There is no command {message_text(word)}. {self.key_of('everywhere.help')} shows "
                        "what there is.",
                        severity="warning", markup=False)
            return
        if why := self.why_not(action):
            self.complain(why)
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

    async def run_action(
        self, action: str | ActionParseResult, default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Carry out an action, or say why it is not possible now."""
        screen = self.screen_of_mode
        if action == "step_back" and self.guide.under_way and screen is self.screen:
            self.leave_tour()
            return True
        if screen is self.screen and isinstance(action, str) and default_namespace in (screen, self):
            known = actions.by_method(action, screen.scope)
            if known is not None and (why := self.why_not(known)) and screen.check_action(known.name, ()):
                self.complain(why)
                return True
        return await super().run_action(action, default_namespace, namespaces)

    def action_leave(self) -> None:
        """Quit; a running job is asked about, and goes on by itself either way."""
        if not self.job_runs():
            self.exit(0)
            return
        from s3console.ui.dialogs.menu import MenuDialog
        from s3console.ui.jobs.facts import pause_all

        def answered(letter: str | None) -> None:
            if letter == "y":
                self.exit(0)
            elif letter == "p":
                run_in_thread(self, lambda task: pause_all(self.desk), then=lambda _: self.exit(0),
                              failed=lambda error: self.complain(error.sentence), name="pause all")

        running = sum(1 for job in self.jobs if job.state == "running")
        what = "A job is running" if running == 1 else f"{running} jobs are running"
        choices: list[tuple[str, str, Runs]] = [
            ("y", "quit", [("it goes on without the console; open s3console again to look at it", "muted")])]
        if self.live:
            choices.append(("p", "pause and quit", [("what is in flight is finished first", "muted")]))
        self.push_screen(MenuDialog("quit", choices, about=[(f"{what}.", "foreground")]), answered)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette holds the registry of actions and nothing else."""
        base = self.screen_of_mode
        scope = base.scope if base else ""
        for action in actions.ACTIONS:
            if action.scope not in (scope, "everywhere") or (action.writes and self.read_only):
                continue
            missing = action.name == "show" and action.word not in self._modes
            if missing or action.id == "everywhere.escape":
                continue
            key, why = self.keymap.shown(action), self.why_not(action)
            title = action.label[:1].upper() + action.label[1:]
            yield SystemCommand(
                f"{title}  {key}" if key else title, why or action.help,
                lambda method=action.method: self.call_later(self.perform, method),
            )


def run(desk: DeskLike, *, start: str | None = None, read_only: bool = False, demo: bool = False) -> int:
    """Open the console and return its exit code: 0, or 1 after a crash. `demo` offers the tour.

    Raises UsageError for keys of the configuration file that can not be.
    """
    # The pool that Arrow prefers keeps what it was given: 25 MiB for a review of ten million findings.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    gc.set_threshold(*COLLECT)
    sys.setswitchinterval(SWITCH)
    app = S3ConsoleApp(desk, start=start, read_only=read_only, demo=demo)
    app.lasting = True
    app.run()
    return app.return_code or 0
