"""Version pages of stores that list all versions first and all delete markers after them.

S3 lists versions and markers of a key together, newest first. Some emulators write the two kinds as
two runs, each in order. What such a page says is complete, so it is put into the order of S3.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, islice
from operator import le, not_
from typing import TypeVar

from ..core.model import Batch

_Value = TypeVar("_Value")


def _ordered(names: Sequence[str]) -> bool:
    return all(map(le, names, islice(names, 1, None)))


def interleaved(batch: Batch) -> Batch:
    """The page in the order of S3, when it is two ordered runs; otherwise the page as it is.

    Inside a key the current row comes first and the others follow by time, newest first; a version
    comes before a marker of the same second, for which the page holds no better answer.
    """
    if batch.markers is None or batch.latest is None or _ordered(batch.keys):
        return batch
    markers = list(batch.markers)
    first_marker = markers.index(True) if True in markers else len(markers)
    if not all(markers[first_marker:]):
        return batch
    if not (_ordered(list(compress(batch.keys, markers)))
            and _ordered(list(compress(batch.keys, map(not_, markers))))):
        return batch
    latest, keys, modified = batch.latest, batch.keys, batch.modified
    order = sorted(range(len(keys)), key=lambda at: modified[at], reverse=True)
    order.sort(key=lambda at: (keys[at], not latest[at]))

    def column(values: Sequence[_Value]) -> list[_Value]:
        return [values[at] for at in order]

    return Batch(
        column(keys), column(batch.sizes), column(batch.etags), column(modified),
        column(batch.storage_classes), column(batch.version_ids or [""] * len(keys)), column(latest),
        column(markers), None if batch.checksums is None else column(batch.checksums),
    )  # fmt: skip
