"""The tables of the Compare screen: prefixes with their counts and states, findings, recent reviews."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from s3console.core.model import KINDS, Finding, Kind, Place, Plan, PrefixTotals, ReviewHeader
from s3console.ui.comparing.finding import compared_keys
from s3console.ui.display import (
    KIND_GLYPHS,
    Run,
    Runs,
    count_runs,
    exact,
    key_runs,
    path_runs,
    short_count,
    size_text,
    time_text,
)
from s3console.ui.widgets.rows import Column, Layout

if TYPE_CHECKING:
    from s3console.store.reviews import Review

COUNTED: tuple[Kind, ...] = ("missing", "misnamed", "differs", "extra", "junk", "duplicate", "unknown")
"""The kinds in the order of the columns and chips."""

STATES: dict[str, tuple[str, str]] = {
    "clean": ("✓", "ok"), "to review": ("!", "warning"), "planned": ("◐", "primary"),
    "approved": ("◐", "accent"), "queued": ("◐", "accent"), "running": ("●", "accent"),
    "paused": ("●", "warning"), "failed": ("●", "danger"), "copied": ("✓", "accent"), "done": ("✓", "ok"),
    "in part": ("◐", "muted"), "stale": ("!", "warning"), "cancelled": ("!", "warning"),
    "ignored": ("⊘", "faint"),
}
"""The mark and the role of each state of a prefix; the word always goes with them."""

_PLAN_STATES = {"ready": "planned", "rejected": "to review", "stale": "to review", "cancelled": "to review"}


NOTHING = PrefixTotals("")


@dataclass(frozen=True, slots=True)
class PrefixRow:
    """One line of the prefix table. `name` is what is shown; `here` marks names directly in the
    directory that is open, which have no prefix of their own; `whole` is the line of totals. `aside`
    counts the findings that are ignored."""

    totals: PrefixTotals
    state: str
    name: str
    here: bool = False
    whole: bool = False
    aside: PrefixTotals = NOTHING

    @property
    def findings(self) -> int:
        return sum(getattr(self.totals, kind) for kind in KINDS)

    @property
    def ignored(self) -> int:
        return sum(getattr(self.aside, kind) for kind in KINDS)

    def to_do(self, kind: Kind) -> int:
        """Findings of a kind that count: those that are not ignored."""
        return int(getattr(self.totals, kind) - getattr(self.aside, kind))


def added_up(prefix: str, rows: Sequence[PrefixTotals]) -> PrefixTotals:
    """One row with the sums of all."""
    names = [item.name for item in fields(PrefixTotals)][1:]
    return PrefixTotals(prefix, *(sum(getattr(row, name) for row in rows) for name in names))


def prefix_state(totals: PrefixTotals, plans: Sequence[tuple[Plan, str]]) -> str:
    """What was done about a prefix; `plans` are those of the review with their states, newest first."""
    if not any(getattr(totals, kind) for kind in KINDS):
        return "clean"
    for plan, state in plans:
        if state == "rejected" or not totals.prefix.startswith(plan.prefix):
            continue
        if state == "done" and not plan.delete and (totals.misnamed or totals.duplicate):
            return "copied"
        return _PLAN_STATES.get(state, state)
    inside = any(plan.prefix.startswith(totals.prefix) and _PLAN_STATES.get(state) != "to review"
                 for plan, state in plans)
    return "in part" if inside else "to review"


def prefix_rows(
    base: str, totals: Sequence[PrefixTotals], plans: Sequence[tuple[Plan, str]],
    asides: Sequence[PrefixTotals] = (),
) -> list[PrefixRow]:
    """The lines of one level below `base`: the totals first, then what is directly here, then prefixes.

    `asides` are the ignored findings of each of `totals`, in the same order; () when none are.
    """
    asides = asides or [PrefixTotals(row.prefix) for row in totals]
    whole, aside = added_up(base, totals), added_up(base, asides)
    rows = [PrefixRow(whole, _shown_state(whole, aside, plans), "all", whole=True, aside=aside)]
    for row, left_out in zip(totals, asides, strict=True):
        here = row.prefix == base
        name = "(directly here)" if here else row.prefix[len(base):]
        state = _shown_state(row, left_out, plans)
        rows.append(PrefixRow(row, "to review" if here and state == "in part" else state, name, here=here,
                              aside=left_out))
    return rows


def _shown_state(totals: PrefixTotals, aside: PrefixTotals, plans: Sequence[tuple[Plan, str]]) -> str:
    state = prefix_state(totals, plans)
    if state == "clean" or any(getattr(totals, kind) != getattr(aside, kind) for kind in KINDS):
        return state
    return "ignored"


def state_runs(state: str) -> list[Run]:
    """The word of a state in its role."""
    return [(state, STATES.get(state, ("", "muted"))[1])]


def _name(row: PrefixRow) -> Runs:
    mark, role = STATES.get(row.state, ("·", "muted"))
    loud = "muted" if row.state in ("clean", "done") else "foreground"
    name = [(row.name, "bold foreground" if row.whole else "muted")] if row.whole or row.here \
        else key_runs(row.name, loud)
    return [(mark, role), (" ", ""), *name]


def _counter(kind: Kind) -> Callable[[PrefixRow], Runs]:
    return lambda row: count_runs(row.to_do(kind), kind)


def prefixes_layout(
    rows: Sequence[PrefixRow], cost: Callable[[PrefixRow], Runs] = lambda row: [],
) -> Layout[PrefixRow]:
    """The columns, each as wide as its numbers; `unknown` and ignored only where there is one."""

    def width(name: str) -> int:
        return 1 + max((len(short_count(getattr(row.totals, name))) for row in rows), default=1)

    columns: list[Column[PrefixRow]] = [
        Column("  prefix", _name, middle=True),
        Column("keys", lambda row: [(short_count(row.totals.left_entries), "muted")],
                          width=max(5, width("left_entries")), right=True),
    ]
    for kind in COUNTED:
        if kind != "unknown" or any(row.totals.unknown for row in rows):
            columns.append(Column([(KIND_GLYPHS[kind], kind)], _counter(kind), width=max(3, width(kind)),
                                  right=True))
    if any(row.ignored for row in rows):
        most = max(len(short_count(row.ignored)) for row in rows)
        columns.append(Column([("⊘", "faint")], lambda row: count_runs(row.ignored, "faint"),
                              width=max(3, 1 + most), right=True, from_width=64))
    columns.append(Column("cost", cost, width=10, right=True, from_width=66))
    columns.append(Column("", lambda row: [("", "")], width=1, from_width=48))
    columns.append(Column("state", lambda row: state_runs(row.state), width=9, from_width=48))
    return Layout(tuple(columns), identity=lambda row, index: row.totals.prefix + ("\0" if row.here else ""),
                  gap=0)


# findings


def _kind(ignored: Callable[[Finding], bool]) -> Callable[[Finding], Runs]:
    def cell(finding: Finding) -> Runs:
        if ignored(finding):
            return [(f"⊘ {finding.kind}", "faint")]
        return [(f"{KIND_GLYPHS[finding.kind]} {finding.kind}", finding.kind)]

    return cell


def _where(base: Callable[[], str]) -> Callable[[Finding], Runs]:
    def cell(finding: Finding) -> Runs:
        cut = base()
        key = finding.position if finding.kind == "missing" else finding.key
        shown = key[len(cut):] if key.startswith(cut) else key
        wanted = finding.intended_key
        if finding.kind == "missing" or not wanted or wanted == key:
            return path_runs(shown)
        name = wanted.rpartition("/")[2]
        if name == key.rpartition("/")[2]:
            below = wanted[len(cut):] if wanted.startswith(cut) and shown != key else wanted
            return compared_keys(shown, below, finding.kind, quiet="faint", loud="foreground")[0]
        parts = shown.split("/")
        runs = path_runs("/".join(parts[-2:]))
        if len(parts) > 2:
            runs = [("…/", "faint"), *runs]
        return [*runs, (" → ", "faint"), *key_runs(name, "muted")]

    return cell


def _size(finding: Finding) -> Runs:
    if finding.subject.is_delete_marker:
        return [("marker", "faint")]
    return [(size_text(finding.subject.size), "muted")]


def findings_layout(
    base: Callable[[], str], ignored: Callable[[Finding], bool] = lambda finding: False,
) -> Layout[Finding]:
    """Findings one per line, named below the prefix that is open."""
    return Layout(
        (Column("", _kind(ignored), width=11), Column("", _where(base), middle=True),
         Column("", _size, width=9, right=True, from_width=40)),
        identity=lambda finding, index: (finding.key, finding.subject.version_id), header=False,
    )


@dataclass(slots=True)
class FindingRows:
    """Findings of a stored review by rank; a window reads one or two row groups."""

    review: Review
    prefix: str
    kinds: frozenset[Kind] | None
    total: int
    fast: bool = False

    def count(self) -> int:
        return self.total

    def rows(self, start: int, stop: int) -> Sequence[Finding]:
        return self.review.page(start, stop - start, self.prefix, self.kinds)


# reviews


def _short(place: Place) -> list[Run]:
    if place.scheme != "s3":
        return key_runs(place.uri)
    return [*key_runs(place.bucket), *key_runs("/" + place.prefix if place.prefix else "", "muted")]


def sides_runs(header: ReviewHeader) -> list[Run]:
    """`bucket1 → bucket2/prefix/`: the two places of a review."""
    return [*_short(header.left.place), (" → ", "muted"), *_short(header.right.place)]


def _found(header: ReviewHeader) -> Runs:
    if not header.complete:
        return [("incomplete", "warning")]
    total = sum(header.totals.get(kind, 0) for kind in KINDS)
    return [(f"{exact(total)} findings", "foreground")] if total else [("✓ nothing differs", "ok")]


REVIEWS: Layout[ReviewHeader] = Layout(
    (
        Column("when (UTC)", lambda header: [(time_text(header.created), "muted")], width=16),
        Column("left → right", sides_runs, middle=True),
        Column("same", lambda header: [(exact(header.same), "muted")], width=11, right=True, from_width=70),
        Column("found", _found, width=18, right=True),
    ),
    identity=lambda header, index: header.review,
)

__all__ = ["COUNTED", "REVIEWS", "FindingRows", "PrefixRow", "findings_layout", "prefix_rows",
           "prefixes_layout", "sides_runs", "state_runs"]
