"""Which noncurrent versions and delete markers of a key a rule of the operator lets go. Pure rules.

The words mean what they mean in an S3 lifecycle rule: a version is noncurrent since the row above it
was written, and the newest `keep` noncurrent versions stay (S3 User Guide, "Lifecycle configuration
elements", NoncurrentVersionExpiration).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from .model import Entry
from .rules.junk import junk_rule
from .timeline import comparable


@dataclass(frozen=True, slots=True)
class PurgeRules:
    """What may go. `keep` None: no number is kept; `before` "" (else a moment): age does not matter.

    A noncurrent version goes when it is not among the newest `keep` and was noncurrent at `before`.
    With neither, no version goes. `expired_markers`: delete markers with no version left below.
    `left_overs`: of keys that a migration tool left behind (core.rules.junk) and that are hidden by a delete
    marker, all versions go, however many and however young.
    """

    keep: int | None = None
    before: str = ""
    expired_markers: bool = False
    left_overs: bool = False

    @property
    def versions(self) -> bool:
        """Whether the rules concern versions at all."""
        return self.keep is not None or bool(self.before)

    @property
    def any(self) -> bool:
        """Whether there is a rule at all."""
        return self.versions or self.expired_markers or self.left_overs


def purgeable(history: Sequence[Entry], rules: PurgeRules) -> list[Entry]:
    """The rows of one key, newest first, that the rules let go. Never what stands now, but for an expired
    marker; a marker never goes while the key has a version below it, also not together with that version:
    a delete that fails halfway would bring the version to light."""
    if rules.left_overs and history[0].is_delete_marker and junk_rule(history[0].key) is not None:
        gone = _versions(history, PurgeRules(keep=0))
    else:
        gone = _versions(history, rules) if rules.versions else []
    if rules.expired_markers:
        gone += reversed(list(takewhile(lambda entry: entry.is_delete_marker, reversed(history))))
    return gone


def _versions(history: Sequence[Entry], rules: PurgeRules) -> list[Entry]:
    keep = rules.keep or 0
    until = comparable(rules.before) if rules.before else None
    found: list[Entry] = []
    noncurrent = 0
    for above, entry in pairwise(history):
        if entry.is_delete_marker or entry.is_latest:
            continue
        noncurrent += 1
        if noncurrent > keep and (until is None or comparable(above.modified) <= until):
            found.append(entry)
    return found
