"""The records of the journal: rows by rank or by a filter, one in columns, one in full."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3console.ui.comparing.facts import real
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.display import Run, Runs, exact, key_runs, message_text, time_text
from s3console.ui.threads import Task
from s3console.ui.widgets.facts import Fact
from s3console.ui.widgets.rows import Column, Layout

if TYPE_CHECKING:
    from s3console.core.model import Plan
    from s3console.store.journal import Record, Verdict

_ROLES = {"approved": "ok", "queued": "accent", "rejected": "warning", "cancel": "warning",
          "pause": "warning", "torn line": "danger", "batch begins": "muted", "batch ends": "muted",
          "worker died": "danger", "ignored": "warning"}
_BUCKET = re.compile(r"s3://[^/ ]+/")
FOUND_MOST = 20_000
_TOLD = {"phase": "{}", "state": "{}", "operations": "{} ops", "deletes": "{} deletes", "reason": "{}",
         "note": "{}", "by": "by {}"}
"""Facts of a record that its line tells, with their wording."""


def _subjects(desk: DeskLike) -> dict[str, str]:
    from s3console.store.jobs import list_jobs

    return {job.job: job.title or job.prefix for job in list_jobs(desk.home)}


def _short(title: str) -> str:
    """A title without its buckets, where something is left to name: `repair document002/`."""
    cut = _BUCKET.sub("", title)
    return title if cut.endswith(" ") or not cut else cut


class JournalRows:
    """Records by rank, newest first; what was scrolled to is kept, the rest is read when it is needed.
    `subjects` says by job what it is about."""

    fast = False

    def __init__(self, desk: DeskLike) -> None:
        from s3console.store.journal import Journal

        self.subjects = _subjects(desk)
        self._journal = Journal(desk.home.journal)
        self._kept: list[Record] = self._journal.read(limit=256)
        self.newest = self._kept[0].number if self._kept else -1

    def count(self) -> int:
        return self.newest + 1

    def rows(self, start: int, stop: int) -> Sequence[Record]:
        if stop > len(self._kept) < self.count():
            found = self._journal.read(limit=max(stop, 2 * len(self._kept)) + 256)
            self._kept = [record for record in found if record.number <= self.newest]
        return self._kept[start:stop]


class FoundRecords:
    """The records that hold a text, newest first; `whole` says that the journal was read to its start."""

    fast = True

    def __init__(
        self, kept: Sequence[Record], newest: int, subjects: Mapping[str, str], *, whole: bool
    ) -> None:
        self._kept, self.newest, self.subjects, self.whole = kept, newest, subjects, whole

    def count(self) -> int:
        return len(self._kept)

    def rows(self, start: int, stop: int) -> Sequence[Record]:
        return self._kept[start:stop]


def find(task: Task, desk: DeskLike, text: str) -> FoundRecords:
    """The newest records whose act or facts hold a text, in any case; at most 20,000 of them."""
    from s3console.store.journal import Journal

    wanted = text.lower()
    records = Journal(desk.home.journal).read()
    kept: list[Record] = []
    subjects = _subjects(desk)
    for record in records:
        if task.cancelled or len(kept) >= FOUND_MOST:
            break
        if wanted in _searched(record, subjects):
            kept.append(record)
    return FoundRecords(kept, records[0].number if records else -1, subjects,
                        whole=len(kept) < FOUND_MOST)


def _searched(record: Record, subjects: Mapping[str, str]) -> str:
    about = subjects.get(str(record.facts.get("job")), "")
    return f"{record.what} {record.at} {about} {json.dumps(record.facts, ensure_ascii=False)}".lower()


def check(desk: DeskLike) -> Verdict:
    """Check the chain of hashes over the whole journal."""
    from s3console.store.journal import verify

    return verify(desk.home.journal)


def export(desk: DeskLike, path: Path, text: str) -> int:
    """Write the records that hold a text ("" for all), oldest first, into a new file."""
    from s3console.store.journal import Journal
    from s3console.workflow.exporting import RECORD_COLUMNS, export_rows, record_cells

    wanted, subjects = text.lower(), _subjects(desk)
    records = Journal(desk.home.journal).read(newest_first=False)
    return export_rows(path, RECORD_COLUMNS,
                       (record_cells(record) for record in records if wanted in _searched(record, subjects)))


def job_of(desk: DeskLike, record: Record) -> str:
    """The job a record is about, "" when it is about none: by its id, or by the plan it ran."""
    from s3console.workflow.jobs import list_jobs

    if job := record.facts.get("job"):
        return str(job)
    plan = record.facts.get("plan")
    return next((job.job for job in list_jobs(real(desk)) if plan and job.plan == plan), "")


def plan_undo(desk: DeskLike, record: Record) -> Plan:
    """A plan that takes back what the job of a record did. Raises Refused when there is nothing."""
    from s3console.core.errors import Refused
    from s3console.workflow.undoing import plan_undo_job

    job = job_of(desk, record)
    if not job:
        raise Refused("this record is about no job", next_step="Stand on a record of the job to undo")
    return plan_undo_job(real(desk), job)


def what_runs(record: Record) -> Runs:
    """The act of a record in its role."""
    role = _ROLES.get(record.what, "danger" if "fail" in record.what else "foreground")
    return [(message_text(record.what), role)]


def _about(subjects: Mapping[str, str]) -> Callable[[Record], Runs]:
    def cell(record: Record) -> Runs:
        facts = record.facts
        named = facts.get("title") or subjects.get(str(facts.get("job"))) or facts.get("prefix")
        runs = key_runs(_short(str(named or facts.get("job") or facts.get("plan") or "")), "foreground")
        for name, words in _TOLD.items():
            value = facts.get(name)
            if value not in (None, "", 0):
                text = exact(value) if isinstance(value, int) else str(value)
                runs = [*runs, ("  ", ""), *key_runs(words.format(text), "muted")]
        return runs

    return cell


def records_layout(subjects: Mapping[str, str]) -> Layout[Record]:
    """The columns; `subjects` says by job what it is about."""
    return Layout(
        (
            Column("#", lambda record: [(exact(record.number), "faint")], width=6, right=True, from_width=60),
            Column("when (UTC)", lambda record: [(time_text(record.at, seconds=True)[5:], "muted")],
                   width=14),
            Column("what", what_runs, width=14),
            Column("about", _about(subjects)),
        ),
        identity=lambda record, index: record.number,
    )


def _value(value: Any) -> list[Run]:
    if isinstance(value, str):
        return key_runs(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return [(exact(value), "foreground")]
    return key_runs(json.dumps(value, ensure_ascii=True))


def record_facts(record: Record) -> list[Fact]:
    """One record in full."""
    head: list[Fact] = [("record", [(exact(record.number), "muted")]),
                        ("when", [(time_text(record.at, seconds=True), "foreground"), (" UTC", "faint")]),
                        ("what", [(text, f"bold {role}") for text, role in what_runs(record)])]
    return head + [(message_text(name)[:11], _value(value)) for name, value in record.facts.items()
                   if value not in ("", None)]
