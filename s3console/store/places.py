"""Places an operator saved, and the last ones visited: `places.json` of the state directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .home import SCHEMA, Home, damaged, read_json, write_json

FILE = "places.json"
RECENT = 20
SAVED = 200


@dataclass(frozen=True, slots=True)
class Places:
    """`saved` in the order of saving, `recent` newest first; both hold raw `s3://bucket/prefix` texts."""

    saved: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()

    def with_saved(self, uri: str) -> Places:
        """The place added at the end, or where it stands already."""
        return self if uri in self.saved else Places((*self.saved, uri)[-SAVED:], self.recent)

    def without(self, uri: str) -> Places:
        """The place no longer saved."""
        return Places(tuple(one for one in self.saved if one != uri), self.recent)

    def visited(self, uri: str) -> Places:
        """The place as the newest of the recent ones."""
        others = [one for one in self.recent if one != uri]
        return Places(self.saved, (uri, *others)[:RECENT])


def _texts(value: Any) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else None


def load_places(home: Home) -> Places:
    """What is kept; nothing in a new directory. Raises DamagedState, NewerState."""
    path = home.path / FILE
    if not path.exists():
        return Places()
    document = read_json(path)
    saved, recent = _texts(document.get("saved")), _texts(document.get("recent"))
    if saved is None or recent is None:
        raise damaged(path, "the file was not written by s3console")
    return Places(saved, recent)


def save_places(home: Home, places: Places) -> None:
    """Replace what is kept. Raises DiskFull, NotReachable."""
    write_json(home.path / FILE, {"schema": SCHEMA, "saved": _listed(places.saved),
                                  "recent": _listed(places.recent)}, sync_folder=False)  # fmt: skip


def _listed(texts: Sequence[str]) -> list[str]:
    return list(texts)
