"""A few operations of a plan: the first, some at random, the last."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from s3console.core.model import Operation
from s3console.ui.display import Run, content, elide, fit, path_runs, size_text
from s3console.ui.plans.words import operation_cells


class Samples(Widget):
    """First, random and last operations behind a quiet bar."""

    DEFAULT_CSS = "Samples { height: auto; width: 1fr; margin: 1 0; }"

    def __init__(self, samples: Sequence[tuple[str, Operation]] = (), prefix: str = "") -> None:
        super().__init__()
        self.samples, self.prefix = samples, prefix

    def show(self, samples: Sequence[tuple[str, Operation]], prefix: str) -> None:
        """Show others; keys are named below the prefix where they are there."""
        self.samples, self.prefix = samples, prefix
        self.refresh(layout=True)

    def render(self) -> Content:
        width = max(30, self.content_size.width)
        runs: list[Run] = []
        for n, (name, operation) in enumerate(self.samples):
            size = size_text(operation.target.size)
            key = operation.target.key
            shown = key[len(self.prefix):] if key.startswith(self.prefix) and key != self.prefix else key
            room = width - 12 - 9 - 2 - len(size)
            runs += [("\n" if n else "", ""), ("▌ ", "rule"), (f"{name:<8}", "faint"),
                     *fit(operation_cells(operation), 9),
                     *fit(elide(path_runs(shown, "foreground", "muted"), room), room),
                     ("  ", ""), (size, "muted")]
        return content(*runs)
