"""One pool of memory for all: what one thread or library frees is of use to the others."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1
_LARGE, _SPARE = 8 << 20, 16 << 20


def keep_memory_flat() -> None:
    """Ask the C library (glibc, mallopt(3)) to share one arena, where there is one, and Arrow to use it.

    Threads that take turns under the interpreter lock do not contend for it. A comparison needs about
    30 MiB less, and 7 MiB for Arrow. The memory of one listing page serves for the next: given back to the
    system after every page, it would be cleared and mapped again for each, at a tenth of the whole cost.
    Call it before the threads are made.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 1)
            mallopt(_M_MMAP_THRESHOLD, _LARGE)
            mallopt(_M_TRIM_THRESHOLD, _SPARE)


def release_memory() -> None:
    """Give back what was freed (glibc, malloc_trim(3)) between two parts of a long piece of work."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@contextmanager
def rare_collections() -> Iterator[None]:
    """The garbage collector looks seldom meanwhile: rows by the hundred thousand go without it, and each of
    its walks through all that is in memory would cost as much as thousands of them."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
