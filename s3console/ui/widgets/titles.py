"""Titles in borders, drawn again only where they are: a pane that counts its cursor must not repaint
itself for it."""

from __future__ import annotations

from textual import messages
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget


def set_title(pane: Widget, title: Content) -> None:
    """Write the upper title of a pane."""
    _write(pane, "_border_title", title, -1)


def set_subtitle(pane: Widget, subtitle: Content) -> None:
    """Write the lower title of a pane."""
    _write(pane, "_border_subtitle", subtitle, pane.outer_size.height - 2)


def _write(pane: Widget, name: str, text: Content, line: int) -> None:
    # The setters of Textual repaint the widget with all it holds.
    if getattr(pane, name) != text:
        setattr(pane, name, text)
        if pane.is_mounted and pane.display:
            # To the screen at once: what the idle pane would send comes after the next paint.
            pane._set_dirty(Region(-1, line, pane.outer_size.width, 1))
            pane.screen.post_message(messages.Update(pane))
        else:
            pane.refresh()
