"""From findings or places to a sealed plan: copies first, then deletes that depend on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..core.errors import Refused, UsageError
from ..core.keys import printable
from ..core.model import Operation, Place, Plan, Ref, ReviewHeader
from ..core.plans import Copied
from ..core.repair import OVERWRITE_NOTE, CopyStep, DeleteStep, Only, RepairRules, Skipped, steps
from ..store.ignored import ignored_of
from ..store.reviews import Review
from .assembly import Assembly, seal_operations, seal_plan
from .carrying import Baggage, Carrying
from .desk import Desk
from .differences import Pair
from .dooming import DELETES_TOGETHER, doomed_operations
from .listings import place_facts
from .missing import lacking
from .plan_states import plan_state
from .spool import ScratchFolder

__all__ = ["INCLUDABLE", "plan_copy", "plan_delete", "plan_repair", "plan_state"]

INCLUDABLE = frozenset({"junk", "duplicate"})


def plan_repair(
    desk: Desk,
    review_id: str,
    prefix: str,
    *,
    only: Only | None = None,
    include: Sequence[str] = (),
    overwrite: bool = False,
) -> Plan:
    """A sealed plan that repairs the findings of a review under `prefix`.

    `prefix` ends in / or is the place of the right side ("" or its URI mean the whole place).
    Raises Refused when deletes would rest on an incomplete or unpinned review, UsageError for a
    prefix that is not of this review.
    """
    strange = set(include) - INCLUDABLE
    if strange:
        raise UsageError(f"cannot include {', '.join(sorted(strange))}", next_step="Choose junk, duplicate")
    review = Review.open(desk.home, review_id)
    header = review.header
    _refuse_file(header.right.place)
    wanted = _prefix_of_review(header, prefix)
    rules = RepairRules(
        header.left.place.bucket,
        header.right.place.bucket,
        header.right.versioning == "Enabled",
        only,
        frozenset(include),
        overwrite,
        header.left.place.scheme == "s3",
        unversioned=header.right.versioning == "Unversioned",
    )
    notes: dict[str, int] = {}
    ignored = ignored_of(desk.home, header.review)
    with ScratchFolder(desk.home.plans) as scratch:
        assembly = Assembly(scratch)
        deletes = 0
        for block in review.findings(prefix=wanted, counted_only=False):
            wished = ignored.counting(block, notes)
            made = [step for finding in wished for step in steps(finding, rules)]
            assembly.add_copies(step for step in made if isinstance(step, CopyStep))
            doomed = [step for step in made if isinstance(step, DeleteStep)]
            deletes += len(doomed)
            assembly.add_deletes(doomed)
            for step in made:
                if isinstance(step, Skipped):
                    notes[step.reason] = notes.get(step.reason, 0) + 1
        if deletes:
            _refuse_unsafe_deletes(header)
        return seal_plan(
            desk,
            assembly,
            header.left.place,
            header.right.place,
            wanted,
            header.right.versioning,
            notes=notes,
            review=review_id,
            title=_title("repair", header.right.place, wanted),
        )


def _refuse_file(place: Place) -> None:
    if place.scheme != "s3":
        raise Refused(
            "nothing is written to a file or a directory by a plan",
            where=printable(place.uri),
            next_step="Compare with the s3:// place on the right",
        )


def _refuse_unsafe_deletes(header: ReviewHeader) -> None:
    """Deletes need two complete scans, both with something in them, and names for what was reviewed."""
    advice = "Plan with --only copy, or compare again"
    if not header.complete:
        broken = header.left if not header.left.complete else header.right
        raise Refused(
            "no delete can be planned from an incomplete comparison", where=broken.reason, next_step=advice
        )
    if not header.left.entries:
        raise Refused(
            "left is empty, so no delete can be planned against it",
            where=printable(header.left.place.uri),
            next_step="Check the reference place",
        )
    if header.right.versioning in ("Enabled", "Suspended", "?") and not header.versions:
        raise Refused(
            "deletes on a versioned bucket name versions, and this review has none",
            where=printable(header.right.place.uri),
            next_step="Compare again with --versions, or plan with --only copy",
        )


def _prefix_of_review(header: ReviewHeader, prefix: str) -> str:
    base = header.right.place.prefix
    uri = f"s3://{header.right.place.bucket}/"
    if prefix.startswith(uri):
        prefix = prefix[len(uri) :]
    if prefix and not prefix.endswith("/") and prefix != base:
        raise UsageError(
            "a prefix ends in /", where=printable(prefix), next_step="Write it as `review` shows it"
        )
    if prefix.startswith(base):
        return prefix
    return base + prefix


def _title(verb: str, place: Place, prefix: str) -> str:
    return f"{verb} s3://{place.bucket}/{prefix}"


def plan_copy(
    desk: Desk, source: Place, target: Place, *, overwrite: bool = False, carrying: Carrying | None = None
) -> Plan:
    """A sealed plan that copies everything under `source` to the same relative keys under `target`.

    What the target already holds with the same bytes is left out; what it holds with other bytes is
    copied as a new version, or only with `overwrite` on an unversioned bucket. `carrying` says what goes
    with the bytes. Raises Refused for overlapping places, ListingIncomplete when either side cannot be
    listed completely.
    """
    refuse_overlap(source, target)
    baggage = Baggage(desk, source, target, carrying or Carrying())
    facts = place_facts(desk, target)
    may_replace = facts.versioning == "Enabled" or overwrite
    notes: dict[str, int] = {}

    def operations() -> Iterator[Operation | Copied]:
        """Both sides are listed in the order of names, and each name is met once: nothing is to be sorted.
        What cannot be decided counts as differing: to copy it again is harmless, to leave it out is not."""
        index = 0
        for found in lacking(desk, source, target, how=baggage.how):
            if isinstance(found, Copied):
                baggage.see_all(found)
                yield found
                index += len(found.keys)
                continue
            for pair in found:
                if pair.right is not None and not may_replace:
                    notes[OVERWRITE_NOTE] = notes.get(OVERWRITE_NOTE, 0) + 1
                    continue
                one = replacing(index, pair, source, target, "differs", baggage.how)
                baggage.see((one.source,) if one.source is not None else ())
                yield one
                index += 1
        notes.update(baggage.notes())

    return seal_operations(
        desk,
        operations(),
        source,
        target,
        target.prefix,
        facts.versioning,
        notes=notes,
        title=f"copy {source.uri} to {target.uri}",
    )


def replacing(index: int, pair: Pair, source: Place, target: Place, reason: str, how: str) -> Operation:
    """A copy of the left object of a pair, made only while what was seen on the right still stands."""
    left, right = pair.left, pair.right
    origin = Ref("left", source.bucket, left.key, left.version_id, left.etag, left.size, left.storage_class)
    goal = Ref("right", target.bucket, pair.name, "", left.etag, left.size, left.storage_class)
    expect = "absent" if right is None else f"etag:{right.etag}"
    return Operation(index, "copy", goal, origin, expect, reason=reason, how=how)


def refuse_overlap(source: Place, target: Place) -> None:
    """Raise Refused when a copy from source to target would read what it writes, UsageError for files."""
    for place in (source, target):
        if place.scheme != "s3":
            raise UsageError("only s3:// places can be copied", where=printable(place.uri))
    same_store = replace(source, prefix="") == replace(target, prefix="")
    if same_store and (source.prefix.startswith(target.prefix) or target.prefix.startswith(source.prefix)):
        raise Refused(
            "source and target overlap",
            where=printable(f"{source.uri} and {target.uri}"),
            next_step="Choose a target outside of the source",
        )


def plan_delete(desk: Desk, place: Place, *, versions: bool = False) -> Plan:
    """A sealed plan that deletes what is under `place` now.

    On a versioned bucket it hides the current objects behind delete markers, which can be undone;
    with `versions` it removes every version and marker for ever, each by its id. On an unversioned
    bucket each object is named by its ETag. Unless all rows are named by ids, the place is listed twice
    and both listings must agree. Raises Refused for a whole bucket and for a prefix that also matches
    sibling names.
    """
    if place.scheme != "s3" or not place.prefix:
        raise Refused(
            "a whole bucket is not deleted by a plan",
            where=printable(place.uri),
            next_step="Name a prefix that ends in /",
        )
    facts = place_facts(desk, place)
    if facts.versioning == "Suspended" and not versions:
        raise Refused(
            "versioning is suspended, so a plain delete would destroy bytes",
            where=printable(place.uri),
            next_step="Use --versions and review every version",
        )
    with ScratchFolder(desk.home.plans) as scratch:
        doomed = doomed_operations(desk, place, scratch, versions=versions,
                                   unversioned=facts.versioning == "Unversioned")  # fmt: skip
        title = f"delete {place.uri}" + (" with all versions" if versions else "")
        return seal_operations(desk, doomed, None, place, place.prefix, facts.versioning, notes={},
                               title=title, batch_size=DELETES_TOGETHER)  # fmt: skip
