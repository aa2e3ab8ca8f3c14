"""More of the real program in a real terminal: looking around, a resize, keys of one's own, the tour."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3console.demo.server import DemoServer

from .test_tmux import Terminal, opened, pytestmark

__all__ = ["pytestmark"]


@pytest.fixture(scope="module")
def store() -> Iterator[DemoServer]:
    with DemoServer() as running:
        yield running


def right_title(shown: str) -> str:
    """The title of the pane that stands at the right of another."""
    found = re.search(r"╮╭─ (.*?) ─", shown)
    return found[1] if found else ""


def test_looking_around(store: DemoServer, tmp_path: Path) -> None:
    terminal = opened(store, tmp_path)
    try:
        terminal.wait("bucket1", "READ-ONLY", "endpoint http://127.0.0.1")
        terminal.line("open s3://hostile/")
        terminal.wait(r"─ s3://hostile/ ─", r"of \d+ ─")
        assert "PWNED" not in terminal.title()
        terminal.keys("/")
        terminal.wait(r"│ / ")
        terminal.text("leading")
        terminal.wait(r"\\x20leading space", r" 1 of \d+ loaded")
        terminal.keys("Escape")
        terminal.line("open s3://bucket2/document123/")
        terminal.wait(r"─ s3://bucket2/document123/ ─")
        terminal.resize(80, 24)
        terminal.wait(r"5 Journal", r"read-only|READ-ONLY", r"q quit")
        terminal.resize(60, 18)
        terminal.wait("too small")
        terminal.resize(120, 36)
        terminal.wait(r"─ s3://bucket2/document123/ ─", r"─ details ─")
        terminal.keys("?")
        terminal.wait("keys of browse", "Narrow the ")
        terminal.keys("Escape")
        terminal.leave()
    finally:
        terminal.close()


def test_own_keys_and_protected_profiles(store: DemoServer, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("keymap = 'commander'\nreadonly = ['default']\nascii = true\n", encoding="utf-8")
    terminal = opened(store, tmp_path, config=config)
    try:
        shown = terminal.wait("bucket1", "READ-ONLY", r"F?f?10 quit")
        assert shown.isascii(), sorted({c for c in shown if not c.isascii()})
        terminal.line("write on")
        terminal.wait("protects")
        terminal.keys("F1")
        terminal.wait("keymap commander", r"f3 p")
        terminal.keys("Escape")
        terminal.keys("F10")
        terminal.wait("EXIT=0")
    finally:
        terminal.close()
    config.write_text("[keys]\n'browse.size' = 'p'\n", encoding="utf-8")
    terminal = opened(store, tmp_path, config=config)
    try:
        shown = terminal.wait("EXIT=2")
        assert re.search(r"[Tt]he key p would mean both browse\.\w+ and browse\.\w+", " ".join(shown.split()))
    finally:
        terminal.close()


def test_the_tour_of_the_demo(tmp_path: Path) -> None:
    """A newcomer who does what each step says has repaired a prefix at its end."""
    environ = {"LC_ALL": "C.UTF-8", "TERM": "tmux-256color", "COLORTERM": "truecolor",
               "TEXTUAL_ANIMATIONS": "none", "HOME": str(tmp_path)}
    terminal = Terminal(tmp_path, [sys.executable, "-m", "s3console", "demo"], environ)
    try:
        terminal.wait("new here", "begin the tour")
        terminal.keys("Enter")
        terminal.wait("tour 1 of 13", "│ bucket2 .*us-west-2", "site")
        terminal.keys("j")
        terminal.wait("tour 2 of 13", r"─ s3://bucket2/ ─", "document004/")
        terminal.keys("Enter", "j", "j", "j", "l")
        terminal.wait("tour 3 of 13", r"─ s3://bucket2/document004/")
        terminal.line("compare s3://bucket1/ s3://bucket2/")
        terminal.wait("tour 5 of 13", "to review")
        for _ in range(8):
            title = right_title(terminal.until(right_title))
            if title == "document004/":
                break
            terminal.keys("j")
            # A screen that is only half painted has no title there, and is not what the key led to.
            terminal.until(lambda shown, before=title: right_title(shown) not in ("", before))
        terminal.wait("tour 6 of 13", "should be")
        terminal.keys("x")
        terminal.wait("why this name")
        terminal.keys("Escape")
        terminal.wait("tour 7 of 13")
        terminal.keys("a")
        terminal.wait("tour 8 of 13", "1 awaiting approval")
        terminal.keys("3")
        shown = terminal.wait("tour 9 of 13", r"copy|restore", "delete")
        terminal.line("write on")
        terminal.wait("tour 10 of 13", r"\[LIVE\]")
        terminal.keys("A")
        shown = terminal.wait("type the number of operations")
        count = re.search(r"number of operations, ([\d,]+), to", shown)
        assert count, shown
        terminal.approve(count[1].replace(",", ""))
        terminal.wait("tour 11 of 13")
        terminal.keys("4")
        terminal.wait("tour 12 of 13", "done")
        terminal.keys("5")
        terminal.wait("tour 13 of 13", "approved")
        terminal.keys("Escape")
        terminal.leave()
    finally:
        if "EXIT=" not in terminal.screen():
            os.kill(terminal.program(), signal.SIGTERM)
        terminal.close()
