"""`?`: the keys of this pane and this screen, made from the registry of actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple

from textual.binding import Binding
from textual.widget import Widget

from s3console.ui import actions
from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Run, Runs
from s3console.ui.keymap import Keymap
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout, ListRows

_TITLES: dict[str, str] = {"everywhere": "everywhere", "list": "in any list",
                           "versions": "versions"}
_DANGER: dict[str, Run] = {
    "look": ("", ""), "stage": ("writes a plan", "muted"), "send": ("changes S3", "warning"),
    "destroy": ("loses bytes", "danger"),
}
REASON = 15
"""Cells for a reason; a longer one is said when the key is pressed."""


class Fixed(NamedTuple):
    """A key that no keymap changes."""

    keys: str
    help: str


FIXED = (
    Fixed("esc", "Leaves any dialog; nothing is done."),
    Fixed("y n", "Yes and no to a question; enter says no."),
    Fixed("0-9", "The number that approves what loses bytes."),
    Fixed("", "No keymap changes the keys of dialogs."),
)
"""Keys of dialogs have no ids: the answers to what cannot be taken back must be where they always were."""
Line = actions.Action | Fixed | str
WhyNot = Callable[[actions.Action], str]


class HelpDialog(Dialog[None]):
    """All keys of a screen, its own first, then what no keymap changes; `scope` None shows every screen,
    with the ids of the actions.

    `why_not` says why an action is not possible now; with `read_only` what writes is not shown at all.
    `teaches` are sentences about the pane.
    """

    CSS = """
    HelpDialog .dialog { width: 118; max-width: 100%; height: 92%; }
    HelpDialog Facts { margin: 0 0 1 0; padding: 0 1; }
    HelpDialog PagedTable { height: 1fr; }
    """
    BINDINGS: ClassVar = [Binding("question_mark,q,f1", "cancel", "back", show=False)]

    def __init__(
        self, scope: actions.Scope | None, *, keymap: Keymap, why_not: WhyNot, read_only: bool,
        teaches: Runs = (), title: str = "keys",
    ) -> None:
        super().__init__(title, subtitle="" if keymap.name == "vi" else f"keymap {keymap.name}",
                         keys=[("j k", "move")])
        self.scope = scope
        self.keymap = keymap
        self.why_not = why_not
        self.read_only = read_only
        self.teaches = teaches

    def lines(self) -> list[Line]:
        """Headings and actions in the order they are shown."""
        own: tuple[actions.Scope, ...] = (self.scope,) if self.scope else actions.SCREENS
        if "browse" in own:
            own = ("browse", "versions", *(scope for scope in own if scope != "browse"))
        out: list[Line] = []
        for scope in (*own, "list", "everywhere"):
            found: list[Line] = [a for a in actions.of_scope(scope) if not (self.read_only and a.writes)]
            if found:
                out += ["", _TITLES.get(scope, scope), *found] if out else [_TITLES.get(scope, scope), *found]
        return [*out, "", "in dialogs", *FIXED]

    def keys_runs(self, line: Line) -> Runs:
        if isinstance(line, str):
            return [(line, "bold foreground")]
        if isinstance(line, Fixed):
            return [(line.keys, "bold primary")]
        names = " ".join(actions.key_name(key) for key in self.keymap.keys(line))
        return [(names, "muted" if self.why_not(line) else "bold primary")]

    def does_runs(self, line: Line) -> Runs:
        if isinstance(line, str):
            return []
        if isinstance(line, Fixed):
            return [(line.help, "foreground")]
        return [(line.help, "muted" if self.why_not(line) else "foreground")]

    def last_runs(self, line: Line) -> Runs:
        """What an action touches, or why it is not possible now."""
        if isinstance(line, str | Fixed):
            return []
        if why := self.why_not(line):
            if line.writes and "`:write on`" in why:
                return [(":write on first", "live")]
            return [(why if len(why) <= REASON else "not now", "muted")]
        return [_DANGER[line.danger]]

    def body(self) -> Iterable[Widget]:
        if self.teaches:
            yield Facts([("", self.teaches)], label=0, id="help-teaches")
        ids: tuple[Column[Line], ...] = () if self.scope else (Column("", _id, width=22, from_width=96),)
        layout: Layout[Line] = Layout(
            (Column("", self.keys_runs, width=12), Column("", self.does_runs),
             Column("", _word, width=18, from_width=80), *ids,
             Column("", self.last_runs, width=23 if self.scope else 15, from_width=96)),
            header=False,
        )
        yield PagedTable(layout, ListRows[Line](self.lines()), id="help-table")


def _word(line: Line) -> Runs:
    if isinstance(line, str | Fixed) or not line.word:
        return []
    return [(f":{line.word} {line.takes}".rstrip(), "muted")]


def _id(line: Line) -> Runs:
    return [] if isinstance(line, str | Fixed) else [(line.id, "faint")]
