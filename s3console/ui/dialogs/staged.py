"""What a key of Browse has made: a plan, which waits. Answers whether Review is opened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding
from textual.widget import Widget

from s3console.core.model import Plan
from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Run, key_runs, money, plural, size_text
from s3console.ui.widgets.facts import Fact, Facts

NOTES = 5


class StagedDialog(Dialog[bool]):
    """3 or Enter opens Review (which is a look); Esc stays."""

    CSS = "StagedDialog .dialog { width: 84; }"
    BINDINGS: ClassVar = [Binding("3,enter", "review", "review", show=False)]

    def __init__(self, plan: Plan) -> None:
        super().__init__(f"plan {plan.plan}", subtitle="waits for approval; nothing was sent to S3",
                         keys=(("3", "open Review"),))
        self.plan = plan

    def body(self) -> Iterable[Widget]:
        yield Facts(plan_facts(self.plan), label=12)

    def cancelled(self) -> bool:
        return False

    def action_review(self) -> None:
        self.dismiss(True)


def plan_facts(plan: Plan) -> list[Fact]:
    """What a plan does, where, whether it can be undone, and what it costs."""
    out: list[Fact] = [("what", key_runs(plan.title, "bold foreground"))]
    added = plan.copy + plan.restore
    counts: list[Run] = []
    if added:
        noun = "restore" if plan.restore and not plan.copy else "copy"
        many = "restores" if noun == "restore" else "copies"
        counts += [(plural(added, noun, many), "bold missing"),
                   (f" of {size_text(plan.bytes)}", "foreground")]
    if plan.delete:
        # A restore deletes nothing but markers, and hides behind markers what came later.
        restores = plan.reversible and plan.title.startswith("restore ")
        what = (plural(plan.delete, "delete marker taken off or set", "delete markers taken off or set")
                if restores else plural(plan.delete, "delete"))
        counts += [(", then " if counts else "", "foreground"),
                   (what, "bold warning" if plan.reversible else "bold danger"),
                   (f" of {size_text(plan.delete_bytes)}" if plan.delete_bytes else "", "foreground")]
    out.append(("operations", counts))
    undo: list[Run] = ([("can be undone from the Journal", "ok")] if plan.reversible
                       else [("cannot be undone", "bold danger"), (": bytes are lost for good", "muted")])
    requests = sum(plan.requests.values())
    out += [("undo", undo),
            ("costs", [(money(plan.cost_usd), "foreground"),
                       (f" estimated for {plural(requests, 'request')}", "muted")])]
    for n, note in enumerate(plan.notes[:NOTES]):
        out.append(("note" if not n else "", key_runs(note, "muted")))
    if len(plan.notes) > NOTES:
        out.append(("", [(f"and {len(plan.notes) - NOTES} more on Review", "faint")]))
    return out
