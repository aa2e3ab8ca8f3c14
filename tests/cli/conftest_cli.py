"""The command line as a user has it: a process of its own with its own state directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def object(self) -> Any:
        """Standard output as one JSON object and nothing else."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON lines and nothing else."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Cli:
    """Runs `s3console ...`. No answer may hold a traceback, a raw control character, or a secret."""

    state: Path
    environ: dict[str, str]
    options: tuple[str, ...] = ()
    secrets: list[str] = field(default_factory=list)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "s3console", *self.options, *arguments]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command(*arguments), env=self.environ, cwd=self.state.parent, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def __call__(self, *arguments: str, code: int | None = None) -> Answer:
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=120)
        except BaseException:
            process.kill()
            raise
        answer = Answer(process.returncode, out, err)
        assert "Traceback" not in err and "\x1b" not in err + out, err
        assert not any(secret in err + out for secret in self.secrets)
        assert code is None or answer.code == code, f"{arguments}: {answer}"
        return answer


def environment(state: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "S3CONSOLE_"))}
    return kept | {"PYTHONPATH": str(ROOT), "S3CONSOLE_HOME": str(state), "HOME": str(state.parent),
                   "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
                   "AWS_SHARED_CREDENTIALS_FILE": os.devnull} | more


MakeCli = Callable[[str], Cli]
"""A command line for the endpoint it is given."""
