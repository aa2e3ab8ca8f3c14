"""The Parquet columns of a review: findings and roll-up rows to tables and back.

Names are stored as binary (UTF-8, lone surrogates kept), because Arrow text must be valid UTF-8 and
because binary statistics have the order of the keys. A side that is not there has a null in its
`_key` column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, cast

import pyarrow as pa

from ..core.model import Finding, Grade, Kind, PrefixTotals, Side

SCHEMA = 1
SIDES = ("left", "right", "repair")

_SIDE: tuple[tuple[str, Any], ...] = (
    ("key", pa.binary()),
    ("size", pa.int64()),
    ("etag", pa.string()),
    ("modified", pa.string()),
    ("storage_class", pa.string()),
    ("version_id", pa.string()),
    ("is_latest", pa.bool_()),
    ("is_delete_marker", pa.bool_()),
)
_METADATA = {"s3console.schema": str(SCHEMA)}

FINDINGS = pa.schema(
    [
        ("key", pa.binary()),
        ("kind", pa.string()),
        ("counted", pa.bool_()),
        *((f"{side}_{name}", kind) for side in SIDES for name, kind in _SIDE),
        ("intended_key", pa.binary()),
        ("intended_state", pa.string()),
        ("rule", pa.string()),
        ("grade", pa.string()),
    ],
    metadata=_METADATA,
)
"""`key` is the position of a finding: its name on the right side. Rows are sorted by it."""

PREFIXES = pa.schema(
    [("prefix", pa.binary()), *((item.name, pa.int64()) for item in fields(PrefixTotals)[1:])],
    metadata=_METADATA,
)

# Few different values: a dictionary. Names are sorted: each is stored as its difference to the one before.
WORDS = [
    "kind",
    "intended_state",
    "rule",
    "grade",
    *(f"{side}_{name}" for side in SIDES for name in ("storage_class", "modified")),
]
NAMES = ["key", "intended_key", *(f"{side}_key" for side in SIDES)]


def to_bytes(key: str) -> bytes:
    """A key as it is stored and ordered."""
    return key.encode("utf-8", "surrogatepass")


def to_text(stored: bytes) -> str:
    """The inverse of `to_bytes`. Raises ValueError for anything else."""
    return stored.decode("utf-8", "surrogatepass")


def end_of(prefix: bytes) -> bytes | None:
    """The smallest name behind every name that begins with `prefix`; None when there is none."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes((head[-1] + 1,)) if head else None


def findings_to_table(findings: Sequence[Finding]) -> pa.Table:
    """A table with the columns of `FINDINGS`."""
    columns: list[list[Any]] = [
        [to_bytes(finding.position) for finding in findings],
        [finding.kind for finding in findings],
        [finding.counted for finding in findings],
    ]
    for side in SIDES:
        columns += _side_columns([getattr(finding, side) for finding in findings])
    columns += [
        [to_bytes(finding.intended_key) for finding in findings],
        [finding.intended_state for finding in findings],
        [finding.rule for finding in findings],
        [finding.grade for finding in findings],
    ]
    arrays = [pa.array(column, item.type) for column, item in zip(columns, FINDINGS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=FINDINGS)


def _side_columns(sides: list[Side | None]) -> list[list[Any]]:
    rows = [
        (
            to_bytes(side.key),
            side.size,
            side.etag,
            side.modified,
            side.storage_class,
            side.version_id,
            side.is_latest,
            side.is_delete_marker,
        )
        if side is not None
        else None
        for side in sides
    ]
    return [[row[at] if row is not None else None for row in rows] for at in range(len(_SIDE))]


def table_to_findings(table: pa.Table) -> list[Finding]:
    """The findings of a table. Raises ValueError or TypeError when a row is not one."""
    column = {name: table.column(name).to_pylist() for name in FINDINGS.names[1:]}
    sides = [_sides([column[f"{side}_{name}"] for name, _ in _SIDE]) for side in SIDES]
    return [
        Finding(
            cast(Kind, kind), left, right, to_text(intended), state, rule, cast(Grade, grade), repair, counted
        )
        for kind, left, right, intended, state, rule, grade, repair, counted in zip(
            column["kind"],
            sides[0],
            sides[1],
            column["intended_key"],
            column["intended_state"],
            column["rule"],
            column["grade"],
            sides[2],
            column["counted"],
            strict=True,
        )
    ]


def _sides(columns: list[list[Any]]) -> list[Side | None]:
    return [
        Side(to_text(row[0]), *row[1:]) if row[0] is not None else None for row in zip(*columns, strict=True)
    ]


def prefixes_to_table(rows: Sequence[PrefixTotals]) -> pa.Table:
    """A table with the columns of `PREFIXES`."""
    arrays = [pa.array([to_bytes(row.prefix) for row in rows], pa.binary())]
    arrays += [
        pa.array([getattr(row, item.name) for row in rows], pa.int64()) for item in fields(PrefixTotals)[1:]
    ]
    return pa.Table.from_arrays(arrays, schema=PREFIXES)
