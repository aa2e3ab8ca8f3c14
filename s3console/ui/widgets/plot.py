"""Operations per second over time, in plain block characters."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from s3console.ui.display import Run, content, short_count

BLOCKS = " ▁▂▃▄▅▆▇█"
LABEL = 6
_SPANS = {15: "15 seconds", 60: "minute", 300: "5 minutes"}


def columns_of(rates: Sequence[float], width: int, span: int) -> list[float | None]:
    """`span` seconds ending now as `width` columns, each the mean of its seconds; None before the first."""
    out: list[float | None] = []
    for at in range(width):
        first, last = len(rates) - span + at * span // width, len(rates) - span + (at + 1) * span // width
        part = rates[max(0, first):max(first + 1, last)] if max(first + 1, last) > 0 else ()
        out.append(sum(part) / len(part) if part else None)
    return out


def span_of(rates: Sequence[float]) -> int:
    """The seconds that are drawn: a quarter of a minute, a minute, or five."""
    return next((span for span in (15, 60) if len(rates) <= span), 300)


def plot_lines(rates: Sequence[float], width: int, height: int, role: str) -> list[list[Run]]:
    """The lines of the plot: a scale on the left, one column for some seconds each."""
    room = max(8, width - LABEL)
    top = max([*rates, 1.0])
    bars = columns_of(rates, room, span_of(rates))
    lines: list[list[Run]] = []
    for row in range(height):
        label = short_count(round(top)) if row == 0 else "0" if row == height - 1 else ""
        low = height - 1 - row
        cells = []
        for value in bars:
            eighths = 0 if value is None else round(value / top * height * 8) - low * 8
            if low == 0 and value:
                eighths = max(1, eighths)
            cells.append(BLOCKS[max(0, min(8, eighths))])
        lines.append([(f"{label:>{LABEL - 1}} ", "faint"), ("".join(cells), role)])
    return lines


class Plot(Widget):
    """The rates of one job; `show` gives it others. Takes its height from the layout, the last line says
    what it spans."""

    DEFAULT_CSS = """
    Plot { height: 5; width: 1fr; padding: 0 1; background: $background; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.rates: Sequence[float] = ()
        self.role = "accent"

    def show(self, rates: Sequence[float], role: str) -> None:
        """Draw these rates, one per second, the newest last."""
        self.rates, self.role = rates, role
        self.refresh()

    def render(self) -> Content:
        width, height = self.content_size.width, self.content_size.height
        if not self.rates or height < 3:
            return content()
        lines = plot_lines(self.rates, width, height - 1, self.role)
        word = f"operations per second, last {_SPANS[span_of(self.rates)]}"
        under = f"{word:<{max(0, width - LABEL - 4)}} now"
        lines.append([(" " * LABEL, ""), (under[:width - LABEL], "faint")])
        runs: list[Run] = []
        for n, line in enumerate(lines):
            runs += [("\n" if n else "", ""), *line]
        return content(*runs)
