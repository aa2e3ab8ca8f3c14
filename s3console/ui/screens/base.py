"""What every screen of the console has: context line, its own body, strip, key hints, `:` line, help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from s3console.core.errors import S3ConsoleError
from s3console.ui import actions
from s3console.ui.console import console_of
from s3console.ui.display import Run, message_text
from s3console.ui.widgets.bottom_strip import BottomStrip
from s3console.ui.widgets.command_line import CommandLine
from s3console.ui.widgets.context_line import ContextLine
from s3console.ui.widgets.key_hints import KeyHints
from s3console.ui.widgets.paged_table import PagedTable


class ConsoleScreen(Screen[None]):
    """Base of the five screens.

    A screen sets `scope` (its name in the registry of actions) and `BINDINGS =
    actions.bindings(scope)`, gives its widgets in `body()`, says in `where_runs()` what the context
    line names, and has one `action_<method>` per action of its scope.
    """

    scope: ClassVar[actions.Scope]
    BINDINGS: ClassVar = actions.bindings("everywhere")
    AUTO_FOCUS = "PagedTable"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (80, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        with Vertical(id="frame"):
            yield ContextLine()
            with Container(classes="body"):
                yield from self.body()
            yield BottomStrip()
            yield KeyHints(self.scope)
            yield CommandLine()
        yield Static("This terminal is too small: s3console needs at least 80 columns and 20 lines.",
                     id="too-small", markup=False)

    def body(self) -> Iterable[Widget]:
        """The widgets of this screen."""
        raise NotImplementedError

    def where_runs(self) -> list[Run]:
        """What the context line names: place or places, region, counts."""
        return console_of(self).connection_runs()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Actions that change S3 are absent while the console is read-only."""
        if action in actions.OPENS_FIELD and isinstance(self.focused, Input):
            return False
        found = actions.by_method(action, self.scope)
        if found is not None and found.scope == self.scope and found.writes and not console_of(self).live:
            return False
        return super().check_action(action, parameters)

    def say(self, text: str, *, warn: bool = False) -> None:
        """One sentence for a moment."""
        self.app.notify(message_text(text), severity="warning" if warn else "information", markup=False)

    def say_error(self, error: S3ConsoleError) -> None:
        """The sentence of an error, for a while."""
        self.app.notify(message_text(error.sentence), severity="error", timeout=8, markup=False)

    def on_paged_table_failed(self, event: PagedTable.Failed) -> None:
        self.say_error(event.error)

    def on_command_line_entered(self, event: CommandLine.Entered) -> None:
        console_of(self).run_words(event.text)

    def on_screen_resume(self) -> None:
        console_of(self).refresh_chrome()

    def action_step_back(self) -> None:
        """Esc: screens with something to leave override this."""

    def action_reload(self) -> None:
        """F5: screens that show remote or stored facts override this."""
