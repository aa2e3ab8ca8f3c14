"""The benchmark itself at a tiny size, without peers: every row runs and every known answer is right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bench
import bench_page
import pytest
from bench_measure import Cost
from bench_model import Row, Run
from bench_rows import KINDS, build
from bench_table import HEAD, Sample, summed_up, verdict
from conftest_servers import S3Server
from conftest_synth import alone as alone

SCRIPT = Path(bench.__file__)
HERE = [name for name in KINDS
        if not name.startswith(("ceph-", "purge-", "download-"))
        and not name.endswith(("ms", "-time", "-dirs"))]
"""The rows without a second server; others of a family are built by the same function."""


def run(folder: Path, endpoint: str, rows: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--keys", "2000", "--rounds", "1", "--no-peers", "--timeout", "300",
         "--cache",
         str(folder / "cache"), "--out", str(folder), "--endpoint", endpoint, "--rows", rows],
        capture_output=True, text=True, timeout=1000, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, object]] = json.loads((folder / "cache" / "last.json").read_text())
    return found


@pytest.mark.timeout(1500)
def test_every_row_runs_and_is_right(alone: S3Server, tmp_path: Path) -> None:
    samples = run(tmp_path, alone.endpoint_url, ",".join(HERE))
    ours = {name for name in HERE if isinstance(build(name, "", keys=2000).runs["s3console"], Run)}
    assert {one["row"] for one in samples} == ours
    assert not [one["wrong"] for one in samples if one["wrong"]]
    assert all(one["cost"]["cpu"] > 0.05 and one["cost"]["rss"] > 10 * 2**20 for one in samples)  # type: ignore[index]
    assert all(one["times"] for one in samples if one["row"] == "copy")
    page = (tmp_path / "RESULTS.md").read_text()
    assert "WRONG" not in page
    assert all(f"\n| {name} | " in page for name in ours)
    assert not list((tmp_path / "cache").glob("work-*")), "the scratch folder stays"
    before = bench_page.read(tmp_path / "RESULTS.md")
    run(tmp_path, alone.endpoint_url, "start,list=500")
    after = bench_page.read(tmp_path / "RESULTS.md")
    assert [line[:3] for line in after.table if line[:2] == ("list", "s3console")] == [
        ("list", "s3console", "500")]
    kept = {line for line in before.table if line[0] not in ("start", "list")}
    assert kept == {line for line in after.table if line[0] not in ("start", "list")}
    assert [line[0] for line in after.rows] == [line[0] for line in before.rows]


@pytest.mark.parametrize("name", KINDS)
def test_every_row_names_every_program(name: str) -> None:
    row = build(name, "host", keys=1000)
    assert row.name == name and {"s3console", "s5cmd", "rclone", "aws", "s4cmd"} <= set(row.runs)


@pytest.mark.parametrize("run", [
    Run(1, (), lines=3), Run(1, (), requests={"COPY": 9}), Run(1, (), fields={"totals.missing": 4})])
def test_wrong_answers_are_seen(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    out.write_text('{"totals": {"missing": 5}}\n')
    assert bench.check(run, out, {"COPY": 8})


def test_a_run_without_an_end_is_killed_and_said_so(tmp_path: Path) -> None:
    out = tmp_path / "out"
    Path(f"{out}.err").write_text("")
    assert bench.ended(Cost(0.1, 5.1, 1, -9), 5.0, out) == "was killed after 5 s"


def line(program: str, cpu: float, wrong: str = "", wall: float | None = None) -> Sample:
    return Sample("list", program, 1_000_000, Cost(cpu, cpu if wall is None else wall, 1, 0), {}, 0.0, wrong)


def test_a_wrong_peer_is_no_measure() -> None:
    row = Row("list", "", "key", {}, target=0.25)
    samples = [line("s3console", 5.0), line("s5cmd", 24.0), line("rclone", 1.0, "0 lines"),
               line("(floor)", 0.5)]
    lines = [summed_up([sample]) for sample in samples]
    assert verdict(row, lines) == "list: 0.208 of the CPU of s5cmd, at most 0.250 wanted: met"
    assert verdict(row, [summed_up([line("s3console", 7.0)]), lines[1]]).endswith("MISSED")


def test_latency_is_measured_by_the_serial_reader() -> None:
    row = Row("latency-hex", "", "key", {}, by_wall=True, target=0.05, serial=True)
    lines = [summed_up([line("s3console", 9.0, wall=2.5)]), summed_up([line("(floor)", 1.0, wall=60.0)]),
             summed_up([line("rclone", 1.0, wall=2.0)])]
    said = "latency-hex: 24.0 times as fast as a serial reader, at least 20 wanted: met"
    assert verdict(row, lines) == said


def test_a_page_reads_back_and_drops_rows_that_are_gone(tmp_path: Path) -> None:
    cells = ("x",) * (len(HEAD) - 2)
    old = bench_page.Page({"s5cmd": "v1", "aws": "2"}, (("list", "s5cmd", *cells), ("gone", "s5cmd", *cells)),
                          (("list", "a", "b", "c", "d"), ("gone", "a", "b", "c", "d")), {"Faults": "many"})
    file = tmp_path / "RESULTS.md"
    file.write_text(bench_page.text(old))
    assert bench_page.read(file) == old
    new = bench_page.Page({"s5cmd": "v2"}, (("compare", "s5cmd", *cells),), (("compare", *"abcd"),), {})
    both = bench_page.merged(old, new, ["compare", "list"])
    assert both.programs == {"s5cmd": "v2", "aws": "2"} and both.sections == {"Faults": "many"}
    assert [one[0] for one in both.rows] == [one[0] for one in both.table] == ["compare", "list"]
