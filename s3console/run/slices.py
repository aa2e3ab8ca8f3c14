"""A slice of a plan as rounds of generators, and the lines between runner and workers."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..core.model import Connection, Operation, Ref
from ..core.plans import decode_operation, encode_operation
from .copying import copying
from .engine import Answer, Manner, Outcome, Request
from .removing import aborting, deleting, deleting_one, guarding, removing_bucket
from .walk import Item, Slice

GROUP = 500

Result = Outcome | None | list[Outcome]


@dataclass(frozen=True, slots=True)
class Task:
    """One generator and the operations it answers for."""

    indexes: tuple[int, ...]
    steps: Generator[Request, Answer, Result]

    def outcomes(self, result: Result) -> list[Outcome]:
        """What the generator returned, as outcomes; a guard that lets go on has none."""
        if result is None:
            return []
        return result if isinstance(result, list) else [result]

    def undecided(self) -> list[Outcome]:
        """The outcomes of a generator that was stopped."""
        return [Outcome(i, "pending") for i in self.indexes]


def first_round(work: Slice, manner: Manner) -> list[Task]:
    """Copies; or what must be looked at right before the deletes of the slice."""
    if work.kind == "copy":
        return [_task(i.operation, copying(i.operation, manner, look=i.look)) for i in work.items]
    return [_task(i.operation, guarding(i.operation, manner, witnesses=i.witnesses, exact=exact))
            for i in work.items if (exact := _exact(i.operation)) or i.witnesses or _guarded(i.operation)]


def second_round(work: Slice, decided: Sequence[Outcome], manner: Manner) -> list[Task]:
    """The deletes that the first round let through: versions together, plain names singly."""
    if work.kind == "copy":
        return []
    settled = {o.index for o in decided}
    left = [i.operation for i in work.items if i.operation.index not in settled]
    versions = [op for op in left if op.kind == "delete" and op.target.version_id]
    tasks = [_single(op, manner) for op in left if op.kind != "delete" or not op.target.version_id]
    for start in range(0, len(versions), GROUP):
        group = versions[start:start + GROUP]
        tasks.append(Task(tuple(op.index for op in group), deleting(group, manner)))
    return tasks


def _single(operation: Operation, manner: Manner) -> Task:
    """What needs a request of its own."""
    if operation.kind == "abort":
        return _task(operation, aborting(operation, manner))
    if operation.kind == "bucket":
        return _task(operation, removing_bucket(operation, manner))
    return _task(operation, deleting_one(operation, manner))


def _guarded(operation: Operation) -> bool:
    return operation.word("latest") is not None


def _task(operation: Operation, steps: Generator[Request, Answer, Any]) -> Task:
    return Task((operation.index,), steps)


def _exact(operation: Operation) -> bool:
    """A delete by name compares the ETag itself; nobody compares that of a "null" version."""
    return operation.target.version_id == "null" and not operation.is_delete_marker


# ---- lines


def pack_slice(work: Slice) -> dict[str, Any]:
    """A slice as JSON."""
    return {"number": work.number, "kind": work.kind,
            "items": [[encode_operation(i.operation), i.look, [list(w) for w in i.witnesses]]
                      for i in work.items]}


def unpack_slice(packed: Mapping[str, Any]) -> Slice:
    """The inverse of `pack_slice`."""
    return Slice(packed["number"], packed["kind"],
                 tuple(Item(decode_operation(line), look, tuple(Ref(*w) for w in witnesses))
                       for line, look, witnesses in packed["items"]))


def pack_outcome(outcome: Outcome) -> list[Any]:
    """An outcome as JSON."""
    return [outcome.index, outcome.result, outcome.code, outcome.message, outcome.etag, outcome.bytes,
            outcome.version_id, outcome.sure]


def unpack_outcome(packed: Sequence[Any]) -> Outcome:
    """The inverse of `pack_outcome`."""
    return Outcome(*packed)


def pack_connection(connection: Connection) -> dict[str, Any]:
    """How a store is reached, as JSON; a connection holds no secret."""
    return asdict(connection)


def to_line(message: Mapping[str, Any]) -> bytes:
    """One message as one line of ASCII; lone surrogates survive as escapes."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
