"""RESULTS.md: rows measured now replace their older selves, all others stay with their own date and load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_table import HEAD, markdown

ROW_HEAD = ("row", "what", "measured", "load", "verdict")
TITLE = "# Benchmark"
_INTRO = (
    "Written by `make bench`. CPU is user and system time of the whole process tree, on the synthetic server "
    "of tests/servers/synth over loopback (rows `ceph-*`: a real Ceph gateway); requests are counted by "
    "the synthetic server. Figures are medians of interleaved rounds. (floor) only takes the pages off the "
    "socket, one after another. Shares are of the CPU of the cheapest peer, or of wall time where the remark "
    "says so; in rows named latency they are of the wall time of (floor).")


@dataclass(frozen=True, slots=True)
class Page:
    """What RESULTS.md holds: `programs` by name, a line of `table` per row and program, a line of `rows`
    per row, and other `sections` by their headings."""

    programs: dict[str, str]
    table: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    sections: dict[str, str]


def _cells(lines: Iterable[str], width: int) -> tuple[tuple[str, ...], ...]:
    split = [tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in lines
             if line.startswith("| ")]
    return tuple(cells for cells in split[2:] if len(cells) == width)


def read(path: Path) -> Page:
    """An earlier page; an empty one where there is none or it is of another form."""
    parts: dict[str, str] = {}
    if path.exists():
        for part in path.read_text().split("\n## ")[1:]:
            heading, _, text = part.partition("\n")
            parts[heading] = text.strip()
    programs = dict(line[2:].split(": ", 1) for line in parts.pop("Programs", "").split("\n") if ": " in line)
    table = _cells(parts.pop("Figures", "").split("\n"), len(HEAD))
    rows = _cells(parts.pop("Rows", "").split("\n"), len(ROW_HEAD))
    return Page(programs, table, rows, parts)


def merged(old: Page, new: Page, order: Sequence[str]) -> Page:
    """Both, where they tell of the same row the new one; rows that no longer exist are dropped."""
    renewed = {line[0] for line in new.rows}
    place = {name: at for at, name in enumerate(order)}
    table = [line for line in old.table if line[0] not in renewed and line[0] in place] + list(new.table)
    rows = [line for line in old.rows if line[0] not in renewed and line[0] in place] + list(new.rows)
    return Page(old.programs | new.programs, tuple(sorted(table, key=lambda line: place[line[0]])),
                tuple(sorted(rows, key=lambda line: place[line[0]])), old.sections | new.sections)


def text(page: Page) -> str:
    """The page as it is written."""
    parts = [f"{TITLE}\n\n{_INTRO}",
             "## Programs\n\n" + "\n".join(f"* {name}: {said}" for name, said in page.programs.items()),
             "## Rows\n\n" + markdown(page.rows, ROW_HEAD), "## Figures\n\n" + markdown(page.table)]
    parts += [f"## {heading}\n\n{said}" for heading, said in page.sections.items()]
    return "\n\n".join(parts) + "\n"
