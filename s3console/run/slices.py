"""A slice of a plan as rounds of generators, and the lines between runner and workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby, islice, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.model import Connection, Operation, Ref
from .copying import begins_with, copying, looking_at, proved, wants_looks
from .downloading import downloading, unlinking
from .engine import Answer, Copy, Manner, Outcome, Request, Steps
from .removing import (
    aborting,
    deleting,
    deleting_looked,
    deleting_one,
    guarding,
    guarding_together,
    looking_at_names,
    removing_bucket,
)
from .stretches import Item, Slice

if TYPE_CHECKING:
    from .walk import Walk

GROUP = 1000
LOOKED, NAMES, LEAST = 64, 125, 2
"""Copies and deletes by name before which one looks together, and how many operations make that worth it."""
_FIELDS = len(Ref._fields)
_NOTHING = (None,) * _FIELDS
_NONE: Mapping[int, str] = {}

Result = Outcome | None | list[Outcome]


class Direct:
    """A plain copy, driven like the generator of the engine, at a part of its cost.

    It asks for what that generator would ask for first, and ends where the answer proves the copy. Any other
    answer is given to the generator, which goes on from there.
    """

    __slots__ = ("_looked", "_manner", "_operation", "_steps", "request")

    def __init__(self, operation: Operation, manner: Manner, request: Copy, *, looked: bool = False) -> None:
        self._operation, self._manner, self._looked = operation, manner, looked
        self.request = request
        self._steps: Steps | None = None

    def __next__(self) -> Request:
        return self.request

    def proved(self, made: Any) -> Outcome | None:
        """The outcome of the copy, where what it made proves it at once."""
        return proved(self._operation, made.etag, made.version_id)

    def send(self, answer: Answer | None) -> Request:
        """As of a generator: raises StopIteration with the outcome."""
        steps = self._steps
        if steps is None:
            if answer is None:
                return self.request
            if answer[0] == "ok":
                outcome = self.proved(answer[1])
                if outcome is not None:
                    raise StopIteration(outcome)
            steps = self._steps = copying(self._operation, self._manner, look=False, looked=self._looked)
            if next(steps) != self.request:
                raise AssertionError("the engine asks for something else first")
        return steps.send(answer)  # type: ignore[arg-type]

    def close(self) -> None:
        """As of a generator."""
        if self._steps is not None:
            self._steps.close()


class Task(NamedTuple):
    """One generator and the operations it answers for. `prefix` is what a store may slow down by itself.

    One with `then` looks at several operations together: what it returns, and whether that is too old by now,
    gives the tasks that carry them out. `again` makes such a task anew, without the look before it.
    """

    indexes: tuple[int, ...]
    steps: Generator[Request, Answer, Any] | Direct
    prefix: str = ""
    then: Callable[[frozenset[int]], list[Task]] | None = None
    again: Callable[[], list[Task]] | None = None

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
        found = []
        for group in _groups(work.items, lambda i: _ways(i, manner)):
            operations = [i.operation for i in group]
            if len(group) >= LEAST and _ways(group[0], manner) is not None:
                found.append(_looking_task(operations, manner))
            else:
                found += [_task(i.operation, adding(i.operation, manner, look=i.look)) for i in group]
        return found
    items = [i for i in work.items if _exact(i.operation) or i.witnesses or _guarded(i.operation)]
    found = []
    for group in _groups(items, _witnessed, GROUP):
        operations, exact = [i.operation for i in group], [_exact(i.operation) for i in group]
        witnesses = [i.witnesses for i in group]
        if len(group) >= LEAST and _witnessed(group[0]) is not None:
            found.append(Task(tuple(op.index for op in operations), guarding_together(
                operations, manner, witnesses=witnesses, exact=exact), prefix_of_write(operations[0])))
        else:
            found += [_task(op, guarding(op, manner, witnesses=held, exact=one))
                      for op, held, one in zip(operations, witnesses, exact, strict=True)]
    return found


def _groups(items: Sequence[Item], kind: Callable[[Item], object], most: int = LOOKED
            ) -> Iterator[list[Item]]:
    """Items of the same kind that come one after the other."""
    for _, alike in groupby(items, kind):
        while group := list(islice(alike, most)):
            yield group


def _ways(item: Item, manner: Manner) -> tuple[Any, ...] | None:
    """Between which buckets a copy goes before which one has to look; None where one need not, or cannot
    together with others."""
    operation = item.operation
    if item.look or operation.kind == "download" or operation.source is None or \
            not wants_looks(operation, manner):
        return None
    return *operation.source[:2], *operation.target[:2]


def _witnessed(item: Item) -> tuple[Any, ...] | None:
    """The bucket in which the witnesses of a delete stand; None where there are none, or in two."""
    places = {(ref[:2], bool(ref.version_id)) for ref in item.witnesses}
    return places.pop() if len(places) == 1 else None


def _looking_task(operations: Sequence[Operation], manner: Manner) -> Task:
    """The look before some copies, and then they."""
    def plainly(operation: Operation) -> Task:
        return _task(operation, adding(operation, manner, look=False))

    def then(clear: frozenset[int]) -> list[Task]:
        return [_task(op, adding(op, manner, look=False, looked=True))._replace(
                    again=lambda op=op: [plainly(op)])  # type: ignore[misc]
                if op.index in clear else plainly(op) for op in operations]

    return Task(tuple(op.index for op in operations), looking_at(operations, manner),
                prefix_of_write(operations[0]), then)


def _removing_task(operations: Sequence[Operation], manner: Manner) -> Task:
    """The look at names that are to be deleted, and then that."""
    def then(clear: frozenset[int]) -> list[Task]:
        left = [op for op in operations if op.index in clear]
        tasks = [_single(op, manner) for op in operations if op.index not in clear]
        if left and manner.alone:
            tasks.append(Task(tuple(op.index for op in left), deleting_looked(left, manner),
                              prefix_of_write(left[0]), None, lambda: [_single(op, manner) for op in left]))
            return tasks
        return tasks + [_task(op, deleting_one(op, manner, looked=True))._replace(
            again=lambda op=op: [_single(op, manner)]) for op in left]  # type: ignore[misc]

    return Task(tuple(op.index for op in operations), looking_at_names(operations, manner),
                prefix_of_write(operations[0]), then)


def second_round(work: Slice, decided: Sequence[Outcome], manner: Manner) -> list[Task]:
    """The deletes that the first round let through: versions together, plain names singly."""
    if work.kind == "copy":
        return []
    settled = {o.index for o in decided}
    left = [i.operation for i in work.items if i.operation.index not in settled]
    versions = [op for op in left if op.kind == "delete" and op.target.version_id]
    tasks = []
    for group in _groups([i for i in work.items if i.operation.index not in settled], _named,
                         NAMES):
        operations = [i.operation for i in group]
        if len(group) >= LEAST and manner.looks and _named(group[0]) is not None:
            tasks.append(_removing_task(operations, manner))
        else:
            tasks += [_single(op, manner) for op in operations
                      if op.kind != "delete" or not op.target.version_id]
    for start in range(0, len(versions), GROUP):
        part = versions[start:start + GROUP]
        tasks.append(Task(tuple([op.index for op in part]), deleting(part, manner),
                          prefix_of_write(part[0])))
    return tasks


def _named(item: Item) -> tuple[str, str] | None:
    """The bucket of a delete by name; None for anything else."""
    operation = item.operation
    if operation.kind != "delete" or operation.target.version_id or operation.how or item.look:
        return None
    return operation.target[:2]


def _single(operation: Operation, manner: Manner) -> Task:
    """What needs a request of its own."""
    if operation.kind == "abort":
        return _task(operation, aborting(operation, manner))
    if operation.kind == "bucket":
        return _task(operation, removing_bucket(operation, manner))
    if operation.kind == "unlink":
        return _task(operation, unlinking(operation))
    return _task(operation, deleting_one(operation, manner))


def adding(operation: Operation, manner: Manner, *, look: bool, looked: bool = False) -> Steps | Direct:
    """The generator of a copy or a download; `looked` as of `copying`."""
    if operation.kind == "download":
        return downloading(operation, manner, look=look)
    if not look:
        request = begins_with(operation, manner, looked=looked)
        if request is not None:
            return Direct(operation, manner, request, looked=looked)
    return copying(operation, manner, look=look, looked=looked)


def _guarded(operation: Operation) -> bool:
    return operation.word("latest") is not None


def _task(operation: Operation, steps: Generator[Request, Answer, Any] | Direct) -> Task:
    return Task((operation.index,), steps, prefix_of_write(operation))


def prefix_of_write(operation: Operation) -> str:
    """Bucket and first directory of what is written."""
    return f"{operation.target.bucket}/{operation.target.key.partition('/')[0]}"


def _exact(operation: Operation) -> bool:
    """A delete by name compares the ETag itself; nobody compares that of a "null" version."""
    return operation.target.version_id == "null" and not operation.is_delete_marker


# ---- lines


def pack_slice(work: Slice) -> dict[str, Any]:
    """A slice as JSON: one column for each field of its operations, or one value where all have the same."""
    rows = [(o.index, o.kind, o.expect, o.after, o.is_delete_marker, o.reason, o.how, i.look, *o.target,
             *(o.source or _NOTHING)) for i in work.items for o in (i.operation,)]
    witnesses = [[n, i.operation.witness, i.witnesses] for n, i in enumerate(work.items)
                 if i.witnesses or i.operation.witness]
    return {"number": work.number, "kind": work.kind, "count": len(rows), "witnesses": witnesses,
            "columns": [[column[0]] if column.count(column[0]) == len(column) else column
                        for column in zip(*rows, strict=True)]}


def slice_line(work: Slice) -> bytes:
    """The line that hands a slice to a worker; a stretch goes as it stands in the plan."""
    stretch = work.stretch
    if stretch is None:
        return to_line({"slice": pack_slice(work)})
    head = f'{{"slice":{{"number":{work.number},"kind":"{work.kind}",'
    if stretch.keys:
        return (f'{head}"first":{stretch.first},"bucket":{stretch.bucket},'
                f'"keys":[{",".join(stretch.keys)}],"ids":[{",".join(stretch.ids)}]}}}}\n').encode("ascii")
    return f'{head}"rows":[{",".join(stretch.lines)}]}}}}\n'.encode("ascii")


def unpack_slice(packed: Mapping[str, Any]) -> Slice:
    """The inverse of `pack_slice` and of what `slice_line` makes of a stretch."""
    if "keys" in packed:
        return Slice(packed["number"], packed["kind"], tuple(
            Item(Operation(index, "delete", Ref("right", packed["bucket"], key, version_id)))
            for index, (key, version_id) in enumerate(zip(packed["keys"], packed["ids"], strict=True),
                                                      packed["first"])))
    if "rows" in packed:
        return Slice(packed["number"], packed["kind"], tuple(
            Item(Operation(index, kind, Ref(*target), None if source is None else Ref(*source), expect, after,
                           None, marker, reason))
            for index, kind, target, source, expect, after, _, marker, reason in packed["rows"]))
    count = packed["count"]
    (index, kind, expect, after, marker, reason, how, look, *refs) = (
        column * count if len(column) == 1 else column for column in packed["columns"])
    targets = map(Ref, *refs[:_FIELDS])
    sources: Iterable[Ref | None] = map(Ref, *refs[_FIELDS:])
    if None in refs[_FIELDS]:
        sources = [None if row[0] is None else Ref(*row) for row in zip(*refs[_FIELDS:], strict=True)]
    held = {n: (None if witness is None else Ref(*witness), tuple(Ref(*one) for one in witnesses))
            for n, witness, witnesses in packed["witnesses"]}
    operations = map(Operation, index, kind, targets, sources, expect, after, repeat(None), marker, reason,
                     how)
    if not held:
        return Slice(packed["number"], packed["kind"], tuple(map(Item, operations, look)))
    return Slice(packed["number"], packed["kind"], tuple(
        Item(replace(operation, witness=held[n][0]), looked, held[n][1]) if n in held
        else Item(operation, looked)
        for n, (operation, looked) in enumerate(zip(operations, look, strict=True))))


def pack_outcomes(work: Slice, outcomes: Sequence[Outcome], done: int = 0,
                  made: Mapping[int, str] = _NONE) -> dict[str, Any]:
    """Outcomes of one slice as JSON: the plain ones as columns, since there are many of them.

    `verified` holds indexes and, where any was made, version ids of copies that carry the ETag and size of
    their source; `deleted` holds indexes; `others` holds everything else, whole. Bit i of `done` says that
    the i-th operation of a stretch went well; `made` holds the versions that these made.
    """
    sources = work.sources
    verified: list[int] = []
    versions: list[str] = []
    deleted: list[int] = []
    others: list[list[Any]] = []
    for one in outcomes:
        if one.sure and not one.code and not one.message:
            if one.result == "deleted" and not (one.version_id or one.etag or one.bytes):
                deleted.append(one.index)
                continue
            source = sources.get(one.index)
            if one.result == "verified" and source is not None and one.etag == source.etag \
                    and one.bytes == source.size:
                verified.append(one.index)
                versions.append(one.version_id)
                continue
        others.append([one.index, one.result, one.code, one.message, one.etag, one.bytes, one.version_id,
                       one.sure])
    packed = {"count": len(outcomes) + done.bit_count(), "verified": verified,
              "versions": versions if any(versions) else [], "deleted": deleted, "others": others}
    return {**packed, "done": f"{done:x}", "made": list(made.items())} if done else packed


def unpack_outcomes(work: Slice, packed: Mapping[str, Any]) -> list[Outcome]:
    """The inverse of `pack_outcomes`."""
    outcomes = [Outcome(*one) for one in packed["others"]]
    outcomes += [Outcome(index, "deleted") for index in packed["deleted"]]
    verified = packed["verified"]
    if not verified:
        return outcomes
    sources = work.sources
    for index, version_id in zip(verified, packed["versions"] or [""] * len(verified), strict=True):
        source = sources.get(index)
        if source is not None:
            outcomes.append(Outcome(index, "verified", "", "", source.etag, source.size, version_id))
    return outcomes


def take_in(walk: Walk, work: Slice, packed: Mapping[str, Any]) -> list[tuple[Operation, Outcome]]:
    """Give the walk what a worker reported of a slice: in one go what went well in a stretch, the rest one
    by one. Returns what is to be written down for a person, as `Walk.report`."""
    outcomes = unpack_outcomes(work, packed)
    if "done" in packed:
        bits, made = int(packed["done"], 16), dict(packed["made"])
        if not walk.report_done(work.number, bits, made):
            outcomes += _done(work, bits, made)
    return walk.report(work.number, outcomes) if outcomes else []


def _done(work: Slice, bits: int, made: Mapping[int, str]) -> list[Outcome]:
    """What went well in a stretch, as outcomes."""
    outcomes = []
    for n, item in enumerate(work.items):
        if bits >> n & 1:
            source = item.operation.source
            outcomes.append(Outcome(item.operation.index, "deleted") if source is None else Outcome(
                item.operation.index, "verified", "", "", source.etag, source.size, made.get(n, "")))
    return outcomes


def pack_connection(connection: Connection) -> dict[str, Any]:
    """How a store is reached, as JSON; a connection holds no secret."""
    return asdict(connection)


def to_line(message: Mapping[str, Any]) -> bytes:
    """One message as one line of ASCII; lone surrogates survive as escapes."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
