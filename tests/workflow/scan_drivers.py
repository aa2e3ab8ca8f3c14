"""Comparisons in a process of their own, driven and killed by a test; and what their reviews hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from s3console.config import load_config
from s3console.core.model import Finding, Place, PrefixTotals, ReviewHeader
from s3console.store.reviews import Review
from s3console.workflow.desk import Desk, open_desk, parse_place

ROOT = Path(__file__).resolve().parents[2]


class Child:
    """One comparison at a time in a process of its own."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.state, self._endpoint, self._trace = folder / "state", endpoint, folder / "trace"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("scan_child.py"))], text=True, cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)})

    def start(self, *, versions: bool, save_every: float = 0.0, left: str = "one", right: str = "two") -> int:
        """Begin a comparison; returns its process id."""
        self._trace.unlink(missing_ok=True)
        assert self._process.stdin and self._process.stdout
        order = {"endpoint": self._endpoint, "state": str(self.state), "trace": str(self._trace),
                 "left": f"s3://{left}/", "right": f"s3://{right}/", "versions": "yes" if versions else "no",
                 "save_every": str(save_every)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        """Wait for the end; returns the status as wait(2) does."""
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def told(self) -> list[list[Any]]:
        """[phase, resumed, reached, CPU seconds] so far."""
        if not self._trace.exists():
            return []
        return [json.loads(line) for line in self._trace.read_text().splitlines() if line.endswith("]")]

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(120)


def desk_of(endpoint: str, state: Path) -> Desk:
    return open_desk(load_config({"endpoint_url": endpoint, "state_dir": str(state)}, {}))


def places(desk: Desk, left: str = "one", right: str = "two") -> tuple[Place, Place]:
    return (parse_place(f"s3://{left}/", desk.config.left), parse_place(f"s3://{right}/", desk.config.right))


Contents = tuple[list[Finding], list[PrefixTotals], ReviewHeader]


def contents(desk: Desk, review: str) -> Contents:
    """All that a review says, but for its name, its time and how many requests it took."""
    with Review.open(desk.home, review) as opened:
        found = [finding for block in opened.findings(counted_only=False) for finding in block]
        header = opened.header
        sides = [replace(side, requests=0) for side in (header.left, header.right)]
        return found, opened.prefixes(depth=3), replace(
            header, review="", created="", notes=(), left=sides[0], right=sides[1])


def rows_of(desk: Desk, review: str) -> dict[str, bytes]:
    """The files of a review that hold its rows, byte by byte."""
    files = sorted((desk.home.reviews / review).glob("*.parquet"))
    assert files
    return {file.name: file.read_bytes() for file in files}
