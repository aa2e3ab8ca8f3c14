"""The keys of Browse that make plans: copy to, move to, delete, restore. Plans wait on Review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Entry, Plan
from s3console.ui.browsing import picked as plans
from s3console.ui.browsing.addresses import parse_address
from s3console.ui.browsing.listing import NameRow
from s3console.ui.browsing.picked import Picked, Said
from s3console.ui.console import console_of
from s3console.ui.display import Run, exact, plural
from s3console.ui.keys_in_use import key
from s3console.ui.screens.listing import ListingScreen
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.work_line import WorkLine


class StagingScreen(ListingScreen):
    """What is marked, and the plans made from it."""

    @property
    def work(self) -> WorkLine:
        return self.query_one(WorkLine)

    def known_places(self) -> list[str]:
        """Places to suggest: saved and recent ones, then buckets."""
        return [f"s3://{row.name}/" for row in self.bucket_rows]

    def picked(self) -> Picked | None:
        """The marked rows of the list in use, or the row on its cursor."""
        bucket, base = self.place.bucket, self.place.base
        if not bucket:
            return None
        if self.pane.view == "versions":
            table = self.query_one("#versions", PagedTable)
            versions = [row for row in (table.marks.values() or [table.current]) if isinstance(row, Entry)]
            return Picked(bucket, base, tuple(versions), exact=True) if versions else None
        marked = self.names.marks.values() or [self.names.current]
        rows = sorted((row for row in marked if isinstance(row, NameRow)), key=lambda row: row.key)
        entries = tuple(row.entry for row in rows if row.entry is not None)
        prefixes = tuple(row.key for row in rows if row.entry is None)
        return Picked(bucket, base, entries, prefixes, exact=bool(self.moment)) if rows else None

    def _picked_or_say(self) -> Picked | None:
        found = self.picked()
        if found is None:
            self.say("Put the cursor on a name first, or mark some with space.")
        return found

    # copy and move

    def action_copy_to(self) -> None:
        """c: ask where to, then plan."""
        self._ask_target("copy")

    def action_move_to(self) -> None:
        """m: the same for a move; a done move out of this bucket can be finished instead."""
        from s3console.ui.dialogs.menu import MenuDialog

        desk, bucket = console_of(self).desk, self.place.bucket

        def ask(found: list[plans.Moved]) -> None:
            if not found:
                self._ask_target("move")
                return
            choices: list[tuple[str, str, Sequence[Run]]] = [
                ("m", "move", [("the marked names somewhere else", "muted")]),
                ("e", "empty", [(found[0].told, "muted")])]
            self.app.push_screen(MenuDialog("move", choices), lambda letter: self._moved(letter, found[0]))

        if bucket:
            run_in_thread(self, lambda task: plans.moved_from_here(desk, bucket), then=ask,
                          failed=self.say_error, name="moved")

    def _moved(self, letter: str | None, job: plans.Moved) -> None:
        if letter == "m":
            self._ask_target("move")
        elif letter == "e":
            desk, bucket = console_of(self).desk, self.place.bucket
            self.stage("emptying what was moved", lambda said: plans.empty_plan(desk, bucket, job.job))

    def command_copy_to(self, argument: str) -> None:
        """`:copy TARGET`."""
        self._carry("copy", argument)

    def command_move_to(self, argument: str) -> None:
        """`:move TARGET`."""
        self._carry("move", argument)

    def _ask_target(self, verb: str) -> None:
        from s3console.ui.dialogs.target import TargetDialog

        found = self._picked_or_say()
        if found is None:
            return
        note = (f"Into another bucket: first copies, which are verified; then {key('browse.move-to')} again "
                "plans taking the old "
                "names away." if verb == "move" else "")
        dialog = TargetDialog(verb, found.runs, f"s3://{found.bucket}/{found.base}", value="s3://",
                              known=self.known_places(), single=found.names == 1 and bool(found.entries),
                              note=note)
        self.app.push_screen(dialog, lambda target: self._carry(verb, target) if target else None)

    def _carry(self, verb: str, target: str) -> None:
        found, desk = self._picked_or_say(), console_of(self).desk
        if found is None:
            return
        try:
            uri = parse_address(target).uri
        except S3ConsoleError as error:
            self.say_error(error)
            return
        make = plans.copy_plan if verb == "copy" else plans.move_plan
        self.stage(f"planning the {verb}", lambda said: make(desk, found, uri, said))

    # download

    def action_download(self) -> None:
        """w: ask for a folder, then plan."""
        from s3console.ui.dialogs.name import NameDialog

        found = self._picked_or_say()
        if found is None:
            return
        name = (found.prefixes[0].rstrip("/").rpartition("/")[2] if found.prefixes else "") or found.bucket
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name).strip(".")
        question = [("download ", "muted"), *found.runs,
                    ("\ninto a folder here; files that hold these bytes already are left alone", "faint")]
        self.app.push_screen(NameDialog("download", question, value=f"./{safe[:60] or 'download'}",
                                        does="plan the download"),
                             lambda folder: self.command_download(folder) if folder else None)

    def command_download(self, argument: str) -> None:
        """`:download FOLDER`."""
        found, desk, moment = self._picked_or_say(), console_of(self).desk, self.moment
        if found is None:
            return
        if self.pane.view == "versions":
            self.stage_in("planning the download", lambda task, tell: plans.version_plan(
                desk, found, argument, task, tell))
        else:
            self.stage_in("planning the download", lambda task, tell: plans.download_plan(
                desk, found, argument, moment, task, tell))

    # delete and restore

    def action_plan_delete(self) -> None:
        """d: a plan of deletes; where there are versions, it asks which delete is meant."""
        from s3console.ui.dialogs.menu import MenuDialog

        found = self._picked_or_say()
        if found is None:
            return
        facts = self.facts.get(found.bucket)
        if found.exact or facts is None or facts.versioning == "Unversioned":
            self._delete(found, versions=False)
            return
        choices: list[tuple[str, str, Sequence[Run]]] = [
            ("d", "hide", [("a delete marker on top; can be undone", "ok")]),
            ("v", "all versions", [("every version is lost for good", "danger")])]
        self.app.push_screen(MenuDialog("plan a delete of", choices, about=found.runs),
                             lambda letter: self._delete(found, versions=letter == "v") if letter else None)

    def _delete(self, found: Picked, *, versions: bool) -> None:
        desk = console_of(self).desk
        self.stage("planning the delete",
                   lambda said: plans.delete_plan(desk, found, said, versions=versions))

    def action_restore(self) -> None:
        """r: the marker on the cursor comes off, the old version goes on top."""
        found, desk = self._picked_or_say(), console_of(self).desk
        if found is None:
            return
        if found.prefixes:
            self.say(f"A prefix is restored to a time: press {key('browse.time')}.")
        elif not found.exact and not any(entry.is_delete_marker for entry in found.entries):
            again = key("browse.restore")
            self.say(f"This key stands. {key('browse.versions')} shows its versions: {again} puts an old one "
                     f"on top; {key('browse.deleted')} shows deleted keys: {again} brings them back.")
        else:
            gone = tuple(e for e in found.entries if found.exact or e.is_delete_marker)
            chosen = replace(found, entries=gone)
            self.stage("planning the restore", lambda said: plans.restore_plan(desk, chosen, said))

    # any plan

    def stage(self, what: str, make: Callable[[Said], Plan]) -> None:
        """Make a plan in a thread, say how far it is, and show it; esc stops."""
        self.stage_in(what, lambda task, tell: make(plans.said(task, tell)))

    def stage_in(self, what: str, make: Callable[[Task, Said], Plan]) -> None:
        """The same for a plan that needs the task itself."""
        from s3console.ui.dialogs.staged import StagedDialog

        self.work.begin((what, "foreground"))

        def told(count: int) -> None:
            self.work.tell((f"{exact(count)} {plural(count, 'object')[len(exact(count)) + 1:]}", "muted"))

        def work(task: Task) -> Plan:
            return make(task, told)

        def staged(plan: Plan) -> None:
            self.work.end()
            self.names.clear_marks()
            console_of(self).poll()
            self.app.push_screen(StagedDialog(plan), self._after_staging)

        def failed(error: S3ConsoleError) -> None:
            self.work.end()
            self.say_error(error)

        run_in_thread(self, work, then=staged, failed=failed, name="stage")

    def _after_staging(self, review: bool | None) -> None:
        if review:
            console_of(self).action_show("review")

    def stop_work(self) -> bool:
        """Esc: whether something went on and was stopped."""
        if not self.work.display:
            return False
        for name in ("stage", "find", "size", "scan"):
            console_of(self).threads.cancel(self, name)
        self.work.end()
        if self.feed.wanted and self.feed.state == "listing":
            self.feed.state = "stopped"
            self.titles()
        self.say("Stopped.")
        return True
