"""The findings of a prefix on the Compare screen, and one of them in full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from s3console.core.errors import S3ConsoleError
from s3console.core.model import KINDS, Finding, Kind
from s3console.ui.comparing import facts
from s3console.ui.comparing.finding import compared_keys, finding_facts
from s3console.ui.comparing.rows import FindingRows, PrefixRow, state_runs
from s3console.ui.console import console_of
from s3console.ui.dialogs.explain import ExplainDialog
from s3console.ui.display import Run, content, elide, exact, key_runs, kind_runs, message_text, plural
from s3console.ui.keys_in_use import key, key_run
from s3console.ui.screens.finding_narrowing import FindingNarrowing
from s3console.ui.threads import CALM, Task, run_in_thread
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.kind_chips import KindChips
from s3console.ui.widgets.rows import ListRows, RowSource
from s3console.ui.widgets.titles import set_subtitle, set_title

if TYPE_CHECKING:
    from s3console.store.reviews import Review


class FindingLooking(FindingNarrowing):
    """What is done with findings: list, narrow by kind, explain, export."""

    review: Review | None
    base: str
    kind: Kind | None
    shown: PrefixRow | None

    def _shown_prefix(self) -> str:
        return self.shown.totals.prefix if self.shown is not None else self.base

    def show_findings(self, row: PrefixRow) -> None:
        """List the findings of a prefix, of the chosen kind."""
        review, kind = self.review, self.kind
        if review is None:
            return
        if kind is not None and not getattr(row.totals, kind):
            kind = self.kind = None
        self.query_one(KindChips).show(row.totals, kind, row.ignored)
        kinds: frozenset[Kind] | None = frozenset((kind,)) if kind else None
        prefix = row.totals.prefix
        if self.sought:
            self.sift(review, row, kinds)
            return
        self.sieve = None

        def count(task: Task) -> RowSource[Finding]:
            if row.here:
                return ListRows(facts.directly_here(review, prefix, kinds))
            return FindingRows(review, prefix, kinds, review.count(prefix, kinds))

        def show(rows: RowSource[Finding]) -> None:
            self.shown = row
            self.findings.show(rows)
            if not rows.count():
                self.nothing_here(("✓ Nothing differs here.", "ok"))
            self._titles(row)

        run_in_thread(self, count, then=show, failed=self.say_error, name="findings", wait=0.03)

    def nothing_here(self, *runs: Run) -> None:
        self.findings.note(*runs)
        self.query_one("#finding", Facts).update([])
        set_title(self.query_one("#finding-pane"), content())
        set_subtitle(self.query_one("#finding-pane"), content())

    def _titles(self, row: PrefixRow) -> None:
        pane = self.query_one("#findings-pane")
        name = row.totals.prefix or "all findings"
        set_title(pane, content(*elide(key_runs(name, ""), (pane.size.width or 200) - 6)))
        total = self.findings.source.count()
        parts: list[Run] = [(f"{exact(self.findings.cursor + 1)} of {exact(total)} · ", "")] if total else []
        if self.sieve is not None:
            place = f"{exact(self.findings.cursor + 1)} · " if total else ""
            parts = [(place, ""), *self.sieve.runs(key("everywhere.escape")), (" · ", "")]
        set_subtitle(pane, content(*parts, *state_runs(row.state)))

    def explain_finding(self, finding: Finding) -> None:
        """Fill the pane of the finding on the cursor."""
        review = self.review
        if review is None:
            return

        def show(found: facts.Explained) -> None:
            pane = self.query_one("#finding-pane")
            set_title(pane, content(*kind_runs(finding.kind)))
            counted = len(found.rows)
            set_subtitle(pane, content(plural(counted, "version") if counted > 1 else ""))
            shown = finding_facts(finding, found.rows, review.header, found.reason, found.origins)
            if note := self.ignored_runs(finding):
                shown[-1:] = [("ignored", note),
                              ("plan", [("nothing, because it is ignored; ", "muted"),
                                        key_run("compare.ignore"), (" takes that back", "muted")])]
            self.query_one("#finding", Facts).update(shown)
            scroll = self.query_one("#finding-scroll")
            if scroll.scroll_offset.y:
                scroll.scroll_home(animate=False)

        run_in_thread(self, lambda task: facts.explained(review, finding), then=show,
                      failed=self.say_error, name="finding", wait=CALM)

    def on_kind_chips_chosen(self, event: KindChips.Chosen) -> None:
        self._choose(event.kind)

    def _choose(self, kind: Kind | None) -> None:
        self.kind = kind
        if (row := self.prefixes.current) is not None:
            self.show_findings(row)

    def action_next_finding(self, by: int) -> None:
        self.findings.cursor += by

    def action_explain(self) -> None:
        finding, review = self.findings.current, self.review
        if finding is None or review is None:
            return
        if not finding.rule:
            self.say("No rule is part of this finding.")
            return

        def show(rules: list[facts.RuleFact]) -> None:
            fit = next((one for one in review.header.rules if one.rule == finding.rule), None)
            found, wanted = compared_keys(finding.key, finding.intended_key, finding.kind)
            self.app.push_screen(ExplainDialog(finding.rule, rules, fit, (found, wanted)))

        run_in_thread(self, lambda task: facts.rule_facts(finding.rule), then=show,
                      failed=self.say_error, name="explain")

    def action_rules(self) -> None:
        """`:rules`: the rules of the review with what each explains."""
        from s3console.ui.comparing.finding import rule_lines
        from s3console.ui.dialogs.lines import LinesDialog

        if self.review is not None:
            self.app.push_screen(LinesDialog([("rules", "")], rule_lines(self.review.header)))

    def action_copy_menu(self) -> None:
        """y: the texts by which the name of the finding, or the prefix on the cursor, is known elsewhere."""
        from s3console.ui.browsing.texts import choices
        from s3console.ui.dialogs.copy_menu import CopyMenu

        row, review = self.prefixes.current, self.review
        if review is None or not isinstance(row, PrefixRow):
            return
        place, name = review.header.right.place, row.totals.prefix
        finding = self.findings.current if self.findings.has_focus else None
        if isinstance(finding, Finding):
            missing = finding.kind == "missing"
            place, name = (review.header.left.place, finding.key) if missing else (place, finding.key)
        found = choices(console_of(self).desk, place.bucket, name, None, place.connection.region or "")
        self.app.push_screen(CopyMenu(key_runs(f"s3://{place.bucket}/{name}", "bold foreground"), found))

    def export_to(self, name: str) -> None:
        """Write the findings of the prefix and kind that are shown into a new file."""
        row, review = self.shown, self.review
        if row is None or review is None:
            return
        kinds = [self.kind] if self.kind else [kind for kind in KINDS if getattr(row.totals, kind)]
        path, desk, header = Path(name).expanduser(), console_of(self).desk, review.header
        self.say(f"Exporting to {path}…")

        def saved(count: int) -> None:
            self.say(f"{plural(count, 'finding')} written to {path}.")

        def failed(error: S3ConsoleError) -> None:
            self.say(message_text(error.sentence), warn=True)

        def write(task: Task) -> int:
            return facts.export(task, desk, header.review, row.totals.prefix, kinds, path)

        run_in_thread(self, write, then=saved, failed=failed, name="export")
