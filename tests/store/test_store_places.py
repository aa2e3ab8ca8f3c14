"""Saved and recent places survive, stay bounded, and a damaged file says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3console.core.errors import DamagedState
from s3console.store.home import Home
from s3console.store.places import FILE, RECENT, Places, load_places, save_places


def test_places_are_kept_in_order_and_bounded(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    assert load_places(home) == Places()
    odd = "s3://b/\udcff\x1b[2J/"
    places = Places().with_saved("s3://a/").with_saved(odd).with_saved("s3://a/")
    for n in range(RECENT + 5):
        places = places.visited(f"s3://b/{n}/")
    places = places.visited("s3://b/9/")
    save_places(home, places)
    kept = load_places(home)
    assert kept == places
    assert kept.saved == ("s3://a/", odd)
    assert kept.recent[:2] == ("s3://b/9/", f"s3://b/{RECENT + 4}/") and len(kept.recent) == RECENT
    assert kept.without(odd).saved == ("s3://a/",)
    assert (home.path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["{", '{"schema": 1, "saved": [1], "recent": []}', '{"schema": 1}'])
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    home = Home.create(tmp_path / "home")
    (home.path / FILE).write_text(text)
    with pytest.raises(DamagedState):
        load_places(home)
