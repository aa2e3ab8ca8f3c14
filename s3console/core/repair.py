"""What is done about a finding: copies to right names, then deletes of wrong versions. Pure rules.

A delete is only ever proposed for bytes that are proved to be elsewhere: under the right name (a
copy of the same plan, or what is there already), or for kinds the operator included by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .model import Finding, OperationKind, Ref, Side

Only = Literal["copy", "delete"]


class CopyStep(NamedTuple):
    """A copy or restore to a right name."""

    target_key: str
    kind: OperationKind
    source: Ref
    expect: str
    reason: str


class DeleteStep(NamedTuple):
    """A delete of one reviewed version. `needs` is the right name whose bytes make it harmless, with
    the size and ETag that must be there; empty for kinds that were included by name alone."""

    needs: str
    needs_etag: str
    needs_size: int
    target: Ref
    is_marker: bool
    reason: str
    after_copy: bool


@dataclass(frozen=True, slots=True)
class RepairRules:
    """What the operator asked for and what the buckets are.

    `versioned` says that overwriting keeps the old bytes; `pinned` that findings carry version ids
    or that the right bucket has no versions, so that a delete can name what was reviewed.
    """

    left_bucket: str
    right_bucket: str
    versioned: bool
    only: Only | None = None
    include: frozenset[str] = frozenset()
    overwrite: bool = False
    left_readable: bool = True
    unversioned: bool = False


def _ref(side: str, bucket: str, row: Side, *, unversioned: bool = False) -> Ref:
    version_id = "" if unversioned else row.version_id
    return Ref(side, bucket, row.key, version_id, row.etag, row.size, row.storage_class)


def _right(rules: RepairRules, row: Side) -> Ref:
    return _ref("right", rules.right_bucket, row, unversioned=rules.unversioned)


class Skipped(NamedTuple):
    """A finding that the rules leave alone although it could be repaired, with the reason for a note."""

    reason: str


Step = CopyStep | DeleteStep | Skipped
OVERWRITE_NOTE = "differing objects on an unversioned bucket are left alone; --overwrite includes them"
SURPLUS_NOTE = "further versions of the same bytes under wrong names stay; --include duplicate deletes them"
UNREADABLE_NOTE = "left is a list without bytes, so missing objects cannot be copied from it"


def steps(finding: Finding, rules: RepairRules) -> Iterator[Step]:
    """The operations that repair one finding; nothing for extra, unknown and weakly graded ones."""
    if finding.kind in ("missing", "differs"):
        yield from _right_name(finding, rules)
    elif finding.kind == "misnamed":
        yield from _wrong_name(finding, rules)
    elif finding.kind == "duplicate":
        if "duplicate" not in rules.include:
            if finding.rule and finding.counted:
                yield Skipped(SURPLUS_NOTE)
        elif finding.rule:
            yield from _wrong_name(finding, rules)
        elif rules.only != "copy" and finding.right and finding.left:
            yield DeleteStep(
                finding.intended_key,
                finding.left.etag,
                finding.left.size,
                _right(rules, finding.right),
                is_marker=False,
                reason="duplicate",
                after_copy=False,
            )
    elif finding.kind == "junk" and "junk" in rules.include and rules.only != "copy" and finding.right:
        yield DeleteStep(
            "",
            "",
            0,
            _right(rules, finding.right),
            finding.right.is_delete_marker,
            "junk",
            after_copy=False,
        )


def _right_name(finding: Finding, rules: RepairRules) -> Iterator[Step]:
    if rules.only == "delete" or finding.left is None:
        return
    target = finding.position
    expect = "absent"
    if finding.kind == "differs":
        assert finding.right is not None
        if not rules.versioned and not rules.overwrite:
            yield Skipped(OVERWRITE_NOTE)
            return
        expect = f"etag:{finding.right.etag}"
    if finding.repair is not None:
        kind: OperationKind = "restore" if finding.repair.key == target else "copy"
        yield CopyStep(target, kind, _right(rules, finding.repair), expect, finding.kind)
    elif not rules.left_readable:
        yield Skipped(UNREADABLE_NOTE)
    else:
        yield CopyStep(target, "copy", _ref("left", rules.left_bucket, finding.left), expect, finding.kind)


def _wrong_name(finding: Finding, rules: RepairRules) -> Iterator[Step]:
    if finding.grade not in ("proved", "twin") or finding.right is None:
        return
    row, wanted = finding.right, finding.left
    if finding.intended_state not in ("absent", "same", "differs"):
        return
    if row.is_delete_marker:
        if rules.only != "copy":
            yield DeleteStep(
                "",
                "",
                0,
                _right(rules, row),
                is_marker=True,
                reason=finding.kind,
                after_copy=False,
            )
        return
    assert wanted is not None
    if finding.intended_state == "absent" and rules.only != "delete" and finding.kind == "misnamed":
        yield CopyStep(finding.intended_key, "copy", _right(rules, row), "absent", "misnamed")
    if rules.only != "copy":
        yield DeleteStep(
            finding.intended_key,
            wanted.etag,
            wanted.size,
            _right(rules, row),
            is_marker=False,
            reason=finding.kind,
            after_copy=finding.intended_state in ("absent", "differs") and rules.only != "delete",
        )
