"""The headers of the latest reviews, for a first look: nothing is loaded that reads their findings."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import S3ConsoleError
from ..core.model import ReviewHeader
from .facts import read_facts
from .home import Home, names


@dataclass(frozen=True, slots=True)
class _Headed:
    """What of review.json is read here."""

    header: ReviewHeader


def latest_headers(home: Home, most: int) -> list[ReviewHeader]:
    """The headers of at most so many reviews, newest first; those that cannot be read are left out.

    The names of reviews begin with the time of their making, so only those that are wanted are opened.
    Raises NotReachable.
    """
    found: list[ReviewHeader] = []
    for name in reversed(names(home.reviews)):
        if len(found) == most:
            break
        try:
            found.append(read_facts(home.reviews / name / "review.json", _Headed).header)
        except S3ConsoleError:
            continue  # Compare lists them, and says what is wrong with each that is opened
    return found
