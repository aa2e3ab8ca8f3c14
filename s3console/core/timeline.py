"""What a versioned place held at a moment: the history of each key reduced to one version.

A history is the rows of one key (versions and delete markers) in the order of ListObjectVersions:
newest first, also inside one second (S3 API reference). A moment is ISO 8601 in UTC with a final Z,
or `NOW`. Versions that were deleted for good since cannot be seen any more; `doubts` says where
that, or something else a listing cannot show, may have happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Literal, NamedTuple

from .errors import UsageError
from .keys import printable
from .model import Batch, Entry

NOW = ""
"""The moment of the listing itself: what the store calls the latest row is what stands."""

Doubt = Literal["history", "upload", "null", "order"]
DOUBTS: dict[Doubt, str] = {
    "history": "keys whose oldest version is newer than the moment: made later, or a lifecycle rule "
    "removed what was there",
    "upload": "multipart uploads begun shortly before the moment: they may have been completed after it",
    "null": "keys whose null version was written after the moment: what it replaced is lost",
    "order": "keys whose versions are not listed in the order of their times",
}
"""What may be wrong with the state of a key at a moment, as a note that a count follows."""

LONG_UPLOAD = timedelta(days=1)
"""How long before a moment an upload may have begun to be doubted. LastModified of a multipart upload
is the time of its initiation (S3 User Guide, "Uploading an object using multipart upload")."""


def parse_moment(text: str) -> str:
    """A time as an operator writes it, as a moment; UTC unless it has an offset. Raises UsageError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"“{printable(text[:80])}” is not a time", next_step="Write it like 2024-06-25T10:11:34Z"
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def comparable(text: str) -> str:
    """A time as text whose order is the order of time: no zone, no zeros at the end of a fraction."""
    text = text.removesuffix("Z")
    return text.rstrip("0").rstrip(".") if "." in text else text


def time_of(text: str) -> datetime:
    """A time of a listing as a datetime in UTC. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def histories(batches: Iterable[Batch]) -> Iterator[list[Entry]]:
    """A listing of versions key by key; memory holds one page and the versions of one key."""
    rows = (entry for batch in batches for entry in batch.entries())
    for _, history in groupby(rows, key=attrgetter("key")):
        yield list(history)


def latest(history: Sequence[Entry]) -> Entry:
    """The row that stands now."""
    return next((entry for entry in history if entry.is_latest), history[0])


def standing(history: Sequence[Entry], moment: str) -> Entry | None:
    """The row that stood at a moment: a version, or the marker that hid the key; None before its time.

    It is the one with the greatest time until then; of several in one second, the first listed.
    """
    if moment == NOW:
        return latest(history)
    until = comparable(moment)
    found, reached = None, ""
    for entry in history:
        when = comparable(entry.modified)
        if reached < when <= until:
            found, reached = entry, when
    return found


def version_at(history: Sequence[Entry], moment: str) -> Entry | None:
    """The version that an ordinary read would have got at a moment; None where it would have got 404."""
    entry = standing(history, moment)
    return None if entry is None or entry.is_delete_marker else entry


def doubts(history: Sequence[Entry], moment: str, *, near: timedelta = LONG_UPLOAD) -> tuple[Doubt, ...]:
    """Why the state of this key at a moment may not be what it was; nothing for `NOW`."""
    if moment == NOW:
        return ()
    until = comparable(moment)
    times = [comparable(entry.modified) for entry in history]
    found: list[Doubt] = []
    if min(times) > until:
        found.append("history")
    entry = version_at(history, moment)
    if entry is not None and "-" in entry.etag and time_of(moment) - time_of(entry.modified) <= near:
        found.append("upload")
    if any(row.version_id == "null" and when > until for row, when in zip(history, times, strict=True)):
        found.append("null")
    if any(newer < older for newer, older in pairwise(times)):
        found.append("order")
    return tuple(found)


def current_at(entries: Iterable[Entry], moment: str) -> Iterator[Entry]:
    """The version of each key that was current at `moment`, from a listing of versions."""
    for _, history in groupby(entries, key=attrgetter("key")):
        found = version_at(list(history), moment)
        if found is not None:
            yield found


ChangeKind = Literal["added", "changed", "rewritten", "deleted"]
CHANGES: tuple[ChangeKind, ...] = ("added", "changed", "rewritten", "deleted")


class Change(NamedTuple):
    """What became of one key between two moments.

    `rewritten` is a new version with the same size and ETag. `before` and `after` are the versions
    that stood at the two moments.
    """

    kind: ChangeKind
    key: str
    before: Entry | None
    after: Entry | None


def change_between(history: Sequence[Entry], earlier: str, later: str) -> Change | None:
    """The change of one key between two moments, None when the same version stood at both."""
    before, after = version_at(history, earlier), version_at(history, later)
    key = history[0].key
    if before is None:
        return None if after is None else Change("added", key, None, after)
    if after is None:
        return Change("deleted", key, before, None)
    if before == after:
        return None
    same = (before.size, before.etag) == (after.size, after.etag)
    return Change("rewritten" if same else "changed", key, before, after)
