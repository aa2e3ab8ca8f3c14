"""What a row of the benchmark is: the command of each program, the work in it, and how to tell it was done.

In a command, {name} stands for a field of the JSON that the step before wrote last; {sink} for a
bucket name that no other run has; {folder} for an empty folder; {bucket} for what `prepare` made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench_peers import OURS

Steps = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One program at one row. `units` is the work done; `lines`, `fields`, `requests` and `status` are
    checked; `rounds` is in how many rounds it takes part (None: in all of them). `before` is run first and
    not measured."""

    units: int
    steps: Steps
    lines: int | None = None
    fields: Mapping[str, int | bool | str] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    status: tuple[int, ...] = (0,)
    rounds: int | None = None
    before: Steps = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of work. `target` is the greatest share of the best peer that s3console may take.

    `runs` holds a reason instead of a run where a program cannot do the work. With `by_wall` wall time
    is compared, else CPU; `serial` compares with the serial reader "(floor)" too, and says so. `gateway`
    rows run on the real Ceph gateway.
    """

    name: str
    title: str
    unit: str
    runs: Mapping[str, Run | str]
    by_wall: bool = False
    target: float | None = None
    serial: bool = False
    gateway: bool = False
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """How a row is made: `build(count, host)`, with `count` for a million keys, in so many rounds."""

    build: Callable[[int, str], Row]
    count: int
    rounds: int = 2


def s5(*words: str) -> tuple[str, ...]:
    """A call of s5cmd that does not print every object."""
    return ("s5cmd", "--log", "error", *words)


def job(*plan: str) -> Steps:
    """Plan, approve, run: what s3console does to change anything."""
    return ((OURS, "--json", "plan", *plan), (OURS, "--json", "approve", "{plan}", "--count", "{operations}"),
            (OURS, "--json", "run", "{plan}"))


def done(count: int) -> dict[str, int | bool | str]:
    """What the record of a job says that did all its operations."""
    return {"done": count, "failed": 0, "state": "done"}
