"""What every screen of the console has: context line, its own body, strip, key hints, `:` line, help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from s3console.core.errors import LoginExpired, S3ConsoleError
from s3console.core.model import JobStatus
from s3console.ui import actions
from s3console.ui.console import console_of
from s3console.ui.display import Run, message_text
from s3console.ui.widgets.bottom_strip import BottomStrip
from s3console.ui.widgets.command_line import CommandLine
from s3console.ui.widgets.context_line import ContextLine
from s3console.ui.widgets.key_hints import KeyHints
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.tour_strip import TourStrip


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
        self._fit()
        with Vertical(id="frame"):
            yield ContextLine()
            with Container(classes="body"):
                yield from self.body()
            yield TourStrip()
            yield BottomStrip()
            yield KeyHints(self.scope)
            yield CommandLine()
        yield Static("This terminal is too small: s3console needs at least 80 columns and 20 lines.",
                     id="too-small", markup=False)

    def _fit(self) -> None:
        """Take the classes of the size at hand: found out later, they would style every widget anew."""
        for size, breakpoints in zip(self.app.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS),
                                     strict=True):
            self.add_class(max(pair for pair in breakpoints if pair[0] <= size)[1], update=False)

    def body(self) -> Iterable[Widget]:
        """The widgets of this screen."""
        raise NotImplementedError

    def where_runs(self) -> list[Run]:
        """What the second line names: place or places, counts."""
        return []

    def why_not(self, action: actions.Action) -> str:
        """Why an action of this screen is not possible now, as a sentence; "" when it is."""
        return ""

    def teaches(self) -> list[Run]:
        """What the pane with the focus is for, above its keys in the help."""
        return []

    def connection_changed(self) -> None:
        """The console looks through another connection: ask again."""
        if self.is_mounted:
            self.action_reload()

    def jobs_ended(self, jobs: Sequence[JobStatus]) -> None:
        """These jobs came to their end: screens that show what they changed override this."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Actions that change S3 are absent in a console that was started read-only; before `:write on`
        they only say so."""
        if action in actions.OPENS_FIELD and isinstance(self.focused, Input):
            return False
        found = actions.by_method(action, self.scope)
        if found is not None and found.scope == self.scope and found.writes and console_of(self).read_only:
            return False
        return super().check_action(action, parameters)

    def say(self, text: str, *, warn: bool = False) -> None:
        """One sentence for a moment."""
        self.app.notify(message_text(text), severity="warning" if warn else "information", markup=False)

    def say_error(self, error: S3ConsoleError) -> None:
        """The sentence of an error, for a while."""
        text = message_text(error.sentence)
        if isinstance(error, LoginExpired):
            text += f" {console_of(self).key_of('everywhere.login')} logs in here."
        self.app.notify(text, severity="error", timeout=8, markup=False)

    def on_paged_table_failed(self, event: PagedTable.Failed) -> None:
        self.say_error(event.error)

    def on_command_line_entered(self, event: CommandLine.Entered) -> None:
        console_of(self).run_words(event.text)

    def on_screen_resume(self) -> None:
        console_of(self).refresh_chrome()
        console_of(self).show_tour()

    def action_step_back(self) -> None:
        """Esc: screens with something to leave override this."""

    def action_reload(self) -> None:
        """F5: screens that show remote or stored facts override this."""
