"""Which keys of a place a word is about, by regular expressions of the operator."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..core.errors import UsageError
from ..core.keys import printable


class Selection:
    """Keys that any `include` finds (all keys without one) and no `ignore` finds.

    An expression is searched for in the key below the prefix of the place; what is ignored is neither
    written nor deleted. Raises UsageError for an expression that cannot be read.
    """

    def __init__(self, prefix: str, include: Sequence[str] = (), ignore: Sequence[str] = ()) -> None:
        self._cut = len(prefix)
        self._include = [_compiled(text) for text in include]
        self._ignore = [_compiled(text) for text in ignore]
        self.left_out = 0

    def takes(self, key: str) -> bool:
        """Whether a key is meant; those that are not are counted in `left_out`."""
        if not self._include and not self._ignore:
            return True
        name = key[self._cut :]
        taken = (not self._include or any(one.search(name) for one in self._include)) and not any(
            one.search(name) for one in self._ignore
        )
        self.left_out += not taken
        return taken


def _compiled(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(
            f"“{printable(text[:80])}” is not a regular expression: {error}",
            next_step="Quote it for the shell and write a dot of a name as \\.",
        ) from None
