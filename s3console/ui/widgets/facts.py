"""Facts: labels in one quiet column, values beside it, long values wrapped under themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.app import RenderResult
from textual.geometry import Size
from textual.widget import Widget

from s3console.ui.display import Run, Runs, content, split_runs, width_of

Fact = tuple[str, Runs]
"""A label and its value. An empty label goes on under the label before it."""


def wrapped(runs: Runs, width: int) -> Iterator[list[Run]]:
    """Runs in lines of at most `width` cells, broken after `/` or a space where one is near the end."""
    line: list[Run] = []
    room = width
    for text, role in split_runs(runs):
        need = width_of([(text, role)])
        if need > room and line:
            yield line
            line, room = [], width
            if text == " ":
                continue
        line.append((text, role))
        room -= need
    yield line


class Facts(Widget):
    """A block of facts. `label` is the width of the label column; `last` says that nothing comes below it,
    so that it may keep the height of a longer block before."""

    DEFAULT_CSS = """
    Facts { height: auto; width: 1fr; background: $background; }
    """

    def __init__(self, facts: Sequence[Fact] = (), *, label: int = 10, last: bool = False,
                 id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.last = last
        self.facts = facts
        self.label = label

    def update(self, facts: Sequence[Fact]) -> None:
        """Show other facts. Only another number of lines is a matter of layout, which costs the whole
        screen."""
        self.facts = facts
        width, height = self.content_size
        self.refresh(layout=not width or self._moves(len(self.lines(width)), height))

    def _moves(self, lines: int, height: int) -> bool:
        """Whether so many lines are a matter of layout. Nobody sees that the last block is too high, as long
        as there is nothing to scroll."""
        if self.last and isinstance(self.parent, Widget) and height <= self.parent.size.height:
            return lines > height
        return lines != height

    def lines(self, width: int) -> list[list[Run]]:
        """The lines as they are drawn."""
        out: list[list[Run]] = []
        for label, runs in self.facts:
            room = max(8, width - self.label)
            for n, line in enumerate(wrapped(runs, room)):
                head = f"{label:<{self.label}}" if n == 0 else " " * self.label
                out.append([(head, "faint"), *line])
        return out

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.lines(width))

    def render(self) -> RenderResult:
        runs: list[Run] = []
        for n, line in enumerate(self.lines(self.content_size.width)):
            if n:
                runs.append(("\n", ""))
            runs.extend(line)
        return content(*runs)
