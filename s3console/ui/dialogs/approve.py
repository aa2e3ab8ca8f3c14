"""A: what is about to happen, and the one number (or, where all can be undone, the y) that lets it."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.model import Plan
from s3console.ui.console import console_of
from s3console.ui.dialogs.by_hand import ByHand
from s3console.ui.dialogs.operations import OperationsDialog
from s3console.ui.display import Run, content, exact, key_runs, path_runs, plural, size_text
from s3console.ui.plans import facts, words
from s3console.ui.plans.facts import OperationRows, PlanScan
from s3console.ui.threads import run_in_thread
from s3console.ui.widgets.facts import Fact, Facts
from s3console.ui.widgets.number_field import NumberField
from s3console.ui.widgets.object_pane import VERSIONING_WORDS
from s3console.ui.widgets.samples import Samples


class ApproveDialog(ByHand[int]):
    """Answers the number of operations that was approved, None when it was not.

    What cannot be undone needs that number typed. What can be undone needs `y`; Enter and Esc are no.
    """

    CSS = """
    ApproveDialog .dialog { width: 92; max-width: 98%; padding: 1 2; }
    ApproveDialog #ask { height: 1; }
    ApproveDialog #ask Static { width: auto; }
    ApproveDialog #refused { height: 1; color: $warning; }
    ApproveDialog #approve-keys { height: 1; margin: 1 0 0 0; }
    ApproveDialog.-narrow .dialog { padding: 0 1; }
    ApproveDialog.-short .dialog { padding: 0 1; max-height: 100%; }
    ApproveDialog.-short Samples, ApproveDialog.-short #approve-keys { margin: 0; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]  # noqa: RUF012

    def __init__(self, plan: Plan, scan: PlanScan) -> None:
        super().__init__()
        self.plan, self.scan = plan, scan
        self.home_region = ""

    def compose(self) -> ComposeResult:
        plan = self.plan
        with Vertical(classes="dialog" if plan.reversible else "dialog -danger") as frame:
            verbs = [kind for kind, number in (("copy", plan.copy + plan.restore), ("delete", plan.delete))
                     if number]
            frame.border_title = content((f"approve {' and '.join(verbs)}  {plan.plan}", ""))
            frame.border_subtitle = content(
                ("nothing has been deleted yet" if plan.delete else "nothing has been sent yet", ""))
            yield Facts(self.lines(), label=12, id="approve-facts")
            yield Samples(self.scan.samples, plan.prefix)
            yield from self._ask()
            yield Static("", id="approve-keys", markup=False)

    def _ask(self) -> Iterable[Widget]:
        if self.plan.reversible:
            yield Static(content(("Do it?  ", "foreground"), ("y", "bold primary"), ("/", "faint"),
                                 ("N", "bold foreground")), id="question")
            return
        with Horizontal(id="ask"):
            yield Static(content(("type ", "muted"), ("the number of operations", "bold foreground"),
                                 (", ", "muted"), (str(self.plan.operations), "bold foreground"),
                                 (", to approve  ", "muted")))
            yield NumberField(self.plan.operations)
        yield Static("", id="refused", markup=False)

    def lines(self) -> list[Fact]:
        """What happens, in the order of what matters."""
        plan, scan = self.plan, self.scan
        out: list[Fact] = [
            ("prefix", path_runs(plan.prefix, "bold foreground", "bold foreground")
             or [("the whole place", "bold foreground")]),
            ("bucket", [*facts_place(plan, self.home_region),
                        (f", {VERSIONING_WORDS.get(plan.versioning, '')}", "faint")]),
        ]
        if plan.copy + plan.restore:
            added = plan.copy + plan.restore
            out.append(("copies", [(plural(added, "object"), "bold missing"),
                                   (f", {size_text(plan.bytes)}", "foreground")]))
        if plan.delete:
            of = f" of {plural(scan.delete_keys, 'key')}" if scan.read == plan.operations else ""
            out.append(("deletes", [(plural(plan.delete, words.lost(plan)), "bold danger"),
                                    (f"{of}, {size_text(plan.delete_bytes)}", "foreground")]))
            out.append(("keeps", words.kept_runs(scan)))
        if plan.reversible:
            out.append(("undo", words.undo_runs(plan, scan)))
        else:
            out.append(("afterwards", [("cannot be restored", "bold danger"),
                                       ("  versions are removed, not hidden"
                                        if plan.versioning != "Unversioned" else
                                        "  this bucket keeps no versions", "muted")]))
        out += [("checked" if not n else "", runs)
                for n, runs in enumerate(words.safety_lines(plan, scan))]
        out.append(("costs", words.cost_runs(plan)))
        return out

    def on_mount(self, event: events.Mount) -> None:
        super().on_mount(event)
        self._keys(right=False)
        self._ask_region()
        if not self.plan.reversible:
            self.query_one(NumberField).focus()

    def _ask_region(self) -> None:
        """Where the bucket is, which may not be where the connection looks first."""
        right, reader = self.plan.right, console_of(self).reader

        def told(region: str) -> None:
            self.home_region = region
            self.query_one("#approve-facts", Facts).update(self.lines())

        if right.scheme == "s3":
            run_in_thread(self, lambda task: reader(right.connection).bucket(right.bucket).region, then=told,
                          name="region")

    def _keys(self, *, right: bool) -> None:
        known: list[tuple[str, str, bool]] = [("y", "approve", True), ("enter", "no", True)] \
            if self.plan.reversible else [("enter", "approve", right)]
        runs: list[Run] = []
        for key, does, lit in [*known, ("v", "list all operations", True), ("esc", "back", True)]:
            runs += [(key, "bold primary" if lit else "bold faint"),
                     (f" {does}    ", "muted" if lit else "faint")]
        self.query_one("#approve-keys", Static).update(content(*runs))

    def on_number_field_changed(self, event: NumberField.Changed) -> None:
        hint = event.refused
        if not hint and event.text and not event.right:
            hint = f"not yet: {exact(self.plan.operations)} operations, without a comma"
        self.query_one("#refused", Static).update(content((hint, "warning" if event.refused else "faint")))
        self._keys(right=event.right)

    def on_number_field_right(self) -> None:
        self.dismiss(self.plan.operations)

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
        elif self.too_early(event) or self.in_burst(event):
            event.stop()
        elif event.key == "v":
            event.stop()
            self._list_all()
        elif self.plan.reversible and event.key == "y":
            event.stop()
            self.accept_soon(lambda: self.dismiss(self.plan.operations))
        elif self.plan.reversible and event.key in ("n", "enter"):
            event.stop()
            self.dismiss(None)

    def _list_all(self) -> None:
        desk = console_of(self).desk

        def show(rows: OperationRows) -> None:
            self.app.push_screen(OperationsDialog(rows))

        run_in_thread(self, lambda task: facts.operation_rows(desk, self.plan), then=show, name="operations")


def facts_place(plan: Plan, region: str) -> list[Run]:
    """The bucket, and its own region as soon as that is known; else the endpoint it is reached by."""
    through = region if region not in ("", "?") else plan.right.connection.endpoint_url or ""
    return [*key_runs(plan.right.bucket, "foreground"), (f" {through}" if through else "", "faint")]
