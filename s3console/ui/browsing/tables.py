"""CSV as columns: each as wide as its values need, numbers to the right."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from s3console.ui.display import Run, Runs, fit, key_runs, width_of

ROWS = 500
WIDEST = 32
_SAMPLE = 50


def _rows(text: str, kind: str, *, whole: bool) -> list[list[str]]:
    if not whole:
        # The range may have cut the last line in the middle.
        text = text[: text.rfind("\n") + 1] or text
    dialect: type[csv.Dialect] | csv.Dialect = csv.excel_tab if kind == "tsv" else csv.excel
    if kind != "tsv":
        try:
            dialect = csv.Sniffer().sniff(text[:4096], ",;\t|")
        except csv.Error:
            dialect = csv.excel
    out: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), dialect):
            if row:
                out.append(row)
            if len(out) > ROWS:
                break
    except csv.Error:
        return []
    return out


def _number(text: str) -> bool:
    return bool(text) and text.lstrip("+-").replace(".", "", 1).replace(",", "").isdigit()


def table_lines(text: str, kind: str, *, whole: bool, width: int) -> list[Runs]:
    """The rows in columns, the first as their heads; nothing when this is no table.

    Columns that do not fit into `width` cells are left out, and counted at the right of the heads.
    """
    rows = _rows(text, kind, whole=whole)
    if len(rows) < 2 or len(rows[0]) < 2:
        return []
    count = len(rows[0])
    padding = [""] * count
    cells = [[key_runs(value.strip(), "foreground") for value in [*row, *padding][:count]] for row in rows]
    wide = [min(WIDEST, max(width_of(row[n]) for row in cells[:_SAMPLE])) or 1 for n in range(count)]
    right = [all(_number(row[n].strip()) for row in rows[1:_SAMPLE] if n < len(row)) for n in range(count)]
    shown, used = 0, 0
    while shown < count and used + wide[shown] + 2 <= width:
        used += wide[shown] + 2
        shown += 1
    shown = max(1, shown)
    out: list[Runs] = []
    for at, row in enumerate(cells):
        role = "bold primary" if not at else ""
        line: list[Run] = []
        for n in range(shown):
            runs = [(part, role or given) for part, given in row[n]]
            line += [*fit(runs, wide[n], right=right[n], middle=False), ("  ", "")]
        if not at and shown < count:
            line.append((f"+{count - shown}", "faint"))
        out.append(line)
    return out


def columns_of(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> list[Runs]:
    """A small table of our own: heads, then lines, in the colours of a preview."""
    wide = [max(len(head), *(len(line[n]) for line in lines), 1) for n, head in enumerate(heads)]
    out: list[Runs] = [[(f"{head:<{wide[n]}}  ", "faint") for n, head in enumerate(heads)]]
    for line in lines:
        runs: list[Run] = []
        for n, value in enumerate(line):
            runs += fit(key_runs(value, "foreground" if not n else "muted"), wide[n])
            runs.append(("  ", ""))
        out.append(runs)
    return out
