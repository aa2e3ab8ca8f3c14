"""Sealed plans: a folder named by its digest, read-only, never edited.

    plans/<digest>/plan.json            the head (core.model.Plan) and the schema number
    plans/<digest>/operations.parquet   one row group per batch; column `operation` is the canonical
                                        line of core/plans.py, column `index` its place in the plan

The digest covers every operation and every fact of the head but its id, its digest, and who made it when.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from ..core.errors import DamagedState, S3ConsoleError, UsageError
from ..core.keys import printable
from ..core.model import Operation, Place, Plan
from ..core.plans import Doomed, PlanDigest, decode_operations, encode_deletes, encode_operation
from .facts import pack, read_facts
from .home import SCHEMA, Home, damaged, disk, names, now, stamp, sync_directory, write_json
from .leftovers import hold
from .parquet import create_file, open_parquet, reading

PLAN_ID = 12
SAMPLE = 10
_NOT_DIGESTED = {"plan", "digest", "created", "created_by"}
_COUNTS = ("operations", "copy", "restore", "delete", "bytes", "delete_bytes")


def _columns() -> Any:
    import pyarrow as pa

    return pa.schema([("index", pa.int64()), ("operation", pa.string())],
                     metadata={"s3console.schema": str(SCHEMA)})  # fmt: skip


def digest_head(plan: Plan) -> dict[str, Any]:
    """The facts of a plan's head that its digest covers."""
    covered = [item.name for item in fields(plan) if item.name not in _NOT_DIGESTED]
    return {"schema": SCHEMA, **{name: pack(getattr(plan, name)) for name in covered}}


class PlanWriter:
    """Takes the operations of one plan in order, then seals them. Leave it without seal() and nothing stays.

    Use as a context manager. Memory: one batch.
    """

    def __init__(self, home: Home, batch_size: int = 500) -> None:
        # Dear to import, and not needed by those who only read the head of a plan.
        import pyarrow.parquet as pq

        if batch_size < 1:
            raise ValueError("a batch holds at least one operation")
        self._home = home
        self._batch_size = batch_size
        self._lines: list[str] = []
        self._count = {"copy": 0, "restore": 0, "delete": 0}
        self._total = self._written = 0
        self._bytes = 0
        self._delete_bytes = 0
        self._sample: list[Operation] = []
        self._folder = home.plans / f".new-{secrets.token_hex(8)}"
        self._open = True
        with disk(self._folder):
            self._folder.mkdir(mode=0o700)
            self._hold = hold(self._folder)
            self._file = create_file(self._folder / "operations.parquet")
            self._schema = _columns()
            self._parquet = pq.ParquetWriter(
                self._file, self._schema, compression="zstd", use_dictionary=False, write_statistics=False
            )

    @property
    def operations(self) -> int:
        """How many operations were added so far; the next one must carry this index."""
        return self._total

    def add(self, operations: Sequence[Operation]) -> None:
        """Append operations. Raises ValueError for a wrong index, a copy after a delete, or a bad `after`."""
        count, lines = self._count, self._lines
        for operation in operations:
            removes, index, after = operation.removes, operation.index, operation.after
            if index != self._total:
                raise ValueError(f"operation {index} where {self._total} was due")
            if not removes and count["delete"]:
                raise ValueError("copies and restores come before deletes")
            if after is not None and not 0 <= after < index:
                raise ValueError("an operation can only come after an earlier one")
            self._total += 1
            if removes:
                count["delete"] += 1
                self._delete_bytes += operation.target.size
            else:
                count["restore" if operation.kind == "restore" else "copy"] += 1
                self._bytes += (operation.source or operation.target).size
            if index < SAMPLE:
                self._sample.append(operation)
            lines.append(encode_operation(operation))
            if len(lines) >= self._batch_size:
                self._flush()
                lines = self._lines

    def add_deletes(self, doomed: Doomed) -> None:
        """Append many deletes that depend on nothing, at a small part of what `add` costs."""
        if len({len(column) for column in doomed[1:6]}) != 1:
            raise ValueError("the columns of deletes have different lengths")
        if self._total < SAMPLE:
            self._sample += islice(doomed.operations(self._total), SAMPLE - self._total)
        self._lines += encode_deletes(self._total, doomed)
        self._total += len(doomed.keys)
        self._count["delete"] += len(doomed.keys)
        self._delete_bytes += sum(doomed.sizes)
        while len(self._lines) >= self._batch_size:
            self._flush()

    def _flush(self) -> None:
        """Write one batch, or what is left of one."""
        import pyarrow as pa

        lines, self._lines = self._lines[: self._batch_size], self._lines[self._batch_size :]
        if lines:
            columns = [pa.array(range(self._written, self._written + len(lines)), pa.int64()),
                       pa.array(lines, pa.string())]  # fmt: skip
            self._written += len(lines)
            with disk(self._folder):
                table = pa.table(columns, schema=self._schema)
                self._parquet.write_table(table, row_group_size=self._batch_size)

    def seal(
        self,
        *,
        prefix: str,
        left: Place | None,
        right: Place,
        created_by: str,
        versioning: str,
        requests: Mapping[str, int],
        cost_usd: float = 0.0,
        monthly_usd: float = 0.0,
        review: str = "",
        title: str = "",
        notes: Sequence[str] = (),
        created: str = "",
        reversible: bool | None = None,
        sample: Sequence[Operation] | None = None,
        serial: int = 0,
        **counts: int,
    ) -> Plan:
        """Close the plan and give it its digest.

        Counts and bytes are known from add(); those given as `counts` (operations, copy, restore,
        delete, bytes, delete_bytes) must agree, or ValueError is raised. `reversible` None means: no
        operation deletes. Sealing the same content with the same `serial` again returns the plan that is
        already there. Raises DiskFull, NotReachable.
        """
        self._flush()
        plan = Plan(
            plan="",
            digest="",
            prefix=prefix,
            created=created or stamp(now()),
            created_by=created_by,
            left=left,
            right=right,
            operations=self._total,
            copy=self._count["copy"],
            restore=self._count["restore"],
            delete=self._count["delete"],
            bytes=self._bytes,
            delete_bytes=self._delete_bytes,
            requests=dict(requests),
            cost_usd=cost_usd,
            monthly_usd=monthly_usd,
            reversible=not self._count["delete"] if reversible is None else reversible,
            versioning=versioning,
            review=review,
            title=title,
            batch_size=self._batch_size,
            sample=tuple(self._sample if sample is None else sample),
            notes=tuple(notes),
            serial=serial,
        )
        for name, count in counts.items():
            if name not in _COUNTS or getattr(plan, name) != count:
                raise ValueError(f"the plan was said to have {name}={count}, which its operations have not")
        return self._publish(self._named(plan))

    def _named(self, plan: Plan) -> Plan:
        """Make the operations durable, compute the digest over them, and write the head."""
        path = self._folder / "operations.parquet"
        with disk(self._folder):
            self._parquet.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            path.chmod(0o400)
        plan = _named(plan, _digest(plan, path))
        write_json(self._folder / "plan.json", {"schema": SCHEMA, **pack(plan)}, mode=0o400)
        return plan

    def _publish(self, plan: Plan) -> Plan:
        final = self._home.plans / plan.digest
        with disk(final):
            try:
                self._folder.rename(final)
            except OSError:
                if not final.is_dir():
                    raise
                with open_plan(self._home, plan.digest) as existing:
                    existing.verify()
                    plan = existing.plan
            else:
                self._open = False
                os.close(self._hold)
                sync_directory(self._home.plans)
        self.discard()
        return plan

    def discard(self) -> None:
        """Throw away what was not sealed. Safe to call at any time."""
        if self._open:
            self._open = False
            import pyarrow as pa

            with contextlib.suppress(OSError, ValueError, pa.ArrowException):
                self._parquet.close()
            self._parquet.is_open = False  # else its finalizer would write again
            with contextlib.suppress(OSError):
                self._file.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._hold)

    def __enter__(self) -> PlanWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


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


def _named(plan: Plan, digest: str) -> Plan:
    values = {item.name: getattr(plan, item.name) for item in fields(plan)}
    return Plan(**{**values, "plan": digest[:PLAN_ID], "digest": digest})


def _digest(plan: Plan, path: Path) -> str:
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
