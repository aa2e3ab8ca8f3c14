"""The words of comparisons: compare, reviews, review."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, get_args

from s3console.core.errors import UsageError
from s3console.core.keys import prefix_of, printable
from s3console.core.model import KINDS, Finding, Kind, Plan, PrefixTotals, ReviewHeader, SideTotals

from . import setting_aside
from .call import DONE, FOUND, INCOMPLETE, Call
from .output import counted, size_text
from .records import finding_record, prefix_record, review_record
from .settling import settle

if TYPE_CHECKING:
    from s3console.store.reviews import Review
    from s3console.workflow.comparing import Progress


def _rules(text: str) -> str | tuple[str, ...]:
    if text in ("auto", "none"):
        return text
    names = _split(text)
    if not names:
        raise UsageError("--rules names no rule", next_step="Use auto, none, or names with commas")
    return names


def _split(text: str) -> tuple[str, ...]:
    """Names between commas; a comma inside parentheses belongs to the parameters of a rule."""
    names, depth, start = [], 0, 0
    for at, char in enumerate(text + ","):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth <= 0:
            names.append(text[start:at].strip())
            start, depth = at + 1, 0
    return tuple(name for name in names if name)


def _show_progress(call: Call) -> Callable[[Progress], None]:
    def record(progress: Progress) -> None:
        call.output.say(json.dumps(asdict(progress), ensure_ascii=True))

    def show(progress: Progress) -> None:
        call.output.progress(lambda: (
            f"{progress.phase}: left {progress.left_entries:,}, right {progress.right_entries:,}, "
            f"{progress.requests:,} requests, {progress.rate:,.0f}/s; same {progress.same:,}, "
            f"missing {progress.missing:,}, differs {progress.differs:,}, "
            f"right only {progress.right_only:,}"
            + (f" (gone on with behind “{printable(progress.resumed)}”)" if progress.resumed else "")))
    return record if call.options.progress_json else show


def compare(call: Call) -> int:
    """Make a review. Ends with 0 (no findings), 1 (findings) or 4 (a listing was not complete)."""
    from s3console.workflow import comparing as workflow
    from s3console.workflow.memory import keep_memory_flat

    options = call.options
    keep_memory_flat()
    if options.engine == "spark":
        raise UsageError("--engine spark is not in this version", next_step="Use --engine local")
    left = call.place(options.left, call.config.left, files=True)
    right = call.place(options.right, call.config.right, files=True)
    chosen = workflow.CompareOptions(versions=options.versions, evidence=options.evidence,
                                     rules=_rules(options.rules), fresh=options.fresh,
                                     rules_file=options.rules_file)
    header = workflow.compare(call.desk, left, right, chosen, _show_progress(call))
    for note in header.notes:
        call.output.say(f"Note: {note}.")
    if call.output.as_json:
        call.output.record(review_record(header))
    else:
        _show_header(call, header)
    _say_incomplete(call, header)
    if not header.complete:
        return INCOMPLETE
    return FOUND if any(header.totals.get(kind, 0) for kind in KINDS) else DONE


def _say_incomplete(call: Call, header: ReviewHeader) -> None:
    """Name the range of keys that nobody knows, per side."""
    for name, side in (("left", header.left), ("right", header.right)):
        if side.complete:
            continue
        unknown = ("Nothing of it was compared" if side.known_through is None
                   else f"Keys after “{printable(side.known_through)}” were not compared")
        call.output.say(f"The {name} side: {side.reason} {unknown}, and no delete can be planned "
                        "from this review.")


def _side_line(side: SideTotals, *, versions: bool) -> str:
    line = f"{printable(side.place.uri)}  {counted(side.entries, 'object')}, {size_text(side.bytes)}"
    if versions:
        line += (f"; {counted(side.versions, 'noncurrent version')}, {size_text(side.version_bytes)}; "
                 f"{counted(side.delete_markers, 'delete marker')}")
    return line if side.complete else f"{line}; INCOMPLETE"


def _show_header(call: Call, header: ReviewHeader) -> None:
    call.output.facts([
        ("review", header.review), ("left", _side_line(header.left, versions=False)),
        ("right", _side_line(header.right, versions=header.versions)),
        ("complete", "yes" if header.complete else "NO"),
    ])
    call.output.table(("FOUND", "COUNT"), [("same", header.same)]
                      + [(kind, header.totals.get(kind, 0)) for kind in KINDS])
    if header.rules:
        call.output.table(("RULE", "EXPLAINED", "PROVED", "CONTRADICTED"),
                          [(fit.rule, fit.explained, fit.proved, fit.contradicted) for fit in header.rules])


def reviews(call: Call) -> int:
    """List the reviews."""
    from s3console.store.reviews import list_reviews

    found = list(list_reviews(call.desk.home))
    if call.output.as_json:
        for header in found:
            call.output.record(review_record(header) | {"created": header.created})
        return DONE
    if not found:
        call.output.say("There is no review yet; `s3console compare LEFT RIGHT` makes one.")
        return DONE
    call.output.table(
        ("REVIEW", "CREATED", "LEFT", "RIGHT", "SAME", "FINDINGS", "COMPLETE"),
        ((header.review, header.created, header.left.place.uri, header.right.place.uri, header.same,
          sum(header.totals.get(kind, 0) for kind in KINDS), "yes" if header.complete else "NO")
         for header in found))
    return DONE


def review(call: Call) -> int:
    """Show totals per prefix, or findings."""
    from s3console.store.reviews import Review

    options = call.options
    kinds = _kinds(options.kind)
    opened = Review.open(call.desk.home, options.review)
    if options.ignore is not None or options.count_again is not None:
        return setting_aside.change(call, opened.header.review, kinds)
    if options.settle is not None:
        return settle(call, opened.header.review, _under(opened.header, options.settle))
    prefix = _under(opened.header, options.prefix or "")
    _say_incomplete(call, opened.header)
    if options.findings:
        return _findings(call, opened, prefix, kinds)
    return _totals(call, opened, prefix, kinds)


def _under(header: ReviewHeader, prefix: str) -> str:
    """The full key prefix on the right side; a URI of the right bucket is understood as well."""
    return prefix.removeprefix(f"s3://{header.right.place.bucket}/")


def _kinds(given: list[str] | None) -> frozenset[Kind] | None:
    if given is None:
        return None
    names = {name for text in given for name in _split(text)}
    wrong = sorted(names.difference(KINDS))
    if wrong or not names:
        raise UsageError(f"{wrong[0] if wrong else ''!r} is not a kind of finding",
                         next_step=f"The kinds are {', '.join(KINDS)}")
    return frozenset(kind for kind in get_args(Kind) if kind in names)


def _findings(call: Call, opened: Review, prefix: str, kinds: frozenset[Kind] | None) -> int:
    base, depth = opened.header.right.place.prefix, call.options.depth
    if call.options.export is not None:
        return setting_aside.export_findings(call, opened, prefix, kinds)
    ignoring = setting_aside.ignoring_of(call, opened.header.review)
    found = (finding for block in opened.findings(prefix=prefix, kinds=kinds) for finding in block)
    if call.output.as_json:
        for finding in found:
            entry = ignoring.of(finding)
            call.output.record(finding_record(finding, prefix_of(finding.position, base, depth))
                               | {"ignored": entry.note if entry is not None else ""})
        return DONE
    call.output.table(("KIND", "GRADE", "SIZE", "RULE", "VERSION", "KEY", "SHOULD BE"), _finding_rows(found))
    return DONE


def _finding_rows(found: Iterator[Finding]) -> Iterator[tuple[str | int, ...]]:
    for finding in found:
        stands = finding.subject
        should = finding.intended_key if finding.intended_key != stands.key else ""
        size = "marker" if stands.is_delete_marker else stands.size
        yield (finding.kind, finding.grade, size, finding.rule, stands.version_id, stands.key, should)


def _states(call: Call, header: ReviewHeader) -> list[tuple[Plan, str]]:
    """The plans of a review with their states, newest first; of one second, those acted on first."""
    from s3console.store.plans import list_plans
    from s3console.workflow.jobs import list_jobs
    from s3console.workflow.planning import plan_state

    jobs = list_jobs(call.desk)
    plans = [(plan, plan_state(call.desk, plan, jobs)) for plan in list_plans(call.desk.home)
             if plan.review == header.review]
    idle = ("ready", "rejected", "stale")
    return sorted(plans, key=lambda pair: (pair[0].created, pair[1] not in idle), reverse=True)


def _row_state(row: PrefixTotals, to_do: PrefixTotals, plans: list[tuple[Plan, str]]) -> str:
    """`clean` without findings, `ignored` when all are, else the state of the newest plan that covers the
    prefix, else `open`."""
    if not any(getattr(row, kind) for kind in KINDS):
        return "clean"
    if not any(getattr(to_do, kind) for kind in KINDS):
        return "ignored"
    return next((state for plan, state in plans if row.prefix.startswith(plan.prefix)), "open")


def _totals(call: Call, opened: Review, prefix: str, kinds: frozenset[Kind] | None) -> int:
    from s3console.store.ignored import without

    header = opened.header
    plans = _states(call, header)
    ignoring = setting_aside.ignoring_of(call, header.review)
    base = header.right.place.prefix
    found = [row for row in opened.prefixes(call.options.depth, prefix)
             if kinds is None or any(getattr(row, kind) for kind in kinds)]
    rows = [(row, aside, _row_state(row, without(row, aside), plans))
            for row in found
            for aside in (ignoring.left_out(opened, row, whole=row.prefix not in (base, prefix)),)]
    if call.output.as_json:
        for row, aside, state in rows:
            call.output.record(prefix_record(row, state) | {"ignored": _sum(aside)})
        return DONE
    _show_header(call, header)
    setting_aside.show(call, ignoring)
    call.output.table(
        ("LEFT", "RIGHT", "SAME", "MISSING", "EXTRA", "DIFFERS", "UNKNOWN", "MISNAMED", "JUNK", "DUPLICATE",
         "IGNORED", "BYTES", "STATE", "PREFIX"),
        ((row.left_entries, row.right_entries, row.same, row.missing, row.extra, row.differs, row.unknown,
          row.misnamed, row.junk, row.duplicate, _sum(aside), size_text(row.bytes), state,
          row.prefix or "(no prefix)") for row, aside, state in rows))
    return DONE


def _sum(row: PrefixTotals) -> int:
    return sum(getattr(row, kind) for kind in KINDS)
