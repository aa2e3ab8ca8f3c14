"""The canonical form of operations and the digest that seals a plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, get_args

from .model import Operation, OperationKind, Ref

_KINDS = frozenset(get_args(OperationKind))


def _pack_ref(ref: Ref | None) -> list[Any] | None:
    return None if ref is None else list(ref)


def _unpack_ref(packed: list[Any] | None) -> Ref | None:
    return None if packed is None else Ref(*packed)


def encode_operation(operation: Operation) -> str:
    """One operation as one line of canonical JSON: equal operations give equal text."""
    return json.dumps(
        [
            operation.index,
            operation.kind,
            _pack_ref(operation.target),
            _pack_ref(operation.source),
            operation.expect,
            operation.after,
            _pack_ref(operation.witness),
            operation.is_delete_marker,
            operation.reason,
            *([operation.how] if operation.how else ()),
        ],
        ensure_ascii=True,
        separators=(",", ":"),
        allow_nan=False,
    )


def decode_operation(line: str) -> Operation:
    """The inverse of `encode_operation`. Raises ValueError for anything else."""
    index, kind, target, source, expect, after, witness, marker, reason, *how = json.loads(line)
    unpacked = _unpack_ref(target)
    if unpacked is None or kind not in _KINDS or len(how) > 1:
        raise ValueError("not an operation of a plan")
    known: OperationKind = kind
    return Operation(
        index, known, unpacked, _unpack_ref(source), expect, after, _unpack_ref(witness), marker, reason,
        *how,
    )  # fmt: skip


class PlanDigest:
    """SHA-256 over the facts of a plan's head and every operation in order."""

    def __init__(self, head: Mapping[str, Any]) -> None:
        self._hash = hashlib.sha256(json.dumps(head, sort_keys=True, ensure_ascii=True).encode("ascii"))

    def update(self, operation: Operation) -> None:
        self.update_line(encode_operation(operation))

    def update_line(self, line: str) -> None:
        """The same for an operation that is already encoded."""
        self._hash.update(b"\n" + line.encode("ascii"))

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
