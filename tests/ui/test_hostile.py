"""No byte of a key, a value or an error steers the terminal: checked on the raw bytes of a real pty."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from .payloads import NEVER, NEVER_CHARACTERS, PAYLOADS
from .pty_app import PtyApp

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
OWN_SEQUENCES = re.compile(
    rb"\x1b\[[0-9;:?<>=!$]*[A-Za-z]|\x1b\[\?[0-9;]*\$[a-z]|\x1b[78=>]|\x1b\][0-9]+;[^\x07\x1b]*\x07"
)


def start(what: str) -> PtyApp:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return PtyApp([sys.executable, str(HERE / "hostile_app.py"), what], env={"PYTHONPATH": paths})


def assert_harmless(raw: bytes) -> None:
    for name, sequence in NEVER.items():
        assert sequence not in raw, name
    text = OWN_SEQUENCES.sub(b"", raw).decode("utf-8", "strict")
    assert b"PWNED\x07" not in raw
    left = {c for c in text if (ord(c) < 32 and c not in "\r\n") or 0x7F <= ord(c) < 0xA0}
    assert not left, f"control characters reached the terminal: {left!r}"
    found = {c for c in NEVER_CHARACTERS if c in text}
    assert not found, f"reached the terminal: {found!r}"


def test_browse_over_hostile_names() -> None:
    app = start("table")
    app.until("logs[=", timeout=120)
    app.quiet(0.5)
    app.send("G")
    app.until("漢字", timeout=120)
    app.send("g")
    app.quiet(0.5)
    for key, shown in (("y", "copy as text"), ("k", ""), ("\r", "")):
        app.send(key)
        app.until(shown, timeout=120)
        app.quiet(0.5)
    app.send(":open s3://hostile/in/\x07[red]\r")
    app.quiet(0.5)
    for n in range(len(PAYLOADS)):
        app.send("j")
        app.quiet(0.03)
        if n % 10 == 0:
            # Each pair opens and closes something; an Escape is an Alt to a machine that reads late.
            for key in "vvpp??":
                app.send(key)
                app.quiet(0.08)
    app.send(" *")
    app.quiet(0.5)
    assert app.alive(), bytes(app.buf[-500:])
    app.send("\x11")
    assert app.wait(120) == 0
    raw = bytes(app.buf)
    assert_harmless(raw)
    shown = OWN_SEQUENCES.sub(b"", raw).decode("utf-8")
    for visible in ("[red]x[/", "click-me[/", "\\x1b]2;PWNED", "line1\\x0aline2", "漢字",
                    "tail"):
        assert visible in shown, visible


def test_the_net_alone_holds() -> None:
    app = start("net")
    app.until("END-MARKER", timeout=120)
    app.quiet(0.4)
    app.send("\x11")
    app.wait(120)
    raw = bytes(app.buf)
    for name in ("osc_title", "osc52", "csi_clear", "csi_sgr", "c1_csi", "c1_osc", "nul_del"):
        assert NEVER[name] not in raw, name
    assert "\u202e".encode() not in raw


def test_a_crash_says_one_sentence_without_values() -> None:
    app = start("crash")
    assert app.wait(120) == 1
    raw = bytes(app.buf)
    assert_harmless(raw)
    assert b"unexpected RuntimeError" in raw
    assert b"TOPSECRET" not in raw
    assert b"Traceback" not in raw
    assert b"secret_key" not in raw


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_payload_is_shown_and_told_apart(name: str) -> None:
    from s3console.ui.display import elide, key_runs, path_runs, width_of

    payload = PAYLOADS[name]
    shown = "".join(text for text, _ in key_runs(payload))
    assert shown.isprintable()
    assert "".join(text for text, _ in path_runs(payload)) == shown
    others = {"".join(t for t, _ in key_runs(p)) for other, p in PAYLOADS.items() if other != name}
    assert shown not in others
    for width in (1, 7, 20, 61):
        assert width_of(elide(key_runs(payload), width)) <= width
