"""What is said when something breaks that nobody expected: one sentence, and a report without values.

Tracebacks of Textual print local variables, which here would be keys and may be credentials. The
report names files, lines and functions only; it goes to a file of the state directory.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from s3console.ui.safety import plain_line

REPORT = "last-crash.txt"
"""The name of the report in its directory."""
Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def frames(error: BaseException) -> str:
    """The way to the error as `file:line function`, innermost last, with no source text and no values."""
    lines = [f"{type(error).__module__}.{type(error).__qualname__}"]
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        for frame, line in traceback.walk_tb(link.__traceback__):
            code = frame.f_code
            lines.append(f"  {Path(code.co_filename).name}:{line} {code.co_name}")
        link = link.__cause__ or link.__context__
        if link is not None:
            lines.append(f"after {type(link).__module__}.{type(link).__qualname__}")
    return "\n".join(lines) + "\n"


def report(error: BaseException, directory: Path | None) -> str:
    """Write the report beside the state and return the sentence for the operator."""
    name = type(error).__name__
    if directory is None:
        return f"s3console stopped on an unexpected {name}. Jobs that run go on by themselves."
    path = directory / REPORT
    try:
        path.write_text(frames(error), encoding="utf-8")
        path.chmod(0o600)
    except OSError:
        return f"s3console stopped on an unexpected {name}. Jobs that run go on by themselves."
    return plain_line(
        f"s3console stopped on an unexpected {name}. Jobs that run go on by themselves; "
        f"the report without any values is {path}"
    )


def quiet_excepthook(directory: Path | None) -> Hook:
    """A `sys.excepthook` that prints the sentence of `report` instead of a traceback."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.stderr.write("interrupted\n")
            return
        sys.stderr.write(report(error.with_traceback(trace), directory) + "\n")

    return hook
