"""Rows into a new file as CSV, JSON lines or Parquet, by the ending of its name."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from ..core.errors import DiskFull, Refused, UsageError
from ..core.keys import printable
from ..core.model import Finding, Operation
from ..store.jobs import Failure
from ..store.journal import Record

Form = Literal["csv", "jsonl", "parquet"]
Cell = str | int | bool | None
FORMS: tuple[Form, ...] = ("csv", "jsonl", "parquet")
PART = 5_000
_FULL = (28, 122)  # ENOSPC, EDQUOT

FINDING_COLUMNS = (
    "kind", "key", "intended_key", "version_id", "size", "etag", "last_modified", "storage_class",
    "is_delete_marker", "rule", "grade", "left_key", "left_size", "left_etag", "ignored",
)
OPERATION_COLUMNS = (
    "number", "kind", "bucket", "key", "version_id", "etag", "size", "is_delete_marker", "reason",
    "source_bucket", "source_key", "source_version_id", "after", "expect",
)
FAILURE_COLUMNS = ("number", "kind", "key", "version_id", "code", "message", "at", "attempts")
RECORD_COLUMNS = ("number", "at", "what", "facts")


def form_of(path: Path) -> Form:
    """The form that the ending of a file name asks for. Raises UsageError for any other ending."""
    ending = path.suffix.removeprefix(".").lower()
    for form in FORMS:
        if ending == form:
            return form
    raise UsageError("the ending of the name says how a file is written", where=printable(path.name),
                     next_step="End it with .csv, .jsonl or .parquet")


def finding_cells(finding: Finding, ignored: str) -> tuple[Cell, ...]:
    """One row of FINDING_COLUMNS; `ignored` is the note by which it is left out, "" when it counts."""
    stands, left = finding.subject, finding.left
    return (finding.kind, stands.key, finding.intended_key, stands.version_id, stands.size, stands.etag,
            stands.modified, stands.storage_class, stands.is_delete_marker, finding.rule, finding.grade,
            left.key if left else "", left.size if left else None, left.etag if left else "",
            ignored)


def operation_cells(operation: Operation) -> tuple[Cell, ...]:
    """One row of OPERATION_COLUMNS; numbers count from 1, as every screen shows them."""
    target, source = operation.target, operation.source
    return (operation.index + 1, operation.kind, target.bucket, target.key, target.version_id, target.etag,
            target.size, operation.is_delete_marker, operation.reason, source.bucket if source else "",
            source.key if source else "", source.version_id if source else "",
            None if operation.after is None else operation.after + 1, operation.expect)


def failure_cells(failure: Failure) -> tuple[Cell, ...]:
    """One row of FAILURE_COLUMNS."""
    return (failure.index + 1, failure.kind, failure.key, failure.version_id, failure.code, failure.message,
            failure.at, failure.attempts)


def record_cells(record: Record) -> tuple[Cell, ...]:
    """One row of RECORD_COLUMNS; the facts are one JSON object."""
    return (record.number, record.at, record.what, json.dumps(record.facts, sort_keys=True))


def export_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Write rows into a new file and return how many; when it fails the file is removed again.

    Raises UsageError for another ending and for a key the form cannot hold, Refused when the file exists
    or cannot be made, DiskFull.
    """
    form = form_of(path)
    with _created(path) as file:
        try:
            write = {"csv": _as_csv, "jsonl": _as_lines, "parquet": _as_parquet}[form]
            count = 0
            for part in write(file, columns, rows):
                count += part
        except UnicodeEncodeError:
            raise UsageError(f"a key here is not UTF-8, which {form} cannot hold", where=printable(str(path)),
                             next_step="Write it as .jsonl") from None
    return count


@contextlib.contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    where = printable(str(path))
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Refused("this file exists already", where=where, next_step="Choose another name") from None
    except OSError as error:
        raise Refused("this file cannot be made", where=error.strerror or where,
                      next_step="Choose another name") from error
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        with contextlib.suppress(OSError):
            path.unlink()
        if isinstance(error, OSError) and error.errno in _FULL:
            raise DiskFull("there is no room for this file", where=where,
                           next_step="Make room and repeat it") from error
        raise


def _parts(rows: Iterable[Sequence[Cell]]) -> Iterator[list[Sequence[Cell]]]:
    part: list[Sequence[Cell]] = []
    for row in rows:
        part.append(row)
        if len(part) >= PART:
            yield part
            part = []
    if part:
        yield part


def _as_csv(file: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[int]:
    """RFC 4180: a key with a comma, a quote or a line break is quoted and stays one field."""

    def write(part: Sequence[Sequence[Cell]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(part)
        file.write(text.getvalue().encode("utf-8"))

    write([columns])
    for part in _parts(rows):
        write(part)
        yield len(part)


def _as_lines(file: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[int]:
    for part in _parts(rows):
        lines = [json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=True) for row in part]
        file.write(("\n".join(lines) + "\n").encode("ascii"))
        yield len(part)


_NUMBERS = frozenset({"number", "size", "left_size", "after", "attempts"})


def _as_parquet(file: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[int]:
    kinds = {name: pa.int64() for name in _NUMBERS} | {"is_delete_marker": pa.bool_()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in columns])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for part in _parts(rows):
            made: list[Any] = [pa.array(column, kind.type)
                               for column, kind in zip(zip(*part, strict=True), schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(made, schema=schema))
            yield len(part)
