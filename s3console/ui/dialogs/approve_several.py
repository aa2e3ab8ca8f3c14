"""A over marked plans that can all be undone: one list, one y."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.model import Plan
from s3console.ui.dialogs.base import Dialog
from s3console.ui.dialogs.by_hand import ByHand
from s3console.ui.display import Run, content, elide, exact, fit, key_runs, money, plural, size_text
from s3console.ui.plans.words import what_runs

SHOWN = 12


class ApproveSeveral(ByHand[bool], Dialog[bool]):
    """True when `y` was typed by hand; Enter, `n` and Esc are no."""

    CSS = "ApproveSeveral .dialog { width: 92; max-width: 98%; padding: 1 2; }"

    def __init__(self, plans: Sequence[Plan]) -> None:
        super().__init__(f"approve {plural(len(plans), 'plan')}", subtitle="nothing has been sent yet",
                         keys=(("y", "approve all of them"), ("enter", "no")))
        self.plans = plans

    def body(self) -> Iterable[Widget]:
        runs: list[Run] = [("All of them can be undone; no bytes are lost.\n\n", "ok")]
        for plan in self.plans[:SHOWN]:
            name = key_runs(plan.prefix, "bold foreground") if plan.prefix else [("the whole place", "bold")]
            runs += [("  ", ""), *fit(elide(name, 38), 38), ("  ", ""), *fit(what_runs(plan, short=True), 30),
                     (f"{size_text(plan.bytes):>10}\n", "muted")]
        if len(self.plans) > SHOWN:
            runs.append((f"  and {exact(len(self.plans) - SHOWN)} more\n", "faint"))
        operations = sum(plan.operations for plan in self.plans)
        runs += [("\n", ""), (plural(operations, "operation"), "bold foreground"),
                 (f", {size_text(sum(plan.bytes for plan in self.plans))} written, ", "muted"),
                 (money(sum(plan.cost_usd for plan in self.plans)), "foreground"), (" estimated\n", "faint"),
                 ("\nDo it?  ", "foreground"), ("y", "bold primary"), ("/", "faint"),
                 ("N", "bold foreground")]
        yield Static(content(*runs))

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            return
        event.stop()
        if self.too_early(event) or self.in_burst(event):
            return
        if event.key == "y":
            self.accept_soon(lambda: self.dismiss(True))
        elif event.key in ("n", "enter"):
            self.dismiss(False)
