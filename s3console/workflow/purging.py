"""Plans that remove old versions for good, by a rule, and the list of uploads that nobody finished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core import prices
from ..core.errors import Refused, UsageError
from ..core.keys import printable
from ..core.model import Entry, Place, Plan, Ref
from ..core.plans import Doomed
from ..core.purge import PurgeRules, purgeable
from ..core.timeline import latest
from .assembly import seal_operations
from .desk import Desk
from .dooming import DELETES_TOGETHER, crowded, doomed_markers
from .listings import open_listing, place_facts
from .moving_versions import note
from .selecting import Selection
from .spool import ScratchFolder

PURGE = "purge"

AFTERWARDS = "delete markers will have nothing left below them; plan the purge again to remove them"


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload in progress, with what was stored of it and what that costs."""

    key: str
    upload_id: str
    begun: str
    storage_class: str
    parts: int
    bytes: int
    monthly_usd: float


def plan_purge(
    desk: Desk,
    place: Place,
    rules: PurgeRules,
    *,
    include: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Plan:
    """A sealed plan that removes the versions and expired markers that the rules let go.

    It cannot be undone, so its approval needs the number of its operations. Each version is named by its
    id; where an object stands now, the run looks before every delete whether that very object still
    stands, since a version may have become current meanwhile. Raises UsageError for no rule at all, Refused
    for an unversioned bucket or when nothing is to go, ListingIncomplete when the listing breaks.
    """
    if not rules.any:
        advice = "Give --keep, --older-than, --expired-markers or --left-overs"
        raise UsageError("a purge needs a rule", next_step=advice)
    versioning = place_facts(desk, place).versioning
    if versioning == "Unversioned":
        raise Refused("the bucket has no versions to purge", where=printable(place.uri))
    chosen = Selection(place.prefix, include, ignore)
    notes: dict[str, int] = {}
    with ScratchFolder(desk.home.plans) as scratch:
        gone = _gone(desk, place, rules, chosen, scratch, notes)
        return seal_operations(desk, gone, None, place, place.prefix, versioning, notes=notes,
                               title=f"purge {place.uri}: {_told(rules)}",
                               batch_size=DELETES_TOGETHER)  # fmt: skip


def _gone(desk: Desk, place: Place, rules: PurgeRules, chosen: Selection, scratch: ScratchFolder,
          notes: dict[str, int]) -> Iterator[Doomed]:  # fmt: skip
    """What is looked at first comes first, in the order of the listing; then the versions of hidden keys,
    which need no look and go a thousand in a request; markers last."""
    hidden, markers = scratch.spool("hidden", "sssis"), scratch.spool("markers", "sss")
    guarded: list[tuple[Entry, Ref]] = []
    for history in crowded(open_listing(desk, place, versions=True)):
        gone = purgeable(history, rules)
        if not gone or not chosen.takes(history[0].key):
            continue
        now = latest(history)
        if now.is_delete_marker:
            hidden.extend((one.key, one.version_id, one.etag, one.size, one.storage_class)
                          for one in gone if not one.is_delete_marker)
            if not gone[0].is_latest and len(gone) == sum(not entry.is_delete_marker for entry in history):
                note(notes, AFTERWARDS)
        else:
            witness = Ref("right", place.bucket, now.key, "", now.etag, now.size)
            guarded += ((one, witness) for one in gone if not one.is_delete_marker)
            if len(guarded) >= DELETES_TOGETHER:
                yield _guarded(place, guarded)
                guarded.clear()
        markers.extend((one.key, one.version_id, one.storage_class) for one in gone if one.is_delete_marker)
    if guarded:
        yield _guarded(place, guarded)
    for block in hidden.blocks():
        keys, ids, etags, sizes, classes = zip(*block, strict=True)
        yield Doomed(place.bucket, keys, ids, etags, sizes, classes, reason=PURGE)
    yield from doomed_markers(place, markers, PURGE)


def _guarded(place: Place, rows: Sequence[tuple[Entry, Ref]]) -> Doomed:
    entries = [entry for entry, _ in rows]
    return Doomed(place.bucket, [one.key for one in entries], [one.version_id for one in entries],
                  [one.etag for one in entries], [one.size for one in entries],
                  [one.storage_class for one in entries], reason=PURGE,
                  witnesses=[witness for _, witness in rows])  # fmt: skip


def _told(rules: PurgeRules) -> str:
    told = []
    if rules.versions:
        told.append("noncurrent versions")
        if rules.before:
            told.append(f"since before {rules.before}")
        if rules.keep:
            told.append(f"but the newest {rules.keep} of each key")
    if rules.expired_markers:
        told.append("and expired markers" if told else "expired markers")
    if rules.left_overs:
        told.append("and hidden left-overs of tools" if told else "hidden left-overs of tools")
    return " ".join(told)


def unfinished_uploads(desk: Desk, place: Place) -> Iterator[Upload]:
    """The multipart uploads in progress below a place, with bytes and cost per month. They are only
    listed here; `plan_abort` makes the plan that aborts them."""
    from ..s3.uploads import uploads

    if place.scheme != "s3":
        raise UsageError("only an s3:// place has uploads", where=printable(place.uri))
    region = place_facts(desk, place).region or "us-east-1"
    for one in uploads(desk.reader(place.connection), place):
        yield Upload(
            one.key,
            one.upload_id,
            one.begun,
            one.storage_class,
            one.parts,
            one.bytes,
            round(prices.storage_monthly(one.bytes, region, one.storage_class), 6),
        )
