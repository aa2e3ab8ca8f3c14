"""The style sheet of the console: each piece of it is parsed once for a theme, not once for a dialog."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

PIECES = 1024
"""Pieces whose rules are kept: one for each class of widgets and for each screen. Textual keeps 64, which
is less than the console has, and what walks through them all in order then finds none."""


class KeptStylesheet(Stylesheet):
    """A style sheet that keeps the rules of its pieces as long as the variables stay the same.

    Textual parses everything again for every dialog that brings rules of its own, and twice before the
    first frame: a fifth of what that frame costs.
    """

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parse_cache = LRUCache(PIECES)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Variables that are the same as before leave the rules as they are."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Rules of everything; only what is new, or new variables touch, is parsed."""
        self.parse()
