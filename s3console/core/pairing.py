"""Wrong names meet their right ones: candidates of one right key become graded findings.

A candidate says "a rule chain turns this left key into this right key". Bytes decide between
candidates: equal size and ETag prove a pair; unequal plain MD5 ETags or sizes contradict it. When
several left keys with identical bytes map to one wrong name, any assignment is right and all of them
are twins. Version order carries no meaning: copies arrive in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .compare import DIFFERS, MISSING, SAME, EvidenceRules, Group, one_part
from .model import UNKNOWN_BYTES, Finding, Grade, Kind, Side

_STATE = {SAME: "same", MISSING: "absent", DIFFERS: "differs"}


class Candidate(NamedTuple):
    """A left key whose image under chain number `chain` is the key of the group. Keys are relative."""

    key: str
    size: int
    etag: str
    modified: str
    storage_class: str
    status: str
    chain: int


class Covered(NamedTuple):
    """A left key (relative) whose bytes were proved to sit in the version `holder` of another name."""

    key: str
    status: str
    holder: Side


class _Source(NamedTuple):
    candidate: Candidate
    chains: tuple[int, ...]


@dataclass(slots=True)
class FitCount:
    """Running figures of one rule chain."""

    explained: int = 0
    proved: int = 0
    contradicted: int = 0


_NO_COUNT = FitCount()


@dataclass(slots=True)
class Ranking:
    """Which chain explains a pair when several do: the one that proves most, then catalogue order."""

    counts: dict[int, FitCount] = field(default_factory=dict)
    order: dict[int, int] = field(default_factory=dict)
    settled: bool = False

    def note(self, chains: Iterable[int], grade: str) -> None:
        """Count one pair for every chain that explains it."""
        for chain in chains:
            count = self.counts.setdefault(chain, FitCount())
            count.explained += 1
            count.proved += grade in ("proved", "twin")
            count.contradicted += grade == "contradicted"

    def settle(self) -> None:
        """Fix the preference order from what was counted."""
        ranked = sorted(self.counts, key=lambda chain: (-self.counts[chain].proved, chain))
        self.order = {chain: place for place, chain in enumerate(ranked)}
        self.settled = True

    def trusted(self, chains: Iterable[int], plausible: frozenset[int]) -> bool:
        """Whether a pair may rest on these chains without the proof of bytes that only they share.

        A plausible chain may; any other must have proved itself on non-empty objects first. Before
        `settle` nothing is trusted but the plausible.
        """
        return any(
            chain in plausible or (self.settled and self.counts.get(chain, _NO_COUNT).proved > 0)
            for chain in chains
        )

    def best(self, chains: Iterable[int]) -> int:
        """The preferred chain of a pair."""
        return min(chains, key=lambda chain: (self.order.get(chain, len(self.order)), chain))


@dataclass(frozen=True, slots=True)
class Names:
    """How relative keys become full keys again, and what the chains are called.

    `plausible` holds the numbers of the chains whose damage is common enough that a fitting name
    alone is worth telling; names that fit another chain by chance are not.
    """

    left_prefix: str
    right_prefix: str
    chains: Sequence[str]
    plausible: frozenset[int] = frozenset()


@dataclass(slots=True)
class Resolution:
    """The findings of one group, the left keys it covers, and the pairs for the rule fit."""

    findings: list[Finding] = field(default_factory=list)
    covered: list[Covered] = field(default_factory=list)
    pairs: list[tuple[tuple[int, ...], Grade]] = field(default_factory=list)


def _sources(candidates: Iterable[Candidate]) -> list[_Source]:
    """One source per left key, with every chain that leads from it to the group, in key order."""
    chains: dict[str, list[int]] = {}
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        chains.setdefault(candidate.key, []).append(candidate.chain)
        first.setdefault(candidate.key, candidate)
    return [_Source(first[key], tuple(sorted(chains[key]))) for key in sorted(first)]


def _left_side(source: Candidate, prefix: str) -> Side:
    return Side(prefix + source.key, source.size, source.etag, source.modified, source.storage_class)


class _Resolver:
    """Works on one group; kept as a class because its steps share the same dozen facts."""

    def __init__(
        self,
        group: Group,
        candidates: Sequence[Candidate],
        names: Names,
        rules: EvidenceRules,
        ranking: Ranking,
        junk: str | None,
        *,
        bare: bool,
    ) -> None:
        self.group, self.names, self.rules, self.ranking, self.junk = group, names, rules, ranking, junk
        self.bare = bare
        self.sources = _sources(candidate for candidate in candidates if candidate.key != group.key)
        self.trusted = [source for source in self.sources if ranking.trusted(source.chains, names.plausible)]
        self.out = Resolution()
        self.settled: set[int] = set()
        self.single_parts = any(row.etag.endswith("-1") for row in group.rows) or any(
            source.candidate.etag.endswith("-1") for source in self.sources
        )

    def pairable(self, row: Side) -> bool:
        """A version whose bytes are not already what its own name should hold."""
        if row.is_delete_marker:
            return False
        left = self.group.left
        if left is None:
            return True
        return self.rules.verdict(left.size, left.etag, row.size, row.etag) == "differs"

    def _identity(self, size: int, etag: str) -> tuple[int, str]:
        """What two equal objects share: `rules.verdict` of them is "same"."""
        if self.rules.evidence == "size":
            return size, ""
        return size, one_part(etag) if self.rules.md5 and self.single_parts else etag

    def _by_bytes(self, sources: Iterable[_Source]) -> dict[tuple[int, str], list[_Source]]:
        """Sources by what their bytes are known by; in each list those whose right name is free go first."""
        found: dict[tuple[int, str], list[_Source]] = {}
        for source in sources:
            if source.candidate.etag != UNKNOWN_BYTES:
                identity = self._identity(source.candidate.size, source.candidate.etag)
                found.setdefault(identity, []).append(source)
        for equal in found.values():
            equal.sort(key=lambda source: (source.candidate.status != MISSING, source.candidate.key))
        return found

    def assign(self) -> None:
        """Give every version with proved bytes a source; surplus versions of a source are duplicates."""
        if not self.sources:
            return
        known = self._by_bytes(self.sources)
        # All empty objects are equal, so they prove no rule that nothing else speaks for.
        known_empty = self._by_bytes(source for source in self.trusted if not source.candidate.size)
        given: Counter[tuple[int, str]] = Counter()
        for at, row in enumerate(self.group.rows):
            if not row.etag or row.etag == UNKNOWN_BYTES or not self.pairable(row):
                continue
            identity = self._identity(row.size, row.etag)
            found = (known if row.size else known_empty).get(identity)
            if not found:
                continue
            self.settled.add(at)
            if given[identity] < len(found):
                self._pair(row, found[given[identity]], "twin" if len(found) > 1 else "proved")
                given[identity] += 1
            else:
                self._duplicate(row, min(found, key=lambda source: source.candidate.key))

    def _finding(self, row: Side, source: _Source, grade: Grade, *, counted: bool = True) -> Finding:
        candidate = source.candidate
        chain = self.ranking.best(source.chains)
        return Finding(
            "misnamed",
            _left_side(candidate, self.names.left_prefix),
            row,
            intended_key=self.names.right_prefix + candidate.key,
            intended_state=_STATE.get(candidate.status, "unknown"),
            rule=self.names.chains[chain],
            grade=grade,
            counted=counted,
        )

    def _pair(self, row: Side, source: _Source, grade: Grade) -> None:
        if not self.bare:
            self.out.findings.append(self._finding(row, source, grade))
        if row.size:
            self.out.pairs.append((source.chains, grade))
        self.out.covered.append(Covered(source.candidate.key, source.candidate.status, row))

    def _duplicate(self, row: Side, source: _Source) -> None:
        if self.bare:
            return
        pair = self._finding(row, source, "proved")
        self.out.findings.append(
            Finding("duplicate", pair.left, row, pair.intended_key, pair.intended_state, pair.rule, "proved")
        )

    def leftovers(self) -> None:
        """What no source proves: one weak or contradicted pair, junk, extra, duplicates, markers."""
        group = self.group
        rest = [row for at, row in enumerate(group.rows) if at not in self.settled and self.pairable(row)]
        if group.state == "only":
            self._leftovers_of_wrong_name(rest)
        elif group.state == "same" and not self.bare:
            self._duplicates_of_right_name()

    def _leftovers_of_wrong_name(self, rest: list[Side]) -> None:
        if self.settled and not rest:
            if self.bare:
                return
            markers = [row for row in self.group.rows if row.is_delete_marker]
            owner = self.out.findings[0]
            # A marker may only go together with every version that it hides.
            surplus = any(finding.kind == "duplicate" for finding in self.out.findings)
            kind: Kind = "duplicate" if surplus else "misnamed"
            for row in markers:
                self.out.findings.append(
                    Finding(
                        kind,
                        None,
                        row,
                        owner.intended_key,
                        owner.intended_state,
                        owner.rule,
                        owner.grade,
                        counted=False,
                    )
                )
            return
        if self.junk is not None and not self.settled:
            for at, row in enumerate(self.group.rows):
                self.out.findings.append(Finding("junk", None, row, rule=self.junk, counted=at == 0))
            return
        if not rest:
            return
        row = rest[0]
        if self.trusted:
            source, grade = self._weak_pair(row)
            self.out.pairs.append((source.chains, grade))
            if not self.bare:
                self.out.findings.append(self._finding(row, source, grade))
        elif row.is_latest:
            self.out.findings.append(Finding("extra", None, row))

    def _weak_pair(self, row: Side) -> tuple[_Source, Grade]:
        """The best that can be said of a version whose name fits and whose bytes are not proved."""
        open_ones = [
            source
            for source in self.trusted
            if self.rules.verdict(source.candidate.size, source.candidate.etag, row.size, row.etag)
            != "differs"
        ]
        if not open_ones:
            return self.trusted[0], "contradicted"
        if len(open_ones) == 1:
            return open_ones[0], "likely"
        return open_ones[0], "name-only"

    def _duplicates_of_right_name(self) -> None:
        current, left = self.group.rows[0], self.group.left
        for at, row in enumerate(self.group.rows[1:], start=1):
            if at in self.settled or row.is_delete_marker or not row.etag:
                continue
            if (row.size, row.etag) == (current.size, current.etag):
                self.out.findings.append(
                    Finding("duplicate", left, row, self.names.right_prefix + self.group.key, "same")
                )

    def own_name(self) -> None:
        """The finding about the group's own right name: it differs, is undecidable, or is hidden."""
        group = self.group
        if group.left is None or group.state not in ("differs", "unknown", "hidden"):
            return
        wanted = group.left
        history = group.rows if group.state == "hidden" else group.rows[1:]
        repair = next(
            (
                row
                for row in history
                if not row.is_delete_marker
                and row.etag
                and self.rules.verdict(wanted.size, wanted.etag, row.size, row.etag) == "same"
            ),
            None,
        )
        if group.state == "hidden":
            self.out.findings.append(
                Finding("missing", wanted, None, self.names.right_prefix + group.key, "absent", repair=repair)
            )
        elif group.state == "differs":
            self.out.findings.append(
                Finding("differs", wanted, group.rows[0], group.rows[0].key, "differs", repair=repair)
            )
        else:
            self.out.findings.append(Finding("unknown", wanted, group.rows[0], group.rows[0].key, "unknown"))


def resolve(
    group: Group,
    candidates: Sequence[Candidate],
    names: Names,
    rules: EvidenceRules,
    ranking: Ranking,
    junk: str | None,
    *,
    bare: bool = False,
) -> Resolution:
    """Findings of one group of right versions, given the left keys that rules map onto its name.

    `junk` names the junk rule that the key matches, if any; proof by bytes goes before it. A `bare`
    resolution tells what is covered and which chains explain it; its findings are not to be used.
    """
    if candidates and len(group.rows) == 1 and group.state == "only":
        alone = _one_to_one(group.rows[0], candidates, names, ranking, bare=bare)
        if alone is not None:
            return alone
    resolver = _Resolver(group, candidates, names, rules, ranking, junk, bare=bare)
    if not bare:
        resolver.own_name()
    if group.state != "unknown":
        resolver.assign()
        resolver.leftovers()
    return resolver.out


def _one_to_one(
    row: Side, candidates: Sequence[Candidate], names: Names, ranking: Ranking, *, bare: bool
) -> Resolution | None:
    """What most groups are: one version, one left key, the same bytes. None when it is not so."""
    first = candidates[0]
    if (
        not row.size
        or row.size != first.size
        or row.etag != first.etag
        or row.etag in ("", UNKNOWN_BYTES)
        or row.is_delete_marker
        or (len(candidates) > 1 and any(candidate.key != first.key for candidate in candidates))
        or names.right_prefix + first.key == row.key
    ):
        return None
    chains = tuple(sorted(candidate.chain for candidate in candidates))
    out = Resolution([], [Covered(first.key, first.status, row)], [(chains, "proved")])
    if not bare:
        out.findings.append(
            Finding(
                "misnamed",
                _left_side(first, names.left_prefix),
                row,
                names.right_prefix + first.key,
                _STATE.get(first.status, "unknown"),
                names.chains[ranking.best(chains)],
                "proved",
            )
        )
    return out
