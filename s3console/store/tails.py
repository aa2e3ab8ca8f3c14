"""The last line of a job's failures, without reading those before it: there may be hundreds of thousands."""

from __future__ import annotations

import json
import os

from .facts import unpack
from .home import disk
from .jobs import Failure, JobFolder

_BLOCK = 1 << 14


def last_failure(folder: JobFolder) -> Failure | None:
    """The failure written last, None when there is none within the last 16 KiB of whole lines.

    Raises NotReachable.
    """
    if not os.path.lexists(folder.failures):
        return None
    with disk(folder.failures):
        descriptor = os.open(folder.failures, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            size = os.fstat(descriptor).st_size
            tail = os.pread(descriptor, _BLOCK, max(0, size - _BLOCK))
        finally:
            os.close(descriptor)
    for line in reversed(tail.split(b"\n")):
        try:
            return unpack(Failure, json.loads(line))
        except ValueError:  # a line torn by a kill, or the first of the block
            continue
    return None
