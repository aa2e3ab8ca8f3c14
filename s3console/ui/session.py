"""What a session of the console knows on every screen: desk, keys, readers, jobs, requests, live or not."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.reactive import reactive

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Connection, JobState, JobStatus
from s3console.core.states import FINAL_JOBS
from s3console.ui import crash, theme
from s3console.ui.actions import ACTIONS, Action
from s3console.ui.desk_protocol import DeskLike, Reader
from s3console.ui.display import Run, message_text
from s3console.ui.keymap import Keymap, make_keymap
from s3console.ui.remembered import load_remembered, save_remembered, writing_name
from s3console.ui.safe_app import SafeApp
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import Task, run_in_thread

if TYPE_CHECKING:
    from s3console.s3.call_log import Call

TABS: tuple[tuple[int, str, str], ...] = (
    (1, "browse", "Browse"), (2, "compare", "Compare"), (3, "review", "Review"), (4, "queue", "Queue"),
    (5, "journal", "Journal"),
)
_POLL = 1.0
_PROGRESS = 0.1


class Session(SafeApp):
    """The facts that every screen shows. `read_only` can not be lifted inside."""

    live: reactive[bool] = reactive(False)

    def __init__(self, desk: DeskLike, *, read_only: bool = False) -> None:
        super().__init__(state=desk.home.path, ascii_only=desk.config.settings.ascii)
        self.remembered = load_remembered(desk.home)
        if desk.config.connection == Connection():
            # Neither an option nor the environment says how to look: as last time.
            desk = desk.with_connection(self.remembered.looked_through)
        self.desk = desk
        self.asked_read_only = read_only or desk.config.asked_read_only
        self.read_only = self.asked_read_only or desk.config.read_only
        self.account = ""
        self.jobs: Sequence[JobStatus] = ()
        self.approvals_waiting = 0
        self._readers: dict[Connection, Reader] = {}
        self._past_requests: dict[str, int] = {}
        self._past_dollars = 0.0
        self._shown: tuple[object, ...] = ()
        self._states: dict[str, JobState] | None = None
        settings = desk.config.settings
        self.keymap: Keymap = make_keymap(settings.keymap or self.remembered.keymap or "vi", settings.keys)
        self.set_keymap(self.keymap.for_textual())
        self._dress(self.remembered.theme or settings.theme)
        self.set_reactive(Session.live, self.may_write_here)

    def _dress(self, wanted: str) -> None:
        """The theme to start with: of the environment, else what was chosen, else what the terminal can."""
        chosen = theme.full_name(wanted)
        if wanted and not os.environ.get("S3CONSOLE_THEME") and self.theme != theme.ANSI.name \
                and self.get_theme(chosen):
            self.theme = chosen

    @property
    def may_write_here(self) -> bool:
        """Whether `:write on` was said for this profile before, and nothing forbids it."""
        known = writing_name(self.desk.config.connection) in self.remembered.writing
        return known and not self.read_only

    def remember(self, **changes: Any) -> None:
        """Keep something for the next session."""
        self.remembered = replace(self.remembered, **changes)
        kept, home = self.remembered, self.desk.home
        run_in_thread(self, lambda task: save_remembered(home, kept), failed=self._not_remembered,
                      name="remember")

    def _not_remembered(self, error: S3ConsoleError) -> None:
        self.notify(message_text(error.sentence), severity="warning", markup=False)

    def key_of(self, name: str) -> str:
        """The key of an action by its id, as it is written for people; its `:` word where it has none."""
        action = next(action for action in ACTIONS if action.id == name)
        return self.keymap.shown(action) or f":{action.word}"

    def why_not(self, action: Action) -> str:
        """Why an action can not be carried out now, as a sentence; "" when it can."""
        if action.writes and not self.live:
            if self.read_only:
                return "This console is read-only and stays so."
            return "This console is read-only; `:write on` allows it."
        screen = self.screen_of_mode
        return screen.why_not(action) if screen is not None else ""

    def tabs(self) -> list[tuple[int, str, str]]:
        """Number, name and title of the screens that exist."""
        return [tab for tab in TABS if tab[1] in self._modes]

    def where_runs(self) -> list[Run]:
        """What the current screen is about."""
        screen = self.screen_of_mode
        return screen.where_runs() if screen is not None else []

    @property
    def screen_of_mode(self) -> ConsoleScreen | None:
        """The screen under all dialogs."""
        stack = self._screen_stacks.get(self.current_mode, [])
        return stack[0] if stack and isinstance(stack[0], ConsoleScreen) else None

    def refresh_chrome(self) -> None:
        """Draw the context line, the strip and the hints of the current screen again."""
        screen = self.screen_of_mode
        if screen is not None and screen.is_mounted:
            for widget in screen.query("#context-line, #bottom-strip, #key-hints"):
                widget.refresh()

    def watch_live(self) -> None:
        if self.is_running:
            self.refresh_chrome()
            self.refresh_bindings()
            screen = self.screen_of_mode
            if screen is not None and (told := getattr(screen, "live_changed", None)) is not None:
                told()

    def on_mount(self) -> None:
        sys.excepthook = crash.quiet_excepthook(self.state)
        self.call_after_refresh(self.poll)
        self.call_after_refresh(self.ask_account)
        self.set_interval(_POLL, self.poll)
        self.set_interval(_PROGRESS, self.follow)

    def ask_account(self) -> None:
        """Ask for the account behind the credentials, beside the event loop."""
        desk = self.desk

        def told(account: str) -> None:
            self.account = account
            self.refresh_chrome()

        self.account = ""
        run_in_thread(self, lambda task: desk.account(), then=told, name="account")

    def poll(self) -> None:
        """Look at the jobs and at what looking has cost, beside the event loop."""
        if not self.threads.active(self, "poll"):
            run_in_thread(self, self._look_at_jobs, then=self._polled, name="poll")

    def follow(self) -> None:
        """Look at the jobs that run, so that their progress moves five times a second."""
        running = [job.job for job in self.jobs if job.state == "running"]
        if running and not self.threads.active(self, "poll"):
            run_in_thread(self, lambda task: self._look_at_running(running), then=self._polled, name="poll")

    def _look_at_running(self, running: Sequence[str]) -> tuple[Sequence[JobStatus], int]:
        from s3console.ui.jobs.facts import job_states

        now = {job.job: job for job in job_states(self.desk, running)}
        return [now.get(job.job, job) for job in self.jobs], self.approvals_waiting

    def _look_at_jobs(self, task: Task) -> tuple[Sequence[JobStatus], int]:
        from s3console.ui import bridge

        return bridge.jobs(self.desk), bridge.approvals_waiting(self.desk)

    def _polled(self, facts: tuple[Sequence[JobStatus], int]) -> None:
        self.jobs, self.approvals_waiting = facts
        before, self._states = self._states, {job.job: job.state for job in self.jobs}
        if before is not None and (ended := _ended(before, self.jobs)):
            for stack in self._screen_stacks.values():
                if stack and isinstance(stack[0], ConsoleScreen) and stack[0].is_mounted:
                    stack[0].jobs_ended(ended)
        shown = (*facts, self.requests_so_far())
        if shown == self._shown:
            return
        self._shown = shown
        screen = self.screen_of_mode
        if screen is not None and screen.is_mounted:
            for line in screen.query("#bottom-strip, #context-line"):
                line.refresh()

    def reader(self, connection: Connection | None = None) -> Reader:
        """The reader of a connection. Call it in a thread: the first call imports boto3."""
        wanted = connection or self.desk.config.connection
        reader = self.desk.reader(wanted)
        self._readers[wanted] = reader
        return reader

    def requests_so_far(self) -> tuple[Mapping[str, int], float]:
        """Requests of this session by API name, and what they cost by the price table."""
        from s3console.ui import bridge

        total, dollars = dict(self._past_requests), self._past_dollars
        for connection, reader in list(self._readers.items()):
            counts = dict(reader.requests)
            dollars += bridge.cost(counts, connection.region or "us-east-1")
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count
        return total, dollars

    def calls_so_far(self) -> Sequence[Call]:
        """The last requests of the readers in use, oldest first."""
        from s3console.ui import bridge

        return bridge.calls(list(self._readers.values()))

    def forget_readers(self) -> None:
        """Readers of another connection come from here on; what was asked so far stays counted."""
        requests, self._past_dollars = self.requests_so_far()
        self._past_requests = dict(requests)
        self._readers.clear()

    def active_jobs(self) -> int:
        """How many jobs run, wait or are paused."""
        return sum(job.state in ("running", "queued", "paused") for job in self.jobs)

    def job_runs(self) -> bool:
        """Whether a job is at work right now."""
        return any(job.state == "running" for job in self.jobs)


def _ended(before: Mapping[str, JobState], jobs: Sequence[JobStatus]) -> list[JobStatus]:
    """The jobs that came to their end since the states before."""
    return [job for job in jobs if job.state in FINAL_JOBS and before.get(job.job) not in FINAL_JOBS]
