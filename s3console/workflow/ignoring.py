"""Findings that are set aside with a note: kept beside the review, told to the journal, never planned."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import UsageError
from ..core.keys import printable
from ..core.model import KINDS, Kind
from ..store.ignored import Ignored
from ..store.ignored import ignore as set_aside
from ..store.ignored import stop_ignoring as take_back
from ..store.journal import Journal
from ..store.reviews import load_header
from .desk import Desk
from .operators import operator


def ignore(desk: Desk, review_id: str, prefix: str, kinds: Sequence[Kind], note: str) -> int:
    """Ignore kinds of findings under a prefix and return how many entries were made.

    Raises UsageError for a prefix outside of the review and for an unknown kind, Refused without a note.
    """
    review, under = _checked(desk, review_id, prefix, kinds)
    set_aside(desk.home, review, under, kinds, note=note, by=operator())
    Journal(desk.home.journal).append("ignored", review=review, prefix=under, kinds=list(kinds),
                                      note=note.strip(), by=operator())
    return len(kinds)


def stop_ignoring(desk: Desk, review_id: str, prefix: str, kinds: Sequence[Kind]) -> list[Ignored]:
    """Let these findings count again. Raises Refused when they were not ignored at exactly this prefix."""
    review, under = _checked(desk, review_id, prefix, kinds)
    taken = take_back(desk.home, review, under, kinds)
    Journal(desk.home.journal).append("counted again", review=review, prefix=under,
                                      kinds=[one.kind for one in taken], by=operator())
    return taken


def _checked(desk: Desk, review_id: str, prefix: str, kinds: Sequence[Kind]) -> tuple[str, str]:
    header = load_header(desk.home, review_id)
    place = header.right.place
    under = prefix.removeprefix(f"s3://{place.bucket}/")
    if not under.startswith(place.prefix):
        raise UsageError("this prefix is not of this review", where=printable(prefix),
                         next_step="Write it as `review` shows it")
    if not kinds or set(kinds) - set(KINDS):
        raise UsageError("name the kinds of findings to ignore",
                         next_step=f"The kinds are {', '.join(KINDS)}")
    return header.review, under
