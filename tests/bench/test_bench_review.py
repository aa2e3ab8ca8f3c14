"""A stored review of many findings opens at once and pages, filters and rolls up without being loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import bench_review
import pytest

QUICK = ("open", "first page", "page in the middle", "last page", "kind, middle", "prefix count",
         "prefix page", "prefix and kind", "roll up again")
"""What a screen waits for: CPU seconds below a fifth of one, whatever the size."""


def measured(findings: int) -> dict[str, Any]:
    done = subprocess.run([sys.executable, bench_review.__file__, str(findings)], capture_output=True,
                          text=True, timeout=1700, check=True)
    result: dict[str, Any] = json.loads(done.stdout.strip().split("\n")[-1])
    print(result)
    return result


def judged(result: dict[str, Any], findings: int) -> None:
    assert result["findings"] == findings and result["peak_mib"] < 150
    assert {name: result[name] for name in QUICK if result[name] > 0.2} == {}


def test_a_review_of_half_a_million_findings() -> None:
    judged(measured(500_000), 500_000)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_review_of_ten_million_findings() -> None:
    judged(measured(10_000_000), 10_000_000)
