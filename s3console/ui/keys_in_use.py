"""The keys in use by the ids of their actions: sentences name keys through this, so they follow a keymap."""

from __future__ import annotations

from textual._context import active_app

from s3console.ui.actions import ACTIONS
from s3console.ui.display import Run
from s3console.ui.keymap import Keymap

_BY_ID = {action.id: action for action in ACTIONS}
_USUAL = Keymap()


def key(name: str) -> str:
    """The first key of an action by its id, as it is written for people; its `:` word where it has none.

    Outside of a console, as in a pure function under test, these are the keys of the registry.
    """
    action = _BY_ID[name]
    keymap = getattr(active_app.get(None), "keymap", None)
    return (keymap if isinstance(keymap, Keymap) else _USUAL).shown(action) or f":{action.word}"


def key_run(name: str) -> Run:
    """The same as a run in the colour of keys."""
    return key(name), "bold primary"
