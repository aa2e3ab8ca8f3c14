"""Deletes of everything under a place, as the operations of a plan: column by column, since there may be
millions of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress, islice, pairwise, repeat
from operator import ne

from ..core.errors import Refused
from ..core.keys import printable
from ..core.model import Batch, Entry, Place
from ..core.plans import Doomed
from .desk import Desk
from .listings import open_listing
from .spool import ScratchFolder, Spool

DELETES_TOGETHER = 1_000
"""Operations of a batch: as many as one DeleteObjects may name (S3 API reference)."""


def doomed_operations(
    desk: Desk, place: Place, scratch: ScratchFolder, *, versions: bool, unversioned: bool
) -> Iterator[Doomed]:
    """A delete of every row of the place: markers last, after the versions they cover.

    The place is listed twice. Raises Refused when both listings do not hold the same rows, and for names
    beside the one that a prefix without / at its end spells out.
    """
    markers = scratch.spool("markers", "sss")
    mark = 0
    for batch in _batches(desk, place, versions=versions):
        mark += _mark(batch)
        kept = _without_markers(batch, markers)
        named = unversioned or kept.version_ids is None
        ids = [""] * len(kept) if named else kept.version_ids
        yield Doomed(place.bucket, kept.keys, ids or (), kept.etags, kept.sizes, kept.storage_classes)
    if mark != sum(_mark(batch) for batch in _batches(desk, place, versions=versions)):
        raise Refused(
            "the place changed between two listings",
            where=printable(place.uri),
            next_step="Plan again when nothing writes to it",
        )
    yield from doomed_markers(place, markers, "delete")


def doomed_markers(place: Place, markers: Spool, reason: str) -> Iterator[Doomed]:
    """Deletes of spooled delete markers: key, version id, storage class."""
    for block in markers.blocks():
        keys, ids, classes = zip(*block, strict=True)
        empty = [""] * len(block)
        yield Doomed(place.bucket, keys, ids, empty, [0] * len(block), classes, marker=True, reason=reason)


def crowded(batches: Iterable[Batch]) -> Iterator[list[Entry]]:
    """The histories of a listing of versions, newest row first, but for keys of which there is one version
    and nothing else: no rule about old versions is about them."""
    held: list[Entry] = []
    for batch in batches:
        keys, markers = batch.keys, batch.markers or ()
        if not keys:
            continue
        if held and held[0].key != keys[0]:
            if len(held) > 1 or held[0].is_delete_marker:
                yield held
            held = []
        starts = [0, *compress(range(1, len(keys)), map(ne, islice(keys, 1, None), keys))]
        if len(starts) == len(keys) and not any(markers) and not held:
            held = [_last(batch)]
            continue
        rows = list(batch.entries())
        for start, end in pairwise(starts):
            if held:
                yield held + rows[start:end]
                held = []
            elif end - start > 1 or rows[start].is_delete_marker:
                yield rows[start:end]
        held = held + rows[starts[-1]:]
    if len(held) > 1 or (held and held[0].is_delete_marker):
        yield held


def _last(batch: Batch) -> Entry:
    return Entry(batch.keys[-1], batch.sizes[-1], batch.etags[-1], batch.modified[-1],
                 batch.storage_classes[-1], (batch.version_ids or ("",))[-1], (batch.latest or (True,))[-1],
                 is_delete_marker=False)  # fmt: skip


def _batches(desk: Desk, place: Place, *, versions: bool) -> Iterator[Batch]:
    for batch in open_listing(desk, place, versions=versions):
        if place.prefix and not place.prefix.endswith("/") and any(key != place.prefix for key in batch.keys):
            raise Refused(
                "this prefix also matches other names",
                where=printable(place.uri),
                next_step="End it with / or name one object exactly",
            )
        yield batch


def _mark(batch: Batch) -> int:
    """A sum over the rows: neither their order matters nor where a batch ends, which may differ between
    two listings of the same."""
    versions = batch.version_ids or repeat("", len(batch))
    return sum(map(hash, zip(batch.keys, versions, batch.etags, batch.sizes, strict=True)))


def _without_markers(batch: Batch, markers: Spool) -> Batch:
    if not batch.markers or not any(batch.markers):
        return batch
    versions = batch.version_ids or [""] * len(batch)
    markers.extend(compress(zip(batch.keys, versions, batch.storage_classes, strict=True), batch.markers))
    kept = [not marker for marker in batch.markers]
    return Batch(list(compress(batch.keys, kept)), list(compress(batch.sizes, kept)),
                 list(compress(batch.etags, kept)), (), list(compress(batch.storage_classes, kept)),
                 list(compress(versions, kept)))  # fmt: skip
