"""Opening the listing of a place, whatever kind of place it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..core.errors import (
    AccessRefused,
    CredentialsMissing,
    EndpointUnreachable,
    ListingIncomplete,
    LoginExpired,
    NoSuchPlace,
    NotReachable,
    ServiceError,
    UsageError,
)
from ..core.keys import printable
from ..core.model import Batch, Listing, Place
from ..listings.keylist import key_listing
from ..listings.local import LocalListing, md5_of
from ..listings.manifest import manifest_listing
from .desk import Desk


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What must be known about a place before its listing is judged."""

    versioning: str = ""
    etag_is_md5: bool = True
    region: str = ""


FILES = ("keys", "manifest", "dir")
"""Kinds of places that are files of this machine: they can be compared, and nothing is written to them."""


def open_listing(desk: Desk, place: Place, *, versions: bool, digests: bool = False) -> Listing:
    """The listing of a place, not started yet. Raises UsageError for a kind that is not supported.

    `digests` reads every file of a directory for its MD5; without it only sizes are known there.
    """
    if place.scheme in FILES:
        return _file_listing(desk, place, versions=versions, digests=digests)
    if place.scheme != "s3":
        raise UsageError(
            f"a {place.scheme}: place cannot be listed yet",
            where=printable(place.uri),
            next_step="Use an s3:// place",
        )
    return desk.reader(place.connection).listing(place, versions=versions)


def _file_listing(desk: Desk, place: Place, *, versions: bool, digests: bool) -> Listing:
    if versions:
        raise UsageError(
            f"a {place.scheme}: place has no versions",
            where=printable(place.uri),
            next_step="Leave out --versions, or put this place on the left",
        )
    if place.scheme == "keys":
        return key_listing(place, scratch=desk.home.path)
    if place.scheme == "manifest":
        return manifest_listing(place, scratch=desk.home.path)
    return LocalListing(place, digest=md5_of if digests else None)


def place_facts(desk: Desk, place: Place) -> PlaceFacts:
    """Versioning, region and the nature of ETags. What may not be read is left open.

    Raises NotReachable when the bucket does not exist or cannot be reached.
    """
    if place.scheme != "s3":
        return PlaceFacts()
    try:
        facts = desk.reader(place.connection).bucket(place.bucket)
    except AccessRefused:
        return PlaceFacts("?")
    if facts.region not in ("", "?"):
        desk.regions[place.connection, place.bucket] = facts.region
    return PlaceFacts(facts.versioning or "?", facts.etag_is_md5 is not False, facts.region or "")


def provable(listing: Listing) -> Iterator[Batch]:
    """The batches of a listing whose place was reached before: a store that fails now, even at the
    first page, leaves the listing incomplete. What only the operator can change stays as it is."""
    try:
        yield from listing
    except (AccessRefused, CredentialsMissing, LoginExpired, NoSuchPlace):
        raise
    except (EndpointUnreachable, NotReachable, ServiceError) as error:
        raise ListingIncomplete(
            f"The listing is not complete, nothing of it is proved: {error.what}",
            where=error.where or printable(listing.place.uri),
            next_step=error.next_step or "Compare again",
            cause=error,
        ) from error
