"""The words of the time line on the demo: manifest, diff, plan restore, plan purge."""

from __future__ import annotations

from pathlib import Path

from conftest_words import THEN, Run

from s3console.cli.main import main


def test_a_manifest_in_every_format_compares_with_its_bucket(run: Run, tmp_path: Path) -> None:
    for kind in ("seed", "batch-operations", "jsonl", "parquet"):
        path = tmp_path / kind
        code, [made], said = run("manifest", "s3://site/", "--at", THEN, "-o", str(path), "--format", kind)
        assert (code, made["objects"], made["markers"]) == (0, 503, 20), said
        assert Path(made["markers_file"]).exists() and "Note: keys whose oldest" in said
        code, [review], _ = run("compare", f"manifest:{path}", "s3://site/", "--rules", "none")
        totals = review["totals"]
        assert (code, totals["missing"], totals["extra"]) == (1, 60, 8)
        settled = (428, 15, 0) if kind in ("jsonl", "parquet") else (0, 0, 443)
        assert (totals["same"], totals["differs"], totals["unknown"]) == settled
    code, _, said = run("plan", "repair", review["review"], "--prefix", "s3://site/")
    assert code == 5 and "list without bytes" in said
    code, [review], _ = run("compare", "s3://site/news/", f"manifest:{path}#news/")
    assert (code, review["totals"]["same"]) == (0, 120)
    code, _, said = run("plan", "repair", review["review"], "--prefix", "news/")
    assert code == 5 and "othing is written to a file" in said


def test_a_manifest_of_what_was_written_in_a_span(run: Run, tmp_path: Path) -> None:
    from s3console.listings.manifest import read_manifest

    whole, late, early = (tmp_path / name for name in ("whole", "late", "early"))
    assert run("manifest", "s3://site/", "-o", str(whole))[0] == 0
    _, [made], _ = run("manifest", "s3://site/", "-o", str(late), "--since", THEN)
    _, [old], _ = run("manifest", "s3://site/", "-o", str(early), "--at", THEN, "--since", THEN)
    rows = {row.key for row in read_manifest(whole)}
    assert 0 < made["objects"] < len(rows) and {row.key for row in read_manifest(late)} < rows
    assert old["objects"] == 0 and run("manifest", "s3://site/", "-o", str(late), "--since", "x")[0] == 2


def test_diff_counts_by_prefix_and_shows_keys(run: Run) -> None:
    code, rows, _ = run("diff", "s3://site/", "--from", THEN)
    assert code == 1 and rows[-1]["total"] is True
    for kind in ("added", "changed", "rewritten", "deleted"):
        assert rows[-1][kind] == sum(row[kind] for row in rows[:-1])
    code, each, _ = run("diff", "s3://site/", "--from", THEN, "--keys")
    total = sum(rows[-1][kind] for kind in ("added", "changed", "rewritten", "deleted"))
    assert (code, len(each)) == (1, total)
    assert {row["change"]: bool(row["after"]) for row in each} == {
        "added": True, "changed": True, "rewritten": True, "deleted": False}
    assert run("diff", "s3://site/news/", "--from", THEN)[0] == 0
    assert run("diff", "s3://site/", "--from", "soon")[0] == 2
    assert main(["diff", "s3://site/", "--from", THEN]) == 1


def test_plans_of_the_time_line(run: Run, tmp_path: Path) -> None:
    code, [plan], _ = run("plan", "restore", "s3://site/", "--at", THEN, "--created-later", "mark")
    assert (code, plan["reversible"], plan["restore"], plan["delete"]) == (0, True, 15, 68)
    code, [plan], _ = run("plan", "restore", "s3://site/", "--at", THEN, "--markers", "cover",
                          "--ignore", "[.]php$")
    assert (code, plan["delete"]) == (0, 0) and plan["restore"] == 60
    assert run("plan", "restore", "s3://site/")[0] == 2
    assert run("plan", "restore", "--at", THEN)[0] == 2
    assert run("plan", "restore", "--undo", plan["plan"], "s3://site/")[0] == 2
    assert run("plan", "restore", "s3://bucket1/", "--at", THEN)[0] == 5
    code, [plan], _ = run("plan", "purge", "s3://site/", "--keep", "1", "--older-than", "30d")
    assert code == 0 and not plan["reversible"] and plan["delete"] == plan["operations"]
    assert run("approve", plan["plan"])[0] == 5
    assert run("approve", plan["plan"], "--count", str(plan["delete"]))[0] == 0
    assert run("plan", "purge", "s3://site/")[0] == 2
    assert run("plan", "purge", "s3://site/", "--older-than", "soon")[0] == 2
    assert run("plan", "purge", "s3://site/", "--uploads")[:2] == (0, [])
