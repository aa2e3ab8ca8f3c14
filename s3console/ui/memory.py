"""Less memory for a console that runs for days: one heap for all threads, and what is free goes back."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_ARENA_MAX, _TRIM_THRESHOLD, _MMAP_THRESHOLD = -8, -1, -3
_LARGE = 128 * 1024
"""Bytes: glibc begins with this threshold and raises it to 32 MiB as soon as one such block was freed."""


def one_heap() -> None:
    """Let every thread take memory from the same heap (mallopt(3)); elsewhere than on glibc nothing happens.

    Each thread that lists or reads a page would else get a heap of its own and keep what it was given.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)


def give_back() -> None:
    """Return free memory to the system (malloc_trim(3))."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
