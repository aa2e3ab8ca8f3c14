"""Browse: saved and recent places, sorting, finding, marking by pattern, exporting, explaining a name."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from s3console.core.errors import S3ConsoleError
from s3console.ui.browsing.addresses import Location
from s3console.ui.browsing.listing import SORTS
from s3console.ui.browsing.picked import said
from s3console.ui.console import console_of
from s3console.ui.display import exact, key_runs, kind_runs, message_text, plural
from s3console.ui.keys_in_use import key
from s3console.ui.screens.staging import StagingScreen
from s3console.ui.threads import Task, run_in_thread
from s3console.ui.widgets.paged_table import MARK_ALL_LIMIT

if TYPE_CHECKING:
    from s3console.store.places import Places
    from s3console.ui.browsing import kept
    from s3console.ui.dialogs.places import PlacesAnswer

_VISIT = 2.0


class PlacesScreen(StagingScreen):
    """What is done with places and with the rows of a listing."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: tuple[str, ...] = ()
        self.recent: tuple[str, ...] = ()

    def known_places(self) -> list[str]:
        here = self.place.uri
        known = [*self.saved, *self.recent, *super().known_places()]
        return [uri for uri in dict.fromkeys(known) if uri != here and uri.isprintable()]

    # places

    def load_places(self) -> None:
        """Read the saved and recent places."""
        from s3console.ui.browsing import kept

        desk = console_of(self).desk
        run_in_thread(self, lambda task: kept.places(desk), then=self._places, failed=self.say_error,
                      name="places")

    def _places(self, places: Places) -> None:
        self.saved, self.recent = places.saved, places.recent
        self.show_saved()

    def show_saved(self) -> None:
        """Show the saved places below the buckets."""
        raise NotImplementedError

    def go(self, location: Location, *, remember: bool = True) -> None:
        super().go(location, remember=remember)
        if location.bucket and remember:
            # Passing through on the way to somewhere is no visit.
            self.set_timer(_VISIT, lambda: self._visited(location))

    def _visited(self, location: Location) -> None:
        from s3console.ui.browsing import kept

        if location == self.place:
            desk, uri = console_of(self).desk, location.uri
            run_in_thread(self, lambda task: kept.change_places(desk, "visit", uri), then=self._places,
                          failed=self.say_error, name="visit")

    def action_places(self) -> None:
        """b: the saved and the recent places."""
        from s3console.ui.dialogs.places import PlacesDialog

        here = self.place.uri if self.place.bucket else ""
        self.app.push_screen(PlacesDialog(here, self.saved, self.recent), self._place_chosen)

    def _place_chosen(self, answer: PlacesAnswer | None) -> None:
        from s3console.ui.browsing import kept

        if answer is None:
            return
        if answer.act == "go":
            self.go_to_text(answer.uri)
            return
        desk = console_of(self).desk

        def done(places: Places) -> None:
            self._places(places)
            saved = f"Saved; {key('browse.places')} lists the saved places."
            self.say(saved if answer.act == "save" else "No longer saved.")

        run_in_thread(self, lambda task: kept.change_places(desk, answer.act, answer.uri), then=done,
                      failed=self.say_error, name="keep")

    # sorting, finding, marking

    def action_sort_menu(self) -> None:
        """s: in which order the loaded rows stand."""
        from s3console.ui.dialogs.menu import MenuDialog

        choices = [(name[0], name, [(told, "muted")]) for name, told in SORTS.items()]
        self.app.push_screen(
            MenuDialog("sort", choices),
            lambda letter: self._sort(next(name for name in SORTS if name[0] == letter)) if letter else None)

    def command_sort_menu(self, argument: str) -> None:
        """`:sort size`."""
        if argument in SORTS:
            self._sort(argument)
        else:
            self.say(f"Sort by one of {', '.join(SORTS)}.", warn=True)

    def _sort(self, by: str) -> None:
        self.order = by
        self.arrange_rows()

    def action_find(self) -> None:
        """f: ask for a text, then look through everything below."""
        from s3console.ui.dialogs.name import NameDialog

        question = [("Looks through every name below ", "muted"), *key_runs(self.place.uri, "foreground"),
                    ("\none LIST for each 1,000 names: $5 for a billion names; esc stops it", "faint")]
        self.app.push_screen(NameDialog("find", question, does="look for it"),
                             lambda text: self.command_find(text) if text else None)

    def command_find(self, argument: str) -> None:
        """`:find TEXT`."""
        if self.place.bucket and not self.moment:
            self.past.append(self.place)
            self.close_inspection()
            self.wanted, self.order = argument, "name"
            self.list_again()
            self.set_focus(self.names)

    def action_mark_pattern(self) -> None:
        """+: mark what fits a pattern, of the rows shown."""
        from s3console.ui.dialogs.name import NameDialog

        question = [("Marks the names shown that fit ", "muted"), ("*.tmp", "foreground"),
                    (" or ", "muted"), ("/a regular expression/", "foreground")]
        self.app.push_screen(NameDialog("mark by pattern", question, does="mark"),
                             lambda text: self._mark_fitting(text) if text else None)

    def _mark_fitting(self, pattern: str) -> None:
        from s3console.ui.browsing import kept

        rows = self.rows

        def mark(found: array[int]) -> None:
            if rows is not self.rows:
                return
            if len(found) > MARK_ALL_LIMIT:
                self.say(f"{exact(len(found))} names fit: too many to mark one by one.", warn=True)
                return
            for rank in found:
                row = rows.rows(rank, rank + 1)[0]
                self.names.marks[self.names.spec.identity(row, rank)] = row
            self.names.refresh()
            self.weigh_marks()
            self.say(f"{plural(len(found), 'name')} of {exact(rows.count())} marked.")

        run_in_thread(self, lambda task: kept.fitting(rows, pattern), then=mark, failed=self.say_error,
                      name="pattern")

    # export and explain

    def action_export(self) -> None:
        """e: the rows shown, or the versions of the key, into a new file."""
        from s3console.ui.dialogs.name import NameDialog

        versions = self.pane.view == "versions"
        count = len(self.pane.line.history) if versions else self.rows.count()
        if not count:
            self.say("There is no row to export.")
            return
        name = f"{self.place.bucket}-{'versions' if versions else 'rows'}.csv"
        question = [(f"A new file for {plural(count, 'row')}: ", "muted"), (".csv", "foreground"),
                    (" or ", "muted"), (".jsonl", "foreground")]
        self.app.push_screen(NameDialog("export rows", question, value=name, does="write"),
                             lambda answer: self.command_export(answer) if answer else None)

    def command_export(self, argument: str) -> None:
        """`:export FILE`."""
        from s3console.ui.browsing import kept

        rows = self.pane.line.history if self.pane.view == "versions" else self.rows
        bucket = self.place.bucket
        self.work.begin(("writing ", "muted"), *key_runs(argument, "foreground"))

        def write(task: Task) -> int:
            return kept.export_rows(argument, bucket, rows, said(task, told))

        def told(count: int) -> None:
            self.work.tell((f"{exact(count)} rows", "muted"))

        def done(count: int) -> None:
            self.work.end()
            self.say(f"{plural(count, 'row')} written to {message_text(argument)}.")

        def failed(error: S3ConsoleError) -> None:
            self.work.end()
            self.say_error(error)

        run_in_thread(self, write, then=done, failed=failed, name="stage")

    def action_explain(self) -> None:
        """x: what the newest comparison says about the name on the cursor."""
        from s3console.ui.browsing import kept
        from s3console.ui.comparing.finding import compared_keys
        from s3console.ui.dialogs.explain import ExplainDialog

        row, desk, bucket = self.names.current, console_of(self).desk, self.place.bucket
        if row is None or row.entry is None:
            self.say("Put the cursor on a key: names of keys are explained.")
            return

        def show(known: kept.Known | str) -> None:
            if isinstance(known, str):
                self.say(known)
                return
            finding = known.finding
            if not finding.rule:
                kind = "".join(text for text, _ in kind_runs(finding.kind))
                self.say(f"{kind}: the comparison knows no rule behind this name. 2 Compare shows the "
                         "finding.")
                return
            fit = next((one for one in known.review.header.rules if one.rule == finding.rule), None)
            wanted = finding.intended_key or finding.key
            self.app.push_screen(ExplainDialog(finding.rule, known.rules, fit,
                                               compared_keys(finding.key, wanted, finding.kind)))

        run_in_thread(self, lambda task: kept.finding_of(desk, bucket, row.key), then=show,
                      failed=self.say_error, name="explain")
