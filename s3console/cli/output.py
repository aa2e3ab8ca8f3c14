"""Where words write: JSON or text tables on stdout, sentences and progress on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from s3console.core.errors import Incomplete
from s3console.core.keys import printable

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size_text(count: int) -> str:
    """Bytes for a person, in powers of 1,024: `419.85 TiB`."""
    value, unit = float(count), 0
    while abs(value) >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{count:,} B" if unit == 0 else f"{value:,.2f} {_UNITS[unit]}"


def money_text(amount: float) -> str:
    """US dollars; below a cent, the digits that matter."""
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    if amount >= 0.01 or amount == 0:
        return f"{sign}${amount:,.2f}"
    return f"{sign}${amount:.2g}" if amount >= 0.0001 else f"{sign}under $0.0001"


def counted(number: int, noun: str) -> str:
    """`1 plan`, `2 plans`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sentence_text(sentence: str) -> str:
    """A sentence that may quote printable text already: what could steer a terminal is escaped, but
    backslashes stay as they are."""
    if sentence.isascii() and sentence.isprintable():
        return sentence
    return "".join(char if char in " \\" else printable(char) for char in sentence)


def table_lines(head: Sequence[str], rows: Iterable[Sequence[str | int]], *,
                window: int = 500) -> Iterator[str]:
    """Aligned columns: numbers to the right with thousands, text to the left through `printable`.

    Widths are settled window by window, so that a long listing starts at once and stays bounded.
    """
    block: list[tuple[str, ...]] = []
    right: list[bool] = []
    first = True
    for row in rows:
        right = [isinstance(cell, int) for cell in row]
        block.append(tuple(f"{cell:,}" if isinstance(cell, int) else printable(cell) for cell in row))
        if len(block) >= window:
            yield from _aligned(head if first else None, block, right)
            block, first = [], False
    if block or first:
        yield from _aligned(head if first else None, block, right or [False] * len(head))


def _aligned(
    head: Sequence[str] | None, rows: Sequence[Sequence[str]], right: Sequence[bool]
) -> Iterator[str]:
    shown = ([tuple(head)] if head else []) + list(rows)
    widths = [min(max(len(row[at]) for row in shown), 80) for at in range(len(right))]
    for row in shown:
        cells = (cell.rjust(width) if to_right else cell.ljust(width)
                 for cell, width, to_right in zip(row, widths, right, strict=True))
        yield "  ".join(cells).rstrip()


class Output:
    """The two streams of one call. With `as_json` nothing but JSON reaches stdout."""

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool, color: bool, verbose: int = 0,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._err, self._clock = out, err, clock
        self.as_json, self.verbose = as_json, verbose
        self._bold = color and out.isatty()
        self._live = err.isatty()
        self._drawn, self._last = 0, float("-inf")

    def record(self, record: Mapping[str, Any]) -> None:
        """One JSON object on a line of its own."""
        self._write(json.dumps(record, ensure_ascii=True, allow_nan=False) + "\n")

    def lines(self, text: str) -> None:
        """JSON objects that were written out before, each with its line break."""
        self._write(text)

    def line(self, text: str) -> None:
        """One line of text on stdout; the caller made it printable."""
        self.clear()
        self._write(text + "\n")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
        """A text table on stdout."""
        self.clear()
        for number, line in enumerate(table_lines(head, rows)):
            self._write(f"\x1b[1m{line}\x1b[0m\n" if self._bold and number == 0 else line + "\n")

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Named facts, one below the other; the caller made what is foreign in them printable."""
        self.clear()
        shown = [(name, sentence_text(value)) for name, value in facts]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self._write(f"{name.ljust(width)}  {value}\n")

    def say(self, sentence: str) -> None:
        """A sentence on stderr."""
        self.clear()
        self._err.write(sentence_text(sentence) + "\n")
        self._err.flush()

    def detail(self, sentence: str) -> None:
        """A sentence that is only said with -v."""
        if self.verbose:
            self.say(sentence)

    def progress(self, text: Callable[[], str]) -> None:
        """Redraw the one progress line, at most ten times a second and only on a terminal."""
        now = self._clock()
        if not self._live or now - self._last < 0.1:
            return
        self._last = now
        line = sentence_text(text())[:118]
        self._err.write("\r" + line.ljust(self._drawn))
        self._err.flush()
        self._drawn = len(line)

    def clear(self) -> None:
        """Take the progress line away."""
        if self._drawn:
            self._err.write("\r" + " " * self._drawn + "\r")
            self._err.flush()
            self._drawn = 0

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
        except OSError as error:
            raise _unwritable(error) from error

    def flush(self) -> None:
        """Hand everything on. Raises Incomplete when stdout cannot take it, BrokenPipeError when its
        reader went away."""
        self.clear()
        try:
            self._out.flush()
        except OSError as error:
            raise _unwritable(error) from error


def _unwritable(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return error
    return Incomplete("the output could not be written", where=error.strerror or "stdout",
                      next_step="Free some space where stdout goes and run the same command again")


def bar(done: int, total: int, width: int = 24) -> str:
    """`[######......]`; nothing planned is a full bar."""
    filled = width if total <= 0 else min(width, width * done // total)
    return "[" + "#" * filled + "." * (width - filled) + "]"


def open_output(*, as_json: bool, no_color: bool, verbose: int) -> Output:
    """The streams of this process; what a terminal cannot encode is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    return Output(sys.stdout, sys.stderr, as_json=as_json, color=not no_color, verbose=verbose)
