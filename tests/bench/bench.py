"""Measure s3console beside its peers on the synthetic S3: `make bench`, `make bench ARGS='--keys 200000'`.

Programs take turns within a round and rounds repeat, so that a busy moment of the machine hits all of
them; figures are medians. CPU is that of the whole process tree, requests are counted by the server.
"""

from __future__ import annotations

import argparse
import json
import os
import pstats
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import bench_measure
from bench_measure import Cost, Server
from bench_peers import FLOOR, OURS, PACKAGES, REPOSITORY, Tool, environment, find_peers, floor, ours
from bench_rows import ROWS, Row, Run
from bench_table import Sample, best_peer, cells, markdown, summed_up, text_table, verdict

SCRIPTS = REPOSITORY / "tests" / "servers"


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.py", description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys of a listing; the rest scales")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(ROWS), help="rows, separated by commas")
    parser.add_argument("--programs", default="", help="programs, separated by commas (else all)")
    parser.add_argument("--no-peers", action="store_true", help="s3console alone")
    parser.add_argument("--no-install", action="store_true", help="use the peers that are there")
    parser.add_argument("--cache", type=Path, default=REPOSITORY / ".bench", help="peers and scratch files")
    parser.add_argument("--endpoint", default="", help="a synthetic server that runs already")
    parser.add_argument("--server-pid", type=int, default=0, help="its process, for its CPU")
    parser.add_argument("--out", type=Path, default=None, help="where RESULTS.md goes (else here)")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for one run of one program")
    parser.add_argument("--profile", action="store_true", help="say where s3console spends its CPU instead")
    return parser.parse_args(arguments)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(chosen: argparse.Namespace) -> Iterator[Server]:
    """The server that was named, or one of our own on a free port."""
    if chosen.endpoint:
        yield Server(chosen.endpoint, chosen.server_pid)
        return
    folder = Path(tempfile.mkdtemp(prefix="synth-"))
    try:
        with (folder / "start.log").open("wb") as log:
            done = subprocess.run([str(SCRIPTS / "start-synth-s3.sh"), str(folder), str(free_port())],
                                  stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise SystemExit((folder / "start.log").read_text().strip())
        facts = dict(line.split("=", 1) for line in (folder / "env").read_text().split())
        yield Server(facts["S3_ENDPOINT"], int((folder / "pid").read_text()))
    finally:
        subprocess.run([str(SCRIPTS / "stop-pid.sh"), str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


class Bench:
    """One run of the benchmark: the programs, the server, and a scratch folder that is emptied after use."""

    def __init__(self, chosen: argparse.Namespace, served: Server, tools: dict[str, Tool]) -> None:
        self.chosen, self.served, self.tools = chosen, served, tools
        self.scratch = chosen.cache / f"work-{os.getpid()}"
        self._names = count(1)
        self._environ = environment(served.endpoint) | {"PYTHONPATH": str(REPOSITORY)}

    def command(self, words: Sequence[str], names: dict[str, str]) -> list[str]:
        filled = [word.format(**names) if "{" in word else word for word in words]
        tool = self.tools[filled[0]]
        before = ["--endpoint-url", self.served.endpoint] if filled[0] in ("s5cmd", "s4cmd", OURS) else []
        return [*tool.command, *before, *filled[1:]]

    def measure(self, row: Row, name: str, run: Run, *, profile: str = "") -> Sample:
        """All steps of one program at one row, and whether the work was done."""
        folder = self.scratch / f"{row.name}-{next(self._names)}"
        (folder / "target").mkdir(parents=True)
        names = {"sink": f"syn-0-sink{os.getpid()}{next(self._names)}", "folder": str(folder / "target")}
        environ = self._environ | {"S3CONSOLE_HOME": str(folder / "home"), "HOME": str(folder)}
        self.served.forget()
        busy = self.served.cpu() if self.served.pid else 0.0
        total, out, wrong = Cost(0.0, 0.0, 0, 0), folder / "out", ""
        try:
            for step, words in enumerate(run.steps):
                out = folder / f"out{step}"
                command = self.command(words, names)
                if profile:
                    script = str(Path(__file__).with_name("bench_profile.py"))
                    command[1:3] = [script, f"{profile}.{step}"]
                total = total.plus(bench_measure.run(command, environ=environ, folder=folder, out=out,
                                                     timeout=self.chosen.timeout))
                last = step == len(run.steps) - 1
                if total.status not in (run.status if last else (0,)):
                    said = Path(f"{out}.err").read_text(errors="replace").strip().split("\n")[-1][:160]
                    wrong = f"step {step + 1} ended with {total.status}: {said}"
                    break
                if not last:
                    names |= {key: str(value) for key, value in last_record(out).items()}
            requests = self.served.requests()
            busy = self.served.cpu() - busy if self.served.pid else 0.0
            wrong = wrong or check(run, out, requests)
            return Sample(row.name, name, run.units, total, requests, busy, wrong)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def rounds(self, rows: Sequence[Row]) -> list[Sample]:
        """Every program at every row, in turn, as often as there are rounds."""
        samples = []
        for number in range(self.chosen.rounds):
            for row in rows:
                runs = [(name, run) for name, run in row.runs.items()
                        if isinstance(run, Run) and name.split()[0] in self.tools]
                shift = number % max(1, len(runs))
                for name, run in runs[shift:] + runs[:shift]:
                    sample = self.measure(row, name, run)
                    samples.append(sample)
                    each = sample.cost.cpu / run.units * 1e6
                    print(f"round {number + 1} {row.name:9} {name:18} {each:10.2f} us"
                          f" {sample.cost.wall:8.2f} s {sample.wrong}", file=sys.stderr, flush=True)
        return samples


def last_record(out: Path) -> dict[str, object]:
    """The last line of a file of JSON lines, or the file as one object."""
    text = out.read_text().strip()
    found = json.loads(text if text.count("\n{") == 0 else text.rsplit("\n", 1)[1])
    return dict(found)


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


def report(chosen: argparse.Namespace, rows: Sequence[Row], samples: Sequence[Sample], tools: dict[str, Tool],
           missing: dict[str, str]) -> tuple[str, str]:
    """The table for a terminal, and RESULTS.md."""
    table, verdicts = [], []
    for row in rows:
        lines = [summed_up(found) for name in row.runs
                 if (found := [one for one in samples if (one.row, one.program) == (row.name, name)])]
        lines.sort(key=lambda line: line.measured_by(row))
        table += cells(row, lines)
        if best_peer(row, lines):
            verdicts.append(verdict(row, lines))
    verdicts = [said for said in verdicts if said]
    absent = [f"{name}: missing, {why}" for name, why in missing.items()]
    versions = [tool.version if tool.name in tool.version else f"{tool.name} {tool.version}"
                for tool in tools.values()]
    text = "\n".join([text_table(table), "", *verdicts, *absent])
    titles = [f"* **{row.name}**: {row.title}." for row in rows]
    facts = [f"* {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the "
             f"end, {chosen.keys:,} keys, {chosen.rounds} rounds, medians", "* " + "; ".join(versions), *(
                 f"* {line}" for line in absent)]
    page = "\n".join([
        "# Benchmark", "", "Written by `make bench`. CPU is user and system time of the whole process tree, "
        "on the synthetic server of tests/servers/synth over loopback; requests are counted by the server. "
        "(floor) only takes the pages off the socket.", "", *facts, "", markdown(table), "",
        *(f"* {said}" for said in verdicts), "", "Rows:", "", *titles, ""])
    return text, page


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


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    unknown = set(chosen.only.split(",")) - set(ROWS)
    if unknown:
        raise SystemExit(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    with server(chosen) as served:
        tools = {OURS: ours()}
        missing: dict[str, str] = {}
        if not chosen.no_peers and not chosen.profile:
            found = find_peers(chosen.cache, served.endpoint, install=not chosen.no_install)
            missing = {name: tool.lacks for name, tool in found.items() if tool.lacks}
            tools |= {name: tool for name, tool in found.items() if not tool.lacks} | {FLOOR: floor()}
        if chosen.programs:
            tools = {name: tool for name, tool in tools.items() if name in chosen.programs.split(",")}
        assert set(missing) <= set(PACKAGES)
        host = served.endpoint.removeprefix("http://")
        rows = [ROWS[name](chosen.keys, host) for name in chosen.only.split(",")]
        bench_measure.adopt_orphans()
        bench = Bench(chosen, served, tools)
        try:
            if chosen.profile:
                show_profiles(bench, rows)
                return 0
            start = time.monotonic()
            samples = bench.rounds(rows)
        finally:
            shutil.rmtree(bench.scratch, ignore_errors=True)
        text, page = report(chosen, rows, samples, tools, missing)
        print(text)
        print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
        folder = chosen.out or Path(__file__).parent
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "RESULTS.md").write_text(page)
        chosen.cache.mkdir(parents=True, exist_ok=True)
        (chosen.cache / "last.json").write_text(json.dumps([asdict(one) for one in samples], indent=1))
        return 1 if any(one.wrong and one.program == OURS for one in samples) else 0


if __name__ == "__main__":
    sys.exit(main())
