"""The garbage collector of a process that does one thing a hundred thousand times."""

from __future__ import annotations

import gc

YOUNG, OLD = 20_000, 50


def begin() -> None:
    """Load modules and data without looking at them again and again: they stay, and `settle` follows."""
    gc.disable()


def settle() -> None:
    """What is in memory now stays: the collector looks at it no more, and less often at what comes.

    Modules, boto3's above all, are most of the heap of a worker; without this a fifth of its time goes
    into walking through them.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(YOUNG, OLD, OLD)
