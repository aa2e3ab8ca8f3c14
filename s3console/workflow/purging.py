"""Plans that remove old versions for good, by a rule, and the list of uploads that nobody finished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core import prices
from ..core.errors import Refused, UsageError
from ..core.keys import printable
from ..core.model import Entry, Place, Plan, Ref
from ..core.purge import PurgeRules, purgeable
from ..core.repair import DeleteStep
from ..core.timeline import latest
from .assembly import Assembly, seal_plan
from .desk import Desk
from .history import key_histories
from .listings import place_facts
from .selecting import Selection
from .spool import ScratchFolder

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
        assembly = Assembly(scratch)
        for history in key_histories(desk, place):
            gone = purgeable(history, rules)
            if not gone or not chosen.takes(history[0].key):
                continue
            assembly.add_deletes(_steps(place, history, gone))
            if latest(history).is_delete_marker and not gone[0].is_latest:
                left = sum(not entry.is_delete_marker for entry in history) - len(gone)
                notes[AFTERWARDS] = notes.get(AFTERWARDS, 0) + (left == 0)
        return seal_plan(
            desk,
            assembly,
            None,
            place,
            place.prefix,
            versioning,
            notes={text: count for text, count in notes.items() if count},
            title=f"purge {place.uri}: {_told(rules)}",
        )


def _steps(place: Place, history: list[Entry], gone: list[Entry]) -> Iterator[DeleteStep]:
    now = latest(history)
    stands = not now.is_delete_marker
    for entry in gone:
        target = Ref("right", place.bucket, entry.key, entry.version_id, entry.etag, entry.size,
                     entry.storage_class)  # fmt: skip
        yield DeleteStep(
            now.key if stands else "",
            now.etag if stands else "",
            now.size if stands else 0,
            target,
            entry.is_delete_marker,
            "purge",
            after_copy=False,
        )


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
