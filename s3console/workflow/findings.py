"""The way of a residue into ordered, graded, counted findings."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from ..core.compare import EvidenceRules, Group
from ..core.keys import prefix_of
from ..core.model import KINDS, Finding, PrefixTotals, RuleFit, Side
from ..core.pairing import Candidate, Covered, Names, Ranking, Resolution, resolve
from ..core.rules import junk_rule
from .residue import Residue
from .spool import Row, Workspace

_BLOCK = 2_000


class _CoverSort:
    """Left keys proved under another name, ordered by left key, with the version that holds them."""

    def __init__(self, scratch: Workspace) -> None:
        self._sort = scratch.sort("sssisssbb", itemgetter(0))

    def extend(self, covered: Iterable[Covered]) -> None:
        self._sort.extend(
            (
                item.key,
                item.status,
                item.holder.key,
                item.holder.size,
                item.holder.etag,
                item.holder.modified,
                f"{item.holder.storage_class}\n{item.holder.version_id}",
                item.holder.is_latest,
                item.holder.is_delete_marker,
            )
            for item in covered
        )

    def rows(self) -> Iterator[tuple[str, Side]]:
        """Left key and holder, one row per left key."""
        last = None
        for row in self._sort.rows():
            if row[0] != last:
                last = row[0]
                storage_class, _, version_id = row[6].partition("\n")
                yield row[0], Side(row[2], row[3], row[4], row[5], storage_class, version_id, row[7], row[8])


def _rests_on_trust(group: Group) -> bool:
    """Whether what the group covers can change when a rule has proved itself: only empty objects do."""
    return any(not row.size and not row.is_delete_marker for row in group.rows)


class Emitter:
    """Two walks over the residue: `study` for fit and cover, then `findings` in order of position."""

    def __init__(self, residue: Residue, names: Names, rules: EvidenceRules, depth: int) -> None:
        self._residue, self._names, self._rules, self._depth = residue, names, rules, depth
        self._ranking = Ranking()
        self._cover = _CoverSort(residue.scratch)
        self._counts = _PrefixCounts(residue.scratch)
        self.totals: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._fit: dict[str, Counter[str]] = {}

    def study(self, tick: Callable[[], None]) -> None:
        """Learn which chain proves most, then which left keys sit under another name."""
        waiting = 0
        for group, candidates in self._paired(tick):
            resolution = self._studied(group, candidates)
            for chains, grade in resolution.pairs:
                self._ranking.note(chains, grade)
            if _rests_on_trust(group):
                waiting += 1
            else:
                self._cover.extend(resolution.covered)
        self._ranking.settle()
        for group, candidates in self._paired(tick) if waiting else ():
            if _rests_on_trust(group):
                resolution = self._studied(group, candidates)
                self._cover.extend(resolution.covered)

    def _studied(self, group: Group, candidates: list[Candidate]) -> Resolution:
        return resolve(group, candidates, self._names, self._rules, self._ranking, None, bare=True)

    def _paired(self, tick: Callable[[], None]) -> Iterator[tuple[Group, list[Candidate]]]:
        for at, (group, candidates) in enumerate(self._residue.resolved()):
            if at % 1_000 == 0:
                tick()
            if candidates:
                yield group, candidates

    def findings(self) -> Iterator[list[Finding]]:
        """All findings in order of position, in blocks; counts them on the way."""
        streams = heapq.merge(
            self._residue.missing(), self._from_groups(), key=lambda finding: finding.position
        )
        block: list[Finding] = []
        for finding in self._uncovered(streams):
            self._count(finding)
            block.append(finding)
            if len(block) >= _BLOCK:
                yield block
                block = []
        if block:
            yield block

    def _from_groups(self) -> Iterator[Finding]:
        for group, candidates in self._residue.resolved():
            junk = junk_rule(group.key) if group.state == "only" else None
            resolution = resolve(group, candidates, self._names, self._rules, self._ranking, junk)
            yield from resolution.findings

    def _uncovered(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Drop missing keys whose bytes sit under another name; let those bytes repair a wrong right name."""
        cut = len(self._names.right_prefix)
        cover = self._cover.rows()
        pending = next(cover, None)
        for finding in findings:
            if finding.kind not in ("missing", "differs"):
                yield finding
                continue
            key = finding.position[cut:]
            while pending is not None and pending[0] < key:
                pending = next(cover, None)
            if pending is None or pending[0] != key:
                yield finding
            elif finding.kind == "differs":
                yield (
                    finding
                    if finding.repair
                    else Finding(
                        "differs",
                        finding.left,
                        finding.right,
                        finding.intended_key,
                        finding.intended_state,
                        repair=pending[1],
                    )
                )

    def _count(self, finding: Finding) -> None:
        if not finding.counted:
            return
        self.totals[finding.kind] += 1
        prefix = prefix_of(finding.position[len(self._names.right_prefix) :], "", self._depth)
        self._counts.add(prefix, finding.kind)
        if finding.kind == "misnamed":
            fit = self._fit.setdefault(finding.rule, Counter())
            fit["explained"] += 1
            fit["proved"] += finding.grade in ("proved", "twin")
            fit["contradicted"] += finding.grade == "contradicted"

    def prefixes(self) -> Iterator[PrefixTotals]:
        """The roll-up rows in order of prefix, after all findings were drawn."""
        return self._counts.rows(self._residue.prefix_rows(), self._names.right_prefix)

    def fits(self) -> tuple[RuleFit, ...]:
        """How well each rule chain explains the right side, best first."""
        rows = [
            RuleFit(rule, fit["explained"], fit["proved"], fit["contradicted"])
            for rule, fit in self._fit.items()
        ]
        return tuple(sorted(rows, key=lambda fit: (-fit.proved, -fit.explained, fit.rule)))


class _PrefixCounts:
    """Findings per prefix and kind, added up run by run and merged with the listing totals."""

    def __init__(self, scratch: Workspace) -> None:
        self._sort = scratch.sort("s" + "i" * len(KINDS), itemgetter(0))
        self._prefix: str | None = None
        self._open: Counter[str] = Counter()

    def add(self, prefix: str, kind: str) -> None:
        """Count one finding; prefixes mostly come in runs."""
        if prefix != self._prefix:
            self._flush()
            self._prefix = prefix
        self._open[kind] += 1

    def _flush(self) -> None:
        if self._prefix is not None and self._open:
            self._sort.extend([(self._prefix, *(self._open[kind] for kind in KINDS))])
        self._open = Counter()

    def rows(self, listed: Iterator[Row], base: str) -> Iterator[PrefixTotals]:
        """One row per prefix with listing totals and findings."""
        self._flush()
        zeros = (0,) * len(KINDS)
        tagged = heapq.merge(
            ((row[0], row[1:], zeros) for row in listed),
            ((row[0], (0, 0, 0, 0), row[1:]) for row in self._sort.rows()),
            key=itemgetter(0),
        )
        for prefix, rows in groupby(tagged, key=itemgetter(0)):
            sums, kinds = [0, 0, 0, 0], [0] * len(KINDS)
            for _, listing, found in rows:
                sums = [a + b for a, b in zip(sums, listing, strict=True)]
                kinds = [a + b for a, b in zip(kinds, found, strict=True)]
            counts = dict(zip(KINDS, kinds, strict=True))
            yield PrefixTotals(
                base + prefix,
                sums[0],
                sums[1],
                sums[3],
                counts["missing"],
                counts["extra"],
                counts["differs"],
                counts["unknown"],
                counts["misnamed"],
                counts["junk"],
                counts["duplicate"],
                sums[2],
            )
