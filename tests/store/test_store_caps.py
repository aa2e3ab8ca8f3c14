"""How much one approval may cover: the file of the administrator and that of the operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from s3console.core.errors import Refused, UsageError
from s3console.core.model import Plan
from s3console.store.caps import FILE, Caps, load_caps, refuse_above
from s3console.store.home import Home


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_the_stricter_of_two_files_counts(home: Home, tmp_path: Path) -> None:
    nowhere = tmp_path / "nothing.toml"
    assert load_caps(home, system=nowhere) == Caps()
    system = write(tmp_path / "system.toml", '[approval]\noperations = 50\nbytes = "1 GiB"\ncanary = 20\n')
    assert load_caps(home, system=system) == Caps(50, None, 1 << 30, 20)
    write(home.path / FILE, '[approval]\noperations = 900\ndeletes = 3\nbytes = 1000\ncanary = 1\n')
    assert load_caps(home, system=system) == Caps(50, 3, 1000, 20)
    assert load_caps(home, system=nowhere) == Caps(900, 3, 1000, 10)


@pytest.mark.parametrize("text", [
    "operations = 5", "[approval]\nunknown = 1", "[approval]\noperations = -1", "[approval]\ncanary = 0",
    "[approval]\noperations = true", '[approval]\nbytes = "much"', "[approval", "approval = 3",
])
def test_a_file_that_is_not_understood_lets_nothing_pass(home: Home, text: str) -> None:
    write(home.path / FILE, text)
    with pytest.raises(UsageError, match="limits"):
        load_caps(home)


def test_a_plan_above_a_limit_is_refused(make_plan: Callable[..., Plan]) -> None:
    plan = make_plan(12)
    refuse_above(Caps(operations=12, deletes=0), plan)
    for caps, large in ((Caps(operations=11), plan), (Caps(deletes=4), replace(plan, delete=5)),
                        (Caps(bytes=9), replace(plan, delete_bytes=10))):
        with pytest.raises(Refused, match="one approval may cover") as caught:
            refuse_above(caps, large)
        assert caught.value.exit_code == 5
