"""The table of a comparison that still lists: its first directories with what is known of them so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

from s3console.ui.comparing.child import Reached
from s3console.ui.comparing.rows import STATES
from s3console.ui.display import Run, Runs, count_runs, key_runs, short_count
from s3console.ui.widgets.rows import Column, Layout

MOST = 20_000
"""Rows that are kept; a comparison with more first directories shows the first of them."""


@dataclass(frozen=True, slots=True)
class PassingRow:
    """Entries of a first directory (relative) so far. `state` is "" until something was planned here."""

    prefix: str
    left: int
    right: int
    same: int
    passed: bool
    state: str = ""

    @property
    def shown_state(self) -> str:
        if self.state:
            return self.state
        if not self.passed:
            return "listing"
        return "clean" if self.left == self.right == self.same else "listed"


def merged(rows: dict[str, PassingRow], reached: Reached) -> None:
    """Take what a report says into the rows."""
    for prefix, left, right, same, passed in reached.prefixes:
        before = rows.get(prefix)
        if before is None and len(rows) >= MOST:
            continue
        now = PassingRow(prefix, left, right, same, passed)
        rows[prefix] = now if before is None else replace(now, state=before.state)


_STATES: dict[str, tuple[str, str]] = {**STATES, "listing": ("●", "accent"), "listed": ("!", "warning"),
                                       "planning": ("◐", "accent")}


def state_runs(row: PassingRow) -> list[Run]:
    """The word of a state in its role."""
    return [(row.shown_state, _STATES.get(row.shown_state, ("", "muted"))[1])]


def _name(row: PassingRow) -> Runs:
    mark, role = _STATES.get(row.shown_state, ("·", "muted"))
    loud = "muted" if row.shown_state == "clean" else "foreground"
    name = key_runs(row.prefix, loud) if row.prefix else [("(directly here)", "muted")]
    return [(f"{mark} ", role), *name]


PASSING: Layout[PassingRow] = Layout(
    (
        Column("  prefix", _name, middle=True),
        Column("left", lambda row: [(short_count(row.left), "muted")], width=7, right=True),
        Column("right", lambda row: [(short_count(row.right), "muted")], width=7, right=True),
        Column("same", lambda row: count_runs(row.same, "ok"), width=7, right=True),
        Column("left only or differs", lambda row: count_runs(row.left - row.same, "missing"), width=20,
               right=True, from_width=76),
        Column("right only or differs", lambda row: count_runs(row.right - row.same, "extra"), width=21,
               right=True, from_width=96),
        Column("state", state_runs, width=10),
    ),
    identity=lambda row, index: row.prefix,
)
