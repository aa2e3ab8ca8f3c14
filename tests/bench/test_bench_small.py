"""The benchmark itself at a tiny size, without peers: every row runs and every known answer is right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bench
import pytest
from bench_measure import Cost
from bench_rows import ROWS, Row, Run
from bench_table import Sample, summed_up, verdict
from conftest_servers import S3Server

SCRIPT = Path(bench.__file__)


def test_every_row_runs_and_is_right(synthetic: S3Server, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--keys", "2000", "--rounds", "1", "--no-peers", "--cache",
         str(tmp_path / "cache"), "--out", str(tmp_path), "--endpoint", synthetic.endpoint_url],
        capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    samples = json.loads((tmp_path / "cache" / "last.json").read_text())
    ours = {name for name in ROWS if isinstance(ROWS[name](2000, "").runs["s3console"], Run)}
    assert {one["row"] for one in samples} == ours
    assert not [one["wrong"] for one in samples if one["wrong"]]
    assert all(one["cost"]["cpu"] > 0.05 and one["cost"]["rss"] > 10 * 2**20 for one in samples)
    page = (tmp_path / "RESULTS.md").read_text()
    assert "WRONG" not in page
    assert all(f"* **{name}**" in page for name in ROWS)
    assert not list((tmp_path / "cache").glob("work-*")), "the scratch folder stays"


@pytest.mark.parametrize("run", [
    Run(1, (), lines=3), Run(1, (), requests={"COPY": 9}), Run(1, (), fields={"totals.missing": 4})])
def test_wrong_answers_are_seen(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    out.write_text('{"totals": {"missing": 5}}\n')
    assert bench.check(run, out, {"COPY": 8})


def test_a_wrong_peer_is_no_measure() -> None:
    row = Row("list", "", "key", {}, target=0.25)

    def line(program: str, cpu: float, wrong: str = "") -> Sample:
        return Sample("list", program, 1_000_000, Cost(cpu, cpu, 1, 0), {}, 0.0, wrong)

    samples = [line("s3console", 5.0), line("s5cmd", 24.0), line("rclone", 1.0, "0 lines"),
               line("(floor)", 0.5)]
    lines = [summed_up([sample]) for sample in samples]
    assert verdict(row, lines) == "list: 0.208 of the CPU of s5cmd, at most 0.250 wanted: met"
    assert verdict(row, [summed_up([line("s3console", 7.0)]), lines[1]]).endswith("MISSED")
