"""Browse and time: the time line of a key, a place as it was, two versions compared, the restore form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Entry, Plan
from s3console.core.timeline import NOW
from s3console.ui.actions import Action
from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.moments import parse_when
from s3console.ui.console import console_of
from s3console.ui.display import Run, key_runs, time_text
from s3console.ui.screens.places import PlacesScreen
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.time_line import VersionsTable

if TYPE_CHECKING:
    from s3console.ui.browsing.version_diff import Sighted
    from s3console.ui.dialogs.time import TimeAnswer

_NEEDS_PLACE = frozenset((
    "filter", "copy-to", "move-to", "delete", "restore", "download", "time", "find", "size", "sort", "export",
    "mark-pattern", "explain", "copy-menu", "versions", "preview",
))


class TimeScreen(PlacesScreen):
    """`moment` is when the place is looked at, `NOW` for as it is."""

    def where_runs(self) -> list[Run]:
        runs = super().where_runs()
        if self.moment:
            runs = [("AS OF ", "bold warning"), (time_text(self.moment, seconds=True), "bold warning"),
                    ("  ", ""), *runs]
        return runs

    def why_not(self, action: Action) -> str:
        name = action.id.partition(".")[2] if action.scope == "browse" else ""
        facts = self.facts.get(self.place.bucket)
        if name in _NEEDS_PLACE and not self.place.bucket:
            return "Open a bucket first."
        if name in ("delete", "move-to", "find") and self.moment:
            return "This is how it was; esc goes back to what stands now."
        if name in ("time", "restore") and facts is not None and facts.versioning == "Unversioned":
            return "This bucket keeps no versions."
        return ""

    # the time line of a key

    def on_versions_table_asked(self, event: VersionsTable.Asked) -> None:
        line = self.pane.line
        if event.act == "slide":
            self.pane.move_to(line.slid(event.by))
        elif event.act == "turn":
            now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            self.pane.move_to(line.turned(event.by, now))
        else:
            self.compare_versions()

    def compare_versions(self) -> None:
        """=: the two marked versions, or the one on the cursor and the one before it."""
        from s3console.ui.browsing.version_diff import diff_lines, head_line, sight
        from s3console.ui.dialogs.lines import LinesDialog

        table = self.query_one("#versions", PagedTable)
        history = list(self.pane.line.history)
        marked = [row for row in table.marks.values() if isinstance(row, Entry)]
        if not marked and table.cursor + 1 < len(history):
            marked = history[table.cursor:table.cursor + 2]
        if len(marked) != 2:
            self.say("Mark two versions with space, or put the cursor on one that has another below it.")
            return
        new, old = sorted(marked, key=history.index)
        bucket, reader, width = self.place.bucket, console_of(self).reader, int(self.size.width * 0.96) - 8

        def look(task: Task) -> tuple[Sighted, Sighted]:
            return sight(reader(), bucket, old), sight(reader(), bucket, new)

        def show(both: tuple[Sighted, Sighted]) -> None:
            name = new.key[len(self.place.base):]
            self.app.push_screen(LinesDialog([("two versions of ", ""), *key_runs(name, "")],
                                             diff_lines(*both, width), head=head_line(width)))

        run_in_thread(self, look, then=show, failed=self.say_error, name="diff")

    # a place as it was

    def action_time(self) -> None:
        """t: a time to look at, or to restore to."""
        from s3console.ui.dialogs.time import TimeDialog

        moment = self.moment or (self.pane.line.moment if self.pane.view == "versions" else "")
        where = self._meant()
        self.app.push_screen(TimeDialog(where.uri, moment), lambda answer: self._timed(answer, where))

    def _meant(self) -> Location:
        """The prefix on the cursor, or the place on screen."""
        row = self.names.current
        if row is not None and row.entry is None and self.focused is self.names and not self.inspecting:
            return Location(self.place.bucket, row.key)
        return self.place

    def _timed(self, answer: TimeAnswer | None, where: Location) -> None:
        if answer is None:
            return
        if answer.act == "restore":
            self.restore_to(where, answer.moment)
        elif answer.moment != self.moment or where != self.place:
            self.moment = answer.moment
            self.go(where)

    def command_time(self, argument: str) -> None:
        """`:restore @TIME`."""
        try:
            moment = parse_when(argument.removeprefix("@").strip(), datetime.now(UTC))
        except S3ConsoleError as error:
            self.say_error(error)
            return
        if moment == NOW or not self.place.bucket:
            self.say("Open the place, and write :restore @2024-06-25T10:11:34Z", warn=True)
            return
        self.restore_to(self._meant(), moment)

    def restore_to(self, where: Location, moment: str) -> None:
        """Open the restore form."""
        from s3console.ui.browsing.restores import Wish
        from s3console.ui.dialogs.restore_form import RestoreForm

        day = moment[:10]
        name = where.prefix.rstrip("/").rpartition("/")[2] or where.bucket
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)[:40]
        wish = Wish(where.bucket, where.prefix, moment, manifest=f"./restore-{safe}-{day}.csv")
        self.app.push_screen(RestoreForm(wish), self._restore_planned)

    def _restore_planned(self, plan: Plan | None) -> None:
        from s3console.ui.dialogs.staged import StagedDialog

        if plan is not None:
            console_of(self).poll()
            self.app.push_screen(StagedDialog(plan), self._after_staging)
