"""A stored review of many findings: how long it takes to open, to page, to filter, to roll up.

    python tests/bench/bench_review.py [FINDINGS] [PREFIXES]

Prints one JSON object; times are CPU seconds of a fresh process, without importing pyarrow.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from s3console.core.model import KINDS, Finding, Place, PrefixTotals, ReviewHeader, Side, SideTotals
from s3console.store.home import Home
from s3console.store.reviews import Review, ReviewWriter

KINDS_IN = ("missing", "misnamed", "extra", "differs")


def key_of(number: int, findings: int, prefixes: int) -> str:
    folder = number * prefixes // findings
    return f"document{folder * 997 // prefixes:03d}/{folder:07d}/{number:010d}.jpg"


def finding(number: int, findings: int, prefixes: int) -> Finding:
    key = key_of(number, findings, prefixes)
    side = Side(key, 1024 + number % 999, f"{number * 2654435761 % 2**128:032x}", "2024-06-25T10:11:34.000Z")
    if number % 1_000_003 == 17:
        return Finding("junk", None, side, rule="distcp-temp")
    kind = KINDS_IN[number % 7 % 4]
    if kind == "missing":
        return Finding("missing", side, None, key, "absent")
    if kind == "misnamed":
        return Finding("misnamed", side, side, key + "::png", "absent", "colon-truncate(::)", "proved")
    return Finding(kind, None, side) if kind == "extra" else Finding(kind, side, side, key, "differs")


def make(home: Home, findings: int, prefixes: int) -> None:
    place = SideTotals(Place("bucket"), findings, complete=True)
    totals = dict.fromkeys(KINDS, 0)
    with ReviewWriter(home, "r20261121-000000-aaaa") as writer:
        for start in range(0, findings, 20_000):
            block = [finding(at, findings, prefixes) for at in range(start, min(start + 20_000, findings))]
            for one in block:
                totals[one.kind] += 1
            writer.add(block)
        writer.add_prefixes(_rows(findings, prefixes))
        writer.finish(ReviewHeader("r20261121-000000-aaaa", "2026-11-21T00:00:00Z", place, place,
                                   versions=False, same=0, totals=totals, rules=()))


def _rows(findings: int, prefixes: int) -> Iterator[PrefixTotals]:
    for folder in range(prefixes):
        name = f"document{folder * 997 // prefixes:03d}/{folder:07d}/"
        yield PrefixTotals(name, 5, 5, 2, 1, 1, 1, bytes=99)


def measure(home: Home) -> dict[str, Any]:
    """CPU seconds of what a screen asks."""
    times: dict[str, Any] = {}

    def lap(name: str, work: Callable[[], Any]) -> Any:
        begun = time.process_time()
        result = work()
        times[name] = round(time.process_time() - begun, 4)
        return result

    review = lap("open", lambda: Review.open(home, "r20261121"))
    total = lap("count", review.count)
    times["findings"] = total
    lap("first page", lambda: review.page(0, 50))
    lap("page in the middle", lambda: review.page(total // 2, 50))
    lap("last page", lambda: review.page(total - 50, 50))
    lap("kind, middle", lambda: review.page(total // 9, 50, kinds=["differs"]))
    lap("rare kind", lambda: review.page(0, 50, kinds=["junk"]))
    lap("prefix count", lambda: review.count("document500/"))
    lap("prefix page", lambda: review.page(100, 50, "document500/"))
    lap("prefix and kind", lambda: review.page(100, 50, "document500/", ["missing"]))
    times["rows"] = len(lap("roll up", lambda: review.prefixes(1)))
    lap("roll up again", lambda: review.prefixes(1))
    lap("roll up below", lambda: review.prefixes(1, "document500/"))
    times["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    # Nothing on a screen asks for every prefix of the deepest level at once.
    times["all rows"] = len(lap("roll up depth 2", lambda: review.prefixes(2)))
    times["peak_mib with all rows"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return times


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(Home.open(Path(sys.argv[2])))))
        return
    findings = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    prefixes = int(sys.argv[2]) if len(sys.argv) > 2 else findings // 20
    with tempfile.TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "home")
        begun = time.process_time()
        make(home, findings, prefixes)
        print(json.dumps({"made in CPU s": round(time.process_time() - begun, 1), "mib": sum(
            file.stat().st_size for file in home.reviews.rglob("*") if file.is_file()) >> 20}))
        subprocess.run([sys.executable, __file__, "--measure", str(home.path)], check=True)


if __name__ == "__main__":
    main()
