"""The figures as one table, for a terminal and for RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench_measure import Cost
from bench_model import Row
from bench_peers import FLOOR, OURS

HEAD = ("row", "program", "units", "CPU us/unit", "spread", "wall s", "p50/p99 ms", "peak MiB", "requests",
        "server CPU s", "share of best peer", "remark")


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one program at one row. `wrong` says what the check found; `times` are the
    milliseconds that half and 99 of 100 operations stayed below, where the program tells."""

    row: str
    program: str
    units: int
    cost: Cost
    requests: Mapping[str, int]
    server_cpu: float
    wrong: str = ""
    times: tuple[float, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Line:
    """Medians over the rounds of one program at one row."""

    program: str
    units: int
    per_unit: float
    spread: float
    wall: float
    rss: int
    requests: Mapping[str, int]
    server_cpu: float
    wrong: str
    times: tuple[float, ...]

    def measured_by(self, row: Row) -> float:
        return self.wall / self.units if row.by_wall else self.per_unit


def summed_up(samples: Sequence[Sample]) -> Line:
    each = [sample.cost.cpu / sample.units * 1e6 for sample in samples]
    middle = median(each)
    times = [sample.times for sample in samples if sample.times]
    return Line(
        samples[0].program, samples[0].units, middle, (max(each) - min(each)) / middle if middle else 0.0,
        median(sample.cost.wall for sample in samples), max(sample.cost.rss for sample in samples),
        samples[-1].requests, median(sample.server_cpu for sample in samples),
        next((sample.wrong for sample in samples if sample.wrong), ""),
        tuple(map(median, zip(*times, strict=True))))


def best_peer(row: Row, lines: Iterable[Line]) -> Line | None:
    """The cheapest peer whose answer was right; at a row with latency the serial reader."""
    peers = [line for line in lines if line.program != OURS and not line.wrong
             and (line.program == FLOOR) == row.serial]
    return min(peers, key=lambda line: line.measured_by(row), default=None)


def _requests(counts: Mapping[str, int]) -> str:
    return " ".join(f"{name}:{count:,}" for name, count in sorted(counts.items()))


def verdict(row: Row, lines: Sequence[Line]) -> str:
    """Where s3console stands at the row; "" where nothing can be said."""
    own = next((line for line in lines if line.program == OURS), None)
    peer = best_peer(row, lines)
    if own is None or peer is None or own.wrong:
        return ""
    share = own.measured_by(row) / peer.measured_by(row)
    what = "wall" if row.by_wall else "CPU"
    if row.serial:
        said = f"{row.name}: {1 / share:.1f} times as fast as a serial reader"
        wanted = f", at least {1 / row.target:.0f} wanted" if row.target else ""
    else:
        said = f"{row.name}: {share:.3f} of the {what} of {peer.program}"
        wanted = f", at most {row.target:.3f} wanted" if row.target else ""
    if wanted and row.target:
        said += f"{wanted}: {'met' if share <= row.target else 'MISSED'}"
    return said


def cells(row: Row, lines: Sequence[Line]) -> list[tuple[str, ...]]:
    peer = best_peer(row, lines)
    out = []
    for line in lines:
        share = f"{line.measured_by(row) / peer.measured_by(row):.3f}" if peer else ""
        remark = f"WRONG: {line.wrong}" if line.wrong else "by wall time" if row.by_wall else ""
        times = "/".join(f"{one:,.1f}" for one in line.times)
        out.append((row.name, line.program, f"{line.units:,}", f"{line.per_unit:,.2f}", f"{line.spread:.0%}",
                    f"{line.wall:.2f}", times, f"{line.rss / 2**20:,.0f}", _requests(line.requests),
                    f"{line.server_cpu:.2f}", share, remark))
    measured = {line.program for line in lines}
    out += [(row.name, name, *("",) * (len(HEAD) - 3), run) for name, run in row.runs.items()
            if isinstance(run, str) and name not in measured and name != FLOOR]
    return out


def text_table(rows: Sequence[Sequence[str]], head: Sequence[str] = HEAD) -> str:
    widths = [max(len(line[at]) for line in (head, *rows)) for at in range(len(head))]
    left = {"row", "program", "requests", "remark"}

    def aligned(line: Sequence[str]) -> str:
        sides = (cell.ljust(width) if name in left else cell.rjust(width)
                 for name, cell, width in zip(head, line, widths, strict=True))
        return "  ".join(sides).rstrip()

    return "\n".join(aligned(line) for line in (head, *rows))


def markdown(rows: Sequence[Sequence[str]], head: Sequence[str] = HEAD) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)
