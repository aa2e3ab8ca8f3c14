"""How facts become text on a screen: the only place where an S3 key turns into something displayed.

A text is a list of runs `(text, role)`. A role is a few words: attributes (`bold`, `underline`) and
the name of a theme colour (`missing`, `faint`). Runs never go through markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from rich.cells import cell_len
from textual.content import Content

from s3console.core.keys import printable, printable_runs

Run = tuple[str, str]
Runs = Sequence[Run]

KIND_GLYPHS = {
    "missing": "○", "misnamed": "~", "differs": "≠", "extra": "+", "unknown": "?", "junk": "×",
    "duplicate": "=",
}
"""The mark of each kind of finding; its role has the name of the kind, and its word always goes with it."""

_ESCAPES = re.compile(r"\\\\|\\x..|\\u....|\\U........|.")
_BREAKS = re.compile(r"[^/ ]*/|[^/ ]+| ")
_ATTRIBUTES = frozenset({"bold", "dim", "italic", "underline", "reverse", "strike", "on", "not"})


@lru_cache(512)
def css_style(role: str) -> str:
    """The style words Textual parses for a role: `bold missing` becomes `bold $missing`, `#rrggbb` stays."""
    return " ".join(word if word in _ATTRIBUTES or word[0] == "#" else f"${word}" for word in role.split())


def content(*runs: Run | str) -> Content:
    """Runs as Textual `Content`, for everything that is not a table cell."""
    return Content.assemble(
        *(run if isinstance(run, str) else (run[0], css_style(run[1])) for run in runs)
    )


def key_runs(text: str, role: str = "foreground") -> list[Run]:
    """A key (or any text that came from a store) as runs; what had to be escaped stands out."""
    return [(part, "escape" if escaped else role) for part, escaped in printable_runs(text)]


def path_runs(key: str, role: str = "foreground", directory: str = "faint") -> list[Run]:
    """A key with its directories in the quiet colour and its name in the loud one.

    The key is escaped as a whole: escaping the two parts on their own would lose that different
    keys look different.
    """
    shown = printable(key)
    cut = shown.rstrip("/").rfind("/") + 1
    runs: list[Run] = []
    for part, escaped in printable_runs(key):
        left, right = part[: max(0, cut)], part[max(0, cut):]
        cut -= len(part)
        runs.extend((text, "escape" if escaped else quiet)
                    for text, quiet in ((left, directory), (right, role)) if text)
    return runs


def key_content(text: str, role: str = "foreground") -> Content:
    """A key as Textual `Content`."""
    return content(*key_runs(text, role))


def message_text(text: str) -> str:
    """A sentence that may carry foreign words (an error of the store) as one safe line."""
    return printable(text)


def width_of(runs: Iterable[Run]) -> int:
    """Cells the runs take."""
    return sum(len(text) if text.isascii() else cell_len(text) for text, _ in runs)


def _tokens(runs: Runs) -> list[tuple[str, str, int]]:
    out: list[tuple[str, str, int]] = []
    for text, role in runs:
        if role == "escape":
            out.extend((piece, role, len(piece)) for piece in _ESCAPES.findall(text))
        else:
            out.extend((c, role, cell_len(c)) for c in text)
    return out


def split_runs(runs: Runs) -> list[Run]:
    """Runs in the pieces at which a line may be broken: after `/`, at spaces, and whole escapes."""
    out: list[Run] = []
    for text, role in runs:
        if role == "escape":
            out.extend((piece, role) for piece in _ESCAPES.findall(text))
            continue
        for piece in _BREAKS.findall(text):
            out.extend((piece[i:i + 16], role) for i in range(0, len(piece), 16))
    return out


def _joined(tokens: Iterable[tuple[str, str, int]]) -> list[Run]:
    out: list[Run] = []
    for text, role, _ in tokens:
        if out and out[-1][1] == role:
            out[-1] = (out[-1][0] + text, role)
        else:
            out.append((text, role))
    return out


def _take(tokens: Sequence[tuple[str, str, int]], room: int) -> list[tuple[str, str, int]]:
    taken = []
    for token in tokens:
        if token[2] > room:
            break
        room -= token[2]
        taken.append(token)
    return taken


def elide(runs: Runs, width: int, *, middle: bool = True, ellipsis: str = "…") -> list[Run]:
    """Runs cut to at most `width` cells; in the middle the tail is kept, because a key ends in its name.

    An escape such as `\\x1b` is never cut in two, and no combining mark is left without its letter.
    """
    if width_of(runs) <= width:
        return list(runs)
    if width <= 1:
        return [(ellipsis[:width], "faint")] if width == 1 else []
    tokens = _tokens(runs)
    room = width - 1
    tail_room = (room * 2 + 2) // 3 if middle else 0
    head = _take(tokens, room - tail_room)
    tail = _take(tokens[::-1], tail_room)[::-1]
    while tail and tail[0][2] == 0:
        tail.pop(0)
    return _joined([*head, (ellipsis, "faint", 1), *tail])


def fit(runs: Runs, width: int, *, right: bool = False, middle: bool = False) -> list[Run]:
    """Runs made exactly `width` cells wide."""
    used = width_of(runs)
    if used > width:
        runs = elide(runs, width, middle=middle)
        used = width_of(runs)
    if used == width:
        return list(runs)
    pad = (" " * (width - used), "")
    return [pad, *runs] if right else [*runs, pad]


def size_text(size: int) -> str:
    """A size in bytes for a list: `512 B`, `42.1 KiB`, `118 KiB`."""
    if size < 1024:
        return f"{size} B"
    import humanize

    text = str(humanize.naturalsize(size, binary=True, format="%.1f"))
    number, _, unit = text.partition(" ")
    return f"{float(number):.0f} {unit}" if float(number) >= 100 else text


def exact(number: int) -> str:
    """A count with its thousands: `1,298,044`."""
    return f"{number:,}"


def short_count(number: int) -> str:
    """A count in at most five cells: `999`, `12.0k`, `841k`, `5.21M`."""
    if number < 1000:
        return str(number)
    value = float(number)
    for unit in ("k", "M", "G", "T"):
        value /= 1000
        if value < 999.5:
            return f"{value:.3g}{unit}" if value >= 100 else f"{value:#.3g}{unit}"
    return f"{value:.0f}P"


def count_runs(number: int, role: str) -> list[Run]:
    """A count in its role; zero is a faint dot, so that what is wrong stands out."""
    return [(short_count(number), role)] if number else [("·", "faint")]


def plural(number: int, one: str, many: str = "") -> str:
    """`1 key`, `3 keys`, `1,204 versions`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def time_text(stamp: str, *, seconds: bool = False) -> str:
    """An ISO 8601 UTC stamp for a list: `2024-06-25 10:11`."""
    text = stamp.replace("T", " ")
    return text[:19] if seconds else text[:16]


def ago(stamp: str, now: datetime) -> str:
    """How long ago a stamp was, in one unit: `4s`, `12m`, `2h`, `3d`."""
    try:
        then = datetime.fromisoformat(stamp)
    except ValueError:
        return ""
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return duration(max(0.0, (now - then).total_seconds()))


def duration(seconds: float) -> str:
    """`4s`, `1m 02s`, `2h 05m`, `3d 04h`."""
    total = int(seconds)
    if total < 60:
        return f"{total}s"
    if total < 3600:
        return f"{total // 60}m {total % 60:02d}s"
    if total < 86400:
        return f"{total // 3600}h {total % 3600 // 60:02d}m"
    return f"{total // 86400}d {total % 86400 // 3600:02d}h"


def money(dollars: float) -> str:
    """Dollars with as many digits as the amount deserves: `$0.0002`, `$8.65`, `$10,799`."""
    if dollars == 0:
        return "$0"
    if abs(dollars) < 0.00005:
        return "< $0.0001"
    if abs(dollars) < 0.1:
        return f"${dollars:.4f}"
    return f"${dollars:,.2f}" if abs(dollars) < 1000 else f"${dollars:,.0f}"


def kind_runs(kind: str, *, word: bool = True) -> list[Run]:
    """Glyph and word of a kind of finding in its colour."""
    glyph = KIND_GLYPHS.get(kind, "?")
    return [(f"{glyph} {kind}" if word else glyph, kind)]


def bar_runs(fraction: float, width: int, role: str) -> list[Run]:
    """A thin progress line of `width` cells in the colour of the operation."""
    filled = max(0.0, min(1.0, fraction)) * width
    whole = int(filled)
    half = 1 if filled - whole >= 0.5 else 0
    return [("━" * whole + "╸" * half, role), ("━" * (width - whole - half), "rule")]
