"""The filter above the findings: all, or one kind; each with its mark, its word and its count."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from s3console.core.model import KINDS, Kind, PrefixTotals
from s3console.ui.comparing.rows import COUNTED
from s3console.ui.display import KIND_GLYPHS, Run, content, short_count, width_of


class KindChips(Widget):
    """One line (two where it is narrow). `kind` None means all."""

    DEFAULT_CSS = """
    KindChips { height: auto; max-height: 3; width: 1fr; padding: 0 1; margin: 0 0 1 0;
                background: $background; }
    """
    ROLES: ClassVar[dict[str, str]] = {}

    class Chosen(Message):
        """A chip was clicked."""

        def __init__(self, kind: Kind | None) -> None:
            super().__init__()
            self.kind = kind

    def __init__(self) -> None:
        super().__init__(id="chips")
        self.totals = PrefixTotals("")
        self.kind: Kind | None = None
        self.ignored = 0
        self._spots: list[tuple[int, int, int, Kind | None]] = []

    def show(self, totals: PrefixTotals, kind: Kind | None, ignored: int = 0) -> None:
        """Show other counts or another choice; `ignored` is how many of them are set aside."""
        self.totals, self.kind, self.ignored = totals, kind, ignored
        self.refresh(layout=True)

    def choices(self) -> list[Kind | None]:
        """All, then the kinds that are there, in the order of the chips."""
        return [None, *(kind for kind in COUNTED if getattr(self.totals, kind))]

    def step(self, by: int) -> Kind | None:
        """The choice that many chips further."""
        choices = self.choices()
        at = choices.index(self.kind) if self.kind in choices else 0
        return choices[(at + by) % len(choices)]

    def render(self) -> Content:
        width, runs, x, y = self.content_size.width, [], 0, 0
        out: list[Run] = []
        self._spots = []
        for kind in self.choices():
            number = getattr(self.totals, kind) if kind else sum(getattr(self.totals, k) for k in KINDS)
            here = "bold underline " if kind == self.kind else ""
            if kind is None:
                runs = [("all", f"{here}foreground"), (f" {short_count(number)}", "muted")]
            else:
                runs = [(f"{KIND_GLYPHS[kind]} ", kind), (kind, here + kind),
                        (f" {short_count(number)}", "muted")]
            need = width_of(runs)
            if x and x + 2 + need > width:
                out.append(("\n", ""))
                x, y = 0, y + 1
            elif x:
                out.append(("  ", ""))
                x += 2
            self._spots.append((y, x, x + need, kind))
            out += runs
            x += need
        if self.ignored:
            word = f"⊘ ignored {short_count(self.ignored)}"
            out += [("\n" if x + 2 + len(word) > width else "  ", ""), (word, "faint")]
        return content(*out)

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset_capture(self)
        for y, start, end, kind in self._spots:
            if offset.y == y and start <= offset.x < end:
                self.post_message(self.Chosen(kind))
