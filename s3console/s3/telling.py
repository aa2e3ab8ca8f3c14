"""What a store says, fit for a sentence that a person reads."""

from __future__ import annotations

import re

from ..core.keys import printable

_SECRET = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,}|[A-Za-z0-9/+=]{40,}")


def shown(text: object, limit: int = 200) -> str:
    """Text of a store fit for one line: printable, cut, and without anything shaped like a credential."""
    return printable(_SECRET.sub("(hidden)", str(text))[:limit])
