"""Starting a comparison from the Compare screen and following it: the part that talks to the child."""

from __future__ import annotations

import json
import shlex
from typing import Any

from textual.widgets import Static

from s3console.core.errors import Incomplete, S3ConsoleError
from s3console.core.model import ReviewHeader
from s3console.ui.comparing import facts
from s3console.ui.comparing.child import Child, Reached, compare_words
from s3console.ui.console import console_of
from s3console.ui.dialogs.compare_form import CompareForm, Wanted
from s3console.ui.display import Run, content, duration, exact, key_runs, message_text, plural, short_count
from s3console.ui.keys_in_use import key, key_run
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import Task, run_in_thread


class ComparisonRunning(ConsoleScreen):
    """The running comparison of the Compare screen, at most one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.child: Child | None = None
        self.running: Wanted | None = None
        self.reached = Reached()
        self.recent: list[ReviewHeader] = []

    def open_review(self, review: str) -> None:
        """Show a stored review."""
        raise NotImplementedError

    def command_compare(self, argument: str) -> None:
        """`:compare LEFT RIGHT`."""
        try:
            places = shlex.split(argument)
        except ValueError:
            places = []
        if len(places) != 2:
            self.say("Write two places: :compare s3://left/ s3://right/", warn=True)
            return
        self.start_comparison(Wanted(places[0], places[1]))

    def action_start(self) -> None:
        """S: ask for the two places, with the last ones filled in."""
        self.ask_places(*self._suggested())

    def ask_places(self, left: str, right: str) -> None:
        """The form with these places filled in."""
        self.app.push_screen(CompareForm(left, right),
                             lambda wanted: self.start_comparison(wanted) if wanted else None)

    def _suggested(self) -> tuple[str, str]:
        if self.recent:
            return self.recent[0].left.place.uri, self.recent[0].right.place.uri
        app: Any = self.app
        stack = app._screen_stacks.get("browse", [])
        browse: Any = stack[0] if stack else None
        marked = [f"s3://{name}/" for name in getattr(browse, "marked_buckets", ())]
        known = [f"s3://{row.name}/" for row in getattr(browse, "bucket_rows", ())]
        names = marked if len(marked) >= 2 else known
        return (names[0], names[1]) if len(names) >= 2 else (names[0] if names else "s3://", "s3://")

    def start_comparison(self, wanted: Wanted) -> None:
        """Compare in a process of its own; the review opens when it is there."""
        if self.running is not None:
            self.say(f"A comparison runs already. {key('compare.stop')} stops it.", warn=True)
            return
        desk = console_of(self).desk
        try:
            for n, text in enumerate(wanted[:2]):
                facts.place_of(desk, text, right=n == 1)
        except S3ConsoleError as error:
            self.say_error(error)
            return
        self.running, self.reached = wanted, Reached()
        self._show_progress()

        def work(task: Task) -> str:
            versions = wanted.versions and facts.versions_wanted(desk, wanted.right)
            self.child = Child(compare_words(desk.config, wanted.left, wanted.right, versions=versions))
            said = self.child.finish(task, lambda reached: task.tell(self._reached, reached))
            for line in said.splitlines():
                return str(json.loads(line)["review"])
            raise Incomplete("the comparison ended without a review", next_step="Start it again with S")

        run_in_thread(self, work, then=self._compared, failed=self._not_compared, name="comparison")

    def _reached(self, reached: Reached) -> None:
        self.reached = reached
        self._show_progress()

    def _compared(self, review: str) -> None:
        self._ended()
        self.open_review(review)
        if console_of(self).screen_of_mode is not self:
            self.say("The comparison is done: 2 Compare shows it.")

    def _not_compared(self, error: S3ConsoleError) -> None:
        self._ended()
        self.say_error(error)

    def _ended(self) -> None:
        self.child = self.running = None
        self._show_progress()

    def action_stop(self) -> None:
        """K: stop the comparison; nothing of it is kept."""
        if self.running is None:
            self.say("No comparison runs.")
            return
        console_of(self).threads.cancel(self, "comparison")
        if self.child is not None:
            self.child.stop()
        self._ended()
        self.say("The comparison was stopped; nothing of it was kept.")

    def on_unmount(self) -> None:
        if self.child is not None:
            self.child.stop()

    def _show_progress(self) -> None:
        line = self.query_one("#progress", Static)
        line.display = self.running is not None
        if self.running is not None:
            line.update(content(*progress_runs(self.running, self.reached)))
        console_of(self).refresh_chrome()


def progress_runs(wanted: Wanted, reached: Reached) -> list[Run]:
    """Two lines: what is compared and how far it is, and what was found so far."""
    seen = reached.left_entries + reached.right_entries
    runs: list[Run] = [
        ("● ", "accent"), (f"{message_text(reached.phase):<9}", "bold accent"),
        *key_runs(wanted.left), ("  →  ", "faint"), *key_runs(wanted.right),
        (f"  {exact(seen)} keys", "foreground"), (f"  {short_count(int(reached.rate))}/s", "muted"),
        (f"  {plural(reached.requests, 'request')}", "muted"), (f"  {duration(reached.seconds)}", "muted"),
        ("\n           ", ""), ("so far  ", "faint"), (f"✓ {short_count(reached.same)} same", "ok"),
        (f"   ○ {short_count(reached.missing)} not under their name", "missing"),
        (f"   ≠ {short_count(reached.differs)} differ", "differs"),
        (f"   + {short_count(reached.right_only)} right only", "extra"),
        ("   ", ""), key_run("compare.stop"), (" stops", "muted"),
    ]
    return runs
