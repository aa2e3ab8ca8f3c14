"""The operator's own misname rules from a file: regular expressions that turn right names into wrong ones.

TOML (`[[rules]]` tables) or JSON (a list of objects, or an object with the list `rules`), each with
`name`, `match` and `replace`. The file is read at every comparison. Without one being named,
`rules.toml` of the state directory is used when it is there.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import NoSuchPlace, UsageError
from ..core.keys import printable
from ..core.rules import Chain, regex_chain
from ..store.home import Home, read_bytes

HOME_FILE = "rules.toml"
_LARGEST = 1 << 20
_MOST = 100
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class OwnRule:
    """`match` is a regular expression of Python, `replace` its replacement as `re.sub` takes it."""

    name: str
    match: str
    replace: str

    def chain(self) -> Chain:
        """The rule as pairing uses it. Raises UsageError when it does not compile."""
        return regex_chain(self.name, self.match, self.replace)


def load_rules(home: Home, path: Path | None = None) -> tuple[OwnRule, ...]:
    """The rules of a file; without a path those of the state directory, or none.

    Raises NoSuchPlace for a named file that is not there, UsageError for anything odd in it.
    """
    if path is None:
        path = home.path / HOME_FILE
        if not path.exists():
            return ()
    elif not path.is_file():
        raise NoSuchPlace(
            "There is no such file of rules", where=printable(str(path)), next_step="Check its name"
        )
    try:
        text = read_bytes(path.resolve(), _LARGEST).decode("utf-8")
        document: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"it cannot be read ({printable(str(error))[:200]})") from None
    rules = document.get("rules") if isinstance(document, dict) else document
    if not isinstance(rules, list) or not 1 <= len(rules) <= _MOST:
        raise _wrong(path, f"it holds no list “rules” of 1 to {_MOST} rules")
    made = tuple(_rule(path, number, rule) for number, rule in enumerate(rules, start=1))
    if len({rule.name for rule in made}) < len(made):
        raise _wrong(path, "two rules have the same name")
    return made


def _rule(path: Path, number: int, given: object) -> OwnRule:
    if not isinstance(given, dict) or set(given) != {"name", "match", "replace"}:
        raise _wrong(path, f"rule {number} must have name, match and replace, and nothing else")
    texts = [given[name] for name in ("name", "match", "replace")]
    if not all(isinstance(text, str) and len(text) <= _LONGEST for text in texts) or not given["match"]:
        raise _wrong(path, f"name, match and replace of rule {number} must be texts")
    rule = OwnRule(*texts)
    rule.chain()
    return rule


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(
        f"The file of rules cannot be used: {what}",
        where=printable(str(path)),
        next_step='Write [[rules]] with name = "…", match = "…" and replace = "…" for each rule',
    )
