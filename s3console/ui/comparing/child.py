"""A word of the command line in a process of its own: what takes long never runs inside the console."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from s3console.config import Config
from s3console.core.errors import Incomplete, NotReachable, S3ConsoleError
from s3console.core.model import Connection
from s3console.ui.threads import Task

PACKAGE = Path(__file__).resolve().parents[3]
NICER = 10
_LOOK_EVERY, _LEAVE_WITHIN = 0.2, 5.0


class Reached(NamedTuple):
    """How far a comparison is. Counts are entries and findings so far, `rate` entries per second; `prefixes`
    are first directories with their left, right and same entries, and whether both listings passed them."""

    phase: str = "starting"
    left_entries: int = 0
    right_entries: int = 0
    requests: int = 0
    same: int = 0
    missing: int = 0
    differs: int = 0
    right_only: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    prefixes: tuple[tuple[str, int, int, int, bool], ...] = ()


def _environment() -> dict[str, str]:
    paths = [str(PACKAGE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _connection_options(connection: Connection, side: str = "") -> list[str]:
    facts = (("profile", connection.profile), ("endpoint-url", connection.endpoint_url),
             ("region", connection.region))
    return [f"--{side}{name}={value}" for name, value in facts if value]


def common_options(config: Config) -> list[str]:
    """The options by which a child works on the same desk."""
    return [f"--state-dir={config.state_dir}", *_connection_options(config.connection)]


def compare_words(config: Config, left: str, right: str, *, versions: bool) -> list[str]:
    """The words of a comparison of two places as the operator typed them."""
    return ["compare", *common_options(config), *_connection_options(config.left, "left-"),
            *_connection_options(config.right, "right-"), *(["--versions"] if versions else []),
            "--json", "--progress-json", "--", left, right]


class Child:
    """One running word. `stop` may be called from any thread; `finish` waits in a thread of its own."""

    def __init__(self, words: Sequence[str], *, into: IO[bytes] | None = None) -> None:
        """Start it. `into` takes its stdout; without one it is kept. Raises NotReachable."""
        # -P keeps the working directory off the module path: a file there must not be able to run.
        command = [sys.executable, "-P", "-m", "s3console", *words]
        self._out: IO[bytes] = into or tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.PIPE,
                close_fds=True, env=_environment())
        except (OSError, ValueError) as error:
            raise NotReachable("a process of s3console could not be started", where=type(error).__name__,
                               next_step="Check the names and the limits of this machine") from error
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICER)

    def stop(self) -> None:
        """Ask it to end now."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def finish(self, task: Task, progress: Callable[[Reached], None] | None = None) -> bytes:
        """Follow it to its end and return what it wrote to stdout.

        Raises Incomplete when it was stopped, S3ConsoleError with its own sentence when it failed.
        """
        sentence = self._follow(task, progress)
        try:
            code = self._process.wait(_LEAVE_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if task.cancelled or code in (130, -signal.SIGINT, -signal.SIGTERM):
            raise Incomplete("this was stopped", next_step="Nothing was kept of it")
        said = b""
        if self._out.readable():
            self._out.seek(0)
            said = self._out.read()
        if code not in (0, 1, 4) or (code and not said):
            raise S3ConsoleError(sentence.rstrip(".") or f"the work ended with status {code}")
        return said

    def _follow(self, task: Task, progress: Callable[[Reached], None] | None) -> str:
        """Read stderr until it is closed; returns the last sentence that was no progress."""
        assert self._process.stderr is not None
        sentence, rest, stopped = "", b"", False
        with selectors.DefaultSelector() as waiting, self._process.stderr as pipe:
            waiting.register(pipe, selectors.EVENT_READ)
            while True:
                if task.cancelled and not stopped:
                    stopped = True
                    self.stop()
                if not waiting.select(_LOOK_EVERY):
                    continue
                data = os.read(pipe.fileno(), 65536)
                if not data:
                    return sentence
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    reached = _reached(line)
                    if reached is None:
                        sentence = line.decode("utf-8", "replace").strip() or sentence
                    elif progress is not None:
                        progress(reached)


def _reached(line: bytes) -> Reached | None:
    if not line.startswith(b"{"):
        return None
    try:
        facts = json.loads(line)
        rows = tuple((str(name), int(left), int(right), int(same), bool(passed))
                     for name, left, right, same, passed in facts.get("prefixes", ()))
        return Reached(**{name: facts[name] for name in Reached._fields[:-1]}, prefixes=rows)
    except (ValueError, KeyError, TypeError):
        return None
