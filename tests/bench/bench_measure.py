"""What one command costs: CPU of its whole process tree, wall time, peak memory, requests at the server."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_SAMPLE = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU (user and system) and of wall time, bytes of peak resident memory of the tree."""

    cpu: float
    wall: float
    rss: int
    status: int

    def plus(self, other: Cost) -> Cost:
        return Cost(self.cpu + other.cpu, self.wall + other.wall, max(self.rss, other.rss), other.status)


def adopt_orphans() -> None:
    """Processes that a command leaves behind become ours, so that their CPU is counted as well."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def children(pid: int) -> Iterator[int]:
    """All descendants of a process that are alive now."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = task.read_text().split()
        except OSError:
            continue
        for child in map(int, found):
            yield child
            yield from children(child)


def _memory(pid: int) -> tuple[int, int]:
    """Resident bytes of a process now and at its peak."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0, 0
    facts = {line.split(":")[0]: line.split()[1] for line in text.split("\n") if line.startswith("Vm")}
    return int(facts.get("VmRSS", 0)) * 1024, int(facts.get("VmHWM", 0)) * 1024


class _Sampler(threading.Thread):
    def __init__(self, known: frozenset[int]) -> None:
        super().__init__(daemon=True)
        self.peak, self._known, self._end = 0, known, threading.Event()

    def run(self) -> None:
        while not self._end.wait(_SAMPLE):
            found = [_memory(pid) for pid in set(children(os.getpid())) - self._known]
            self.peak = max(self.peak, sum(now for now, _ in found), *(most for _, most in found), 0)

    def stop(self) -> int:
        self._end.set()
        self.join()
        return self.peak


def _reap(first: int, deadline: float) -> tuple[float, int]:
    """Wait for the command and for everything it left behind. Returns CPU seconds and its status."""
    cpu, status, killed = 0.0, -1, False
    while True:
        try:
            pid, found, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu, status
        if pid == 0:
            if time.monotonic() > deadline and not killed:
                killed = True
                for child in list(children(os.getpid())):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.005)
            continue
        cpu += usage.ru_utime + usage.ru_stime
        if pid == first:
            status = os.waitstatus_to_exitcode(found)


def run(command: Sequence[str], *, environ: Mapping[str, str], folder: Path, out: Path,
        timeout: float) -> Cost:
    """Run a command with its output in the files `out` and `out`.err.

    `adopt_orphans()` must have been called, and this process must have no other children.
    """
    with out.open("wb") as stdout, Path(f"{out}.err").open("wb") as stderr:
        sampler = _Sampler(frozenset())
        sampler.start()
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL,
                                 env=dict(environ), cwd=folder)
        try:
            cpu, status = _reap(child.pid, start + timeout)
        finally:
            peak = sampler.stop()
        child.returncode = status
        return Cost(cpu, time.monotonic() - start, peak, status)


@dataclass(frozen=True, slots=True)
class Server:
    """The synthetic server, as its start script described it."""

    endpoint: str
    pid: int

    def requests(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.endpoint}/_requests", timeout=30) as answer:
            found: dict[str, int] = json.load(answer)
            return found

    def forget(self) -> None:
        asked = urllib.request.Request(f"{self.endpoint}/_requests", method="DELETE")
        urllib.request.urlopen(asked, timeout=30).close()

    def cpu(self) -> float:
        """Seconds of CPU that the server has used."""
        total = 0
        for pid in (self.pid, *children(self.pid)):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS
