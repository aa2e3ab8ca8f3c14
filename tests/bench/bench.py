"""Measure s3console beside its peers: `make bench`, `make bench ARGS='--rows list,copy=50000'`.

Programs take turns within a round and rounds repeat, so that a busy moment of the machine hits all of
them; figures are medians. CPU is that of the whole process tree, requests are counted by the server.
Rows that are not measured this time stay in RESULTS.md as they were, with their own date and load.
"""

from __future__ import annotations

import argparse
import json
import os
import pstats
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import bench_faults
import bench_measure
import bench_page
from bench_measure import Cost, Server
from bench_model import Row, Run
from bench_peers import FLOOR, OURS, PACKAGES, REPOSITORY, Tool, environment, find_peers, floor, ours
from bench_rows import KINDS, MILLION, build
from bench_servers import Gateway, gateway, synthetic
from bench_table import Sample, best_peer, cells, summed_up, text_table, verdict

FAULTS = "faults"
NAMES = (*KINDS, FAULTS)
MEMORY_WANTED = 4 << 30
"""Bytes that must be free in memory for files to be downloaded there."""


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.py", description=__doc__)
    parser.add_argument("--rows", "--only", default="", metavar="ROW[=COUNT],...",
                        help=f"of {', '.join(NAMES)} (else all)")
    parser.add_argument("--keys", type=int, default=MILLION, help="scales the rows; a million leaves them")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of every row (else its own number)")
    parser.add_argument("--minutes", type=float, default=10.0, help="then no further round is begun")
    parser.add_argument("--programs", default="", help="programs, separated by commas (else all)")
    parser.add_argument("--no-peers", action="store_true", help="s3console alone")
    parser.add_argument("--no-install", action="store_true", help="use the peers that are there")
    parser.add_argument("--cache", type=Path, default=REPOSITORY / ".bench", help="peers and scratch files")
    parser.add_argument("--endpoint", default="", help="a synthetic server that runs already")
    parser.add_argument("--server-pid", type=int, default=0, help="its process, for its CPU")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where RESULTS.md is")
    parser.add_argument("--timeout", type=float, default=180.0, help="seconds for one run of one program")
    parser.add_argument("--profile", action="store_true", help="say where s3console spends its CPU instead")
    chosen = parser.parse_args(arguments)
    chosen.cache = chosen.cache.resolve()
    return chosen


def in_memory(name: str) -> Path | None:
    """A folder in memory for what is downloaded; None where there is no room for it.

    On ext4 a new file costs between 20 and 700 us of CPU, by how many others were deleted in the same group
    within the last seconds (fs/ext4/ialloc.c, recently_deleted): by the row before, for instance.
    """
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < MEMORY_WANTED:
        return None
    return memory / f"s3console-{name}"


class Bench:
    """One run of the benchmark: the programs, the servers, and a scratch folder that is emptied after use."""

    def __init__(self, chosen: argparse.Namespace, served: Server, tools: dict[str, Tool],
                 ceph: Gateway | str) -> None:
        self.chosen, self.served, self.tools, self.ceph = chosen, served, tools, ceph
        self.scratch = chosen.cache / f"work-{os.getpid()}"
        self._memory = in_memory(self.scratch.name)
        self._names = count(1)
        self._bucket: dict[int, str] = {}

    def command(self, words: Sequence[str], names: dict[str, str], endpoint: str) -> list[str]:
        filled = [word.format(**names) if "{" in word else word for word in words]
        tool = self.tools[filled[0]]
        before = ["--endpoint-url", endpoint] if filled[0] in ("s5cmd", "s4cmd", OURS) else []
        return [*tool.command, *before, *filled[1:]]

    def _place(self, row: Row, run: Run) -> tuple[str, dict[str, str], dict[str, str]]:
        """Endpoint, environment and names of one run."""
        name = f"{os.getpid()}{next(self._names)}"
        if not row.gateway:
            return self.served.endpoint, environment(self.served.endpoint), {"sink": f"syn-0-sink{name}"}
        assert isinstance(self.ceph, Gateway)
        sink = self.ceph.bucket(f"sink{name}", run.units if row.filled else 0)
        names = {"sink": sink}
        if not row.filled:
            if run.units not in self._bucket:
                self._bucket[run.units] = self.ceph.bucket(f"source{name}", run.units)
            names["bucket"] = self._bucket[run.units]
        return self.ceph.endpoint, environment(self.ceph.endpoint, self.ceph.keys), names

    def measure(self, row: Row, name: str, run: Run, *, profile: str = "") -> Sample:
        """All steps of one program at one row, and whether the work was done."""
        folder = self.scratch / f"{row.name}-{next(self._names)}"
        folder.mkdir(parents=True)
        target = (self._memory or folder) / f"target-{folder.name}"
        target.mkdir(parents=True)
        endpoint, environ, names = self._place(row, run)
        names["folder"] = str(target)
        environ |= {"S3CONSOLE_HOME": str(folder / "home"), "HOME": str(folder),
                    "PYTHONPATH": str(REPOSITORY)}
        for step, words in enumerate(run.before):
            out = folder / f"before{step}"
            bench_measure.run(self.command(words, names, endpoint), environ=environ, folder=folder, out=out,
                              timeout=self.chosen.timeout)
            if words[0] == OURS and "--json" in words:
                names |= {key: str(value) for key, value in last_record(out).items()}
        self.served.forget()
        busy = self.served.cpu() if self.served.pid else 0.0
        total, out, wrong = Cost(0.0, 0.0, 0, 0), folder / "out", ""
        try:
            for step, words in enumerate(run.steps):
                out = folder / f"out{step}"
                command = self.command(words, names, endpoint)
                if profile:
                    script = str(Path(__file__).with_name("bench_profile.py"))
                    command[1:3] = [script, f"{profile}.{step}"]
                total = total.plus(bench_measure.run(command, environ=environ, folder=folder, out=out,
                                                     timeout=self.chosen.timeout))
                last = step == len(run.steps) - 1
                if total.status not in (run.status if last else (0,)):
                    wrong = f"step {step + 1} {ended(total, self.chosen.timeout, out)}"
                    break
                if not last:
                    names |= {key: str(value) for key, value in last_record(out).items()}
            requests = self.served.requests()
            busy = self.served.cpu() - busy if self.served.pid else 0.0
            wrong = wrong or check(run, out, requests)
            times = told_times(out) if name == OURS and not wrong else ()
            return Sample(row.name, name, run.units, total, requests, busy, wrong, times)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(self._memory or target, ignore_errors=True)

    def rounds(self, rows: Sequence[Row]) -> list[Sample]:
        """Every program at every row, in turn, as often as the row has rounds and while there is time."""
        samples: list[Sample] = []
        begun = time.monotonic()
        wanted = {row.name: self.chosen.rounds or KINDS[row.name].rounds for row in rows}
        for number in range(max(wanted.values(), default=0)):
            for row in rows:
                if number >= wanted[row.name]:
                    continue
                if number and time.monotonic() - begun > self.chosen.minutes * 60:
                    print(f"no time for round {number + 1} of {row.name}", file=sys.stderr)
                    continue
                runs = [(name, run) for name, run in row.runs.items()
                        if isinstance(run, Run) and name.split()[0] in self.tools
                        and (run.rounds is None or number < run.rounds)]
                shift = number % max(1, len(runs))
                for name, run in runs[shift:] + runs[:shift]:
                    sample = self.measure(row, name, run)
                    samples.append(sample)
                    each = sample.cost.cpu / run.units * 1e6
                    print(f"round {number + 1} {row.name:12} {name:18} {each:10.2f} us"
                          f" {sample.cost.wall:8.2f} s {sample.wrong}", file=sys.stderr, flush=True)
        return samples


def ended(cost: Cost, timeout: float, out: Path) -> str:
    """How a step ended that should have ended otherwise."""
    if cost.status == -9 and cost.wall > timeout * 0.9:
        return f"was killed after {timeout:.0f} s"
    said = Path(f"{out}.err").read_text(errors="replace").strip().split("\n")[-1][:160]
    return f"ended with {cost.status}: {said}"


def last_record(out: Path) -> dict[str, object]:
    """The last line of a file of JSON lines, or the file as one object."""
    text = out.read_text().strip()
    found = json.loads(text if text.count("\n{") == 0 else text.rsplit("\n", 1)[1])
    return dict(found)


def told_times(out: Path) -> tuple[float, ...]:
    """The milliseconds that half and 99 of 100 operations of a job took; nothing for other output."""
    with out.open("rb") as file:
        file.seek(max(0, out.stat().st_size - 65_536))
        tail = file.read()
    if b'"p99_ms"' not in tail:
        return ()
    record = last_record(out)
    job = record.get("job")
    record = job if isinstance(job, dict) else record
    times = [record.get("p50_ms"), record.get("p99_ms")]
    return tuple(float(one) for one in times if isinstance(one, int | float))


def check(run: Run, out: Path, requests: dict[str, int]) -> str:
    """What is wrong with the result of a run; "" when all that is known about it holds."""
    if run.lines is not None:
        with out.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        if lines != run.lines:
            return f"{lines:,} lines where {run.lines:,} are right"
    for name, wanted in run.requests.items():
        if requests.get(name, 0) != wanted:
            return f"{requests.get(name, 0):,} {name} where {wanted:,} are right"
    if run.fields:
        record = last_record(out)
        for path, right in run.fields.items():
            found: object = record
            for part in path.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            if found != right:
                return f"{path} is {found} where {right} is right"
    return ""


def report(rows: Sequence[Row], samples: Sequence[Sample], tools: dict[str, Tool], missing: dict[str, str],
           began: dict[str, float]) -> tuple[str, bench_page.Page]:
    """The table for a terminal, and what is new for RESULTS.md."""
    table, verdicts, facts = [], [], []
    day, load = f"{datetime.now(UTC):%Y-%m-%d}", f"{began['load']:.1f} to {os.getloadavg()[0]:.1f}"
    for row in rows:
        lines = [summed_up(found) for name in row.runs
                 if (found := [one for one in samples if (one.row, one.program) == (row.name, name)])]
        lines.sort(key=lambda line: line.measured_by(row))
        rounds = max((sum((one.row, one.program) == (row.name, line.program) for one in samples)
                      for line in lines), default=0)
        table += cells(row, lines)
        said = verdict(row, lines) if best_peer(row, lines) else ""
        verdicts += [said] if said else []
        facts.append((row.name, row.title, f"{day}, {rounds} rounds", load, said.partition(": ")[2]))
    absent = {name: f"missing, {why}" for name, why in missing.items()}
    versions = {tool.name: tool.version.removeprefix(f"{tool.name} ") for tool in tools.values()}
    text = "\n".join([text_table(table), "", *verdicts, *(f"{name}: {why}" for name, why in absent.items())])
    machine = {"machine": f"{os.cpu_count()} cores, Linux {os.uname().release}"}
    return text, bench_page.Page(machine | versions | absent, tuple(table), tuple(facts), {})


def show_profiles(bench: Bench, rows: Sequence[Row]) -> None:
    """Where s3console's own CPU goes, by function, all threads together."""
    bench.scratch.mkdir(parents=True, exist_ok=True)
    for row in rows:
        run = row.runs.get(OURS)
        if not isinstance(run, Run):
            continue
        stem = str(bench.scratch / f"profile-{row.name}")
        sample = bench.measure(row, OURS, run, profile=stem)
        print(f"\n## {row.title}: {sample.cost.cpu:.1f} s of CPU under the profiler {sample.wrong}")
        for step in range(len(run.steps)):
            stats = pstats.Stats(f"{stem}.{step}", stream=sys.stdout)
            stats.sort_stats("tottime").print_stats(30)


def asked_rows(chosen: argparse.Namespace, host: str) -> tuple[list[Row], range]:
    """The rows that were asked for, and at which pages there are faults."""
    asked: dict[str, int | None] = {}
    for word in filter(None, chosen.rows.split(",")):
        name, equal, number = word.partition("=")
        if name not in NAMES or (equal and not number.isdigit()):
            raise SystemExit(f"no such row: {word}; there are {', '.join(NAMES)}")
        asked[name] = int(number) if equal else None
    asked = asked or dict.fromkeys(NAMES)
    rows = [build(name, host, keys=chosen.keys, count=number) for name, number in asked.items()
            if name != FAULTS]
    most = asked.get(FAULTS, 0)
    pages = range(2, 3) if most is None else range(1, min(most, bench_faults.PAGES) + 1)
    return rows, pages


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    asked_rows(chosen, "")
    began = {"load": os.getloadavg()[0], "time": time.monotonic()}
    with ExitStack() as open_ones:
        served = open_ones.enter_context(synthetic(chosen.endpoint, chosen.server_pid))
        tools, missing = {OURS: ours()}, {}
        if not chosen.no_peers and not chosen.profile:
            found = find_peers(chosen.cache, served.endpoint, install=not chosen.no_install)
            missing = {name: tool.lacks for name, tool in found.items() if tool.lacks}
            tools |= {name: tool for name, tool in found.items() if not tool.lacks} | {FLOOR: floor()}
        if chosen.programs:
            tools = {name: tool for name, tool in tools.items() if name in chosen.programs.split(",")}
        assert set(missing) <= set(PACKAGES)
        rows, faults = asked_rows(chosen, served.endpoint.removeprefix("http://"))
        ceph: Gateway | str = ""
        if any(row.gateway for row in rows):
            ceph = open_ones.enter_context(gateway())
        if isinstance(ceph, str):
            missing |= {"Ceph": ceph} if ceph else {}
            rows = [row for row in rows if not row.gateway]
        # From here on every process that is left behind is waited for: the servers must run already.
        bench_measure.adopt_orphans()
        bench = Bench(chosen, served, tools, ceph)
        try:
            if chosen.profile:
                show_profiles(bench, rows)
                return 0
            samples = bench.rounds(rows)
            table = bench_faults.table(bench.scratch, served, tools, faults) if faults else ""
        finally:
            shutil.rmtree(bench.scratch, ignore_errors=True)
        text, page = report(rows, samples, tools, missing, began)
        page.sections.update({bench_faults.HEADING: table} if table else {})
        print(text, table, sep="\n\n")
        print(f"{time.monotonic() - began['time']:.0f} s", file=sys.stderr)
        save(chosen, page, samples)
        return 1 if any(one.wrong and one.program == OURS for one in samples) else 0


def save(chosen: argparse.Namespace, page: bench_page.Page, samples: Sequence[Sample]) -> None:
    """Put the new figures into RESULTS.md, and every sample into a file beside the peers."""
    chosen.out.mkdir(parents=True, exist_ok=True)
    results = chosen.out / "RESULTS.md"
    results.write_text(bench_page.text(bench_page.merged(bench_page.read(results), page, list(KINDS))))
    chosen.cache.mkdir(parents=True, exist_ok=True)
    (chosen.cache / "last.json").write_text(json.dumps([asdict(one) for one in samples], indent=1))


if __name__ == "__main__":
    sys.exit(main())
