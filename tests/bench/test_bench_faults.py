"""Every fault at every page of either side, on the synthetic server: what s3console, s5cmd and rclone do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bench
import bench_faults
import pytest
from conftest_servers import S3Server


def test_the_cases_are_every_fault_at_every_page_of_either_side() -> None:
    pages = range(1, bench_faults.PAGES + 1)
    found = bench_faults.cases(pages)
    early = 2  # the last page may well say that it is the last
    assert len(set(found)) == len(found) == len(bench_faults.FAULTS) * bench_faults.PAGES * 2 - early


@pytest.mark.parametrize(("said", "count"), [
    (b"rm s3://a/b\nrm s3://a/c\ncp s3://a/b s3://c/d\n", 2),
    (b"2026/11/21 10:00:00 INFO  : document000/1.jpg: Deleted\n2026 INFO  : x: Copied (new)\n", 1), (b"", 0)])
def test_deletes_are_counted(said: bytes, count: int) -> None:
    assert len(bench_faults._DELETED.findall(said)) == count


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_nothing_is_deleted_whatever_breaks(synthetic: S3Server, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, bench.__file__, "--rows", f"faults={bench_faults.PAGES}", "--no-install", "--out",
         str(tmp_path), "--endpoint", synthetic.endpoint_url], capture_output=True, text=True, timeout=1100,
        check=False)
    assert done.returncode == 0, done.stderr
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.split("\n")
             if line.startswith("| ")]
    rows = {line[0]: line[1:] for line in lines}
    for name, cells in rows.items():
        print(name, *cells)
    cases, said_done, deleted, copied, endless = map(int, rows["s3console"])
    # Asked behind, both a page that says that it is the last and a last page with its token again end truly.
    early, again = 2 * (bench_faults.PAGES - 1), 2
    assert (said_done, deleted, copied, endless) == (early + again, 0, 0, 0) and cases == 62
