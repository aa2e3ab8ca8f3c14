"""Places and rows that are kept on disk, and what a stored review says. Blocking: call these in a thread."""

from __future__ import annotations

import fnmatch
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from s3console.core.errors import UsageError
from s3console.core.keys import printable
from s3console.core.model import Entry, Finding, ReviewHeader
from s3console.ui.browsing.listing import LoadedRows
from s3console.ui.comparing import facts
from s3console.ui.desk_protocol import DeskLike
from s3console.ui.display import key_runs, kind_runs, path_runs
from s3console.ui.keys_in_use import key_run
from s3console.ui.widgets.facts import Fact

if TYPE_CHECKING:
    from s3console.store.places import Places
    from s3console.store.reviews import Review

COMPARED = 3
"""Comparisons that are shown below the buckets."""


def places(desk: DeskLike) -> Places:
    """Saved and recent places. Raises DamagedState."""
    from s3console.store.places import load_places

    return load_places(desk.home)


def compared(desk: DeskLike) -> list[ReviewHeader]:
    """The last comparisons, newest first."""
    from s3console.store.latest import latest_headers

    return latest_headers(desk.home, COMPARED)


def change_places(desk: DeskLike, act: str, uri: str) -> Places:
    """Save (`save`), forget (`forget`) or note a visit (`visit`), and return what is kept then."""
    from s3console.store.places import load_places, save_places

    old = load_places(desk.home)
    new = old.with_saved(uri) if act == "save" else old.without(uri) if act == "forget" else old.visited(uri)
    if new != old:
        save_places(desk.home, new)
    return new


def export_rows(
    path: str, bucket: str, rows: LoadedRows | Sequence[Entry], progress: Callable[[int], None]
) -> int:
    """Write the rows shown, or the versions of a key, into a new file. Raises Refused, NotReachable."""
    from s3console.workflow.row_files import ListedRow, write_rows

    def lines() -> Iterator[ListedRow]:
        if not isinstance(rows, LoadedRows):
            yield from (ListedRow(entry.key, entry) for entry in rows)
            return
        for start in range(0, rows.count(), 1000):
            for row in rows.rows(start, start + 1000):
                yield ListedRow(row.key, row.entry)

    return write_rows(Path(path).expanduser(), bucket, lines(), progress=progress)


def fitting(rows: LoadedRows, pattern: str) -> array[int]:
    """The places in view of rows whose name fits `*.tmp`, or a regular expression between slashes.

    Raises UsageError for an expression that cannot be read.
    """
    regular = len(pattern) > 2 and pattern.startswith("/") and pattern.endswith("/")
    try:
        wanted = re.compile(pattern[1:-1] if regular else fnmatch.translate(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"“{printable(pattern[:60])}” is not a regular expression: {error}",
                         next_step="Write *.tmp, or /an expression/") from None
    search = wanted.search if regular else wanted.match
    found, cut = array("q"), len(rows.base)
    for start in range(0, rows.count(), 1000):
        for n, row in enumerate(rows.rows(start, start + 1000)):
            name = row.key[cut:]
            if search(name) or (not regular and name.endswith("/") and search(name[:-1])):
                found.append(start + n)
    return found


class Known(NamedTuple):
    """A finding of a stored review about a key."""

    review: Review
    finding: Finding
    rules: list[facts.RuleFact]


def finding_of(desk: DeskLike, bucket: str, key: str) -> Known | str:
    """What the newest review that covers a key says about it, or a sentence why there is nothing to say."""
    from s3console.store.home import names

    if not names(desk.home.reviews):
        return UNCOVERED  # what reads a review takes 30 MiB
    from s3console.store.reviews import Review, list_reviews

    for header in list_reviews(desk.home):
        place = header.right.place
        if place.bucket != bucket or not key.startswith(place.prefix):
            continue
        review = Review.open(desk.home, header.review)
        for block in review.findings(prefix=key, counted_only=False):
            for finding in block:
                if finding.right is not None and finding.right.key == key:
                    return Known(review, finding, facts.rule_facts(finding.rule) if finding.rule else [])
        return f"The comparison with {printable(header.left.place.uri)} found nothing wrong with this name."
    return UNCOVERED


UNCOVERED = "No comparison covers this name yet: 2 Compare sets this bucket against what it should be."


def verdict(desk: DeskLike, bucket: str, key: str) -> list[Fact]:
    """What the newest comparison says about a name, for the details; nothing where none covers it."""
    known = finding_of(desk, bucket, key)
    if isinstance(known, str):
        return [] if known == UNCOVERED else [("", []), ("compared", [("✓ nothing wrong", "ok")])]
    finding = known.finding
    found: list[Fact] = [("", []), ("compared", [*kind_runs(finding.kind), (f"  {finding.grade}", "muted")])]
    if finding.intended_key and finding.intended_key != key:
        found.append(("should be", path_runs(finding.intended_key, "bold ok", "muted")))
    if finding.rule:
        more = [("  ", ""), key_run("browse.explain"), (" explains", "faint")]
        found.append(("rule", [*key_runs(finding.rule.partition("(")[0], "muted"), *more]))
    return found


class Twins(NamedTuple):
    """What a comparison saw on its other side under the names of one key: sizes with their ETags."""

    where: str
    held: frozenset[tuple[int, str]]

    def has(self, entry: Entry) -> bool:
        """Whether a version is the same as what is there, as far as ETags tell."""
        return not entry.is_delete_marker and bool(entry.etag) and (entry.size, entry.etag) in self.held


def twins(desk: DeskLike, bucket: str, key: str) -> Twins | None:
    """What the newest review that covers a key says the other side holds for it; asks no store."""
    from s3console.store.home import names

    if not names(desk.home.reviews):
        return None
    from s3console.store.reviews import Review, list_reviews

    for header in list_reviews(desk.home):
        place = header.right.place
        if (place.bucket, place.scheme) != (bucket, "s3") or not key.startswith(place.prefix):
            continue
        held = set()
        with Review.open(desk.home, header.review) as review:
            for finding in _filed_under(review, key):
                if finding.left is not None and finding.left.etag:
                    held.add((finding.left.size, finding.left.etag))
        other = header.left.place
        return Twins(other.bucket if other.scheme == "s3" else other.uri, frozenset(held)) if held else None
    return None


def _filed_under(review: Review, key: str) -> Iterator[Finding]:
    """The findings of one name; those of longer names come after them."""
    for block in review.findings(prefix=key, counted_only=False):
        for finding in block:
            if finding.position != key:
                return
            yield finding
