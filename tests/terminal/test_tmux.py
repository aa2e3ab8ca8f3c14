"""The real program in a real terminal: compare, plan, approve, run; kill the console and open it again."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s3console.demo.server import DemoServer
from s3console.store.home import Home
from s3console.store.jobs import JobLock, job_folder, request_control

PATIENCE = 150.0
pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="tmux is not installed: apt-get install tmux"
)


class Terminal:
    """One tmux server with one window of 120x36 cells."""

    def __init__(self, folder: Path, command: list[str], environ: dict[str, str]) -> None:
        self._base = ["tmux", "-S", str(folder / f"tmux-{uuid.uuid4().hex[:8]}"), "-f", os.devnull]
        # A shell that exports its size would be believed more than the terminal.
        line = shlex.join(
            [
                "env",
                "-u",
                "COLUMNS",
                "-u",
                "LINES",
                *(f"{name}={value}" for name, value in environ.items()),
                *command,
            ]
        )
        self._tmux("new-session", "-d", "-x", "120", "-y", "36", f"{line}; echo EXIT=$?; sleep 600")

    def _tmux(self, *words: str) -> str:
        done = subprocess.run([*self._base, *words], capture_output=True, text=True, check=True, timeout=30)
        return done.stdout

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait(self, *patterns: str) -> str:
        """The first screen on which every pattern is found."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            shown = self.screen()
            if all(re.search(pattern, shown) for pattern in patterns):
                return shown
            time.sleep(0.1)
        raise AssertionError(f"{patterns} not on screen:\n{self.screen()}")

    def until(self, wish: Callable[[str], object]) -> str:
        """The first screen that is as wished."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if wish(shown := self.screen()):
                return shown
            time.sleep(0.1)
        raise AssertionError(f"never as wished:\n{self.screen()}")

    def keys(self, *names: str) -> None:
        for name in names:
            shown = self.screen() if name == "Escape" else ""
            self._tmux("send-keys", name)
            time.sleep(0.15)
            if shown:
                # A program that reads Escape together with the next key takes both for one key with Alt.
                self.until(lambda now, before=shown: now != before)

    def line(self, text: str) -> None:
        """A `:` command, typed as a person does."""
        self.keys(":")
        self.wait(r"^:|\n *:")
        self._tmux("send-keys", "-l", text)
        time.sleep(0.3)
        self.keys("Enter")

    def text(self, text: str) -> None:
        """Characters as they are, in one go."""
        self._tmux("send-keys", "-l", text)

    def approve(self, number: str) -> None:
        """Type the number into the dialog that asks for it, and Enter once it stands there.

        Digits that a busy machine delivers in one burst are a paste to this field: then, more slowly again.
        """
        for pace in (0.15, 0.3, 0.6, 1.2, 2.5):
            self._tmux("send-keys", "C-u")
            for character in number:
                time.sleep(pace)
                self.text(character)
            end = time.monotonic() + 20 * pace
            while time.monotonic() < end:
                if re.search(rf"to approve +{number}█", self.screen()):
                    self.keys("Enter")
                    self.until(lambda shown: "type the number" not in shown)
                    return
                time.sleep(0.1)
        raise AssertionError(f"{number} was never taken:\n{self.screen()}")

    def resize(self, columns: int, lines: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def title(self) -> str:
        return self._tmux("display-message", "-p", "#{pane_title}")

    def leave(self) -> None:
        """Quit; a key that arrives while a busy machine still draws is pressed again."""
        for _ in range(6):
            self.keys("q")
            time.sleep(2)
            if "EXIT=" in self.screen():
                break
        self.wait("EXIT=0")

    def program(self) -> int:
        """The process id of the console in the window."""
        shell = self._tmux("display-message", "-p", "#{pane_pid}").strip()
        found = subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True, check=True)
        return int(found.stdout.split()[0])

    def close(self) -> None:
        subprocess.run([*self._base, "kill-server"], capture_output=True, check=False, timeout=30)


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer() as running:
        yield running


def opened(server: DemoServer, folder: Path, *words: str, config: Path | None = None) -> Terminal:
    environ = {
        **server.environment(),
        "S3CONSOLE_CONFIG": str(config or folder / "no-config.toml"),
        "LC_ALL": "C.UTF-8",
        "TERM": "tmux-256color",
        "COLORTERM": "truecolor",
        "TEXTUAL_ANIMATIONS": "none",
        "S3CONSOLE_HOME": str(folder / "state"),
    }
    return Terminal(folder, [sys.executable, "-m", "s3console", *words], environ)


def test_a_newcomer_repairs_one_prefix(server: DemoServer, tmp_path: Path) -> None:
    terminal = opened(server, tmp_path)
    try:
        terminal.wait("bucket2", "document001/", "READ-ONLY")
        terminal.line("compare s3://bucket1/ s3://bucket2/")
        terminal.wait(r"document002/ +640", "to review")
        terminal.wait(r"─ document002/ ─", r"misnamed 128", "should be")
        terminal.keys("a")
        terminal.wait("1 awaiting approval")
        terminal.keys("3")
        terminal.wait("256 operations|copy 128", "IRREVERSIBLE|removed for ever", "write on")
        terminal.line("write on")
        terminal.wait(r"\[LIVE\]")
        terminal.keys("A")
        terminal.wait("type the number of operations", "nothing has been deleted yet")
        time.sleep(0.7)
        terminal.keys("1", "2", "Enter")
        time.sleep(0.3)
        assert "type the number" in terminal.screen(), "a wrong number approved the plan"
        terminal.approve("256")
        terminal.wait("Approved|approved")
        terminal.keys("4")
        terminal.wait(r"256 / 256", "done")
        terminal.keys("5")
        terminal.wait("job finish", "approved")
        terminal.leave()
    finally:
        terminal.close()


def test_a_killed_console_leaves_the_job_alone(server: DemoServer, tmp_path: Path) -> None:
    environ = {**os.environ, **server.environment(), "S3CONSOLE_HOME": str(tmp_path / "state")}

    def word(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "s3console", *words],
            env=environ,
            timeout=120,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    review = re.search(
        r'"review": "([^"]+)"', word("compare", "s3://bucket1/", "s3://bucket2/", "--versions", "--json")
    )
    assert review
    plan = word("plan", "repair", review[1], "--prefix", "document003/", "--json")
    identity = re.search(r'"plan": "(\w+)"', plan)
    count = re.search(r'"operations": (\d+)', plan)
    assert identity and count
    word("approve", identity[1], "--count", count[1])
    # Slow enough that it runs until a console has started on a busy machine; let go when that was killed.
    job = json.loads(word("run", identity[1], "--detach", "--rate", "4", "--json"))["job"]
    terminal = opened(server, tmp_path)
    try:
        terminal.wait("bucket2")
        terminal.keys("4")
        terminal.wait("running", rf"/ {count[1]}")
        os.kill(terminal.program(), signal.SIGKILL)
        terminal.wait("EXIT=137")
    finally:
        terminal.close()
    folder = job_folder(Home.open(tmp_path / "state"), job)
    assert JobLock.owner_of(folder) is not None, "the runner went with its console"
    request_control(folder, "limits", values={"rate": 0.0})
    terminal = opened(server, tmp_path)
    try:
        terminal.wait("bucket2")
        terminal.keys("4")
        terminal.wait(rf"{count[1]} / {count[1]}", "done")
    finally:
        terminal.close()
