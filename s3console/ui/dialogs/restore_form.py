"""The restore form: a place and a time, what is found there, and then a plan or a manifest."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from s3console.core.errors import Incomplete, S3ConsoleError
from s3console.core.model import Plan
from s3console.ui import bridge
from s3console.ui.browsing import restores
from s3console.ui.browsing.restores import Wish
from s3console.ui.console import console_of
from s3console.ui.dialogs.base import Dialog
from s3console.ui.dialogs.name import NameDialog
from s3console.ui.dialogs.time import TimeDialog
from s3console.ui.display import (
    Run,
    content,
    duration,
    elide,
    exact,
    fit,
    key_runs,
    message_text,
    money,
    path_runs,
    plural,
    size_text,
    time_text,
)
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.facts import wrapped
from s3console.ui.widgets.form_list import FormList, Line
from s3console.ui.widgets.work_line import WorkLine

if TYPE_CHECKING:
    from s3console.workflow.restore_scan import Found, RestoreScan

_TEXTS = {"target": ("into another place", "s3://bucket/prefix/"),
          "include": ("only these names", "a regular expression, found anywhere in the name"),
          "ignore": ("not these names", "a regular expression; what it finds is left as it is"),
          "manifest": ("file of the manifest", "a new file, key and version on each line")}


def form_lines(wish: Wish) -> list[Line]:
    """The left side."""
    at = [(time_text(wish.moment, seconds=True), "bold foreground"), (" UTC", "muted")]
    return [
        Line("head", label="restore"), Line("head", label="  ", value=path_runs(
            f"s3://{wish.bucket}/{wish.prefix}", "bold foreground", "muted")),
        Line("gap"), Line("head", label="to the state of"), Line("text", "moment", value=at),
        Line("gap"), Line("head", label="put it"),
        Line("choice", "in-place", "back in place, as new versions", on=not wish.elsewhere),
        Line("choice", "elsewhere", "into another place", on=wish.elsewhere),
        *([Line("text", "target", "  ", key_runs(wish.target, "foreground"))] if wish.elsewhere else []),
        Line("gap"), Line("head", label="keys created after that time"),
        Line("choice", "leave", "leave them", on=wish.created_later == "leave"),
        Line("choice", "mark", "hide them behind delete markers", on=wish.created_later == "mark"),
        Line("gap"), Line("head", label="names (regular expressions)"),
        Line("text", "include", "only  ", key_runs(wish.include, "foreground")),
        Line("text", "ignore", "not   ", key_runs(wish.ignore, "foreground")),
        Line("gap"), Line("head", label="manifest of that state"),
        Line("text", "manifest", value=key_runs(wish.manifest, "foreground")),
    ]


def actions_of(wish: Wish) -> list[tuple[Found, str, Run]]:
    """The rows of the result: what was found, and what becomes of it."""
    if wish.elsewhere:
        return [("same", "stands now as then", ("copy", "missing")),
                ("changed", "changed later", ("copy the old version", "missing")),
                ("deleted", "deleted later", ("copy the old version", "missing")),
                ("created", "created later", ("leave out", "muted")),
                ("archived", "in an archive", ("left out: thaw first", "warning")),
                ("ignored", "not meant", ("leave out", "muted"))]
    later: Run = ("leave", "muted") if wish.created_later == "leave" else ("hide behind a marker", "warning")
    return [("same", "unchanged since", ("nothing", "muted")),
            ("changed", "changed later", ("old version on top", "missing")),
            ("deleted", "deleted later", ("take the marker off", "ok")),
            ("created", "created later", later),
            ("archived", "in an archive", ("left out: thaw first", "warning")),
            ("ignored", "not meant", ("leave", "muted"))]


def planned(wish: Wish, scan: RestoreScan) -> int:
    """How many operations the plan will have, as far as the scan can tell."""
    groups = scan.groups
    if wish.elsewhere:
        return scan.stood.keys - groups["archived"].keys
    return scan.in_place + (groups["created"].keys if wish.created_later == "mark" else 0)


def result_runs(wish: Wish, scan: RestoreScan, width: int, seconds: float, dollars: float) -> list[Run]:
    """The right side: a table of what was found, samples, and what the plan would be."""
    act = max(20, width - 17 - 12 - 12)
    runs: list[Run] = [(f"{'':<17}{'keys':>10}{'bytes':>12}  what happens\n", "faint")]
    for kind, label, (does, role) in actions_of(wish):
        group = scan.groups[kind]
        quiet = not group.keys
        runs += [(f"{label:<17}", "faint" if quiet else "foreground"),
                 (f"{exact(group.keys) if group.keys else '·':>10}", "faint" if quiet else "bold foreground"),
                 (f"{size_text(group.bytes) if group.keys else '·':>12}  ", "faint" if quiet else "muted"),
                 (f"{does:<{act}}\n"[:act + 1] if len(does) <= act else f"{does}\n",
                  "faint" if quiet else role)]
    state = "seen" if scan.done else "seen so far"
    runs += [("\n", ""), (f"{exact(scan.keys)} keys {state}", "muted"),
             (f"  {plural(scan.requests, 'LIST request')} {money(dollars)}  {duration(seconds)}\n", "faint")]
    for text, count in scan.notes.items():
        for n, line in enumerate(wrapped([(f"{exact(count)} {text}", "muted")], width - 6)):
            runs += [("note  " if not n else "      ", "faint"), *line, ("\n", "")]
    for kind, label in (("deleted", "deleted later"), ("changed", "changed later"),
                        ("created", "created later")):
        group = scan.groups[kind]  # type: ignore[index]
        if group.keys:
            runs += [("\n", ""), (f"{label}\n", "faint")]
            for entry in group.samples[:3]:
                name = entry.key[len(scan.place.prefix):]
                runs += [("▌ ", "rule"), *fit(elide(path_runs(name, "foreground", "muted"), width - 22),
                                              width - 22),
                         (f"  {time_text(entry.modified)}\n", "faint")]
            if group.keys > 3:
                runs.append((f"  and {exact(group.keys - 3)} more\n", "faint"))
    return runs


class RestoreForm(Dialog[Plan]):
    """Answers the plan that was made. `S` scans, `a` plans, `e` writes the manifest, esc stops or leaves."""

    CSS = """
    RestoreForm .dialog { width: 116; height: 34; padding: 0 1 0 0; }
    RestoreForm #restore-form { width: 42; border-right: solid $rule; padding: 1 1 0 1; }
    RestoreForm #restore-result { width: 1fr; padding: 1 1 0 2; }
    RestoreForm #result-text { height: 1fr; }
    RestoreForm #verdict { height: auto; min-height: 2; max-height: 6; }
    RestoreForm #dialog-keys { margin: 1 0 0 1; }
    RestoreForm.-narrow #restore-form { width: 1fr; border-right: none; }
    RestoreForm.-narrow #restore-result { display: none; }
    RestoreForm.-narrow.-scanned #restore-form { display: none; }
    RestoreForm.-narrow.-scanned #restore-result { display: block; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]  # noqa: RUF012
    BINDINGS: ClassVar = [
        Binding("S", "scan", "scan", show=False), Binding("a", "plan", "plan", show=False),
        Binding("e", "export", "manifest", show=False),
    ]

    def __init__(self, wish: Wish) -> None:
        super().__init__("restore to a time", subtitle="reads only, until a plan is approved", keys=(
            ("enter", "change"), ("S", "scan"), ("a", "make the plan"), ("e", "manifest")))
        self.wish = wish
        self.scan: RestoreScan | None = None
        self.scanned: Wish | None = None
        self._since, self._seconds = 0.0, 0.0

    def body(self) -> Iterable[Widget]:
        with Horizontal():
            yield FormList(form_lines(self.wish), id="restore-form")
            with Vertical(id="restore-result"):
                yield Static(content(("S", "bold primary"), (" looks through every version below this place "
                                     "and counts what a restore would do. It only reads: one LIST request "
                                     "for each 1,000 versions.", "muted")), id="result-text", markup=False)
                yield Static("", id="verdict", markup=False)
                yield WorkLine()

    @property
    def work(self) -> WorkLine:
        return self.query_one(WorkLine)

    def on_form_list_changed(self, event: FormList.Changed) -> None:
        name, wish = event.line.name, self.wish
        if name == "moment":
            self.app.push_screen(TimeDialog(f"s3://{wish.bucket}/{wish.prefix}", wish.moment, choose=True),
                                 lambda found: self._set(moment=found.moment) if found else None)
        elif name in ("in-place", "elsewhere"):
            self._set(elsewhere=name == "elsewhere")
            if name == "elsewhere" and not wish.target:
                self._ask("target")
        elif name in ("leave", "mark"):
            self._set(created_later=name)
        else:
            self._ask(name)

    def _ask(self, name: str) -> None:
        title, question = _TEXTS[name]
        value = getattr(self.wish, name) or ("s3://" if name == "target" else "")
        self.app.push_screen(
            NameDialog(title, [(question, "muted")], value=value, does="take it", may_be_empty=True),
            lambda text: self._set(**{name: "" if text == "s3://" else text}) if text is not None else None)

    def _set(self, **changes: object) -> None:
        self.wish = replace(self.wish, **changes)  # type: ignore[arg-type]
        self.query_one(FormList).show(form_lines(self.wish))
        if self.scan is not None:
            self._show_scan()

    # scanning

    def action_scan(self) -> None:
        desk, wish = console_of(self).desk, self.wish
        self.scan, self.scanned, self._since = None, None, time.monotonic()
        self.add_class("-scanned")
        self.work.begin(("looking through the versions", "foreground"))

        def work(task: Task) -> RestoreScan:
            last = 0.0

            def progress(scan: RestoreScan) -> None:
                nonlocal last
                if task.cancelled:
                    raise Incomplete("the scan was stopped")
                if time.monotonic() - last > 0.2:
                    last = time.monotonic()
                    task.tell(self._scanned, scan)

            return restores.scan(desk, wish, progress)

        run_in_thread(self, work, then=self._done, failed=self._failed, name="scan")

    def _done(self, scan: RestoreScan) -> None:
        self.work.end()
        self.scanned = self.wish
        self._scanned(scan)

    def _scanned(self, scan: RestoreScan) -> None:
        self.scan, self._seconds = scan, time.monotonic() - self._since
        self.work.tell((f"{exact(scan.keys)} keys", "muted"))
        self._show_scan()

    def _show_scan(self) -> None:
        scan, wish = self.scan, self.wish
        assert scan is not None
        text = self.query_one("#result-text", Static)
        dollars = bridge.cost({"ListObjectVersions": scan.requests}, "")
        text.update(content(*result_runs(wish, scan, text.size.width or 68, self._seconds, dollars)))
        if not scan.done:
            return
        verdict: Sequence[Run]
        stale = self.scanned is not None and (
            (wish.moment, wish.include, wish.ignore)
            != (self.scanned.moment, self.scanned.include, self.scanned.ignore))
        count = planned(wish, scan)
        if stale:
            verdict = [("The time or the names were changed: ", "warning"), ("S", "bold primary"),
                       (" scans again.", "warning")]
        elif not count:
            verdict = [("There is nothing to restore: everything is as it was then.", "ok")]
        else:
            verdict = [(plural(count, "operation"), "bold foreground"), (", all can be undone.  ", "ok"),
                       ("a", "bold primary"), (" makes the plan.", "muted")]
        self.query_one("#verdict", Static).update(content(*verdict))

    def _failed(self, error: S3ConsoleError) -> None:
        self.work.end()
        self.query_one("#verdict", Static).update(content((message_text(error.sentence), "warning")))

    # plan and manifest

    def action_plan(self) -> None:
        desk, wish = console_of(self).desk, self.wish
        if not wish.ready:
            self._ask("target")
            return
        self.work.begin(("planning the restore", "foreground"))

        def planned(plan: Plan) -> None:
            self.work.end()
            self.dismiss(plan)

        run_in_thread(self, lambda task: restores.plan(desk, wish, task), then=planned, failed=self._failed,
                      name="scan")

    def action_export(self) -> None:
        desk, wish = console_of(self).desk, self.wish
        self.work.begin(("writing the manifest", "foreground"))

        def told(count: int) -> None:
            self.work.tell((plural(count, "object"), "muted"))

        def write(task: Task) -> str:
            def progress(count: int) -> None:
                if task.cancelled:
                    raise Incomplete("the manifest was not written: it was stopped")
                task.tell(told, count)

            made = restores.export(desk, wish, progress)
            hidden = f", {plural(made.markers, 'deleted key')} in {made.markers_path}" if made.markers else ""
            return f"{plural(made.objects, 'object')} written to {message_text(str(made.path))}{hidden}"

        def done(sentence: str) -> None:
            self.work.end()
            self.query_one("#verdict", Static).update(content((message_text(sentence), "ok")))

        run_in_thread(self, write, then=done, failed=self._failed, name="scan")

    def action_cancel(self) -> None:
        if self.work.display:
            console_of(self).threads.cancel(self, "scan")
            self.work.end()
        elif self.has_class("-narrow") and self.has_class("-scanned"):
            self.remove_class("-scanned")
            self.query_one(FormList).focus()
        else:
            self.dismiss(None)
