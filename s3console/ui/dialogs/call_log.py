"""@: every request of this session to a store, newest first, as it goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.widget import Widget

from s3console.ui.dialogs.base import Dialog
from s3console.ui.display import Run, Runs, content, exact, key_runs
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout, ListRows

if TYPE_CHECKING:
    from s3console.s3.call_log import Call

_EVERY = 1.0
SLOW = 1000.0


def _at(call: Call) -> Runs:
    return [(f"{datetime.fromtimestamp(call.at, UTC):%H:%M:%S}", "muted")]


def _name(call: Call) -> Runs:
    return [(call.name, "foreground")]


def _where(call: Call) -> Runs:
    # The reader made it printable when it sent the request.
    return [(call.where, "muted")]


def _status(call: Call) -> Runs:
    if call.status == 200:
        return [("200", "ok")]
    if call.status == 404:
        return [("404", "muted")]  # the usual way to say that a setting is not made
    text = f"{call.status or '·'} {call.code}".rstrip()
    return key_runs(text, "danger" if call.status >= 500 or not call.status else "warning")


def _took(call: Call) -> Runs:
    return [(f"{call.milliseconds:,.0f} ms", "warning" if call.milliseconds >= SLOW else "muted")]


CALLS: Layout[Call] = Layout((
    Column("UTC", _at, width=8),
    Column("request", _name, width=26, from_width=90), Column("request", _name, width=18, below=90),
    Column("where", _where, middle=True),
    Column("answer", _status, width=24, from_width=90), Column("answer", _status, width=9, below=90),
    Column("took", _took, width=9, right=True),
))


class CallLogDialog(Dialog[None]):
    """`calls` gives what is kept, oldest first; it is asked once a second while the cursor stands on top."""

    CSS = """
    CallLogDialog .dialog { width: 96%; height: 92%; padding: 1 1 0 1; }
    CallLogDialog PagedTable { height: 1fr; }
    """
    BINDINGS: ClassVar = [Binding("q,at", "cancel", "back", show=False)]

    def __init__(self, calls: Callable[[], Sequence[Call]]) -> None:
        super().__init__("requests to S3", keys=[("j k", "move")])
        self.calls = calls
        self._newest = 0.0

    def body(self) -> Iterable[Widget]:
        yield PagedTable(CALLS, ListRows[object](), id="calls")

    def on_mount(self) -> None:
        self._look()
        self.set_interval(_EVERY, self._look)

    def _look(self) -> None:
        calls = list(self.calls())[::-1]
        table = self.query_one(PagedTable)
        if not calls:
            table.note(("No request was sent yet.", "muted"))
            return
        if calls[0].at == self._newest or (self._newest and table.cursor):
            return
        self._newest = calls[0].at
        table.show(ListRows(calls), cursor=table.cursor)
        self.query_one(".dialog").border_subtitle = content(*self._summary(calls))

    def _summary(self, calls: Sequence[Call]) -> list[Run]:
        failed = Counter(call.code for call in calls if call.status not in (200, 404))
        runs: list[Run] = [(f"the last {exact(len(calls))}", "")]
        if failed:
            runs.append((f" · {exact(sum(failed.values()))} failed", ""))
        return runs
