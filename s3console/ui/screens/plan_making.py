"""Plans from the Compare screen: a, f, p and e. Plans are stored; S3 is not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Plan
from s3console.ui.comparing import facts
from s3console.ui.comparing.rows import PrefixRow
from s3console.ui.console import console_of
from s3console.ui.dialogs.menu import MenuDialog
from s3console.ui.dialogs.name import NameDialog
from s3console.ui.display import Runs, exact, plural
from s3console.ui.screens.narrowing import Narrowing
from s3console.ui.threads import Task, run_in_thread

if TYPE_CHECKING:
    from s3console.core.repair import Only
    from s3console.store.reviews import Review
    from s3console.ui.widgets.paged_table import PagedTable


class PlanMaking(Narrowing):
    """Makes plans for the prefix on the cursor, or for the marked ones, one plan for each."""

    review: Review | None
    shown: PrefixRow | None

    @property
    def prefixes(self) -> PagedTable:
        raise NotImplementedError

    def load_level(self) -> None:
        """Read the states again."""
        raise NotImplementedError

    def plan_passed(self, *, only: Only | None = None) -> None:
        """Plan what a comparison that still runs has passed."""
        raise NotImplementedError

    def export_to(self, name: str) -> None:
        """Write the findings that are shown into a file."""
        raise NotImplementedError

    def _chosen(self) -> list[PrefixRow]:
        marked = [row for row in self.prefixes.marks.values() if isinstance(row, PrefixRow)]
        if marked:
            return sorted(marked, key=lambda row: row.totals.prefix)
        row = self.prefixes.current
        return [row] if isinstance(row, PrefixRow) else []

    def action_plan(self) -> None:
        """a: repair the prefix: copies, then deletes that are proved."""
        self.make_plans()

    def action_plan_copies(self) -> None:
        """f: only what adds."""
        self.make_plans(only="copy")

    def action_plan_more(self) -> None:
        """p: choose what else belongs into the plan."""
        rows = self._chosen()
        if not rows or self.review is None:
            return
        junk = sum(row.totals.junk for row in rows)
        twice = sum(row.totals.duplicate for row in rows)

        def says(text: str) -> Runs:
            return [(text, "muted")]

        choices = [("a", "repair", says("copies, then wrong names that are proved")),
                   ("f", "copies only", says("nothing is deleted")),
                   ("d", "deletes only", says("wrong names whose right name is there already"))]
        if junk:
            choices.append(("j", "with junk", says(f"also {plural(junk, 'left-over')} of tools")))
        if twice:
            choices.append(("t", "with twins", says(f"also {plural(twice, 'duplicate')}")))
        if junk and twice:
            choices.append(("b", "with both", says("junk and duplicates")))
        self.app.push_screen(MenuDialog("plan", choices), self._more)

    def _more(self, letter: str | None) -> None:
        include = {"j": ("junk",), "t": ("duplicate",), "b": ("duplicate", "junk")}.get(letter or "", ())
        only: Only | None = "copy" if letter == "f" else "delete" if letter == "d" else None
        if letter:
            self.make_plans(only=only, include=include)

    def make_plans(self, *, only: Only | None = None, include: tuple[str, ...] = ()) -> None:
        """One plan for each chosen prefix; what is refused says why."""
        review, rows = self.review, self._chosen()
        if review is None:
            self.plan_passed(only=only)
            return
        if not rows:
            return
        if any(row.here for row in rows):
            self.say("Names directly in this directory have no prefix of their own: "
                     "plan the first line, which takes in all below it.", warn=True)
            return
        desk, wanted = console_of(self).desk, [(row.totals.prefix, row.findings) for row in rows]
        self.say(f"Planning {plural(len(wanted), 'prefix', 'prefixes')}…")

        def work(task: Task) -> tuple[list[Plan], list[S3ConsoleError]]:
            made: list[Plan] = []
            refused: list[S3ConsoleError] = []
            for prefix, findings in wanted:
                if task.cancelled:
                    break
                try:
                    made.append(facts.plan_prefix(task, desk, review.header.review, prefix, only=only,
                                                  include=include, findings=findings))
                except S3ConsoleError as error:
                    refused.append(error)
            return made, refused

        run_in_thread(self, work, then=self._planned, failed=self.say_error, name="plan")

    def _planned(self, outcome: tuple[list[Plan], list[S3ConsoleError]]) -> None:
        made, refused = outcome
        self.app.clear_notifications()
        if len(made) == 1:
            plan = made[0]
            self.say(f"Plan {plan.plan}: {plural(plan.operations, 'operation')} "
                     f"({exact(plan.copy + plan.restore)} copies, {exact(plan.delete)} deletes). "
                     "It waits on 3 Review; S3 was not touched.")
        elif made:
            total = sum(plan.operations for plan in made)
            self.say(f"{len(made)} plans with {plural(total, 'operation')} wait on 3 Review; "
                     "S3 was not touched.")
        for error in refused[:3]:
            self.say_error(error)
        self.prefixes.clear_marks()
        self.load_level()
        console_of(self).poll()

    def action_export(self) -> None:
        """e: the findings that are shown, into a file."""
        if self.review is None or self.shown is None:
            return
        name = f"findings-{self.review.header.review}.csv"
        self.app.push_screen(
            NameDialog("export findings", [("The findings shown, into a new file that ends in ", "muted"),
                                           (".csv", "foreground"), (", ", "muted"), (".jsonl", "foreground"),
                                           (" or ", "muted"), (".parquet", "foreground")], value=name),
            lambda answer: self.export_to(answer) if answer else None)
