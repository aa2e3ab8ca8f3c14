"""The keys of Queue that steer jobs: pause, cancel, retry, skip, workers, limits, export of failures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from s3console.core.model import JobStatus
from s3console.ui.console import console_of
from s3console.ui.dialogs.ask import AskDialog
from s3console.ui.dialogs.name import NameDialog
from s3console.ui.display import exact, message_text, plural
from s3console.ui.jobs import facts
from s3console.ui.jobs.facts import QueueRow
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import Task, run_in_thread

_LIMIT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:(/s|ops/s)|([kKmMgG]?)i?[bB]?(?:/s)?)$")
_UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9}


def limit_of(text: str) -> dict[str, float] | None:
    """`200/s` is a rate, `50MB/s` a bandwidth, `off` no limit; None for anything else."""
    if text.strip().lower() == "off":
        return {"rate": 0.0, "bandwidth": 0.0}
    found = _LIMIT.match(text.strip())
    if found is None:
        return None
    if found[2]:
        return {"rate": float(found[1])}
    return {"bandwidth": float(found[1]) * _UNITS[found[3].lower()]}


def _processes(number: int) -> str:
    return plural(number, "worker process", "worker processes")


class JobSteering(ConsoleScreen):
    """What is asked of the job on the cursor, or of all of them. Every request goes through a thread."""

    looks: int

    @property
    def row(self) -> QueueRow | None:
        """The job on the cursor."""
        raise NotImplementedError

    def look(self) -> None:
        """Read the jobs again."""
        raise NotImplementedError

    def _job(self) -> JobStatus | None:
        """The job on the cursor; says what is there instead when there is none."""
        row = self.row
        if row is None or row.job is None:
            self.say("This is a plan: 3 Review approves it." if row is not None else "There is no job here.")
            return None
        return row.job

    def _ask(self, act: Callable[[], str], name: str) -> None:
        if not console_of(self).live:
            return

        def done(text: str) -> None:
            self.say(text)
            self.looks = 0
            self.look()

        run_in_thread(self, lambda task: act(), then=done, failed=self.say_error, name=name)

    def _steer(self, act: Callable[[str], str]) -> None:
        """Ask something of the job on the cursor, and look again."""
        if (job := self._job()) is not None:
            self._ask(lambda: act(job.job), f"steer {job.job}")

    def action_pause(self) -> None:
        desk = console_of(self).desk
        self._steer(lambda job: facts.pause_or_go_on(desk, job))

    def action_pause_all(self) -> None:
        desk = console_of(self).desk
        self._ask(lambda: facts.pause_all(desk), "pause all")

    def action_cancel(self) -> None:
        job, desk = self._job(), console_of(self).desk
        if job is None:
            return

        def cancel(name: str) -> str:
            facts.cancel(desk, name)
            return "Cancelling: what is in flight is finished first."

        self.app.push_screen(
            AskDialog("cancel", [(f"End job {job.job} for good? ", "foreground"),
                                 (f"{exact(job.remaining)} operations stay undone; "
                                  "what is done stays done.", "muted")], yes="end it", no="let it be",
                      deaf=AskDialog.DEAF),
            lambda yes: self._steer(cancel) if yes else None)

    def action_retry(self) -> None:
        job, desk = self._job(), console_of(self).desk
        if job is None:
            return
        if not job.failed and not job.skipped:
            self.say("Nothing failed in this job.")
            return

        def again(name: str) -> str:
            facts.retry(desk, name)
            return "Trying again what failed."

        self._steer(again)

    def action_skip(self) -> None:
        """s: leave what failed as it is and go on with the rest."""
        job, desk = self._job(), console_of(self).desk
        if job is None:
            return
        if not job.failed or not job.remaining or job.state not in ("failed", "paused"):
            self.say("This job did not stop at a failure: there is nothing to go on from.")
            return
        self.app.push_screen(
            AskDialog("go on without", [
                (f"{plural(job.failed, 'operation')} failed and will stay undone. ", "foreground"),
                (f"Go on with the other {exact(job.remaining)}?", "foreground"),
                (" A delete that waits for a failed copy is left out.", "muted")],
                yes="go on", no="let it stand", deaf=AskDialog.DEAF),
            lambda yes: self._steer(lambda name: facts.skip(desk, name)) if yes else None)

    def action_workers(self, by: int) -> None:
        desk = console_of(self).desk

        def ask(job: str) -> str:
            return f"Asked for {_processes(facts.workers(desk, job, by))}."

        self._steer(ask)

    def command_set_workers(self, argument: str) -> None:
        """`:workers N`."""
        desk = console_of(self).desk
        if not argument.isdecimal() or not 1 <= int(argument) <= 64:
            self.say("Write :workers and a number from 1 to 64.", warn=True)
            return

        def ask(job: str) -> str:
            return f"Asked for {_processes(facts.workers(desk, job, to=int(argument)))}."

        self._steer(ask)

    def action_set_workers(self) -> None:
        console_of(self).action_command_line("workers ")

    def command_limit(self, argument: str) -> None:
        """`:limit 50MB/s`, `:limit 200/s`, `:limit off`."""
        desk, given = console_of(self).desk, limit_of(argument)
        if given is None:
            self.say("Write :limit 50MB/s, :limit 200/s (operations) or :limit off.", warn=True)
            return

        def ask(job: str) -> str:
            facts.limit(desk, job, rate=given.get("rate"), bandwidth=given.get("bandwidth"))
            return f"Limit: {message_text(argument)}."

        self._steer(ask)

    def action_limit(self) -> None:
        console_of(self).action_command_line("limit ")

    def action_export(self) -> None:
        """e: what failed in the job, into a file."""
        job = self._job()
        if job is None:
            return
        if not job.failed and not job.skipped:
            self.say("Nothing failed in this job: there is nothing to export.")
            return
        self.app.push_screen(
            NameDialog("export failures", [("A new file that ends in ", "muted"), (".csv", "foreground"),
                                           (", ", "muted"), (".jsonl", "foreground"), (" or ", "muted"),
                                           (".parquet", "foreground")],
                       value=f"failures-{job.job}.csv"),
            lambda name: self.export_to(job.job, name) if name else None)

    def action_copy_menu(self) -> None:
        """y: the texts by which a job is known elsewhere."""
        from s3console.ui.dialogs.copy_menu import Choice, CopyMenu

        if (job := self._job()) is not None:
            self.app.push_screen(CopyMenu([(job.job, "bold foreground")], [
                Choice("i", "job", job.job), Choice("d", "plan", job.plan),
                Choice("c", "look at it", f"s3console job {job.job}"),
                Choice("r", "run it", f"s3console run {job.job}")]))

    def export_to(self, job: str, name: str) -> None:
        """Write the failures of a job into a file."""
        path, desk = Path(name).expanduser(), console_of(self).desk

        def write(task: Task) -> int:
            return facts.export_failures(desk, job, path)

        run_in_thread(self, write, then=lambda count: self.say(
            f"{plural(count, 'failure')} written to {message_text(str(path))}."),
            failed=self.say_error, name="export")
