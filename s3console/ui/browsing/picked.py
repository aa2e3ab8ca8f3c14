"""What an operator picked in Browse, and the plans made of it. Blocking: call the plans in a thread."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from s3console.core.errors import Incomplete, Refused, UsageError
from s3console.core.keys import printable
from s3console.core.model import Entry, Place, Plan
from s3console.ui.comparing.facts import real
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.display import Run, exact, key_runs, plural, size_text
from s3console.ui.threads import Task

if TYPE_CHECKING:
    from s3console.workflow.downloading import Download
    from s3console.workflow.marked import Marks

Said = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Picked:
    """Marked rows, or the one on the cursor. `exact` says that entries name versions."""

    bucket: str
    base: str
    entries: tuple[Entry, ...] = ()
    prefixes: tuple[str, ...] = ()
    exact: bool = False

    @property
    def names(self) -> int:
        """How many rows were picked."""
        return len(self.entries) + len(self.prefixes)

    @property
    def runs(self) -> list[Run]:
        """What is picked, in words: a name when it is one, else counts and bytes."""
        if self.names == 1:
            key = self.prefixes[0] if self.prefixes else self.entries[0].key
            runs = key_runs(key[len(self.base):] or key, "bold foreground")
            if self.exact and not self.prefixes:
                version = self.entries[0].version_id or "null"
                runs += [("  version ", "muted"), *key_runs(version[:12], "muted")]
            return runs
        parts = []
        if self.entries:
            noun = "version" if self.exact else "key"
            parts.append(f"{plural(len(self.entries), noun)} of {self._bytes}")
        if self.prefixes:
            parts.append(f"{plural(len(self.prefixes), 'prefix', 'prefixes')} with all below")
        return [(" and ".join(parts), "bold foreground")]

    @property
    def _bytes(self) -> str:
        return size_text(sum(entry.size for entry in self.entries))


def marks_of(desk: DeskLike, picked: Picked) -> Marks:
    """The marks the workflow plans from. Raises UsageError, Refused for names that cannot be addressed."""
    from s3console.workflow.marked import Marks

    place = Place(picked.bucket, picked.base, desk.config.connection)
    return Marks(place, picked.entries, picked.prefixes, picked.exact)


def said(task: Task, tell: Said) -> Said:
    """A progress callback that ends the planning once nobody waits for it; about five words a second."""
    last = 0.0

    def progress(count: int) -> None:
        nonlocal last
        if task.cancelled:
            raise Incomplete("the planning was stopped", next_step="Start it again when it is wanted")
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            task.tell(tell, count)

    return progress


def copy_plan(desk: DeskLike, picked: Picked, target: str, progress: Said) -> Plan:
    """Raises UsageError for a target that is no place, Refused."""
    from s3console.workflow.desk import parse_place
    from s3console.workflow.marked import plan_marked_copy

    place = parse_place(target, desk.config.connection)
    return plan_marked_copy(real(desk), marks_of(desk, picked), place, progress=progress)


def move_plan(desk: DeskLike, picked: Picked, target: str, progress: Said) -> Plan:
    """Raises UsageError for a target that is no place, Refused."""
    from s3console.workflow.desk import parse_place
    from s3console.workflow.marked import plan_marked_move

    place = parse_place(target, desk.config.connection)
    return plan_marked_move(real(desk), marks_of(desk, picked), place, progress=progress)


def delete_plan(desk: DeskLike, picked: Picked, progress: Said, *, versions: bool) -> Plan:
    """Raises Refused."""
    from s3console.workflow.marked import plan_marked_delete

    return plan_marked_delete(real(desk), marks_of(desk, picked), versions=versions, progress=progress)


def restore_plan(desk: DeskLike, picked: Picked, progress: Said) -> Plan:
    """Raises Refused, UsageError for prefixes."""
    from s3console.workflow.marked import plan_marked_restore

    return plan_marked_restore(real(desk), marks_of(desk, picked), progress=progress)


def download_plan(desk: DeskLike, picked: Picked, folder: str, moment: str, task: Task, tell: Said) -> Plan:
    """The plan of a download of what is picked, as it stood at the moment.

    Raises Refused when every file holds its bytes already, UsageError for a folder that cannot be used.
    """
    from s3console.workflow.downloading import DownloadOptions, plan_download

    progress = said(task, tell)
    whole = len(picked.prefixes) == 1 and not picked.entries
    base = picked.prefixes[0] if whole else picked.base
    cut = len(picked.base)
    names = [f"^{re.escape(entry.key[cut:])}$" for entry in picked.entries]
    names += [f"^{re.escape(prefix[cut:])}" for prefix in picked.prefixes]
    options = DownloadOptions(include=() if whole else ("|".join(names),))

    def so_far(download: Download) -> None:
        progress(download.wanted)

    made = plan_download(real(desk), Place(picked.bucket, base, desk.config.connection),
                         Path(folder).expanduser(), moment=moment, options=options, progress=so_far)
    return _worth_it(made)


def version_plan(desk: DeskLike, picked: Picked, folder: str, task: Task, tell: Said) -> Plan:
    """The plan of a download of one very version. Raises Refused when the file holds its bytes already,
    UsageError for more than one version, whose bytes no one file can hold."""
    from s3console.workflow.one_version import plan_version_download

    if len(picked.entries) != 1 or picked.entries[0].is_delete_marker:
        raise UsageError("one version with bytes is downloaded at a time",
                         next_step="Take the marks off, and put the cursor on a version")
    progress = said(task, tell)
    made = plan_version_download(
        real(desk), Place(picked.bucket, picked.base, desk.config.connection), picked.entries[0],
        Path(folder).expanduser(), progress=lambda download: progress(download.wanted))
    return _worth_it(made)


def _worth_it(made: Download) -> Plan:
    if made.plan is None:
        unstored = f", {made.unstored:,} cannot be stored" if made.unstored else ""
        raise Refused(f"there is nothing to download: {plural(made.same, 'file')} of {made.wanted:,} "
                      f"hold the bytes already{unstored}", where=printable(made.root))
    return made.plan


@dataclass(frozen=True, slots=True)
class Moved:
    """A done job that copied away from here and whose old names stand still."""

    job: str
    title: str
    done: int

    @property
    def told(self) -> str:
        return f"plan the deletes of the {exact(self.done)} old names copied before"


def moved_from_here(desk: DeskLike, bucket: str) -> list[Moved]:
    """Done jobs that moved something out of this bucket and were not followed by a delete, newest first."""
    from s3console.store.plans import load_plan
    from s3console.workflow.jobs import list_jobs

    out = []
    done = [job for job in list_jobs(real(desk)) if job.state == "done"]
    emptied = {job.title.rpartition(" after job ")[2] for job in done if job.title.startswith("empty ")}
    for job in done:
        if job.title.startswith("move ") and job.job not in emptied:
            plan = load_plan(desk.home, job.plan)
            if plan.left is not None and plan.left.bucket == bucket:
                out.append(Moved(job.job, job.title, job.done))
    return out


def empty_plan(desk: DeskLike, bucket: str, job: str) -> Plan:
    """The delete of the old names that a job of a move verified. Raises Refused."""
    from s3console.store.plans import load_plan
    from s3console.workflow.jobs import job_status
    from s3console.workflow.moving import plan_empty

    plan = load_plan(desk.home, job_status(real(desk), job).plan)
    assert plan.left is not None
    return plan_empty(real(desk), plan.left, job)
