"""i on the Compare screen: kinds of findings of a prefix set aside with a note, and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3console.core.model import Finding, Kind
from s3console.ui.comparing import facts
from s3console.ui.comparing.rows import COUNTED, PrefixRow
from s3console.ui.console import console_of
from s3console.ui.dialogs.ask import AskDialog
from s3console.ui.dialogs.menu import MenuDialog
from s3console.ui.dialogs.name import NameDialog
from s3console.ui.display import Run, Runs, exact, key_runs, plural, time_text
from s3console.ui.keys_in_use import key
from s3console.ui.screens.plan_making import PlanMaking
from s3console.ui.threads import run_in_thread

if TYPE_CHECKING:
    from s3console.store.ignored import Ignored, Ignoring


class IgnoringFindings(PlanMaking):
    """What is ignored of the open review, and the dialogs that change it."""

    kind: Kind | None

    def __init__(self) -> None:
        super().__init__()
        self.ignoring: Ignoring | None = None

    def ignored_by(self, finding: Finding) -> Ignored | None:
        """The entry by which a finding is ignored."""
        return self.ignoring.of(finding) if self.ignoring is not None else None

    def ignored_runs(self, finding: Finding) -> Runs:
        """The note of an ignored finding, who wrote it and when; empty for one that counts."""
        entry = self.ignored_by(finding)
        if entry is None:
            return []
        under: Runs = key_runs(entry.prefix, "muted") if entry.prefix else [("the whole place", "muted")]
        return [*key_runs(entry.note, "warning"), (f"  {time_text(entry.at)} by ", "faint"),
                *key_runs(entry.by, "faint"), ("  under ", "faint"), *under]

    def action_ignore(self) -> None:
        """i: the chosen kind, or one that is asked for, of the prefix on the cursor; again takes it back."""
        row = self.prefixes.current
        if self.review is None or not isinstance(row, PrefixRow):
            return
        if row.here:
            self.say("Names directly in this directory have no prefix of their own: "
                     "the first line takes in all below it.", warn=True)
            return
        kinds = [kind for kind in COUNTED if getattr(row.totals, kind)]
        if not kinds:
            self.say("Nothing differs here: there is nothing to ignore.")
        elif self.kind in kinds:
            self._ignore(row, self.kind)
        elif len(kinds) == 1:
            self._ignore(row, kinds[0])
        else:
            self._choose_kind(row, kinds)

    def _choose_kind(self, row: PrefixRow, kinds: list[Kind]) -> None:
        letters = {kind: str(n + 1) for n, kind in enumerate(kinds)}

        def told(kind: Kind) -> Runs:
            aside = getattr(row.aside, kind)
            runs: list[Run] = [(plural(getattr(row.totals, kind), "finding"), "muted")]
            return [*runs, (f", {exact(aside)} ignored", "warning")] if aside else runs

        def chosen(letter: str | None) -> None:
            for kind in kinds:
                if letters[kind] == letter:
                    self._ignore(row, kind)

        choices = [(letters[kind], kind, told(kind)) for kind in kinds]
        self.app.push_screen(MenuDialog("ignore", choices), chosen)

    def _ignore(self, row: PrefixRow, kind: Kind) -> None:
        """Ask for the note; or, when this prefix and kind are ignored already, whether they count again."""
        prefix = row.totals.prefix
        entries = self.ignoring.at(prefix, kind) if self.ignoring is not None else []
        own = next((entry for entry in entries if entry.prefix == prefix), None)
        if own is not None:
            self.app.push_screen(
                AskDialog("count again", [
                    (f"{plural(getattr(row.aside, kind), kind + ' finding')} ignored here:\n", "foreground"),
                    *key_runs(own.note, "warning"), ("\n\nLet them count again?", "foreground")],
                    yes="count them again", no="leave them"),
                lambda yes: self._change(prefix, kind, None) if yes else None)
        elif entries:
            above: Runs = key_runs(entries[0].prefix) or [("the whole place", "foreground")]
            self.say(f"These are ignored further up, at {''.join(text for text, _ in above)}: "
                     "take that back there.", warn=True)
        else:
            name: Runs = key_runs(prefix, "bold foreground") or [("the whole place", "bold foreground")]
            self.app.push_screen(
                NameDialog("ignore", [
                    (f"{plural(row.to_do(kind), kind + ' finding')} under ", "foreground"), *name,
                    (" will be in no plan and no count of work.\n", "foreground"),
                    ("Why may they stay? The note is kept beside the review.", "muted")], does="ignore"),
                lambda note: self._change(prefix, kind, note) if note else None)

    def _change(self, prefix: str, kind: Kind, note: str | None) -> None:
        """Write the note, or take it away (None), and look again."""
        desk, review = console_of(self).desk, self.review
        if review is None:
            return
        name = review.header.review

        def work(task: object) -> None:
            if note is None:
                facts.count_again(desk, name, prefix, (kind,))
            else:
                facts.ignore(desk, name, prefix, (kind,), note)

        def done(_: None) -> None:
            self.say(f"They count again: {kind}." if note is None
                     else f"Ignored: {kind}. {key('compare.ignore')} again takes it back.")
            self.load_level()

        run_in_thread(self, work, then=done, failed=self.say_error, name="ignore")
