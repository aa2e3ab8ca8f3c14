"""What changes a review or a plan without touching a store: ignored findings, dropped operations, exports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from s3console.core.errors import UsageError
from s3console.core.keys import printable
from s3console.core.model import Kind, Plan

from .call import DONE, Call
from .output import counted

if TYPE_CHECKING:
    from s3console.store.ignored import Ignored, Ignoring
    from s3console.store.reviews import Review

MOST = 1_000_000


def change(call: Call, review: str, kinds: frozenset[Kind] | None) -> int:
    """`review ID --ignore PREFIX` and `--count-again PREFIX`. Raises UsageError without a kind."""
    from s3console.workflow import ignoring as workflow

    options = call.options
    if options.ignore is not None and options.count_again is not None:
        raise UsageError("--ignore and --count-again are two different wishes", next_step="Use one of them")
    if kinds is None:
        raise UsageError("say which findings with --kind", next_step="See `s3console review --help`")
    named = sorted(kinds)
    if options.ignore is not None:
        workflow.ignore(call.desk, review, options.ignore, named, options.note or "")
        said = f"Ignored: {', '.join(named)} under {printable(options.ignore) or 'the whole place'}. " \
               "No plan holds them from now on."
    else:
        workflow.stop_ignoring(call.desk, review, options.count_again, named)
        under = printable(options.count_again) or "the whole place"
        said = f"Counted again: {', '.join(named)} under {under}."
    if call.output.as_json:
        for entry in ignoring_of(call, review).entries:
            call.output.record(ignored_record(entry))
    else:
        call.output.say(said)
    return DONE


def ignoring_of(call: Call, review: str) -> Ignoring:
    """What is ignored of a review."""
    from s3console.store.ignored import ignored_of

    return ignored_of(call.desk.home, review)


def ignored_record(entry: Ignored) -> dict[str, str]:
    """One line of `review ID --ignore ... --json`."""
    return {"prefix": entry.prefix, "kind": entry.kind, "note": entry.note, "by": entry.by, "at": entry.at}


def show(call: Call, ignoring: Ignoring) -> None:
    """The table of what is ignored, where there is any."""
    if ignoring.entries:
        call.output.table(("IGNORED", "UNDER", "BY", "AT", "NOTE"),
                          ((one.kind, one.prefix or "(whole place)", one.by, one.at, one.note)
                           for one in ignoring.entries))


def export_findings(call: Call, opened: Review, prefix: str, kinds: frozenset[Kind] | None) -> int:
    """`review ID --findings --export FILE`."""
    from s3console.workflow.exporting import FINDING_COLUMNS, Cell, export_rows, finding_cells

    ignoring = ignoring_of(call, opened.header.review)

    def rows() -> Iterator[tuple[Cell, ...]]:
        for block in opened.findings(prefix=prefix, kinds=kinds):
            for finding in block:
                entry = ignoring.of(finding)
                yield finding_cells(finding, entry.note if entry is not None else "")

    return _written(call, export_rows(call.options.export, FINDING_COLUMNS, rows()), "finding")


def export_operations(call: Call, plan: Plan) -> int:
    """`show PLAN --export FILE`."""
    from s3console.store.plans import open_plan
    from s3console.workflow.exporting import OPERATION_COLUMNS, export_rows, operation_cells

    with open_plan(call.desk.home, plan.digest) as sealed:
        count = export_rows(call.options.export, OPERATION_COLUMNS,
                            map(operation_cells, sealed.all_operations()))
    return _written(call, count, "operation")


def _written(call: Call, count: int, noun: str) -> int:
    path: Path = call.options.export
    if call.output.as_json:
        call.output.record({"file": str(path), "rows": count})
    else:
        call.output.say(f"{counted(count, noun)} written to {printable(str(path))}.")
    return DONE


def numbers(text: str) -> list[int]:
    """`3,7-9` as indexes from 0. Raises UsageError."""
    found: list[int] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"“{printable(part[:40])}” is neither a number nor a range of them",
                             next_step="Write --without 3,7-9 with the numbers that `show` lists")
        if int(last or first) - int(first) > MOST:
            raise UsageError(f"--without takes ranges of at most {MOST:,} operations",
                             next_step="Plan a narrower prefix instead")
        found += range(int(first) - 1, int(last or first))
    return found


def reduce(call: Call) -> Plan:
    """`plan reduce PLAN --without 3,7-9`."""
    from s3console.workflow.reducing import plan_without

    return plan_without(call.desk, call.options.plan, numbers(call.options.without))
