"""What a session of the console knows on every screen: desk, readers, jobs, requests, live or not."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from textual.reactive import reactive

from s3console.core.model import Connection, JobStatus
from s3console.ui import crash
from s3console.ui.desk_protocol import DeskLike, Reader
from s3console.ui.display import Run, key_runs
from s3console.ui.safe_app import SafeApp
from s3console.ui.screens.base import ConsoleScreen
from s3console.ui.threads import Task, run_in_thread

TABS: tuple[tuple[int, str, str], ...] = (
    (1, "browse", "Browse"), (2, "compare", "Compare"), (3, "review", "Review"), (4, "queue", "Queue"),
    (5, "journal", "Journal"),
)
_POLL = 1.0


class Session(SafeApp):
    """The facts that every screen shows. `read_only` can not be lifted inside."""

    live: reactive[bool] = reactive(False)

    def __init__(self, desk: DeskLike, *, read_only: bool = False) -> None:
        super().__init__(state=desk.home.path)
        self.desk = desk
        self.read_only = read_only or desk.config.read_only
        self.jobs: Sequence[JobStatus] = ()
        self.approvals_waiting = 0
        self._readers: dict[Connection, Reader] = {}

    def tabs(self) -> list[tuple[int, str, str]]:
        """Number, name and title of the screens that exist."""
        return [tab for tab in TABS if tab[1] in self._modes]

    def connection_runs(self) -> list[Run]:
        """Who is looking and through what: profile, region, endpoint."""
        connection = self.desk.config.connection
        parts = [connection.profile or "", connection.region or "", connection.endpoint_url or ""]
        named = [part for part in parts if part] or ["default credentials"]
        return key_runs("  ".join(named).replace("  ", " "), "muted")

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
        self.set_interval(_POLL, self.poll)

    def poll(self) -> None:
        """Look at the jobs and at what looking has cost, beside the event loop."""
        if not self.threads.active(self, "poll"):
            run_in_thread(self, self._look_at_jobs, then=self._polled, name="poll")

    def _look_at_jobs(self, task: Task) -> tuple[Sequence[JobStatus], int]:
        from s3console.ui import bridge

        return bridge.jobs(self.desk), bridge.approvals_waiting(self.desk)

    def _polled(self, facts: tuple[Sequence[JobStatus], int]) -> None:
        self.jobs, self.approvals_waiting = facts
        screen = self.screen_of_mode
        if screen is not None and screen.is_mounted:
            for strip in screen.query("#bottom-strip"):
                strip.refresh()

    def reader(self, connection: Connection | None = None) -> Reader:
        """The reader of a connection. Call it in a thread: the first call imports boto3."""
        wanted = connection or self.desk.config.connection
        reader = self.desk.reader(wanted)
        self._readers[wanted] = reader
        return reader

    def requests_so_far(self) -> tuple[Mapping[str, int], float]:
        """Requests of this session by API name, and what they cost by the price table."""
        from s3console.ui import bridge

        total: dict[str, int] = {}
        dollars = 0.0
        for connection, reader in list(self._readers.items()):
            counts = dict(reader.requests)
            dollars += bridge.cost(counts, connection.region or "us-east-1")
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count
        return total, dollars

    def job_runs(self) -> bool:
        """Whether a job is at work right now."""
        return any(job.state == "running" for job in self.jobs)
