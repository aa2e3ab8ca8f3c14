"""Which keys do what in this session: the keys of the registry, a second set for people of two-pane file
managers, and the operator's own from the configuration file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from textual.keys import Keys, _character_to_key

from s3console.core.errors import UsageError
from s3console.core.keys import printable
from s3console.ui import actions
from s3console.ui.actions import Action, Scope

COMMANDER: Mapping[str, str] = {
    "everywhere.help": "f1 question_mark",
    "everywhere.palette": "f2 ctrl+p",
    "browse.preview": "f3 p",
    "everywhere.refresh": "ctrl+r",
    "browse.copy-to": "f5 c",
    "browse.move-to": "f6 m",
    "browse.delete": "f8 d",
    "everywhere.command": "f9 colon",
    "everywhere.quit": "f10 q",
    "list.mark": "insert space",
}
"""Keys of the map `commander`, by action; all other actions keep theirs."""

KEYMAPS: Mapping[str, Mapping[str, str]] = {"vi": {}, "commander": COMMANDER}
_NAMED = {key.value for key in Keys} | {"space", "shift+tab"}
_MODIFIERS = ("ctrl+", "shift+", "alt+", "ctrl+shift+")


@dataclass(frozen=True, slots=True)
class Keymap:
    """The keys of a session. `changed` holds the actions whose keys are not those of the registry."""

    name: str = "vi"
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def keys(self, action: Action) -> tuple[str, ...]:
        """The keys of an action, the first one to be shown first."""
        return self.changed.get(action.id, action.keys)

    def shown(self, action: Action) -> str:
        """The first key as it is written for people, or ""."""
        keys = self.keys(action)
        return actions.key_name(keys[0]) if keys else ""

    def for_textual(self) -> dict[str, str]:
        """What `App.set_keymap` takes."""
        return {name: ",".join(keys) or actions.UNBOUND for name, keys in self.changed.items()}


def key_of(text: str) -> str:
    """A key of the configuration file as Textual names it: `?` is `question_mark`, `F3` is `f3`.

    Raises UsageError for what no key is called.
    """
    text = text.strip()
    if len(text) == 1:
        return _character_to_key(text)
    name = text.lower()
    modifier = next((m for m in sorted(_MODIFIERS, key=len, reverse=True) if name.startswith(m)), "")
    rest = name.removeprefix(modifier)
    if rest in _NAMED or rest in actions.KEY_NAMES or (modifier and len(rest) == 1 and rest.isascii()):
        return modifier + (_character_to_key(rest) if len(rest) == 1 else rest)
    raise UsageError("there is no such key", where=printable(text),
                     next_step="Write a character, or a name such as f3, ctrl+x, space, enter, insert")


def make_keymap(name: str, own: Mapping[str, str]) -> Keymap:
    """The keys of a map with the operator's own on top.

    Raises UsageError for an unknown map, action or key, and where one key would mean two things.
    """
    if name not in KEYMAPS:
        raise UsageError("there is no such keymap", where=printable(name),
                         next_step=f"Choose one of {', '.join(KEYMAPS)}")
    known = {action.id: action for action in actions.ACTIONS}
    changed = {action: tuple(keys.split()) for action, keys in KEYMAPS[name].items() if action in known}
    for action, keys in own.items():
        if action not in known:
            raise UsageError("the table [keys] names an action that does not exist", where=printable(action),
                             next_step="`:keys` shows every action with its id")
        changed[action] = tuple(key_of(key) for key in keys.split())
    keymap = Keymap(name, {a: keys for a, keys in changed.items() if keys != known[a].keys})
    if clash := next(clashes(keymap), None):
        key, one, other = clash
        raise UsageError(f"the key {actions.key_name(key)} would mean both {one} and {other}",
                         next_step="Give one of them another key in [keys] of the configuration file")
    return keymap


def clashes(keymap: Keymap) -> Iterator[tuple[str, str, str]]:
    """Keys that mean two things on one screen, with the ids of both actions.

    What the registry itself lets overlap (a table of its own on one screen) is no clash.
    """
    usual = set(_doubles(Keymap()))
    yield from (double for double in _doubles(keymap) if double not in usual)


def _doubles(keymap: Keymap) -> Iterator[tuple[str, str, str]]:
    groups: list[tuple[Scope, ...]] = [(screen, "everywhere", "list") for screen in actions.SCREENS]
    for scopes in (*groups, ("versions", "list")):
        seen: dict[str, str] = {}
        for action in actions.of_scope(*scopes):
            for key in keymap.keys(action):
                if key in seen:
                    yield key, seen[key], action.id
                else:
                    seen[key] = action.id
