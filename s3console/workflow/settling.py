"""What a finished review left unknown, looked up afterwards below one prefix.

A review is never changed: the answer is a new one, equal to it but for the pairs that were settled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..core.checksums import Verdict
from ..core.compare import Group
from ..core.errors import Refused, UsageError
from ..core.keys import prefix_of, printable
from ..core.model import Finding, PrefixTotals, ReviewHeader
from ..store.reviews import Review, ReviewWriter
from .desk import Desk
from .evidence import Evidence
from .listings import place_facts

MOST = 200_000
"""Open pairs that are settled at once; they are held in memory."""
_ALL_LEVELS = 1_000

Tick = Callable[[str, int], None]
"""Told what is done, and how many pairs were looked at."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The new review, and what became of the pairs: `asked` of `open` had checksums on both sides."""

    header: ReviewHeader
    open: int
    asked: int
    verdicts: Mapping[Verdict, int]


def settle(desk: Desk, review: str, prefix: str, tick: Tick | None = None) -> Settled:
    """Look up what `review` left unknown below `prefix`, a full key prefix of the right side.

    Raises UsageError (no such review, nothing unknown there), Refused (a side that is not S3, more than
    200,000 open pairs), NotReachable, AccessRefused.
    """
    tell = tick or (lambda _what, _count: None)
    with Review.open(desk.home, review) as opened:
        header = opened.header
        pairs = _open_pairs(opened, prefix)
        tell("listing", 0)
        evidence = Evidence(desk, header.left.place, header.right.place, md5=_md5(desk, header))
        known = list(evidence.named(_groups(header, pairs)))
        count = 0

        def seen() -> None:
            tell("looking", min(count, len(known)))

        verdicts: dict[str, Verdict] = {}
        for key, verdict in evidence.verdicts(known, seen):
            verdicts[key] = verdict
            count += 1
        notes = (*header.notes, _note(opened, prefix, len(pairs), len(known), verdicts), *evidence.notes())
        made = _rewritten(desk, opened, verdicts, notes)
    counts = Counter(verdicts.values())
    counts["unknown"] = len(pairs) - len(verdicts)
    return Settled(made, len(pairs), len(known), dict(counts))


def _note(opened: Review, prefix: str, pairs: int, known: int, verdicts: Mapping[str, Verdict]) -> str:
    counts = Counter(verdicts.values())
    return (
        f"{pairs:,} pairs that {opened.header.review} left unknown under "
        f"{printable(prefix) or 'the whole place'} were looked up; the listings name checksums of both "
        f"sides for {known:,}: {counts['same']:,} same, {counts['differs']:,} different"
    )


def _md5(desk: Desk, header: ReviewHeader) -> bool:
    return all(place_facts(desk, side.place).etag_is_md5 for side in (header.left, header.right))


def _open_pairs(opened: Review, prefix: str) -> list[Finding]:
    """The unknown findings below the prefix, in order."""
    places = opened.header.left.place, opened.header.right.place
    if any(place.scheme != "s3" for place in places):
        raise Refused(
            "only objects in S3 have checksums that can be asked for",
            where=printable(next(place.uri for place in places if place.scheme != "s3")),
            next_step="Compare with --evidence checksum instead, which reads the files of a directory",
        )
    count = opened.count(prefix, ["unknown"])
    if not count:
        raise UsageError(
            "nothing is unknown here",
            where=printable(prefix) or opened.header.review,
            next_step="See `s3console review ID --kind unknown --findings`",
        )
    if count > MOST:
        raise Refused(
            f"{count:,} pairs are unknown here, more than {MOST:,}",
            where=printable(prefix) or opened.header.review,
            next_step="Name a longer prefix",
        )
    return [finding for block in opened.findings(prefix, ["unknown"]) for finding in block]


def _groups(header: ReviewHeader, pairs: list[Finding]) -> Iterator[Group]:
    cut = len(header.right.place.prefix)
    for one in pairs:
        yield Group(one.subject.key[cut:], "unknown", (one.subject,), one.left)


def _rewritten(desk: Desk, opened: Review, verdicts: Mapping[str, Verdict],
               notes: tuple[str, ...]) -> ReviewHeader:
    """A new review with what was settled."""
    header = opened.header
    base = header.right.place.prefix
    review = desk.home.new_id("r")
    with ReviewWriter(desk.home, review) as writer:
        for block in opened.findings(counted_only=False):
            writer.add([kept for one in block if (kept := _settled(one, verdicts, base)) is not None])
        rows = opened.prefixes(_ALL_LEVELS)
        writer.add_prefixes(_counted(rows, verdicts, base))
        same = sum(verdict == "same" for verdict in verdicts.values())
        totals = dict(header.totals)
        totals["unknown"] -= len(verdicts)
        totals["differs"] += len(verdicts) - same
        made = replace(header, review=review, same=header.same + same, totals=totals, notes=notes)
        writer.finish(made)
    return made


def _settled(finding: Finding, verdicts: Mapping[str, Verdict], base: str) -> Finding | None:
    """The finding as it is now; None when its pair turned out to be the same."""
    if finding.kind == "unknown":
        verdict = verdicts.get(finding.subject.key[len(base):])
        if verdict is None:
            return finding
        if verdict == "same":
            return None
        return replace(finding, kind="differs", intended_state="differs")
    if finding.intended_state == "unknown" and finding.intended_key:
        verdict = verdicts.get(finding.intended_key[len(base):])
        if verdict is not None:
            return replace(finding, intended_state=verdict)
    return finding


def _counted(rows: list[PrefixTotals], verdicts: Mapping[str, Verdict], base: str) -> Iterator[PrefixTotals]:
    """The roll-up rows with the settled pairs in their new columns."""
    depth = max((row.prefix[len(base):].count("/") for row in rows), default=0)
    moved: dict[str, Counter[str]] = {}
    for key, verdict in verdicts.items():
        moved.setdefault(base + prefix_of(key, "", depth), Counter())[verdict] += 1
    for row in rows:
        change = moved.get(row.prefix)
        yield row if change is None else replace(
            row, unknown=row.unknown - change.total(), same=row.same + change["same"],
            differs=row.differs + change["differs"])
