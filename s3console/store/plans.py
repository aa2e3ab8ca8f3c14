"""Sealed plans: a folder named by its digest, read-only, never edited.

    plans/<digest>/plan.json            the head (core.model.Plan) and the schema number
    plans/<digest>/operations.parquet   one row group per batch; column `operation` is the canonical
                                        line of core/plans.py, column `index` its place in the plan

The digest covers every operation and every fact of the head but its id, its digest, and who made it when.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from ..core.errors import DamagedState, S3ConsoleError, UsageError
from ..core.keys import printable
from ..core.model import Operation, Plan
from ..core.plans import (
    PlanDigest,
    decode_operations,
)
from .facts import pack, read_facts
from .home import SCHEMA, Home, damaged, names
from .parquet import open_parquet, reading

PLAN_ID = 12
_NOT_DIGESTED = {"plan", "digest", "created", "created_by"}


def digest_head(plan: Plan) -> dict[str, Any]:
    """The facts of a plan's head that its digest covers."""
    covered = [item.name for item in fields(plan) if item.name not in _NOT_DIGESTED]
    return {"schema": SCHEMA, **{name: pack(getattr(plan, name)) for name in covered}}


class SealedPlan:
    """A plan on disk, open for reading its batches in any order. Use from one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "operations.parquet"
        self.plan = _read_head(folder)
        self._parquet = open_parquet(self._path)
        self._closing = weakref.finalize(self, self._parquet.close, force=True)
        facts = self._parquet.metadata
        self.batches: int = facts.num_row_groups
        expected = -(-self.plan.operations // self.plan.batch_size) if self.plan.batch_size > 0 else -1
        if facts.num_rows != self.plan.operations or self.batches != expected:
            self.close()
            raise damaged(folder, "the operations of the plan are not those of its head")

    def batch(self, number: int) -> list[Operation]:
        """The operations `number * batch_size` and following. Raises IndexError or DamagedState."""
        if not 0 <= number < self.batches:
            raise IndexError(f"the plan has {self.batches} batches")
        first = number * self.plan.batch_size
        try:
            operations = decode_operations(self._lines(number))
        except (ValueError, TypeError, RecursionError):
            raise damaged(self._path, f"batch {number} of the plan cannot be read") from None
        if [operation.index for operation in operations] != list(range(first, first + len(operations))):
            raise damaged(self._path, f"batch {number} of the plan holds other operations")
        return operations

    def lines(self, number: int) -> list[str]:
        """A batch as `encode_operation` wrote it. Raises IndexError or DamagedState."""
        if not 0 <= number < self.batches:
            raise IndexError(f"the plan has {self.batches} batches")
        return self._lines(number)

    def all_operations(self) -> Iterator[Operation]:
        """Every operation in order, one batch in memory."""
        for number in range(self.batches):
            yield from self.batch(number)

    def verify(self) -> None:
        """Compute the digest again over the head and every operation. Raises DamagedState if it differs."""
        if _digest_of(self.plan, self._lines, self.batches) != self.plan.digest:
            raise damaged(self._path.parent, "the plan was changed after it was sealed")

    def _lines(self, number: int) -> list[str]:
        lines = _column(self._path, self._parquet, number)
        if not {str}.issuperset(map(type, lines)):
            raise damaged(self._path, f"batch {number} of the plan cannot be read")
        return lines

    def close(self) -> None:
        """Close the file. Happens by itself when the plan is no longer used."""
        self._closing()

    def __enter__(self) -> SealedPlan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def find_plan(home: Home, text: str) -> Path:
    """The folder of the one plan whose digest begins with `text` (4 hex digits or more).

    Raises UsageError for anything else: not hex, too short, unknown, ambiguous.
    """
    wanted = text.lower()
    if len(wanted) < 4 or len(wanted) > 64 or set(wanted) - set("0123456789abcdef"):
        raise UsageError(
            f"“{printable(text[:80])}” is not the id of a plan",
            next_step="Give at least 4 of its hexadecimal digits; the list of plans shows them",
        )
    fits = [name for name in names(home.plans) if name.startswith(wanted)]
    if not fits:
        raise UsageError(f"there is no plan {wanted}", next_step="The list of plans shows the ids")
    if len(fits) > 1:
        shown = ", ".join(name[:PLAN_ID] for name in fits[:3])
        raise UsageError(f"{wanted} fits {len(fits)} plans ({shown})", next_step="Give more digits of the id")
    return home.plans / fits[0]


def open_plan(home: Home, text: str) -> SealedPlan:
    """A sealed plan by id, digest or unique beginning. The digest itself is checked by `verify()`.

    Raises UsageError (unknown, ambiguous), DamagedState, NewerState, NotReachable.
    """
    return SealedPlan(find_plan(home, text))


def load_plan(home: Home, text: str) -> Plan:
    """Only the head of a plan. Raises as `open_plan`."""
    return _read_head(find_plan(home, text))


def list_plans(home: Home, *, problems: list[S3ConsoleError] | None = None) -> list[Plan]:
    """The heads of all plans, newest first.

    A plan that cannot be read is left out, so that one damaged file does not hide the others; its
    error goes into `problems`.
    """
    found = []
    for name in names(home.plans):
        try:
            found.append(_read_head(home.plans / name))
        except S3ConsoleError as error:
            if problems is not None:
                problems.append(error)
    return sorted(found, key=lambda plan: (plan.created, plan.plan), reverse=True)


def _read_head(folder: Path) -> Plan:
    plan = read_facts(folder / "plan.json", Plan)
    if plan.digest != folder.name or plan.plan != plan.digest[:PLAN_ID]:
        raise damaged(folder, "the plan does not have the digest it is named by")
    return plan


def named(plan: Plan, digest: str) -> Plan:
    values = {item.name: getattr(plan, item.name) for item in fields(plan)}
    return Plan(**{**values, "plan": digest[:PLAN_ID], "digest": digest})


def digest_of(plan: Plan, path: Path) -> str:
    parquet = open_parquet(path)
    try:
        return _digest_of(plan, partial(_column, path, parquet), parquet.metadata.num_row_groups)
    finally:
        parquet.close(force=True)


def _column(path: Path, parquet: Any, number: int) -> list[str]:
    with reading(path):
        group = parquet.read_row_group(number, columns=["operation"], use_threads=False)
        lines: list[str] = group.column(0).to_pylist()
    return lines


def _digest_of(plan: Plan, lines: Callable[[int], list[str]], batches: int) -> str:
    digest = PlanDigest(digest_head(plan))
    try:
        for number in range(batches):
            digest.update_lines(lines(number))
    except UnicodeEncodeError:
        raise DamagedState("the plan was changed after it was sealed", where=plan.plan) from None
    return digest.hexdigest()
