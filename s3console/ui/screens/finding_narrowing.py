"""/ on the findings of Compare: only those that hold a text, sought in a thread and shown as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.widgets import Input

from s3console.core.model import Finding, Kind
from s3console.ui.comparing import facts
from s3console.ui.comparing.rows import PrefixRow
from s3console.ui.console import console_of
from s3console.ui.display import Run, exact, key_runs
from s3console.ui.screens.ignoring import IgnoringFindings
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import ListRows

if TYPE_CHECKING:
    from s3console.store.reviews import Review

WAIT = 0.12
"""Seconds after the last letter before the findings are read."""


@dataclass(slots=True)
class Sieve:
    """What was found so far; `total` findings are to be looked into."""

    text: str
    items: list[Finding] = field(default_factory=list)
    seen: int = 0
    total: int = 0
    running: bool = True

    @property
    def full(self) -> bool:
        """Whether more may hold the text than are shown."""
        return len(self.items) >= facts.SIEVE_LIMIT

    def runs(self, stop: str) -> list[Run]:
        """`3 of 40,000 seen`, and what can be done about the rest; `stop` is the key that stops."""
        shown: Run = (f"{exact(len(self.items))} found", "foreground")
        if self.full:
            return [(f"the first {exact(len(self.items))}: a longer text shows fewer", "warning")]
        if self.running:
            return [shown, (f" · {exact(self.seen)} of {exact(self.total)} seen, {stop} stops", "")]
        if self.seen < self.total:
            return [shown, (f" · stopped: {exact(self.seen)} of {exact(self.total)} seen", "warning")]
        return [shown, (f" of {exact(self.total)}", "")]


class FindingNarrowing(IgnoringFindings):
    """The field above the findings, and what it lets through."""

    review: Review | None
    base: str
    shown: PrefixRow | None

    def __init__(self) -> None:
        super().__init__()
        self.sought = ""
        self.sieve: Sieve | None = None

    @staticmethod
    def finding_field() -> Input:
        """The field; it is seen while there is a text in it."""
        found = Input(id="sought", compact=True, placeholder="a part of a name, a rule, a kind")
        found.display = False
        found.styles.margin = (0, 1)
        return found

    @property
    def findings(self) -> PagedTable:
        return self.query_one("#findings", PagedTable)

    def show_findings(self, row: PrefixRow) -> None:
        """List the findings of a prefix."""
        raise NotImplementedError

    def _titles(self, row: PrefixRow) -> None:
        raise NotImplementedError

    def nothing_here(self, *runs: Run) -> None:
        """There is no finding to show, and why."""
        raise NotImplementedError

    def sift(self, review: Review, row: PrefixRow, kinds: frozenset[Kind] | None) -> None:
        """Show the findings of a prefix that hold the text, as they are found."""
        self.sieve, sieve = None, Sieve(self.sought)

        def told(seen: int, total: int, found: list[Finding]) -> None:
            first = self.sieve is not sieve
            self.sieve, self.shown = sieve, row
            sieve.seen, sieve.total = seen, total
            sieve.items += found
            if first:
                self.findings.show(ListRows(sieve.items))
                self.nothing_here(("Looking…", "faint"))
            elif found:
                self.findings.grew()
            self._titles(row)

        def work(task: Task) -> None:
            for part in facts.sifted(review, row.totals.prefix, kinds, sieve.text, here=row.here):
                if task.cancelled:
                    return
                task.tell(told, *part)

        def ended(_: None) -> None:
            sieve.running = False
            if not sieve.items:
                self.nothing_here(("No finding here holds ", "muted"), *key_runs(sieve.text, "foreground"),
                                  (".", "muted"))
            self._titles(row)

        run_in_thread(self, work, then=ended, failed=self.say_error, name="findings", wait=WAIT)

    def seek(self, text: str) -> None:
        """Sift as if the text had been typed; "" shows all findings."""
        found = self.query_one("#sought", Input)
        with self.prevent(Input.Changed):
            found.value = text
        found.display = bool(text)
        self._seek(text)

    def _seek(self, text: str) -> None:
        if text == self.sought:
            return
        self.sought, self.sieve = text, None
        if (row := self.prefixes.current) is not None:
            self.show_findings(row)

    def open_finding_field(self) -> None:
        """/: type what the findings have to hold."""
        found = self.query_one("#sought", Input)
        found.display = True
        found.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        # Textual hands it to the filter of the prefixes by itself.
        if event.input.id == "sought":
            self._seek(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "sought":
            event.input.display = bool(self.sought)
            self.findings.focus()

    def leaves_a_filter(self) -> bool:
        """Esc: the filter that has the focus goes first, then the other."""
        inside = self.findings.has_focus or self.query_one("#sought", Input).has_focus
        if inside:
            return self.leave_sieve() or self.leave_narrowing()
        return self.leave_narrowing() or self.leave_sieve()

    def leave_sieve(self) -> bool:
        """Esc: stop the search that runs, then show all findings; whether there was either."""
        sieve, found = self.sieve, self.query_one("#sought", Input)
        if sieve is not None and sieve.running:
            console_of(self).threads.cancel(self, "findings")
            sieve.running = False
            if not sieve.items:
                self.nothing_here(("Stopped before a finding held the text.", "muted"))
            if self.shown is not None:
                self._titles(self.shown)
            self.findings.focus()
            return True
        if not self.sought and not found.display:
            return False
        self.seek("")
        found.display = False
        self.findings.focus()
        return True
