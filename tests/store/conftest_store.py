"""Facts to put into a state directory."""

from __future__ import annotations

from s3console.core.model import Operation, Ref


def copies(count: int, *, first: int = 0) -> list[Operation]:
    """Copy operations with hostile keys."""
    return [
        Operation(
            index,
            "copy",
            Ref("right", "b", f"a/\ud800\x1b[31m/{index}", size=index),
            Ref("left", "a", f"a/“{index}”", "v1", "e" * 32, index),
            expect="absent",
            reason="missing",
        )
        for index in range(first, first + count)
    ]
