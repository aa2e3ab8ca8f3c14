"""What the Compare screen asks the stored reviews and plans. Blocking: call these in a thread."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from s3console.core.errors import Refused, UsageError
from s3console.core.model import Finding, Kind, Place, Plan, PrefixTotals, ReviewHeader
from s3console.ui.comparing.child import Child, common_options
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.threads import Task

if TYPE_CHECKING:
    from s3console.core.repair import Only
    from s3console.core.rules import Rule
    from s3console.store.reviews import Review
    from s3console.workflow.desk import Desk

RuleFact = tuple[str, str, str, str]
"""Id, name, origin, because."""
HERE_LIMIT = 10_000
KEY_ROWS = 200


class Explained(NamedTuple):
    """A finding with what is looked up for its pane."""

    finding: Finding
    rows: list[Finding]
    reason: str
    origins: str


def real(desk: DeskLike) -> Desk:
    """The desk with its own type, for the functions of the workflow."""
    return cast("Desk", desk)


def reviews(desk: DeskLike) -> list[ReviewHeader]:
    """The headers of all stored reviews, newest first."""
    from s3console.store.reviews import list_reviews

    return list_reviews(desk.home)


def open_review(desk: DeskLike, review: str) -> Review:
    """A stored review. Raises UsageError, DamagedState."""
    from s3console.store.reviews import Review

    return Review.open(desk.home, review)


def plans_of(desk: DeskLike, review: str) -> list[tuple[Plan, str]]:
    """The plans made from a review with their states, newest first."""
    from s3console.store.plans import list_plans
    from s3console.workflow.jobs import list_jobs
    from s3console.workflow.planning import plan_state

    made = [plan for plan in list_plans(desk.home) if plan.review == review]
    jobs = list_jobs(real(desk)) if made else []
    return [(plan, plan_state(real(desk), plan, jobs)) for plan in made]


def level(desk: DeskLike, review: Review, base: str) -> tuple[list[PrefixTotals], list[tuple[Plan, str]]]:
    """The roll-up rows directly below `base`, and the plans of the review."""
    return review.prefixes(1, base), plans_of(desk, review.header.review)


def directly_here(review: Review, base: str, kinds: frozenset[Kind] | None) -> list[Finding]:
    """Findings named directly in a directory, at most 10,000 of them."""
    found: list[Finding] = []
    for block in review.findings(base, kinds):
        found += [finding for finding in block if "/" not in finding.position[len(base):]]
        if len(found) >= HERE_LIMIT:
            break
    return found[:HERE_LIMIT]


def explained(review: Review, finding: Finding) -> Explained:
    """What the pane of a finding shows beside the finding itself."""
    rows = [row for row in review.page(0, KEY_ROWS, finding.position, counted_only=False)
            if row.key == finding.key and row.kind == finding.kind]
    if finding.kind == "junk":
        known = [one for one in _rules(finding.rule) if one.because]
        reason = ", ".join(one.because for one in known)
    else:
        from s3console.core.rules import because

        reason = because(finding.rule) if finding.rule else ""
    return Explained(finding, rows, reason, origins(finding.rule))


def origins(rule: str) -> str:
    """The tools a rule chain is known from: `DistCp / Hadoop Path`."""
    if not rule:
        return ""
    return ", ".join(dict.fromkeys(one.origin for one in _rules(rule)))


def _rules(rule: str) -> Iterable[Rule]:
    from s3console.core.rules import CATALOGUE, chains

    named = [one for one in CATALOGUE if one.name == rule and one.build is None]
    if named:
        return named
    try:
        made = chains((rule,))
    except UsageError:
        return ()
    return made[0].rules if made else ()


def rule_facts(rule: str) -> list[RuleFact]:
    """The rules of a chain in the order they were applied."""
    return [(one.id, one.name, one.origin, one.because) for one in _rules(rule)]


def plan_prefix(
    desk: DeskLike, review: str, prefix: str, *, only: Only | None = None, include: tuple[str, ...] = ()
) -> Plan:
    """Make a sealed plan for a prefix. Raises Refused when there is nothing that may be done."""
    from s3console.workflow.planning import plan_repair

    return plan_repair(real(desk), review, prefix, only=only, include=include)


def place_of(desk: DeskLike, text: str, *, right: bool) -> Place:
    """Read a place as the operator typed it. Raises UsageError."""
    from s3console.workflow.desk import parse_place

    return parse_place(text, desk.config.right if right else desk.config.left)


def versions_wanted(desk: DeskLike, text: str) -> bool:
    """Whether the right side keeps versions, so that they have to be compared too."""
    from s3console.workflow.listings import place_facts

    return place_facts(real(desk), place_of(desk, text, right=True)).versioning in ("Enabled", "Suspended")


def export(
    task: Task, desk: DeskLike, review: str, prefix: str, kinds: Sequence[Kind], path: Path
) -> int:
    """Write findings as JSON lines into a new file and return how many.

    Raises Refused when the file exists or cannot be made.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Refused("this file exists already", where=str(path), next_step="Choose another name") from None
    except OSError as error:
        raise Refused("this file cannot be made", where=error.strerror or "",
                      next_step="Choose another name") from error
    with os.fdopen(handle, "wb") as file:
        words = ["review", *common_options(desk.config), "--findings", "--json", f"--prefix={prefix}",
                 *[f"--kind={kind}" for kind in kinds], "--", review]
        Child(words, into=file).finish(task)
    with path.open("rb") as written:
        return sum(block.count(b"\n") for block in iter(lambda: written.read(1 << 20), b""))
