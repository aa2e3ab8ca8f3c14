"""S: which two places to compare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Static

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import content, message_text


class Wanted(NamedTuple):
    """Two places as they were typed, and whether versions of the right side are looked at."""

    left: str
    right: str
    versions: bool = True


class _Line(Horizontal):
    def __init__(self, label: str, field: Widget) -> None:
        super().__init__(classes="form-line")
        self._label, self._field = label, field

    def compose(self) -> ComposeResult:
        yield Static(content((f"{self._label:<10}", "faint")))
        yield self._field


class CompareForm(Dialog[Wanted]):
    """Two fields and a choice; Enter compares from any of them."""

    CSS = """
    CompareForm .form-line { height: 1; margin: 0 0 1 0; }
    CompareForm .form-line Static { width: 10; }
    CompareForm .form-line Checkbox { width: 1fr; border: none; padding: 0; height: 1;
                                      background: $background; }
    CompareForm Checkbox:focus { border: none; background: $cursor; }
    CompareForm #form-problem { height: auto; color: $warning; }
    """
    BINDINGS: ClassVar = [Binding("enter", "start", "compare", show=False, priority=True)]

    def __init__(self, left: str, right: str) -> None:
        super().__init__("compare", subtitle="reads only", keys=(("enter", "compare"), ("tab", "next field")))
        self.sides = (left, right)

    def body(self) -> Iterable[Widget]:
        yield Static(content(("What should be", "muted"), (" on the left, ", "faint"),
                             ("what is checked", "muted"), (" on the right.\n", "faint")))
        yield _Line("left", Input(self.sides[0], id="left", compact=True, placeholder="s3://bucket/prefix/"))
        yield _Line("right", Input(self.sides[1], id="right", compact=True,
                                   placeholder="s3://bucket/prefix/"))
        yield _Line("", Checkbox(content("every version of the right side, when it is versioned"), True,
                                 id="versions", compact=True))
        yield Static("", id="form-problem", markup=False)

    def action_start(self) -> None:
        left = self.query_one("#left", Input).value.strip()
        right = self.query_one("#right", Input).value.strip()
        problem = ("name both places" if not (left and right)
                   else "these are the same place" if left == right else "")
        if problem:
            self.query_one("#form-problem", Static).update(content((message_text(problem), "warning")))
        else:
            self.dismiss(Wanted(left, right, self.query_one("#versions", Checkbox).value))
