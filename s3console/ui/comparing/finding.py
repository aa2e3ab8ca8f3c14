"""One finding in full: found, should be, because, evidence, versions, plan, in one label column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import groupby

from s3console.core.keys import printable_runs
from s3console.core.model import Finding, ReviewHeader, Side
from s3console.core.repair import CopyStep, DeleteStep, RepairRules, Skipped, steps
from s3console.ui.display import Run, Runs, key_runs, path_runs, plural, size_text, time_text
from s3console.ui.widgets.facts import Fact

VERSIONS_SHOWN = 8
_ESCAPED = re.compile(r"\\\\|\\x..|\\u....|\\U........")
_GRADES: dict[str, Run] = {
    "proved": ("one candidate", "foreground"),
    "twin": ("several left keys have these bytes", "muted"),
    "likely": ("likely, not proved: left alone", "warning"),
    "name-only": ("by name only: left alone", "warning"),
    "contradicted": ("the name fits, the bytes do not: left alone", "warning"),
}
_WHY = {
    "missing": "left has it, right holds these bytes nowhere under a name it should have",
    "differs": "same name on both sides, other bytes",
    "extra": "only on the right, and no rule ties it to a left key",
    "unknown": "same name and size, and nothing that would prove the bytes equal",
    "junk": "left behind by a tool; it never was in left",
    "duplicate": "the same bytes once more",
}
_NOTHING = {
    "extra": "nothing: what exists on the right only is never touched",
    "unknown": "nothing: what can not be decided is never touched",
    "junk": "nothing, unless junk is included (p)",
    "duplicate": "nothing, unless duplicates are included (p)",
}


def _cells(key: str) -> list[tuple[str, bool]]:
    """What each character of a key is shown as, and whether that is an escape."""
    out: list[tuple[str, bool]] = []
    for shown, escaped in printable_runs(key):
        pieces = _ESCAPED.findall(shown) if escaped else shown
        out.extend((piece, escaped) for piece in pieces)
    return out


def _styled(key: str, roles: Sequence[str]) -> list[Run]:
    cells = _cells(key)
    if len(cells) != len(roles):
        return key_runs(key)
    marked = [(shown, "escape" if escaped else role)
              for (shown, escaped), role in zip(cells, roles, strict=True)]
    return [("".join(shown for shown, _ in group), role)
            for role, group in groupby(marked, key=lambda cell: cell[1])]


def _pieces(key: str) -> list[str]:
    return re.findall(r"[^/]*/|[^/]+", key)


def _plain(pieces: Sequence[str], quiet: str, loud: str, *, name: bool) -> list[str]:
    """Roles of parts that are right: quiet directories, a loud name."""
    roles: list[str] = []
    for n, piece in enumerate(pieces):
        last = name and n == len(pieces) - 1 and not piece.endswith("/")
        roles += [loud if last else quiet] * len(piece)
    return roles


def compared_keys(
    found: str, wanted: str, role: str, *, quiet: str = "muted", loud: str = "bold foreground"
) -> tuple[list[Run], list[Run]]:
    """Two names as runs: what is wrong in the one in its role, what is restored in the other in green."""
    ones, others = _pieces(found), _pieces(wanted)
    left: list[str] = []
    right: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, ones, others, autojunk=False).get_opcodes():
        if tag == "equal":
            left += _plain(ones[a:b], quiet, loud, name=b == len(ones))
            right += _plain(others[c:d], quiet, loud, name=d == len(others))
            continue
        one, other = "".join(ones[a:b]), "".join(others[c:d])
        shorter = min(len(one), len(other))
        same = tail = 0
        while same < shorter and one[same] == other[same]:
            same += 1
        while tail < shorter - same and one[-1 - tail] == other[-1 - tail]:
            tail += 1
        for text, roles, wrong in ((one, left, f"bold {role}"), (other, right, "bold ok")):
            roles += [loud] * same + [wrong] * (len(text) - same - tail) + [loud] * tail
    return _styled(found, left), _styled(wanted, right)


def _check(text: str, *, good: bool) -> list[Run]:
    return [("✓" if good else "≠", "ok" if good else "differs"), (f" {text}   ", "foreground")]


def _evidence(finding: Finding) -> list[Run]:
    one, other = finding.left, finding.right
    if finding.kind == "missing":
        return [("right lists no object under this name", "foreground")]
    if one is None or other is None:
        return [("nothing on the left to compare it with", "muted")]
    if other.is_delete_marker:
        return [("a delete marker: it has no bytes", "muted")]
    runs = _check("size", good=one.size == other.size)
    if one.etag and other.etag:
        runs += _check("etag", good=one.etag == other.etag)
    if finding.grade in _GRADES and finding.kind in ("misnamed", "duplicate"):
        runs.append(_GRADES[finding.grade])
    return runs


def _version_line(side: Side) -> list[Run]:
    current = side.is_latest
    role = "foreground" if current else "faint"
    mark = "×" if side.is_delete_marker else ("●" if current else "○")
    size = "marker" if side.is_delete_marker else size_text(side.size)
    version = side.version_id or "null"
    short = version if len(version) <= 7 else version[:6]
    runs: list[Run] = [(f"{mark} {time_text(side.modified)} {size:>9}  ", role), *key_runs(short, role)]
    if len(version) > 7:
        runs.append(("…", role))
    return [*runs, ("  current", "accent")] if current else runs


def version_facts(rows: Sequence[Finding]) -> list[Fact]:
    """The versions of a key as they are in the review, newest first."""
    sides = [row.right for row in rows if row.right is not None]
    sides.sort(key=lambda side: (not side.is_latest, side.modified), reverse=False)
    sides[1:] = sorted(sides[1:], key=lambda side: side.modified, reverse=True)
    out: list[Fact] = [("versions" if not n else "", _version_line(side))
                       for n, side in enumerate(sides[:VERSIONS_SHOWN])]
    if len(sides) > VERSIONS_SHOWN:
        out.append(("", [(f"and {len(sides) - VERSIONS_SHOWN} more", "faint")]))
    return out


def _rules(header: ReviewHeader) -> RepairRules:
    return RepairRules(header.left.place.bucket, header.right.place.bucket,
                       header.right.versioning == "Enabled", left_readable=header.left.place.scheme == "s3")


def plan_runs(rows: Sequence[Finding], header: ReviewHeader) -> list[Run]:
    """What a plan would do about these rows of one key, in words."""
    made = [step for row in rows for step in steps(row, _rules(header))]
    copies = {step.target_key: step for step in made if isinstance(step, CopyStep)}
    deletes = sum(isinstance(step, DeleteStep) for step in made)
    runs: list[Run] = []
    for step in list(copies.values())[:1]:
        within = step.source.side == "right"
        if step.kind == "restore":
            runs += [("restore", "ok"), (" the version that has the right bytes", "foreground")]
        elif len(copies) > 1:
            runs += [("copy", "missing"), (f" {len(copies)} versions to their right names", "foreground")]
        else:
            runs += [("copy", "missing"),
                     (" these bytes to the right name" if within else " from left", "foreground")]
    if deletes:
        runs += [(", then ", "foreground")] if runs else []
        runs += [("delete", "danger"), (f" {plural(deletes, 'version')} of the wrong name", "foreground")]
    if runs:
        return runs
    left_alone = next((step.reason for step in made if isinstance(step, Skipped)), "")
    return [(left_alone or _NOTHING.get(rows[0].kind, "nothing: this is not proved"), "muted")]


def rule_lines(header: ReviewHeader) -> list[Runs]:
    """The rules of a review in columns: names each explains, and how many its bytes prove or contradict."""
    if not header.rules:
        return [[("No rule was asked for, or none explains a name in this review.", "muted")]]
    out: list[Runs] = [[(f"{'explained':>11}{'proved':>11}{'contradicted':>14}   rule", "faint")]]
    for fit in sorted(header.rules, key=lambda one: -one.explained):
        wrong = "differs" if fit.contradicted else "faint"
        out.append([(f"{fit.explained:>11,}", "foreground"), (f"{fit.proved:>11,}", "ok"),
                    (f"{fit.contradicted:>14,}   ", wrong), *key_runs(fit.rule, "bold foreground")])
    return out


def _of(side: Side | None) -> list[Run]:
    if side is None:
        return [("nothing", "muted")]
    return [(f"{size_text(side.size)}  {time_text(side.modified)}  ", "muted"), *key_runs(side.etag, "faint")]


def finding_facts(
    finding: Finding, rows: Sequence[Finding], header: ReviewHeader, reason: str, origins: str
) -> list[Fact]:
    """The pane of a finding. `rows` are all rows of its key in the review; `reason` and `origins` say
    what the rule chain does and where it comes from."""
    found: Runs = path_runs(finding.key, "bold foreground", "muted")
    wanted: Runs = []
    if finding.intended_key and finding.intended_key != finding.key and finding.kind != "missing":
        found, wanted = compared_keys(finding.key, finding.intended_key, finding.kind)
    facts: list[Fact] = []
    if finding.kind == "missing":
        facts += [("found", [("nothing", "bold missing")]),
                  ("should be", path_runs(finding.position, "bold ok", "muted"))]
    else:
        facts.append(("found", found))
        if wanted:
            facts.append(("should be", wanted))
    why: list[Run] = [(reason or _WHY.get(finding.kind, ""), "foreground")]
    facts.append(("because", [*why, (f"  {origins}", "faint")] if origins else why))
    facts.append(("evidence", _evidence(finding)))
    if finding.kind in ("missing", "differs", "unknown"):
        facts.append(("left", _of(finding.left)))
    if finding.kind != "missing":
        facts += version_facts(rows) or [("right", _of(finding.right))]
    if finding.repair is not None:
        facts.append(("repair", [("an older version on the right has these bytes  ", "ok"),
                                 *key_runs(finding.repair.version_id, "faint")]))
    facts.append(("plan", plan_runs(rows or [finding], header)))
    return facts
