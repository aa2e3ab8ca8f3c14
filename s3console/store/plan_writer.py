"""Writing a plan: its operations batch by batch, then its head, sealed under the digest of both.

How the folder of a plan looks is said in store/plans.py.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any

from ..core.model import Operation, Place, Plan
from ..core.plans import Copied, Doomed, encode_copies, encode_deletes, encode_operation
from .facts import pack
from .home import SCHEMA, Home, disk, now, stamp, sync_directory, write_json
from .leftovers import hold
from .parquet import create_file
from .plans import digest_of, named, open_plan

SAMPLE = 10
_COUNTS = ("operations", "copy", "restore", "delete", "bytes", "delete_bytes")


def _columns() -> Any:
    import pyarrow as pa

    return pa.schema([("index", pa.int64()), ("operation", pa.string())],
                     metadata={"s3console.schema": str(SCHEMA)})  # fmt: skip


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
        """Append many deletes that come after nothing, at a small part of what `add` costs."""
        if len(doomed.lengths()) != 1:
            raise ValueError("the columns of deletes have different lengths")
        if self._total < SAMPLE:
            self._sample += islice(doomed.operations(self._total), SAMPLE - self._total)
        self._lines += encode_deletes(self._total, doomed)
        self._total += len(doomed.keys)
        self._count["delete"] += len(doomed.keys)
        self._delete_bytes += sum(doomed.sizes)
        while len(self._lines) >= self._batch_size:
            self._flush()

    def add_copies(self, copied: Copied) -> None:
        """Append many copies that come after nothing, at a small part of what `add` costs. Raises ValueError
        behind a delete."""
        if len(copied.lengths()) != 1:
            raise ValueError("the columns of copies have different lengths")
        if self._count["delete"]:
            raise ValueError("copies and restores come before deletes")
        if self._total < SAMPLE:
            self._sample += islice(copied.operations(self._total), SAMPLE - self._total)
        self._lines += encode_copies(self._total, copied)
        self._total += len(copied.keys)
        self._count["copy"] += len(copied.keys)
        self._bytes += sum(copied.sizes)
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
        plan = named(plan, digest_of(plan, path))
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
