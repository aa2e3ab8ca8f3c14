"""How far an intent goes beyond the operations that are sent now."""

from __future__ import annotations

import time

LEAST, MOST = 16, 1 << 16
"""Operations that may be sent beyond those that are: each of them is looked up after a crash."""
OFTEN, SELDOM = 0.25, 1.0
"""Seconds between two intents below which more are written at once, and above which fewer."""


class Ahead:
    """As many operations as are sent in a moment, so that an intent is not written for each slice."""

    def __init__(self) -> None:
        self._count, self._at = LEAST, 0.0

    def more(self) -> int:
        """How many operations the intent that is due now goes beyond those that are sent."""
        clock = time.monotonic()
        since, self._at = clock - self._at, clock
        wanted = self._count * 2 if since < OFTEN else self._count // 2 if since > SELDOM else self._count
        self._count = max(LEAST, min(MOST, wanted))
        return self._count
