"""Making a review: two listings are merged, residues are paired out of core, findings are stored.

One pass over the listings settles equal keys and spools the rest. Rule images of all left keys are
matched against the residue through a sieve, sorted by image, and merged with the residue twice: once
to see which chain proves most and which left keys are covered, once to write the findings in order.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.compare import Evidence as EvidenceKind
from ..core.compare import Verdict
from ..core.errors import S3ConsoleError, UsageError
from ..core.keys import prefix_of, printable
from ..core.model import Place, ReviewHeader, SideTotals
from ..core.pairing import Names
from ..core.prefix_counts import PrefixCount
from ..core.rules import Chain, chains, compose, double_depth_counts, double_depths
from ..listings.local import LocalListing
from ..store.reviews import ReviewWriter
from .desk import Desk
from .evidence import Evidence, unnamed
from .findings import Emitter
from .memory import release_memory
from .own_rules import load_rules
from .passing import Passed, Passing
from .residue import Residue
from .scanning import SAVE_EVERY, Scan, ScanRequest


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What to compare by. `rules` is "auto", "none" or names; `depth` components are rolled up. `fresh`
    lists everything again that an interrupted comparison has listed. `rules_file` holds rules of the
    operator (workflow.own_rules), which go before all others."""

    versions: bool = False
    evidence: EvidenceKind = "auto"
    rules: str | tuple[str, ...] = "auto"
    depth: int = 3
    fresh: bool = False
    rules_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a comparison stands. `reached` is the last relative key merged; rates are entries per second.
    `resumed` is the key behind which an interrupted comparison is gone on with, "" for a new one.
    `prefixes` are the first directories that changed since the last report."""

    phase: str
    left_entries: int
    right_entries: int
    requests: int
    same: int
    missing: int
    differs: int
    right_only: int
    reached: str
    seconds: float
    rate: float
    resumed: str = ""
    prefixes: tuple[Passing, ...] = ()


Report = Callable[[Progress], None]

_DOUBLE = "distcp-double-root"
_COMMON = frozenset({"H1", "H2", "H4", "H5", "P1", "E1", "E2", "U1"})


class _Reporter:
    """Hands progress on at most five times a second."""

    def __init__(self, report: Report | None, scan: Scan) -> None:
        self._report, self._scan = report, scan
        self._start = time.monotonic()
        self._last = 0.0
        self._before = self._entries()
        self._passed = Passed()
        if report is not None:
            scan.watch = self._passed.add

    def _entries(self) -> int:
        left, right = self._scan.merge.tally.left, self._scan.merge.tally.right
        return left.entries + right.entries + right.versions + right.delete_markers

    def say(self, phase: str, *, now: bool = False) -> None:
        """Report the phase if somebody listens and it is time."""
        moment = time.monotonic()
        if self._report is None or (not now and moment - self._last < 0.2):
            return
        self._last = moment
        tally = self._scan.merge.tally
        entries = self._entries()
        seconds = max(moment - self._start, 1e-6)
        self._report(
            Progress(
                phase,
                tally.left.entries,
                entries - tally.left.entries,
                self._scan.requests(0) + self._scan.requests(1),
                tally.same,
                tally.missing,
                tally.differs,
                tally.right_only,
                tally.reached,
                seconds,
                (entries - self._before) / seconds,
                self._scan.resumed,
                self._passed.told(tally.reached, ended=phase != "listing"),
            )
        )


def compare(
    desk: Desk,
    left: Place,
    right: Place,
    options: CompareOptions | None = None,
    progress: Report | None = None,
    stop: Callable[[], bool] | None = None,
    *,
    save_every: float = SAVE_EVERY,
) -> ReviewHeader:
    """Compare `right` with the reference `left` and store a review.

    A listing that breaks gives a review with `complete` False that covers the keys known on both
    sides. A comparison of the same kind that was killed within the last 24 hours is gone on with,
    unless `options.fresh`. Raises NotReachable when a side cannot be listed at all, UsageError for a
    rule that does not exist, Incomplete when `stop` said so.
    """
    options = options or CompareOptions()
    if left == right:
        raise UsageError(
            "left and right are the same place",
            where=printable(left.uri),
            next_step="Name two different places",
        )
    chains(options.rules)  # an unknown name is refused before anything is listed
    own = tuple(rule.chain() for rule in load_rules(desk.home, options.rules_file))
    with Scan(desk, _request(options, left, right), fresh=options.fresh, save_every=save_every) as scan:
        reporter = _Reporter(progress, scan)
        reporter.say("listing", now=bool(scan.resumed))
        for _ in scan.run():
            reporter.say("listing")
            if stop is not None and stop():
                raise KeyboardInterrupt
        release_memory()
        told = _looked_up(desk, scan, options, reporter)
        emitter = _paired(scan, options, own, reporter)
        header = _stored(desk, scan, emitter, options, reporter, told)
        reporter.say("done", now=True)
        return header


def _request(options: CompareOptions, left: Place, right: Place) -> ScanRequest:
    evidence, digests = _evidence(options, left, right)
    return ScanRequest(left, right, options.versions, evidence, digests, options.depth)


def _looked_up(desk: Desk, scan: Scan, options: CompareOptions, reporter: _Reporter) -> tuple[str, ...]:
    """Ask the stores about what the listings left open, when that is wanted; returns what to note."""
    left, right = (side.place for side in scan.sides)
    tally = scan.merge.tally
    if options.evidence != "checksum" or not tally.unknown or {left.scheme, right.scheme} != {"s3"}:
        return ()
    if not all(scan.names_checksums(side) for side in (0, 1)):
        return (unnamed(tally.unknown),)
    reporter.say("looking", now=True)
    evidence = Evidence(desk, left, right, md5=scan.rules.md5)

    def decided() -> Iterator[tuple[str, Verdict]]:
        named = evidence.named(scan.residue.undecided())
        for key, verdict in evidence.verdicts(named, lambda: reporter.say("looking")):
            tally.unknown -= 1
            if verdict == "same":
                tally.same += 1
                scan.residue.add_prefix(PrefixCount(prefix_of(key, "", options.depth), same=1))
            else:
                tally.differs += 1
            yield key, verdict

    scan.residue.decide(decided())
    return tuple(evidence.notes())


def _paired(scan: Scan, options: CompareOptions, own: tuple[Chain, ...], reporter: _Reporter) -> Emitter:
    """The findings, ready to be drawn: rules are fitted to what both listings left over."""
    residue = scan.residue
    chosen = _chains(options, own, residue)
    reporter.say("pairing", now=True)
    residue.match(chosen, lambda: reporter.say("pairing"))
    names = rule_names(residue.left_prefix, residue.right_prefix, chosen, own)
    emitter = Emitter(residue, names, scan.rules, options.depth)
    emitter.study(lambda: reporter.say("pairing"))
    return emitter


def _stored(
    desk: Desk,
    scan: Scan,
    emitter: Emitter,
    options: CompareOptions,
    reporter: _Reporter,
    told: tuple[str, ...],
) -> ReviewHeader:
    review = desk.home.new_id("r")
    with ReviewWriter(desk.home, review) as writer:
        reporter.say("writing", now=True)
        for block in emitter.findings():
            writer.add(block)
            reporter.say("writing")
        writer.add_prefixes(emitter.prefixes())
        header = ReviewHeader(
            review,
            scan.created,
            _totals(scan, 0),
            _totals(scan, 1),
            options.versions,
            scan.merge.tally.same,
            emitter.totals,
            emitter.fits(),
            options.evidence,
            (*_notes(scan, options), *told),
        )
        writer.finish(header)
    return header


def _evidence(options: CompareOptions, left: Place, right: Place) -> tuple[EvidenceKind, bool]:
    """How bytes are judged, and whether the files of a directory are read for their MD5. An MD5 and the
    ETag of a multipart upload are never equal, so against a directory ETags are only believed as MD5."""
    if "dir" not in (left.scheme, right.scheme) or options.evidence not in ("etag", "checksum"):
        return options.evidence, False
    return "auto", True


def _chains(options: CompareOptions, own: tuple[Chain, ...], residue: Residue) -> tuple[Chain, ...]:
    """The rule chains to try, with the doubling depths that the right-only keys show. Rules of a file
    are tried with "none" too, alone."""
    residue.groups.close()
    if not residue.groups.count:
        return ()
    if options.rules == "none":
        return own
    depths: Counter[int] = Counter()
    for block in residue.right_only_keys():
        depths.update(double_depth_counts(block, base=residue.left_prefix))
    found = chains(options.rules, double_depths=tuple(sorted({0, *double_depths(depths)})))
    doubled = tuple(chain for chain in found if len(chain.rules) == 1 and chain.rules[0].name == _DOUBLE)
    return (*own, *found, *(compose(one, double) for one in own for double in doubled))


def rule_names(
    left_prefix: str, right_prefix: str, chosen: Sequence[Chain], own: Sequence[Chain] = ()
) -> Names:
    """The chains as pairing knows them; those made only of common damage, and those of the operator, are
    plausible by themselves."""
    common = _COMMON | {rule.name for chain in own for rule in chain.rules}
    plausible = frozenset(
        number
        for number, chain in enumerate(chosen)
        if all((rule.id or rule.name) in common for rule in chain.rules)
    )
    return Names(left_prefix, right_prefix, tuple(chain.name for chain in chosen), plausible)


def _totals(scan: Scan, at: int) -> SideTotals:
    listing, merge = scan.sides[at], scan.merge
    count = (merge.tally.left, merge.tally.right)[at]
    failure: S3ConsoleError | None = merge.failures[at]
    known = merge.known_through
    complete = failure is None and listing.proof.complete
    reason = "" if complete else "It was not listed to its end, because the other side broke off."
    return SideTotals(
        listing.place,
        count.entries,
        count.bytes,
        count.versions,
        count.version_bytes,
        count.delete_markers,
        complete=complete,
        known_through=None if complete or known is None else listing.place.prefix + known,
        reason=reason if failure is None else failure.sentence,
        requests=scan.requests(at),
        versioning=scan.facts[at].versioning,
    )


def _notes(scan: Scan, options: CompareOptions) -> Iterator[str]:
    for side in scan.sides:
        place = side.place
        if place.scheme == "s3" and place.prefix and not place.prefix.endswith("/"):
            yield (
                f"{printable(place.uri)} does not end in / and also matches every name that merely "
                "begins with it"
            )
        if isinstance(side, LocalListing) and side.skipped:
            what = "thing that is no file was" if side.skipped == 1 else "things that are no files were"
            yield f"{side.skipped:,} {what} left out of {printable(place.uri)}: links, pipes, devices"
    if scan.facts[1].versioning in ("Enabled", "Suspended") and not options.versions:
        yield (
            "right is a versioned bucket and was compared by its current objects only; "
            "deletes need a comparison with --versions"
        )
    if scan.resumed:
        yield (
            f"keys through “{printable(scan.resumed)}” were listed from {scan.created} on by a comparison "
            "that was interrupted; --fresh lists them again"
        )
