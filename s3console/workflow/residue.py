"""Everything that the equality of two listings did not settle, on disk between two passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from ..core.compare import MISSING, STATUS, UNKNOWN, Group, GroupState, Outcome, Verdict
from ..core.model import Finding, Side
from ..core.pairing import Candidate
from ..core.prefix_counts import PrefixCount
from ..core.rules import Chain, KeyBlock
from .left_spool import LeftSpool
from .sieve import KeySieve
from .spool import Mark, Row, Spool, Workspace

_GROUP_SHAPE = "ssbisss" + "isssbb"


def _group_rows(group: Group) -> Iterator[Row]:
    left = group.left
    head: Row = (
        group.key,
        group.state,
        left is not None,
        left.size if left else 0,
        left.etag if left else "",
        left.modified if left else "",
        left.storage_class if left else "",
    )
    for row in group.rows:
        yield (
            *head,
            row.size,
            row.etag,
            row.modified,
            f"{row.storage_class}\n{row.version_id}",
            row.is_latest,
            row.is_delete_marker,
        )


class Residue:
    """Everything that equality did not settle, in key order, as spools in a working folder.

    With the `marks` that `sync` gave, it goes on with the spools of an earlier residue.
    """

    FILES = ("left", "missing", "groups", "prefixes")

    def __init__(
        self,
        scratch: Workspace,
        left_prefix: str,
        right_prefix: str,
        marks: Mapping[str, Mark] | None = None,
    ) -> None:
        self.left_prefix, self.right_prefix = left_prefix, right_prefix
        self.scratch = scratch
        at = (marks or {}).get
        self._left = LeftSpool(scratch.path / "left", at("left"))
        self._missing = scratch.spool("missing", "sisss", at("missing"))
        self.groups = scratch.spool("groups", _GROUP_SHAPE, at("groups"))
        self._prefixes = scratch.spool("prefixes", "siiii", at("prefixes"))
        self._matches = scratch.sort("ssissssi", itemgetter(0, 1, 7))
        self._verdicts: Spool | None = None

    def add(self, outcome: Outcome) -> None:
        """Take one window of the merge."""
        left, statuses = outcome.left, outcome.statuses
        self._left.add(left, statuses)
        hidden = {group.key for group in outcome.groups if group.state == "hidden"}
        self._missing.extend(
            (left.keys[at], left.sizes[at], left.etags[at], left.modified[at], left.classes[at])
            for at, status in sorted(statuses.items())
            if status == MISSING and left.keys[at] not in hidden
        )
        for group in outcome.groups:
            self.groups.extend(_group_rows(group))

    def add_prefix(self, row: PrefixCount) -> None:
        """Take the listing totals of one run of a directory prefix."""
        self._prefixes.extend([(row.prefix, row.left_entries, row.right_entries, row.right_bytes, row.same)])

    def sync(self) -> dict[str, Mark]:
        """Make everything that was taken durable, and say how far each file goes."""
        marks = (self._left.sync(), self._missing.sync(), self.groups.sync(), self._prefixes.sync())
        return dict(zip(self.FILES, marks, strict=True))

    def prefix_rows(self) -> Iterator[Row]:
        """The listing totals in order of prefix; one prefix may have several rows."""
        ordered = self.scratch.sort("siiii", itemgetter(0))
        for block in self._prefixes.blocks():
            ordered.extend(block)
        return ordered.rows()

    def undecided(self) -> Iterator[Group]:
        """The groups whose own name the listings could not decide."""
        return (group for group in self._groups() if group.state == "unknown")

    def decide(self, verdicts: Iterable[tuple[str, Verdict]]) -> None:
        """Take what was found out about undecided keys, in key order; once, before `match`."""
        self.groups.close()
        decided = self.scratch.spool("verdicts", "ss")
        decided.extend(verdicts)
        decided.close()
        self._verdicts = decided

    def _decided(self) -> _InOrder:
        return _InOrder(self._verdicts.rows() if self._verdicts is not None else iter(()))

    def right_only_keys(self) -> Iterator[list[str]]:
        """The keys that only the right side has, in blocks."""
        self.groups.close()
        for block in self.groups.blocks():
            yield [row[0] for row in block if row[1] == "only"]

    def match(self, chosen: Sequence[Chain], tick: Callable[[], None]) -> None:
        """Find the left keys whose image under a chain is a key of the residue."""
        self.groups.close()
        self._left.close()
        if not chosen or not self.groups.count:
            return
        sieve = KeySieve(self.groups.count)
        for block in self.groups.blocks():
            sieve.add(row[0] for row in block)
        tried = list(enumerate(chosen))
        if (known := sieve.known) is not None:
            names = KeyBlock(known)
            tried = [one for one in tried if one[1].reaches(names, base=self.left_prefix)]
        if not tried:
            return
        decided = self._decided()
        for window in self._left.windows():
            for at in sorted(at for at, status in window.statuses.items() if status == UNKNOWN):
                window.statuses[at] = STATUS[decided.at(window.keys[at]) or "unknown"]
            keys = KeyBlock(window.keys)
            for number, chain in tried:
                if not chain.touches(keys, base=self.left_prefix):
                    continue
                images = chain.images(keys, base=self.left_prefix)
                self._matches.extend([(images[at], *window.row(at), number) for at in sieve.hits(images)])
            tick()

    def resolved(self) -> Iterator[tuple[Group, list[Candidate]]]:
        """Every group with its candidates, in key order."""
        matches = self._matches.rows()
        pending = next(matches, None)
        for group in self._groups():
            candidates: list[Candidate] = []
            while pending is not None and pending[0] <= group.key:
                if pending[0] == group.key:
                    candidates.append(Candidate(*pending[1:]))
                pending = next(matches, None)
            yield group, candidates

    def _groups(self) -> Iterator[Group]:
        decided = self._decided()
        for key, rows in groupby(self.groups.rows(), key=itemgetter(0)):
            listed = list(rows)
            head = listed[0]
            left = Side(self.left_prefix + key, head[3], head[4], head[5], head[6]) if head[2] else None
            state: GroupState = head[1]
            if state == "unknown":
                state = decided.at(key) or state
            yield Group(key, state, tuple(self._side(key, row) for row in listed), left)

    def _side(self, key: str, row: Row) -> Side:
        storage_class, _, version_id = row[10].partition("\n")
        return Side(
            self.right_prefix + key, row[7], row[8], row[9], storage_class, version_id, row[11], row[12]
        )

    def missing(self) -> Iterator[Finding]:
        """Left keys that the right side does not hold in any version, in key order."""
        for key, size, etag, modified, storage_class in self._missing.rows():
            yield Finding(
                "missing",
                Side(self.left_prefix + key, size, etag, modified, storage_class),
                None,
                self.right_prefix + key,
                "absent",
            )

class _InOrder:
    """Verdicts in key order, asked for in key order."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def at(self, key: str) -> Verdict | None:
        """The verdict about a key, if there is one; keys before it are passed over."""
        while self._next is not None and self._next[0] < key:
            self._next = next(self._rows, None)
        if self._next is None or self._next[0] != key:
            return None
        verdict: Verdict = self._next[1]
        return verdict
