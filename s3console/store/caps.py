"""How much one approval may cover: `limits.toml` of the administrator and of the state directory.

The file in /etc cannot be changed by the operator; of two numbers the smaller counts.

    [approval]
    operations = 100000      # operations of one plan
    deletes = 10000          # deletes among them
    bytes = "1 TiB"          # bytes copied, and bytes deleted, each
    canary = 10              # operations that go first and alone
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..core.errors import Refused, UsageError
from ..core.keys import printable
from ..core.model import Plan
from .home import Home, read_bytes

FILE = "limits.toml"
SYSTEM = Path("/etc/s3console") / FILE
_LARGEST = 1 << 16
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that one approval may cover; None: no limit."""

    operations: int | None = None
    deletes: int | None = None
    bytes: int | None = None
    canary: int = 10

    def with_others(self, other: Caps) -> Caps:
        """Of each limit the stricter: fewer operations, and a larger canary."""
        return Caps(_least(self.operations, other.operations), _least(self.deletes, other.deletes),
                    _least(self.bytes, other.bytes), max(self.canary, other.canary))  # fmt: skip


def _least(one: int | None, other: int | None) -> int | None:
    return min((n for n in (one, other) if n is not None), default=None)


def load_caps(home: Home, *, system: Path = SYSTEM) -> Caps:
    """The limits that hold. Raises UsageError for a file that cannot be understood: nothing is approved
    on a guess."""
    found = Caps()
    for path in (system, home.path / FILE):
        if path.exists():
            found = found.with_others(_read(path))
    return found


def refuse_above(caps: Caps, plan: Plan) -> None:
    """Raise Refused when a plan is larger than one approval may cover."""
    for what, most, has in (
        ("operations", caps.operations, plan.operations), ("deletes", caps.deletes, plan.delete),
        ("bytes", caps.bytes, max(plan.bytes, plan.delete_bytes)),
    ):  # fmt: skip
        if most is not None and has > most:
            raise Refused(
                f"one approval may cover {most:,} {what}, and plan {plan.plan} has {has:,}",
                where=printable(plan.title),
                next_step=f"Plan a smaller prefix, or have {FILE} changed",
            )


def _read(path: Path) -> Caps:
    try:
        table: Any = tomllib.loads(read_bytes(path.resolve(), _LARGEST).decode("utf-8"))
    except ValueError as error:
        raise _wrong(path, printable(str(error))[:200]) from None
    known = {one.name for one in fields(Caps)}
    approval = table.get("approval", {})
    strange = (set(table) - {"approval"}) | (set(approval) - known if isinstance(approval, dict) else {""})
    if strange:
        raise _wrong(path, f"{printable(sorted(strange)[0])!r} is not one of its names")
    return Caps(**{name: _number(path, name, value) for name, value in approval.items()})


def _number(path: Path, name: str, value: Any) -> int:
    if name == "bytes" and isinstance(value, str):
        match = re.fullmatch(r"(\d{1,15})\s*([KMGTP]?)(?:i?B)?", value)
        if match is not None:
            return int(match[1]) * _UNITS[match[2]]
    if type(value) is not int or value < (1 if name == "canary" else 0):
        raise _wrong(path, f"{name} must be a whole number")
    return value


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(f"The file of limits cannot be used: {what}", where=printable(str(path)),
                      next_step="Write [approval] with operations, deletes, bytes or canary")  # fmt: skip
