"""The app under the console: themes, the net under every line, and an end without a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App, ScreenStackError
from textual.filter import LineFilter
from textual.theme import Theme

from s3console.core.errors import S3ConsoleError
from s3console.ui import crash, theme
from s3console.ui.display import message_text
from s3console.ui.safety import AsciiFilter, TerminalSafeFilter, plain_line, wants_ascii
from s3console.ui.stylesheet import KeptStylesheet
from s3console.ui.threads import Threads


class SafeApp(App[int]):
    """An app that shows hostile text. `state` is where the report of a crash goes; with `ascii_only`
    marks and borders are drawn in ASCII, as the environment may ask too."""

    def __init__(self, *, state: Path | None, ascii_only: bool = False) -> None:
        self._theme_in_use: Theme | None = None
        super().__init__()
        self.state = state
        self.threads = Threads()
        self.crash_report = ""
        self._net: list[LineFilter] = [TerminalSafeFilter()]
        if ascii_only or wants_ascii(os.environ):
            self._net.append(AsciiFilter())
        for look in theme.THEMES:
            self.register_theme(look)
        wanted = theme.choose(os.environ)
        self.theme = wanted if self.get_theme(wanted) else theme.DARK.name
        self.stylesheet = KeptStylesheet(variables=self.get_css_variables())

    @property
    def current_theme(self) -> Theme:
        """The theme in use. It is asked for with every line drawn, so the answer is kept."""
        if self._theme_in_use is None or self._theme_in_use.name != self.theme:
            self._theme_in_use = super().current_theme
        return self._theme_in_use

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme.role_defaults(self.current_theme)

    def clear_selection(self) -> None:
        """Fields ask for this when they are mounted; from Python 3.12 on tasks begin at once, and the first
        screen is mounted before it is on the stack."""
        with suppress(ScreenStackError):
            super().clear_selection()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The net comes first: nothing below it can reach the terminal raw."""
        return [*self._net, *super().get_line_filters()]

    def copy_to_clipboard(self, text: str) -> None:
        """OSC 52 carries base64, so no byte steers the terminal; what is no text is written as escapes."""
        super().copy_to_clipboard(text.encode("utf-8", "backslashreplace").decode("utf-8"))

    def panic(self, *renderables: Any) -> None:
        """Leave with the sentence of the error; nothing is rendered with its locals."""
        self._leave_broken(next((r for r in renderables if isinstance(r, BaseException)), None))

    def _fatal_error(self) -> None:
        self._leave_broken(sys.exc_info()[1])

    def _leave_broken(self, error: BaseException | None) -> None:
        if isinstance(error, S3ConsoleError):
            text = plain_line(message_text(error.sentence))
        else:
            broken = error or self._exception or RuntimeError("unknown")
            text = crash.report(broken, self.state)
        self.crash_report = text
        self._exit_renderables.append(text)
        self._close_messages_no_wait()
