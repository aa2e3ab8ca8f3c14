"""The form of a restore and what it asks of the workflow. Blocking: call the functions in a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from s3console.core.errors import Incomplete
from s3console.core.model import Place, Plan
from s3console.ui.comparing.facts import real
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.threads import Task

if TYPE_CHECKING:
    from s3console.workflow.manifests import Manifest
    from s3console.workflow.restore_scan import RestoreScan

CreatedLater = Literal["leave", "mark"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be restored. `target` "" is in place; `include` and `ignore` are expressions, "" none."""

    bucket: str
    prefix: str
    moment: str
    target: str = ""
    elsewhere: bool = False
    created_later: CreatedLater = "leave"
    include: str = ""
    ignore: str = ""
    manifest: str = ""

    @property
    def ready(self) -> bool:
        """Whether it names where to."""
        return bool(self.moment) and (not self.elsewhere or bool(self.target))


def _place(desk: DeskLike, wish: Wish) -> Place:
    return Place(wish.bucket, wish.prefix, desk.config.connection)


def _expressions(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def scan(desk: DeskLike, wish: Wish, progress: Callable[[RestoreScan], None]) -> RestoreScan:
    """Count what the wish would do. Raises UsageError, ListingIncomplete."""
    from s3console.workflow.restore_scan import scan_restore

    return scan_restore(real(desk), _place(desk, wish), wish.moment, include=_expressions(wish.include),
                        ignore=_expressions(wish.ignore), progress=progress)


def plan(desk: DeskLike, wish: Wish, task: Task) -> Plan:
    """Make the plan. Raises Refused, UsageError, ListingIncomplete."""
    from s3console.workflow.desk import parse_place
    from s3console.workflow.restoring import RestoreOptions, plan_restore

    options = RestoreOptions(wish.created_later, include=_expressions(wish.include),
                             ignore=_expressions(wish.ignore))
    target = parse_place(wish.target, desk.config.connection) if wish.elsewhere else None
    made = plan_restore(real(desk), _place(desk, wish), wish.moment, target=target, options=options)
    if task.cancelled:
        raise Incomplete("the planning was stopped")
    return made


def export(desk: DeskLike, wish: Wish, progress: Callable[[int], None]) -> Manifest:
    """Write the manifest of the moment. Raises ListingIncomplete, NotReachable."""
    from s3console.workflow.manifests import make_manifest

    return make_manifest(real(desk), _place(desk, wish), Path(wish.manifest).expanduser(),
                         moment=wish.moment, include=_expressions(wish.include),
                         ignore=_expressions(wish.ignore), progress=progress)
