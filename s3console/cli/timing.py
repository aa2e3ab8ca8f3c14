"""The words of the time line: manifest, diff, and the plans restore and purge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from s3console.core.errors import UsageError
from s3console.core.keys import prefix_of, printable
from s3console.core.timeline import CHANGES, NOW, Change, parse_moment

from .call import DONE, FOUND, Call
from .output import counted, money_text, size_text
from .records import Record, entry_record

if TYPE_CHECKING:
    from s3console.core.model import Place, Plan
    from s3console.workflow.history import ChangeCounts
    from s3console.workflow.manifests import Manifest


def _moment(text: str | None) -> str:
    return NOW if text is None else parse_moment(text)


def manifest(call: Call) -> int:
    """Write a manifest."""
    from s3console.workflow import manifests as workflow

    options = call.options
    place, moment = call.place(options.place), _moment(options.at)
    call.warn_open_prefix(place)
    made = workflow.make_manifest(
        call.desk, place, Path(options.output), moment=moment, dialect=options.format,
        since="" if options.since is None else parse_moment(options.since),
        include=options.include, ignore=options.ignore,
        progress=lambda count: call.output.progress(lambda: f"{counted(count, 'object')} so far"))
    for note, count in made.notes.items():
        call.output.say(f"Note: {note} ({count:,}).")
    if call.output.as_json:
        call.output.record(_manifest_record(made))
        return DONE
    call.output.facts([
        ("manifest", printable(str(made.path))), ("place", printable(place.uri)), ("at", made.moment),
        ("objects", f"{made.objects:,}, {size_text(made.bytes)}"),
        ("hidden", f"{counted(made.markers, 'delete marker')}"
                   + (f", listed in {printable(str(made.markers_path))}" if made.markers_path else "")),
        ("absent", f"{counted(made.absent, 'key')} came later"),
        ("left out", counted(made.left_out, "key")),
    ])
    return DONE


def _manifest_record(made: Manifest) -> Record:
    return {"manifest": str(made.path), "place": made.place.uri, "at": made.moment, "format": made.dialect,
            "objects": made.objects, "bytes": made.bytes, "markers": made.markers,
            "markers_file": str(made.markers_path) if made.markers_path else "", "absent": made.absent,
            "left_out": made.left_out,
            "notes": [f"{note} ({count:,})" for note, count in made.notes.items()]}


def diff(call: Call) -> int:
    """Show what changed between two times. Ends with 1 when something did."""
    from s3console.workflow.history import changes

    options = call.options
    place = call.place(options.place)
    call.warn_open_prefix(place)
    found = changes(call.desk, place, parse_moment(options.since), _moment(options.until))
    return _each(call, found) if options.keys else _by_prefix(call, place, found)


def _each(call: Call, found: Iterator[Change]) -> int:
    seen = 0

    def rows() -> Iterator[Change]:
        nonlocal seen
        for change in found:
            seen += 1
            yield change

    if call.output.as_json:
        for change in rows():
            call.output.record({
                "change": change.kind, "key": change.key,
                "before": entry_record(change.before, versions=True) if change.before else None,
                "after": entry_record(change.after, versions=True) if change.after else None})
    else:
        call.output.table(("CHANGE", "BEFORE", "AFTER", "KEY"), (
            (change.kind, *(side.size if side else "" for side in (change.before, change.after)), change.key)
            for change in rows()))
    return FOUND if seen else DONE


def _by_prefix(call: Call, place: Place, found: Iterator[Change]) -> int:
    """Nothing is printed before the listing is complete: a sum of a part would be taken for the whole."""
    from s3console.workflow.history import ChangeCounts

    sums: dict[str, ChangeCounts] = {}
    total = ChangeCounts()
    for change in found:
        prefix = prefix_of(change.key, place.prefix, call.options.depth)
        sums.setdefault(prefix, ChangeCounts()).add(change)
        total.add(change)
    rows = [*sorted(sums.items()), (place.prefix, total)]
    if call.output.as_json:
        for at, (prefix, counts) in enumerate(rows):
            call.output.record(_counts_record(prefix, counts)
                               | ({"total": True} if at == len(rows) - 1 else {}))
    else:
        call.output.table(
            (*(kind.upper() for kind in CHANGES), "BYTES", "PREFIX"),
            ((*(counts.kinds.get(kind, 0) for kind in CHANGES), size_text(counts.bytes),
              "TOTAL" if at == len(rows) - 1 else prefix or "(no prefix)")
             for at, (prefix, counts) in enumerate(rows)))
    return FOUND if sums else DONE


def _counts_record(prefix: str, counts: ChangeCounts) -> Record:
    return {"prefix": prefix, **{kind: counts.kinds.get(kind, 0) for kind in CHANGES}, "bytes": counts.bytes}


def restore(call: Call) -> Plan:
    """Make the plan of a restore."""
    from s3console.workflow import restoring as workflow

    options = call.options
    if options.undo is not None:
        if options.place is not None or options.target is not None:
            raise UsageError("--undo takes its place from the plan", next_step="Name only the plan")
        return workflow.plan_undo(call.desk, options.undo)
    if options.place is None:
        raise UsageError("plan restore needs a place", next_step="Name it: plan restore PLACE --at TIME")
    place = call.place(options.place)
    target = call.place(options.target) if options.target is not None else None
    call.warn_open_prefix(place)
    chosen = workflow.RestoreOptions(options.created_later, options.markers, tuple(options.include),
                                     tuple(options.ignore), options.overwrite)
    if options.manifest is not None:
        return workflow.plan_restore_manifest(call.desk, place, Path(options.manifest), target=target,
                                              options=chosen)
    return workflow.plan_restore(call.desk, place, parse_moment(options.at), target=target, options=chosen)


def purge(call: Call) -> Plan | None:
    """Make the plan of a purge; with --uploads alone only list what is unfinished."""
    from s3console.core.purge import PurgeRules
    from s3console.store.home import now, stamp
    from s3console.workflow import purging as workflow

    options = call.options
    place = call.place(options.place)
    call.warn_open_prefix(place)
    before = stamp(now() - options.older_than) if options.older_than is not None else ""
    rules = PurgeRules(options.keep, before, options.expired_markers, options.left_overs)
    if options.uploads:
        _show_uploads(call, place)
        if not rules.any:
            return None
    return workflow.plan_purge(call.desk, place, rules, include=options.include, ignore=options.ignore)


def _show_uploads(call: Call, place: Place) -> None:
    from s3console.workflow.purging import unfinished_uploads

    found = unfinished_uploads(call.desk, place)
    if call.output.as_json:
        for one in found:
            call.output.record({
                "key": one.key, "upload_id": one.upload_id, "begun": one.begun,
                "storage_class": one.storage_class, "parts": one.parts, "bytes": one.bytes,
                "cost_usd_month": one.monthly_usd})
        return
    call.output.table(("BEGUN", "PARTS", "BYTES", "PER MONTH", "KEY", "UPLOAD"), (
        (one.begun, one.parts, size_text(one.bytes), money_text(one.monthly_usd), one.key, one.upload_id)
        for one in found))
