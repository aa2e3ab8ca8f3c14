"""The words that look at a place: ls and du."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from s3console.core.errors import UsageError
from s3console.core.model import Batch, Entry, Place
from s3console.core.timeline import current_at, parse_moment
from s3console.core.usage import UsageCounter

from .call import DONE, Call
from .lines import entry_lines
from .output import counted, money_text, size_text
from .records import Record, du_record, entry_record, when

if TYPE_CHECKING:
    from s3console.s3.read import ReadStore

Row = Entry | str


def _one_level(store: ReadStore, place: Place, *, versions: bool) -> Iterator[Row]:
    """Keys and common prefixes of one level, in key order within each page."""
    token = key_marker = version_marker = ""
    while True:
        rows: list[Row]
        if versions:
            page = store.version_page(place.bucket, place.prefix, delimiter="/", key_marker=key_marker,
                                      version_marker=version_marker)
            rows = [*page.batch.entries(), *page.prefixes]
            key_marker, version_marker = page.next_key_marker, page.next_version_marker
            more = bool(key_marker)
        else:
            plain = store.page(place.bucket, place.prefix, token=token)
            rows = [*plain.batch.entries(), *plain.prefixes]
            token = plain.next_token
            more = bool(token)
        yield from sorted(rows, key=lambda row: row if isinstance(row, str) else row.key)
        if not more:
            return


def _below(batches: Iterable[Batch]) -> Iterator[Entry]:
    for batch in batches:
        yield from batch.entries()


def _level_of(entries: Iterable[Entry], prefix: str) -> Iterator[Row]:
    """One level out of all keys below: deeper keys become their prefix, once."""
    last = None
    for entry in entries:
        slash = entry.key.find("/", len(prefix))
        if slash < 0:
            yield entry
        elif (common := entry.key[: slash + 1]) != last:
            last = common
            yield common


def _rows(call: Call, place: Place) -> Iterator[Row]:
    options = call.options
    store = call.reader(place.connection)
    if options.at is not None:
        then = current_at(_below(store.listing(place, versions=True)), parse_moment(options.at))
        return iter(then) if options.recursive else _level_of(then, place.prefix)
    if options.recursive:
        return _below(store.listing(place, versions=options.versions))
    return _one_level(store, place, versions=options.versions)


def _text_row(row: Row, *, versions: bool) -> tuple[str | int, ...]:
    if isinstance(row, str):
        return ("", "", "", "", row) if versions else ("", "", "", row)
    key = (row.key,)
    size: tuple[str | int, ...] = ("marker" if row.is_delete_marker else row.size,)
    known = (when(row.modified), row.storage_class)
    state = "current" if row.is_latest else ""
    return (*size, *known, f"{row.version_id} {state}".strip(), *key) if versions else (*size, *known, *key)


def ls(call: Call) -> int:
    """List a place; `ls s3://` lists the buckets. Ends with 4 when the listing was not complete."""
    options = call.options
    if options.versions and options.at is not None:
        raise UsageError("--at shows one version of each key, so it does not go with --versions")
    if options.place == "s3://":
        return _buckets(call)
    place = call.place(options.place)
    if options.at is not None:
        parse_moment(options.at)
    if call.output.as_json and options.recursive and options.at is None:
        listing = call.reader(place.connection).listing(place, versions=options.versions)
        for batch in listing:
            call.output.lines(entry_lines(batch, versions=options.versions))
        return DONE
    rows = _rows(call, place)
    if call.output.as_json:
        # A row of the past is a version of its own, so that it can be fetched.
        versions = options.versions or options.at is not None
        for row in rows:
            call.output.record({"prefix": row} if isinstance(row, str)
                               else entry_record(row, versions=versions))
        return DONE
    head = ("SIZE", "MODIFIED", "CLASS", "VERSION", "KEY") if options.versions else (
        "SIZE", "MODIFIED", "CLASS", "KEY")
    call.output.table(head, (_text_row(row, versions=options.versions) for row in rows))
    return DONE


def _buckets(call: Call) -> int:
    found = call.reader(call.config.connection).buckets()
    if call.output.as_json:
        for bucket in found:
            call.output.record({"bucket": bucket.name, "created": when(bucket.created)})
    else:
        call.output.table(("CREATED", "BUCKET"), ((when(one.created), one.name) for one in found))
    return DONE


def _sum_up(call: Call, place: Place) -> UsageCounter:
    counter = UsageCounter(place.prefix, call.options.depth)
    for batch in call.reader(place.connection).listing(place, versions=call.options.versions):
        counter.add(batch)
        call.output.progress(lambda: f"{counted(counter.seen, 'row')} so far")
    return counter


def du(call: Call) -> int:
    """Objects, bytes, versions, markers and cost per month by prefix; the last row is the sum.

    Nothing is printed before the listing is complete: a sum of a part would be taken for the whole.
    """
    from s3console.workflow.pricing import load_prices

    options = call.options
    place = call.place(options.place)
    call.warn_open_prefix(place)
    table = load_prices(call.config.state_dir, options.prices)
    counter = _sum_up(call, place)
    region = call.reader(place.connection).bucket(place.bucket).region
    by_class = options.by_class
    records = [du_record(prefix, usage, region, table, by_class=by_class)
               for prefix, usage in counter.sorted()]
    records.append(du_record(place.prefix, counter.total(), region, table, by_class=by_class, total=True))
    if call.output.as_json:
        for record in records:
            call.output.record(record)
        return DONE
    call.output.table(
        ("OBJECTS", "BYTES", "VERSIONS", "BYTES OF VERSIONS", "MARKERS", "PER MONTH",
         *(("CLASS",) if by_class else ()), "PREFIX"),
        (row for record in records for row in _du_rows(record)))
    priced = region if table.knows(region) else f"{table.data['default_region']}, for want of {region}"
    call.output.say(f"Costs: {table.described} ({priced}).")
    return DONE


def _du_rows(record: Record) -> Iterator[tuple[str | int, ...]]:
    """The rows of a record: one, or one for each storage class and the sum of several."""
    name = "TOTAL" if record.get("total") else record["prefix"] or "(no prefix)"
    classes: dict[str, Record] | None = record.get("classes")
    rows = [("", record)] if classes is None or len(classes) != 1 else []
    for storage_class, one in [*(classes or {}).items(), *rows]:
        markers = record["delete_markers"] if one is record or not rows else ""
        shown = () if classes is None else (storage_class or "(all)",)
        yield (one["objects"], size_text(one["bytes"]), one["versions"], size_text(one["version_bytes"]),
               markers, money_text(one["cost_usd_month"]), *shown, name)
