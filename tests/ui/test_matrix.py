"""The matrix of hostile names: every payload in every place that shows a text, on the bytes of one pty."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from .matrix_app import CUT_SHORT, ROWS_EACH, SAME_FOR_ALL, SINKS, WIDE, names
from .payloads import PAYLOADS
from .pty_app import PtyApp
from .test_hostile import OWN_SEQUENCES, ROOT, assert_harmless

MAY_BE_RAW = {"input, raw"}
"""What the operator types is drawn as typed; the net under every line still holds."""
NO_NAMES = SAME_FOR_ALL | CUT_SHORT | MAY_BE_RAW | {"preview of a text"}
"""What shows no whole name: the text of an object may hold a backslash as well as what it stands for."""


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, Any]]:
    """All bytes of one run, and what each place showed."""
    out = tmp_path_factory.mktemp("matrix") / "out.json"
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    app = PtyApp([sys.executable, str(Path(__file__).parent / "matrix_app.py"), str(out)],
                 cols=WIDE, rows=len(PAYLOADS) * ROWS_EACH + 4, env={"PYTHONPATH": paths})
    code = app.wait(timeout=250)
    assert code == 0, bytes(app.buf[-2000:])
    return bytes(app.buf), json.loads(out.read_text(encoding="utf-8"))


def test_the_matrix_is_as_large_as_it_says() -> None:
    assert len(PAYLOADS) == 33
    assert len(SINKS) == 34


def test_no_byte_steers_the_terminal(matrix: tuple[bytes, dict[str, Any]]) -> None:
    raw, _ = matrix
    start = 0
    for name in names():
        mark = f"SINK {name} END".encode()
        end = raw.find(mark, start)
        assert end > 0, f"{name} was never drawn"
        try:
            assert_harmless(raw[start:end])
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
        start = end + len(mark)
    assert_harmless(raw[start:])


def test_no_cell_carries_an_action_or_a_link(matrix: tuple[bytes, dict[str, Any]]) -> None:
    _, found = matrix
    assert set(found) == set(names())
    assert {name: seen["links"] for name, seen in found.items() if seen["links"]} == {}


@pytest.mark.parametrize("sink", [name for name in SINKS if name not in NO_NAMES])
def test_no_two_names_look_alike(matrix: tuple[bytes, dict[str, Any]], sink: str) -> None:
    texts = matrix[1][sink]["texts"]
    assert len(texts) == len(PAYLOADS)
    seen: dict[str, str] = {}
    for name, text in zip(PAYLOADS, texts, strict=True):
        assert text.strip(), f"{name} is not to be seen"
        assert text not in seen, f"{name} looks like {seen.get(text)}"
        seen[text] = name


def test_markup_is_shown_and_not_obeyed(matrix: tuple[bytes, dict[str, Any]]) -> None:
    text = OWN_SEQUENCES.sub(b"", matrix[0]).decode("utf-8")
    for shown in ("[red]x[/red]", "[@click=app.quit]click-me[/]", "backup[/old]file", "logs[=",
                  "data[2024][0][a b c]", "[link='http://evil']"):
        assert text.count(shown) >= len(SINKS) - len(CUT_SHORT) - 4, shown


async def test_the_clipboard_gets_no_raw_bytes(desk: Any) -> None:
    from s3console.ui.app import S3ConsoleApp

    from .conftest import settle

    app = S3ConsoleApp(desk)
    async with app.run_test() as pilot:
        await settle(pilot)
        written: list[str] = []
        assert app._driver is not None
        app._driver.write = written.append  # type: ignore[method-assign]
        for payload in PAYLOADS.values():
            app.copy_to_clipboard(payload)
    for text in written:
        assert text.startswith("\x1b]52;c;")
        assert text.endswith("\a")
        base64.b64decode(text[7:-1], validate=True)
    assert len(written) == len(PAYLOADS)
