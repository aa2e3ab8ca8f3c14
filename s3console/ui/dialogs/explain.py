"""x: what a rule does to a name, where it comes from, and how well it explains this review."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding
from textual.widget import Widget

from s3console.core.model import RuleFit
from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Runs, exact, key_runs
from s3console.ui.widgets.facts import Fact, Facts


class ExplainDialog(Dialog[None]):
    """`rules` are (id, name, origin, because) of each rule of the chain, in the order it was applied."""

    BINDINGS: ClassVar = [Binding("x,q,enter", "cancel", "back", show=False)]

    def __init__(
        self, chain: str, rules: Sequence[tuple[str, str, str, str]], fit: RuleFit | None,
        example: tuple[Runs, Runs],
    ) -> None:
        super().__init__("why this name")
        self.chain, self.rules, self.fit, self.example = chain, rules, fit, example

    def body(self) -> Iterable[Widget]:
        facts: list[Fact] = [("rule", key_runs(self.chain, "bold foreground"))]
        for name, _, origin, because in self.rules:
            facts += [("", []), (name, [(because, "foreground")]), ("", [(origin, "faint")])]
        facts += [("", []), ("right", self.example[1]), ("became", self.example[0])]
        if self.fit is not None:
            runs = [(f"{exact(self.fit.explained)} names in this review", "foreground"),
                    (f"  {exact(self.fit.proved)} proved by their bytes", "ok")]
            if self.fit.contradicted:
                runs.append((f"  {exact(self.fit.contradicted)} contradicted", "differs"))
            facts += [("", []), ("explains", runs)]
        yield Facts(facts, label=10)
