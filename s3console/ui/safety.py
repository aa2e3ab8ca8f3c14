"""The net under every line that goes to the terminal.

Texts from S3 become displayable in `display`; this filter catches what slipped through: a control
byte, a C1 control, a bidi override or a surrogate in any segment of any widget is replaced by `?`
in as many cells as it had, so that no key can steer the terminal of the operator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\uf8ff\ufe00-\ufe0f\ufeff"
    "\ufff0-\ufffb\ufffe\uffff\U0001f1e6-\U0001f1ff\U000e0000-\U0010ffff]"
)


def _same_width(match: re.Match[str]) -> str:
    return "?" * max(0, cell_len(match[0]))


def plain_line(text: str) -> str:
    """The text with everything that could steer a terminal replaced: for lines printed after the screen."""
    return _UNSAFE.sub(lambda m: " " if m[0] in "\n\t" else "?", text)


class TerminalSafeFilter(LineFilter):
    """Replaces what must never reach a terminal; about 3 µs for a clean line."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        search = _UNSAFE.search
        if not any(search(text) for text, _, _ in segments):
            return segments
        return [
            Segment(_UNSAFE.sub(_same_width, text), style, control) if search(text)
            else Segment(text, style, control)
            for text, style, control in segments
        ]


_ASCII = str.maketrans({
    "○": "o", "●": "*", "≠": "#", "✓": "v", "×": "x", "·": ".", "…": "~", "→": ">", "▌": "|", "◐": "%",
    "━": "=", "╸": "-", "─": "-", "│": "|", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "┃": "|",
    "“": '"', "”": '"', "▸": ">", "▁": "_", "▂": ".", "▃": ":", "▄": ":", "▅": "|", "▆": "|", "▇": "#",
    "█": "#", "‖": "=", "⊘": "-",
})


def wants_ascii(environ: Mapping[str, str]) -> bool:
    """ASCII marks when asked for (`S3CONSOLE_ASCII=1`) or on the Linux text console."""
    return environ.get("S3CONSOLE_ASCII", "") not in ("", "0") or environ.get("TERM") == "linux"


class AsciiFilter(LineFilter):
    """Draws our own marks and borders in ASCII, for terminals where they are ambiguous in width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text if text.isascii() else text.translate(_ASCII), style, control)
            for text, style, control in segments
        ]
