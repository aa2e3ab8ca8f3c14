"""The canonical form of operations and the digest that seals a plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, repeat
from json.encoder import encode_basestring_ascii as _text
from typing import Any, NamedTuple, get_args

from .model import Operation, OperationKind, Ref

_KINDS = frozenset(get_args(OperationKind))


def _encode_ref(ref: Ref | None) -> str:
    if ref is None:
        return "null"
    side, bucket, key, version_id, etag, size, storage_class = ref
    return (f"[{_text(side)},{_text(bucket)},{_text(key)},{_text(version_id)},{_text(etag)},{size},"
            f"{_text(storage_class)}]")


def _unpack_ref(packed: list[Any] | None) -> Ref | None:
    return None if packed is None else Ref(*packed)


def encode_operation(operation: Operation) -> str:
    """One operation as one line of canonical JSON: equal operations give equal text."""
    after = "null" if operation.after is None else operation.after
    marker = "true" if operation.is_delete_marker else "false"
    how = f",{_text(operation.how)}" if operation.how else ""
    return (f'[{operation.index},"{operation.kind}",{_encode_ref(operation.target)},'
            f"{_encode_ref(operation.source)},{_text(operation.expect)},{after},"
            f"{_encode_ref(operation.witness)},{marker},{_text(operation.reason)}{how}]")


def encode_deletes(first: int, doomed: Doomed) -> list[str]:
    """The lines of deletes that nothing else depends on, column by column; the first has the index `first`.

    Each is what `encode_operation` says of the operation.
    """
    head = f',"delete",["right",{_text(doomed.bucket)}'
    tail = f',{"true" if doomed.marker else "false"},{_text(doomed.reason)}]'
    classes = {one: _text(one) for one in set(doomed.classes)}
    if doomed.witnesses:
        middle = '],null,"any",null,'
        return [f"[{index}{head},{key},{version_id},{etag},{size},{classes[name]}{middle}{witness}{tail}"
                for index, key, version_id, etag, size, name, witness in
                zip(count(first), _texts(doomed.keys), _texts(doomed.ids), _texts(doomed.etags),
                    doomed.sizes, doomed.classes, _ref_texts(doomed.witnesses))]
    tail = f'],null,"any",null,null{tail}'
    return [f"[{index}{head},{key},{version_id},{etag},{size},{classes[name]}{tail}"
            for index, key, version_id, etag, size, name in
            zip(count(first), _texts(doomed.keys), _texts(doomed.ids), _texts(doomed.etags),
                doomed.sizes, doomed.classes)]


def encode_copies(first: int, copied: Copied) -> list[str]:
    """The lines of copies that nothing else depends on, column by column; the first has the index `first`.

    Each is what `encode_operation` says of the operation.
    """
    head = f',"copy",["right",{_text(copied.target)}'
    middle = f'],["left",{_text(copied.source)}'
    how = f",{_text(copied.how)}" if copied.how else ""
    tail = f"],{_text(copied.expect)},null,null,false,{_text(copied.reason)}{how}]"
    classes = {one: _text(one) for one in set(copied.classes)}
    keys = _texts(copied.keys)
    names = keys if copied.names is copied.keys else _texts(copied.names)
    return [f'[{index}{head},{name},"",{etag},{size},{classes[kind]}{middle},{key},{version_id},{etag},'
            f"{size},{classes[kind]}{tail}"
            for index, name, key, version_id, etag, size, kind in
            zip(count(first), names, keys, _texts(copied.ids), _texts(copied.etags), copied.sizes,
                copied.classes)]


def _ref_texts(refs: Iterable[Ref]) -> Iterator[str]:
    """Every ref as JSON; one that comes several times in a row is written once."""
    last, text = None, ""
    for ref in refs:
        if ref is not last:
            last, text = ref, _encode_ref(ref)
        yield text


def _texts(column: Sequence[str]) -> list[str]:
    """Every text as JSON. Escaping them as one costs a third, where none of them holds a line break or
    a backslash before an n, either of which makes the parts more than the texts."""
    parts = _text("\n".join(column))[1:-1].split("\\n")
    if len(parts) != len(column):
        return list(map(_text, column))
    return [f'"{part}"' for part in parts]


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


def decode_operations(lines: Sequence[str]) -> list[Operation]:
    """Several lines together, at half the cost. Raises ValueError or TypeError for anything else."""
    rows = json.loads(f"[{','.join(lines)}]")
    if len(rows) != len(lines):
        raise ValueError("not operations of a plan")
    found = []
    for index, kind, target, source, expect, after, witness, marker, reason, *how in rows:
        if target is None or kind not in _KINDS or len(how) > 1:
            raise ValueError("not an operation of a plan")
        found.append(Operation(
            index, kind, Ref(*target), None if source is None else Ref(*source), expect, after,
            None if witness is None else Ref(*witness), marker, reason, *how))  # fmt: skip
    return found


class Doomed(NamedTuple):
    """Deletes of one bucket on the right side, as columns of equal length; all of them markers, or none.

    `witnesses` has what each needs to be seen before it, and is empty where none needs anything.
    """

    bucket: str
    keys: Sequence[str]
    ids: Sequence[str]
    etags: Sequence[str]
    sizes: Sequence[int]
    classes: Sequence[str]
    marker: bool = False
    reason: str = "delete"
    witnesses: Sequence[Ref] = ()

    def operations(self, first: int) -> Iterable[Operation]:
        """The same as operations, of which the first has the index `first`."""
        for index, key, version_id, etag, size, name, witness in zip(
                count(first), self.keys, self.ids, self.etags, self.sizes, self.classes,
                self.witnesses or repeat(None)):
            target = Ref("right", self.bucket, key, version_id, etag, size, name)
            yield Operation(index, "delete", target, witness=witness, is_delete_marker=self.marker,
                            reason=self.reason)

    def lengths(self) -> set[int]:
        """The lengths of the columns: one, where they are columns."""
        return {len(column) for column in (*self[1:6], self.witnesses or self.keys)}


class Copied(NamedTuple):
    """Copies from a bucket of the left side into one of the right, as columns of equal length.

    `keys` and `ids` name the sources, `names` what they are called in the target.
    """

    source: str
    target: str
    keys: Sequence[str]
    names: Sequence[str]
    ids: Sequence[str]
    etags: Sequence[str]
    sizes: Sequence[int]
    classes: Sequence[str]
    expect: str = "absent"
    reason: str = "missing"
    how: str = ""

    def operations(self, first: int) -> Iterable[Operation]:
        """The same as operations, of which the first has the index `first`."""
        for index, key, name, version_id, etag, size, kind in zip(
                count(first), self.keys, self.names, self.ids, self.etags, self.sizes, self.classes):
            yield Operation(index, "copy", Ref("right", self.target, name, "", etag, size, kind),
                            Ref("left", self.source, key, version_id, etag, size, kind), self.expect,
                            reason=self.reason, how=self.how)

    def lengths(self) -> set[int]:
        """The lengths of the columns: one, where they are columns."""
        return {len(column) for column in self[2:8]}


class PlanDigest:
    """SHA-256 over the facts of a plan's head and every operation in order."""

    def __init__(self, head: Mapping[str, Any]) -> None:
        self._hash = hashlib.sha256(json.dumps(head, sort_keys=True, ensure_ascii=True).encode("ascii"))

    def update(self, operation: Operation) -> None:
        self.update_line(encode_operation(operation))

    def update_line(self, line: str) -> None:
        """The same for an operation that is already encoded."""
        self._hash.update(b"\n" + line.encode("ascii"))

    def update_lines(self, lines: Sequence[str]) -> None:
        """The same for several."""
        if lines:
            self._hash.update(("\n" + "\n".join(lines)).encode("ascii"))

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
