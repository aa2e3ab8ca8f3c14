"""The few facts of the workflow that every screen shows. Blocking: call these in a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from s3console.core.model import JobStatus
from s3console.core.prices import request_cost

if TYPE_CHECKING:
    from s3console.s3.call_log import Call
    from s3console.ui.desk_protocol import DeskLike, Reader
    from s3console.workflow.desk import Desk


def _holds_any(folder: Path) -> bool:
    """Whether there is anything to read: without it, what reads it need not be imported, which is a fifth
    of a second and 40 MiB."""
    with suppress(OSError):
        return any(not entry.name.startswith(".") for entry in folder.iterdir())
    return False


def jobs(desk: DeskLike) -> Sequence[JobStatus]:
    """The snapshots of all jobs, newest first."""
    if not _holds_any(desk.home.jobs):
        return ()
    from s3console.workflow.jobs import list_jobs

    return list(list_jobs(cast("Desk", desk)))


def approvals_waiting(desk: DeskLike) -> int:
    """How many plans are ready and not approved."""
    if not _holds_any(desk.home.plans):
        return 0
    from s3console.store.plans import list_plans
    from s3console.workflow.jobs import list_jobs
    from s3console.workflow.planning import plan_state

    real = cast("Desk", desk)
    known = list_jobs(real)
    return [plan_state(real, plan, known) for plan in list_plans(desk.home)].count("ready")


def cost(counts: Mapping[str, int], region: str) -> float:
    """What these requests cost by the price table, in dollars."""
    return float(request_cost(counts, region))


def calls(readers: Sequence[Reader]) -> Sequence[Call]:
    """The last requests of these readers, oldest first; a store in memory keeps none."""
    kept = [call for reader in readers if (sent := getattr(reader, "calls", None)) is not None
            for call in sent.log.calls()]
    return sorted(kept, key=lambda call: call.at)
