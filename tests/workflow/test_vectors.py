"""The vectors v1 to v14 of the DistCp story through the whole pairing pipeline, out of core."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from s3console.core.compare import Comparison, EvidenceRules
from s3console.core.model import Batch, Entry, Finding
from s3console.core.repair import CopyStep, DeleteStep, RepairRules, steps
from s3console.core.rules import chains, double_depths
from s3console.workflow.comparing import rule_names
from s3console.workflow.findings import Emitter
from s3console.workflow.residue import Residue
from s3console.workflow.spool import ScratchFolder

BYTES = {"A": b"A", "BB": b"BB", "CCC": b"CCC"}
ETAG = {name: hashlib.md5(data).hexdigest() for name, data in BYTES.items()}
P = "document123/0856/8e37/-801/2-41/f3-b/618-/3ce4/0078/"
PP = "document123/" + P


def objects(table: dict[str, str]) -> list[Entry]:
    return [
        Entry(key, len(BYTES[name]), ETAG[name], "2024-01-01T00:00:00Z")
        for key, name in sorted(table.items())
    ]


def versions(table: dict[str, Sequence[str]]) -> list[Entry]:
    """Names oldest first, as the specification writes them; listed newest first. "-" is a marker."""
    rows = []
    for key, names in sorted(table.items()):
        for at in range(len(names) - 1, -1, -1):
            name, latest = names[at], at == len(names) - 1
            marker = name == "-"
            rows.append(
                Entry(
                    key,
                    0 if marker else len(BYTES[name]),
                    "" if marker else ETAG[name],
                    "2024-01-01T00:00:00Z",
                    "STANDARD",
                    f"v{at + 1}",
                    latest,
                    marker,
                )
            )
    return rows


def page(rows: list[Entry], with_versions: bool) -> Batch:
    return Batch(
        [r.key for r in rows],
        [r.size for r in rows],
        [r.etag for r in rows],
        [r.modified for r in rows],
        [r.storage_class for r in rows],
        [r.version_id for r in rows] if with_versions else None,
        [r.is_latest for r in rows] if with_versions else None,
        [r.is_delete_marker for r in rows] if with_versions else None,
    )


class Made:
    """The findings of one comparison."""

    def __init__(
        self,
        folder: Path,
        left: dict[str, str],
        right: dict[str, Sequence[str]] | dict[str, str],
        rules: str = "auto",
    ) -> None:
        versioned = all(not isinstance(value, str) for value in right.values())
        rows = versions(right) if versioned else objects(right)  # type: ignore[arg-type]
        merge = Comparison([page(objects(left), False)], [page(rows, versioned)])
        with ScratchFolder(folder) as scratch:
            residue = Residue(scratch, "", "")
            for outcome in merge.run():
                residue.add(outcome)
            depths: set[int] = set()
            for block in residue.right_only_keys():
                depths.update(double_depths(block))
            chosen = chains(rules, double_depths=tuple(sorted(depths)) or (0,))
            residue.match(chosen, lambda: None)
            emitter = Emitter(residue, rule_names("", "", chosen), EvidenceRules(), 2)
            emitter.study(lambda: None)
            self.rows: list[Finding] = [finding for block in emitter.findings() for finding in block]
            self.totals = {kind: count for kind, count in emitter.totals.items() if count}
            self.fits = emitter.fits()
            self.prefixes = list(emitter.prefixes())
        self.versioned = versioned

    def one(self, kind: str) -> Finding:
        found = [finding for finding in self.rows if finding.kind == kind and finding.counted]
        assert len(found) == 1
        return found[0]

    def repair(self, **options: object) -> tuple[list[CopyStep], list[DeleteStep]]:
        rules = RepairRules("bucket1", "bucket2", self.versioned, **options)  # type: ignore[arg-type]
        made = [step for finding in self.rows for step in steps(finding, rules)]
        return (
            [step for step in made if isinstance(step, CopyStep)],
            [step for step in made if isinstance(step, DeleteStep)],
        )


def test_v1_equal_keys_leave_nothing(tmp_path: Path) -> None:
    assert Made(tmp_path, {P + "9.png": "A"}, {P + "9.png": ["A"]}).totals == {}


def test_v2_truncated_and_doubled_is_found_without_being_told(tmp_path: Path) -> None:
    made = Made(tmp_path, {P + "1::png::200::490::bd": "A"}, {PP + "1": ["A"]})
    finding = made.one("misnamed")
    assert made.totals == {"misnamed": 1}
    assert (finding.grade, finding.key, finding.intended_key) == (
        "proved",
        PP + "1",
        P + "1::png::200::490::bd",
    )
    assert "colon-truncate" in finding.rule and "double" in finding.rule
    copies, deletes = made.repair()
    assert [(c.source.side, c.source.version_id, c.target_key) for c in copies] == [
        ("right", "v1", P + "1::png::200::490::bd")
    ]
    assert [(d.target.key, d.target.version_id, d.after_copy) for d in deletes] == [(PP + "1", "v1", True)]
    assert made.fits[0].proved == 1 and made.fits[0].contradicted == 0


V3 = {P + "1::png::200": "A", P + "1::jpg::300::142": "BB", P + "1::txt": "CCC"}


def test_v3_each_version_is_paired_by_its_bytes(tmp_path: Path) -> None:
    made = Made(tmp_path, V3, {PP + "1": ["BB", "A", "CCC"]})
    pairs = {f.subject.version_id: f.intended_key for f in made.rows}
    assert pairs == {"v1": P + "1::jpg::300::142", "v2": P + "1::png::200", "v3": P + "1::txt"}
    assert made.totals == {"misnamed": 3}
    copies, deletes = made.repair()
    assert len(copies) == len(deletes) == 3


def test_v4_twins_fill_both_names(tmp_path: Path) -> None:
    made = Made(tmp_path, {**V3, P + "1::txt": "A"}, {PP + "1": ["BB", "A", "A"]})
    assert sorted(f.grade for f in made.rows) == ["proved", "twin", "twin"]
    assert {f.intended_key for f in made.rows} == {*V3}
    assert made.fits[0].contradicted == 0


def test_v5_unversioned_keeps_one_copy_and_misses_two(tmp_path: Path) -> None:
    made = Made(tmp_path, V3, {PP + "1": "A"})
    assert made.totals == {"misnamed": 1, "missing": 2}
    copies, _ = made.repair()
    assert sorted(c.source.side for c in copies) == ["left", "left", "right"]


def test_v6_right_name_with_wrong_bytes(tmp_path: Path) -> None:
    made = Made(tmp_path, {P + "1": "CCC", P + "1::png": "A"}, {P + "1": ["CCC", "A"]})
    assert made.totals == {"differs": 1, "misnamed": 1}
    copies, deletes = made.repair()
    assert {(c.kind, c.source.version_id, c.target_key) for c in copies} == {
        ("restore", "v1", P + "1"),
        ("copy", "v2", P + "1::png"),
    }
    assert [d.target.version_id for d in deletes] == ["v2"]


def test_v7_contradicted_bytes_are_never_deleted(tmp_path: Path) -> None:
    made = Made(tmp_path, {P + "1::png": "A"}, {P + "1": ["BB"]})
    assert made.one("misnamed").grade == "contradicted"
    assert made.totals == {"misnamed": 1, "missing": 1}
    copies, deletes = made.repair(include=frozenset({"junk", "duplicate"}))
    assert [c.source.side for c in copies] == ["left"] and not deletes
    assert made.fits[0].contradicted == 1


def test_v8_live_writes_are_left_alone(tmp_path: Path) -> None:
    made = Made(tmp_path, {}, {P + "new.png": ["A"]})
    assert made.totals == {"extra": 1}
    assert made.repair(include=frozenset({"junk", "duplicate"})) == ([], [])


def test_v9_empty_base_name(tmp_path: Path) -> None:
    assert Made(tmp_path, {P + "::png": "A"}, {P: ["A"]}).one("misnamed").grade == "proved"


@pytest.mark.parametrize(
    ("mangled", "rule"),
    [("a:b", "colon-truncate(::)"), ("a", "colon-truncate(:)"), ("c", "s3distcp-last-segment")],
)
def test_v10_the_right_separator_is_found(tmp_path: Path, mangled: str, rule: str) -> None:
    assert Made(tmp_path, {P + "a:b::c": "A"}, {P + mangled: ["A"]}).one("misnamed").rule == rule


def test_v12_a_separator_inside_a_key_is_one_key(tmp_path: Path) -> None:
    made = Made(tmp_path, {P + "a~b": "A"}, {})
    assert made.totals == {"missing": 1} and len(made.repair()[0]) == 1


def test_v13_a_legitimate_doubled_name_keeps_its_own_bytes(tmp_path: Path) -> None:
    made = Made(tmp_path, {"D/D/x": "A", "D/x": "BB"}, {"D/D/x": ["A", "BB"]})
    assert made.totals == {"differs": 1, "misnamed": 1}
    finding = made.one("misnamed")
    assert (finding.subject.version_id, finding.intended_key) == ("v2", "D/x")
    copies, deletes = made.repair()
    assert {(c.source.version_id, c.target_key) for c in copies} == {("v1", "D/D/x"), ("v2", "D/x")}
    assert [d.target.version_id for d in deletes] == ["v2"]


def test_v14_every_version_and_marker_of_a_wrong_name_goes(tmp_path: Path) -> None:
    history = ["A", "-", *["A"] * 600, "-", *["A"] * 599, "-"]
    made = Made(tmp_path, {P + "1::png": "A"}, {PP + "1": history})
    assert made.totals == {"misnamed": 1, "duplicate": 1199}
    copies, deletes = made.repair(include=frozenset({"duplicate"}))
    assert len(copies) == 1 and len(deletes) == 1203
    assert sum(step.is_marker for step in deletes) == 3
    copies, deletes = made.repair()
    assert len(copies) == len(deletes) == 1 and not deletes[0].is_marker


def test_markers_of_a_wrong_name_go_with_its_only_version(tmp_path: Path) -> None:
    made = Made(tmp_path, {P + "1::png": "A"}, {PP + "1": ["A", "-"]})
    assert made.totals == {"misnamed": 1}
    assert [step.is_marker for step in made.repair()[1]] == [False, True]


def test_markers_stay_when_a_version_under_them_stays(tmp_path: Path) -> None:
    made = Made(tmp_path, {P + "1::png": "A"}, {PP + "1": ["A", "BB", "-"]})
    _, deletes = made.repair()
    assert [step.target.version_id for step in deletes] == ["v1"]


def test_a_wrong_name_is_still_known_after_its_right_copy_exists(tmp_path: Path) -> None:
    right = {PP + "1": ["A"], P + "1::png": ["A"]}
    made = Made(tmp_path, {P + "1::png": "A"}, right)
    assert made.one("misnamed").intended_state == "same"
    copies, deletes = made.repair()
    assert not copies and [(d.needs, d.after_copy) for d in deletes] == [(P + "1::png", False)]


def test_hidden_objects_are_restored_from_their_own_version(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a/x": "A"}, {"a/x": ["BB", "A", "-"]})
    copies, deletes = made.repair()
    assert made.totals == {"missing": 1} and not deletes
    assert [(c.kind, c.source.version_id, c.expect) for c in copies] == [("restore", "v2", "absent")]


def test_junk_and_duplicates_need_to_be_included(tmp_path: Path) -> None:
    right = {"d/_SUCCESS": ["A"], "d/.distcp.tmp.attempt_1_m_1_0": ["A", "-"], "d/x": ["A", "A"]}
    made = Made(tmp_path, {"d/x": "A"}, right)
    assert made.totals == {"junk": 2, "duplicate": 1}
    assert made.repair() == ([], [])
    assert len(made.repair(include=frozenset({"junk"}))[1]) == 3
    assert [d.target.version_id for d in made.repair(include=frozenset({"duplicate"}))[1]] == ["v1"]


def test_rules_none_pairs_nothing(tmp_path: Path) -> None:
    made = Made(tmp_path, {P + "1::png": "A"}, {PP + "1": ["A"]}, rules="none")
    assert made.totals == {"missing": 1, "extra": 1}


def test_totals_add_up_to_both_listings(tmp_path: Path) -> None:
    made = Made(
        tmp_path, {**V3, "d/x": "A", "d/y": "BB"}, {PP + "1": ["BB", "A"], "d/x": ["A"], "d/z": ["A"]}
    )
    assert made.totals == {"misnamed": 2, "missing": 2, "extra": 1}
    assert {row.prefix: (row.missing, row.misnamed, row.extra) for row in made.prefixes} == {
        "d/": (1, 0, 1),
        "document123/0856/": (1, 0, 0),
        "document123/document123/": (0, 2, 0),
    }


def test_a_chance_fit_of_a_rare_rule_is_just_extra(tmp_path: Path) -> None:
    """`first-space` cuts `report final` to `report`; without any proof that is a coincidence."""
    assert Made(tmp_path, {"d/report final": "A"}, {"d/report": ["BB"]}).totals == {"missing": 1, "extra": 1}
    assert Made(tmp_path, {"d/report final": "A"}, {"d/report": ["A"]}).one("misnamed").grade == "proved"


def test_empty_objects_prove_no_rare_rule(tmp_path: Path) -> None:
    BYTES["EMPTY"], ETAG["EMPTY"] = b"", hashlib.md5(b"").hexdigest()
    assert Made(tmp_path, {"d/a b": "EMPTY"}, {"d/a": ["EMPTY"]}).totals == {"missing": 1, "extra": 1}
    trusted = Made(tmp_path, {"d/a b": "EMPTY", "d/x y": "A"}, {"d/a": ["EMPTY"], "d/x": ["A"]})
    assert trusted.totals == {"misnamed": 2}
