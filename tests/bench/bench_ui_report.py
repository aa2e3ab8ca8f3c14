"""RESULTS_UI.md from what bench_ui.py found."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("RESULTS_UI.md")
ROWS = (
    ("review, quiet", "review of {findings}, cursor down", ""),
    ("review, {workers} workers", "the same beside {workers} workers", "p99 50 ms, 150 MiB"),
    ("review, {workers} workers, page down", "the same, page down", ""),
    ("prefix, while it is listed", "prefix of {keys}, cursor down while it is listed", ""),
    ("prefix, quiet", "the same, quiet", ""),
    ("prefix, {workers} workers", "the same beside {workers} workers", "p99 50 ms, 150 MiB"),
    ("prefix, {workers} workers, page down", "the same, page down", ""),
    ("prefix, with a preview beside it", "the same, quiet, a preview of each key beside it", ""),
)
SINGLE = (
    ("review opened", "the review opens"),
    ("review, {workers} workers, to the end", "to its last row, beside {workers} workers"),
    ("review, back to the top", "and back to the top"),
    ("prefix opened", "the program starts and shows the first keys of the prefix"),
    ("prefix, filter of what is loaded", "five letters and the key of a filter over what is loaded"),
    ("prefix, jump by a server prefix", "a jump to a prefix of the store"),
)
HEAD = """# The console, measured

`python tests/bench/bench_ui.py --write` made this: the real program on a pty of 120x36, {cores} cores, Python
{python}, {day}. The load average was {before} before and {after} at the end; {workers} processes that
compute all the time run where they are named. CPU and memory are those of the console; a time counts from
the byte written to the pty until its answer was read back, and Textual paints at most 60 times a second.

First frame: {cpu_s} s of CPU, before boto3 is imported; the aim is 0.3 s. The smallest Textual program needs
{textual_cpu_s} s of CPU for its own.

| scenario | aim | CPU for a key | key to paint p50, p99 | written for a key | memory |
|---|---|---|---|---|---|
"""


def write(found: Mapping[str, Mapping[str, Any]], *, findings: int, keys: int, workers: int,
          before: float) -> None:
    """The tables; what was not measured has no row."""
    names = {"findings": f"{findings // 1_000_000}M findings", "keys": f"{keys // 1_000_000}M keys",
             "workers": workers}
    text = HEAD.format(
        cores=os.cpu_count(), python=platform.python_version(), day=f"{datetime.now(UTC):%Y-%m-%d}",
        before=f"{before:.1f}", after=f"{os.getloadavg()[0]:.1f}", workers=workers, **found["first frame"])
    for name, title, aim in ROWS:
        if (facts := found.get(name.format(**names))) is not None:
            last = f"{facts['p99_ms']:.0f} ms" if "p99_ms" in facts else f"at most {facts['max_ms']:.0f} ms"
            text += (f"| {title.format(**names)} | {aim} | {facts['cpu_ms_each']} ms "
                     f"| {facts['p50_ms']:.0f} ms, {last} | {facts['bytes_each']:,} bytes "
                     f"| {facts['rss_mib']} MiB |\n")
    text += "\n| once | time | memory |\n|---|---|---|\n"
    for name, title in SINGLE:
        if (facts := found.get(name.format(**names))) is not None:
            memory = f"{facts['rss_mib']} MiB" if "rss_mib" in facts else ""
            text += f"| {title.format(**names)} | {facts['seconds'] * 1000:.0f} ms | {memory} |\n"
    text += "\nProgress of a job, drawn a second of what its runner told (the aim is 5):\n\n"
    text += "| screen | told | drawn | of a core |\n|---|---|---|---|\n"
    for name, facts in found.items():
        if name.startswith("progress on "):
            text += (f"| {name.removeprefix('progress on ')} | {facts['told_per_s']} "
                     f"| {facts['drawn_per_s']} | {facts['cpu_percent']} % |\n")
    RESULTS.write_text(text, encoding="utf-8")
