"""`?`: the keys of this screen, made from the registry of actions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding
from textual.widget import Widget

from s3console.ui import actions
from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Run, Runs
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout, ListRows

_TITLES: dict[str, str] = {"everywhere": "everywhere", "list": "in any list"}
_DANGER: dict[str, Run] = {
    "look": ("", ""), "stage": ("writes a plan", "muted"), "send": ("changes S3", "warning"),
    "destroy": ("loses bytes", "danger"),
}
Line = actions.Action | str


def _keys(line: Line) -> Runs:
    if isinstance(line, str):
        return [(line, "bold foreground")]
    names = " ".join(actions.key_name(key) for key in line.keys)
    return [(names or f":{line.word}", "bold primary")]


def _does(line: Line) -> Runs:
    return [] if isinstance(line, str) else [(line.help, "foreground")]


def _word(line: Line) -> Runs:
    if isinstance(line, str) or not line.word:
        return []
    return [(f":{line.word} {line.takes}".rstrip(), "muted")]


def _danger(line: Line) -> Runs:
    return [] if isinstance(line, str) else [_DANGER[line.danger]]


class HelpDialog(Dialog[None]):
    """All keys of a screen, its own first; `scope` None shows every screen."""

    CSS = """
    HelpDialog .dialog { width: 110; height: 90%; }
    HelpDialog PagedTable { height: 1fr; }
    """
    BINDINGS: ClassVar = [Binding("question_mark,q", "cancel", "back", show=False)]

    def __init__(self, scope: actions.Scope | None, *, live: bool) -> None:
        super().__init__("keys", subtitle="" if live else ":write on shows the keys that change S3")
        self.scope = scope
        self.live = live

    def lines(self) -> list[Line]:
        """Headings and actions in the order they are shown."""
        own: tuple[actions.Scope, ...] = (self.scope,) if self.scope else actions.SCREENS
        out: list[Line] = []
        for scope in (*own, "list", "everywhere"):
            found: list[Line] = [a for a in actions.of_scope(scope) if self.live or not a.writes]
            if found:
                out += ["", _TITLES.get(scope, scope), *found] if out else [_TITLES.get(scope, scope), *found]
        return out

    def body(self) -> Iterable[Widget]:
        layout: Layout[Line] = Layout(
            (Column("", _keys, width=15), Column("", _does), Column("", _word, width=20, from_width=80),
             *((Column("", _danger, width=13, from_width=96),) if self.live else ())),
            header=False,
        )
        yield PagedTable(layout, ListRows[Line](self.lines()), id="help-table")
