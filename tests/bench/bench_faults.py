"""What programs delete when a listing breaks: two equal buckets, one of which answers a page wrongly.

Nothing differs between the buckets, so every delete is wrong and every copy needless. s5cmd and rclone
mirror one bucket to the other as they are told to; s3console compares and is then asked for a plan with
all deletes that it has. On the synthetic server, where writes are answered and forgotten.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import bench_measure
from bench_measure import Server
from bench_peers import OURS, REPOSITORY, Tool, environment
from bench_table import markdown

HEADING = "Faults"
HEAD = ("program", "page faults", "said done", "deleted", "copied", "without an end")
FAULTS = ("throttle", "refuse", "html", "blank", "torn", "early", "again", "drop")
PAGES = 4
KEYS = 1000 * PAGES
_PATIENCE, _OURS = 4.0, 60.0
"""Seconds after which a peer, told to repeat once, and s3console, which repeats as ever, have no end."""
PEERS: Mapping[str, tuple[str, ...]] = {
    "s5cmd": ("--retry-count", "1", "sync", "--delete", "s3://{left}/*", "s3://{right}/"),
    "rclone": ("sync", "-v", "--retries", "1", "--low-level-retries", "1", "--fast-list", "--size-only",
               "syn:{left}", "syn:{right}"),
}
_DELETED = re.compile(rb"^rm s3://|: Deleted$", re.MULTILINE)


def cases(pages: Sequence[int]) -> list[tuple[str, str]]:
    """Left and right of every run: each fault at each of these pages (from 1) of either side."""
    good = f"syn-{KEYS}-d1"
    bad = [f"{good}-{fault}{page}" for fault in FAULTS for page in pages if (fault, page) != ("early", PAGES)]
    return [(name, good) for name in bad] + [(good, name) for name in bad]


class Sweep:
    """The counts of one program over all cases."""

    def __init__(self, folder: Path, served: Server, tool: Tool) -> None:
        self.folder, self.served, self.tool = folder, served, tool
        self.counts: Counter[str] = Counter()

    def _call(self, words: list[str]) -> tuple[int, bytes]:
        """Exit code and everything that was said; -9 when there was no end."""
        out = self.folder / "out"
        environ = environment(self.served.endpoint) | {
            "S3CONSOLE_HOME": str(self.folder / "home"), "HOME": str(self.folder),
            "PYTHONPATH": str(REPOSITORY)}
        before = ["--endpoint-url", self.served.endpoint] if self.tool.name != "rclone" else []
        cost = bench_measure.run([*self.tool.command, *before, *words], environ=environ, folder=self.folder,
                                 out=out, timeout=_OURS if self.tool.name == OURS else _PATIENCE)
        return cost.status, out.read_bytes() + b"\n" + Path(f"{out}.err").read_bytes()

    def run(self, left: str, right: str) -> None:
        """One case."""
        self.served.forget()
        self.counts["page faults"] += 1
        if self.tool.name == OURS:
            self._ours(left, right)
        else:
            words = [word.format(left=left, right=right) for word in PEERS[self.tool.name]]
            status, said = self._call(words)
            self.counts["said done"] += status == 0
            self.counts["without an end"] += status == -9
            self.counts["deleted"] += len(_DELETED.findall(said))
        self.counts["copied"] += self.served.requests().get("COPY", 0)

    def _ours(self, left: str, right: str) -> None:
        status, said = self._call(["--json", "compare", "--fresh", f"s3://{left}", f"s3://{right}"])
        self.counts["without an end"] += status == -9
        self.counts["said done"] += status in (0, 1)
        if status not in (0, 1, 4) or not (found := re.search(rb'"review": ?"([^"]+)"', said)):
            return
        status, said = self._call(["--json", "plan", "repair", found[1].decode(), "--prefix", f"s3://{right}/",
                                   "--include", "duplicate", "--include", "junk"])
        if status == 0:
            plan = json.loads(said[:said.rindex(b"}") + 1])
            self.counts["deleted"] += plan["delete"]
            self.counts["copied"] += plan["copy"]


def sweep(folder: Path, served: Server, tool: Tool, pages: Sequence[int]) -> Counter[str]:
    """Run one program through all cases of these pages; `adopt_orphans()` must have been called."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    swept = Sweep(folder, served, tool)
    for left, right in cases(pages):
        swept.run(left, right)
    return swept.counts


def table(scratch: Path, served: Server, tools: Mapping[str, Tool], pages: Sequence[int] = (2,)) -> str:
    """The section of RESULTS.md; programs that are missing are named."""
    rows: list[tuple[str, ...]] = []
    for name in (OURS, *PEERS):
        if name not in tools:
            rows.append((name, "is missing", *("",) * (len(HEAD) - 2)))
            continue
        counts = sweep(scratch / f"faults-{os.getpid()}", served, tools[name], pages)
        rows.append((name, *(f"{counts[column]:,}" for column in HEAD[1:])))
    return (f"Two equal buckets of {KEYS:,} keys; every fault ({', '.join(FAULTS)}) at page "
            f"{', '.join(map(str, pages))} of {PAGES} of either side. Each delete is wrong, each copy "
            "needless. `early` (a page that says that it is the last) "
            "cannot be seen in the page itself: s3console asks behind it.\n\n" + markdown(rows, HEAD))
