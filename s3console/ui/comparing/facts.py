"""What the Compare screen asks the stored reviews and plans. Blocking: call these in a thread."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from s3console.core.errors import Refused, UsageError
from s3console.core.model import Finding, Kind, Place, Plan, PrefixTotals, ReviewHeader
from s3console.ui.comparing.child import Child, common_options, compare_words
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.threads import Task

if TYPE_CHECKING:
    from s3console.core.repair import Only
    from s3console.core.rules import Rule
    from s3console.store.ignored import Ignoring
    from s3console.store.reviews import Review
    from s3console.workflow.desk import Desk

RuleFact = tuple[str, str, str, str]
"""Id, name, origin, because."""
HERE_LIMIT = 10_000
SIEVE_LIMIT = 10_000
KEY_ROWS = 200
CHILD_FROM = 20_000
"""Findings from which on a plan is made in a child: below that its start costs more than the plan."""


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


def plans_of(desk: DeskLike, header: ReviewHeader) -> list[tuple[Plan, str]]:
    """The repairs planned from a review, or from a later comparison of parts of its two places, with their
    states, newest first."""
    from s3console.store.plans import list_plans
    from s3console.workflow.jobs import list_jobs
    from s3console.workflow.planning import plan_state

    def belongs(plan: Plan) -> bool:
        if plan.review == header.review:
            return True
        left, right = header.left.place, header.right.place
        return bool(plan.review and plan.left is not None and plan.created >= header.created
                    and (plan.left.bucket, plan.left.connection) == (left.bucket, left.connection)
                    and (plan.right.bucket, plan.right.connection) == (right.bucket, right.connection))

    made = [plan for plan in list_plans(desk.home) if belongs(plan)]
    jobs = list_jobs(real(desk)) if made else []
    return [(plan, plan_state(real(desk), plan, jobs)) for plan in made]


class Level(NamedTuple):
    """One level of prefixes: their counts, what of them is ignored, the plans of the review."""

    totals: list[PrefixTotals]
    plans: list[tuple[Plan, str]]
    asides: list[PrefixTotals]
    ignoring: Ignoring


def level(desk: DeskLike, review: Review, base: str) -> Level:
    """The roll-up rows directly below `base`, with what is ignored of them, and the plans of the review."""
    from s3console.store.ignored import ignored_of

    totals = review.prefixes(1, base)
    ignoring = ignored_of(desk.home, review.header.review)
    asides = [ignoring.left_out(review, row, whole=row.prefix != base) for row in totals]
    return Level(totals, plans_of(desk, review.header), asides, ignoring)


def ignore(desk: DeskLike, review: str, prefix: str, kinds: Sequence[Kind], note: str) -> None:
    """Set findings aside with a note. Raises Refused without one."""
    from s3console.workflow.ignoring import ignore as set_aside

    set_aside(real(desk), review, prefix, kinds, note)


def count_again(desk: DeskLike, review: str, prefix: str, kinds: Sequence[Kind]) -> None:
    """Let ignored findings count again. Raises Refused when they were not ignored at this prefix."""
    from s3console.workflow.ignoring import stop_ignoring

    stop_ignoring(real(desk), review, prefix, kinds)


def directly_here(review: Review, base: str, kinds: frozenset[Kind] | None) -> list[Finding]:
    """Findings named directly in a directory, at most 10,000 of them."""
    found: list[Finding] = []
    for block in review.findings(base, kinds):
        found += [finding for finding in block if "/" not in finding.position[len(base):]]
        if len(found) >= HERE_LIMIT:
            break
    return found[:HERE_LIMIT]


def sifted(
    review: Review, prefix: str, kinds: frozenset[Kind] | None, text: str, *, here: bool
) -> Iterator[tuple[int, int, list[Finding]]]:
    """Findings that hold a text: how many were looked into so far, of how many, and what was found since.

    Ends at 10,000 of them. `here` leaves out what is deeper than the directory `prefix`.
    """
    total, found = review.count(prefix, kinds), 0
    yield 0, total, []
    for seen, part in review.holding(text, prefix, kinds):
        if here:
            part = [finding for finding in part if "/" not in finding.position[len(prefix):]]
        part = part[:SIEVE_LIMIT - found]
        found += len(part)
        yield seen, total, part
        if found >= SIEVE_LIMIT:
            return


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
    task: Task, desk: DeskLike, review: str, prefix: str, *, only: Only | None = None,
    include: tuple[str, ...] = (), findings: int = 0,
) -> Plan:
    """Make a sealed plan for a prefix; one with many `findings` in a process of its own.

    Raises Refused when there is nothing that may be done.
    """
    if findings <= CHILD_FROM:
        from s3console.workflow.planning import plan_repair

        return plan_repair(real(desk), review, prefix, only=only, include=include)
    from s3console.store.plans import load_plan

    words = ["plan", "repair", *common_options(desk.config), "--json", f"--prefix={prefix}",
             *([f"--only={only}"] if only else []), *([f"--include={','.join(include)}"] if include else []),
             "--", review]
    said = Child(words).finish(task)
    return load_plan(desk.home, str(json.loads(said)["plan"]))


def plan_now(
    task: Task, desk: DeskLike, left: str, right: str, prefix: str, *, versions: bool,
    only: Only | None = None,
) -> Plan:
    """List one prefix of both sides anew, in a process of its own, and plan its repair from that alone.

    Raises what a comparison and a plan raise; Incomplete when it was stopped.
    """
    said = Child(compare_words(desk.config, left, right, versions=versions)).finish(task)
    review = str(json.loads(said.splitlines()[0])["review"])
    return plan_prefix(task, desk, review, prefix, only=only)


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
    """Write findings into a new file, in the form its ending asks for, and return how many.

    Raises UsageError for another ending, Refused when the file exists or cannot be made.
    """
    from s3console.workflow.exporting import form_of

    form_of(path)
    if path.exists():
        raise Refused("this file exists already", where=str(path), next_step="Choose another name")
    words = ["review", *common_options(desk.config), "--findings", "--json", f"--prefix={prefix}",
             f"--export={path}", *[f"--kind={kind}" for kind in kinds], "--", review]
    return int(json.loads(Child(words).finish(task))["rows"])
