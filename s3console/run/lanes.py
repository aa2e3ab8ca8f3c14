"""Plain operations on a straight way: from the rows of a slice to requests, and from answers to bits.

Nothing is decided here. An operation is on its lane while all goes well: the request is the one the engine
would ask for first, and only an answer that proves the operation by itself is noted. Anything else is
handed, as the answer that it is, to the generator of the engine, which goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..core.errors import S3ConsoleError
from ..core.model import Operation, Ref
from ..s3.straight import Straight, all_deleted, made_copy
from .engine import Manner, Outcome
from .removing import deleting, deleting_named
from .slices import Task, adding, prefix_of_write
from .stretches import Slice

if TYPE_CHECKING:
    from ..s3.steps import Answer, Ready
    from .transport import Transport

_NONE: Mapping[int, str] = {}
_HEADERS = {"IfMatch": "if-match", "IfNoneMatch": "if-none-match"}


class Gone(NamedTuple):
    """Operations of a slice that went well: bit i is the i-th of them; `made` are the versions they made."""

    bits: int
    made: Mapping[int, str]


class Lane(Protocol):
    """The requests of one slice, each with a number; they are taken in order."""

    work: Slice
    api: str
    straight: Straight

    @property
    def left(self) -> int: ...

    def request(self) -> tuple[int, Ready] | Task: ...

    def proved(self, number: int, answer: Answer) -> Gone | None: ...

    def task(self, number: int) -> Task: ...

    def tasks(self) -> list[Task]: ...

    def counted(self, requests: int) -> None: ...

    def undecided(self) -> list[Outcome]: ...


def open_lane(packed: Mapping[str, Any], transport: Transport, straight: Callable[[Any], Straight | None],
              manner: Manner, *, unversioned: bool = False) -> Lane | None:
    """The lane of a slice as it came from the runner; None where there is none for it. `unversioned`: no
    version and no marker is left behind in the bucket that is deleted from."""
    if "keys" in packed:
        ways = straight(transport.inside(("right",)))
        return None if ways is None else DeleteLane(
            Slice(packed["number"], "delete"), packed["first"], packed["bucket"], packed["keys"],
            packed["ids"], ways, manner)
    if "rows" not in packed:
        return None
    rows = packed["rows"]
    if packed["kind"] == "delete":
        store = transport.inside(("right",))
        ways = straight(store) if unversioned and store.abilities.delete_each == "yes" else None
        return None if ways is None or not all(row[2][3] == "" and row[2][4] for row in rows) else NamedLane(
            Slice(packed["number"], "delete"), rows, ways, manner)
    store = transport.inside({row[3][0] for row in rows} | {"right"})
    ways = None if store is None else straight(store)
    if store is None or ways is None or _looked_before(rows[0], store, manner):
        return None
    return CopyLane(Slice(packed["number"], "copy"), rows, store, ways, manner)


def _looked_before(row: Sequence[Any], store: Any, manner: Manner) -> bool:
    """Whether a copy needs looks, which the engine makes for many together."""
    return store.straight_guards(row[4]) is None or (not manner.guarded and row[3][3] in ("", "null"))


class CopyLane:
    """Copies inside one store, one request each."""

    api = "CopyObject"

    def __init__(self, work: Slice, rows: Sequence[Sequence[Any]], store: Any, straight: Straight,
                 manner: Manner) -> None:
        self.work = work
        self._rows = rows
        self.straight = straight
        self._manner = manner
        self._largest = store.largest_copy
        self._guarded, self._pin = manner.guarded, store.abilities.copy_source != "refused"
        self._guards: Callable[[str], Mapping[str, str] | None] = store.straight_guards
        self._known: dict[str, tuple[str, str] | None] = {}
        self._next = 0

    @property
    def left(self) -> int:
        """Operations that were not begun."""
        return len(self._rows) - self._next

    def request(self) -> tuple[int, Ready] | Task:
        """The next request; a task where the engine has to ask in its own way."""
        number, self._next = self._next, self._next + 1
        _, _, target, source, expect, *_ = self._rows[number]
        version_id = source[3]
        if source[5] <= self._largest and (version_id not in ("", "null") or self._guarded) and (
                version_id or source[:3] != target[:3]):
            guard = self._guard(expect)
            if guard is not None:
                try:
                    found = self.straight.copy(source, target[1], target[2], guard, pin=self._pin)
                except S3ConsoleError:
                    # What is wrong with the credentials the engine is told in its own way.
                    return self.task(number)
                if found is not None:
                    return number, found
        return self.task(number)

    def _guard(self, expect: str) -> tuple[str, str] | None:
        """The header that guards the target, None where it has to be looked at."""
        kind = "etag:" if expect.startswith("etag:") else expect
        if kind not in self._known:
            conditions = self._guards(expect)
            self._known[kind] = None if conditions is None else next(
                ((_HEADERS[name], value) for name, value in conditions.items()), ("", ""))
        known = self._known[kind]
        return ("if-match", f'"{expect[5:]}"') if kind == "etag:" and known is not None else known

    def proved(self, number: int, answer: Answer) -> Gone | None:
        """What the answer proves by itself; None where the engine has to see it."""
        version_id = made_copy(answer, self._rows[number][3][4])
        if version_id is None:
            return None
        return Gone(1 << number, {number: version_id} if version_id else _NONE)

    def task(self, number: int) -> Task:
        """The operation as a task of the engine."""
        index, kind, target, source, expect, after, _, marker, reason = self._rows[number]
        operation = Operation(index, kind, Ref(*target), Ref(*source), expect, after, None, marker, reason)
        return Task((index,), adding(operation, self._manner, look=False), prefix_of_write(operation))

    def tasks(self) -> list[Task]:
        """What was not begun, as tasks of the engine."""
        rest = range(self._next, len(self._rows))
        self._next = len(self._rows)
        return [self.task(number) for number in rest]

    def counted(self, requests: int) -> None:
        """Count requests that were sent."""
        self.straight.counted(self.api, requests)

    def undecided(self) -> list[Outcome]:
        """What was not begun, given back."""
        rest, self._next = self._rows[self._next:], len(self._rows)
        return [Outcome(row[0], "pending") for row in rest]


class Together:
    """Deletes that are all in one request."""

    api = "DeleteObjects"

    def __init__(self, work: Slice, straight: Straight, manner: Manner, indexes: Sequence[int]) -> None:
        self.work = work
        self.straight = straight
        self.indexes = indexes
        self._manner = manner
        self._expected = b""
        self._begun = False

    def ready(self) -> tuple[Ready, bytes] | None:
        """The request, and the answer that says that all was done; None where the engine has to ask."""
        raise NotImplementedError

    def task(self, number: int) -> Task:
        """The operations as a task of the engine."""
        raise NotImplementedError

    @property
    def left(self) -> int:
        """Requests that were not begun."""
        return 0 if self._begun else 1

    def request(self) -> tuple[int, Ready] | Task:
        """The request; a task where the engine has to ask in its own way."""
        self._begun = True
        with suppress(S3ConsoleError):
            found = self.ready()
            if found is not None:
                ready, self._expected = found
                return 0, ready
        return self.task(0)

    def proved(self, number: int, answer: Answer) -> Gone | None:
        """What the answer proves by itself; None where the engine has to see it."""
        return Gone((1 << len(self.indexes)) - 1, {}) if all_deleted(answer, self._expected) else None

    def tasks(self) -> list[Task]:
        """What was not begun, as tasks of the engine."""
        self._begun = True
        return [self.task(0)]

    def counted(self, requests: int) -> None:
        """Count requests that were sent."""
        self.straight.counted(self.api, requests)

    def undecided(self) -> list[Outcome]:
        """What was not begun, given back."""
        self._begun = True
        return [Outcome(index, "pending") for index in self.indexes]


class DeleteLane(Together):
    """Deletes of versions of one bucket."""

    def __init__(self, work: Slice, first: int, bucket: str, keys: Sequence[str], ids: Sequence[str],
                 straight: Straight, manner: Manner) -> None:
        super().__init__(work, straight, manner, range(first, first + len(keys)))
        self._bucket, self._keys, self._ids = bucket, keys, ids

    def ready(self) -> tuple[Ready, bytes] | None:
        """The request, and the answer that says that all was done; None where the engine has to ask."""
        return self.straight.delete(self._bucket, self._keys, self._ids)

    def task(self, number: int) -> Task:
        """The operations as a task of the engine."""
        operations = [Operation(index, "delete", Ref("right", self._bucket, key, version_id))
                      for index, key, version_id in zip(self.indexes, self._keys, self._ids, strict=True)]
        return Task(tuple(self.indexes), deleting(operations, self._manner), prefix_of_write(operations[0]))


class NamedLane(Together):
    """Deletes of what stands under names of one unversioned bucket, each by its ETag."""

    def __init__(self, work: Slice, rows: Sequence[Sequence[Any]], straight: Straight,
                 manner: Manner) -> None:
        super().__init__(work, straight, manner, [row[0] for row in rows])
        self._targets = [row[2] for row in rows]

    def ready(self) -> tuple[Ready, bytes] | None:
        """The request, and the answer that says that all was done; None where the engine has to ask."""
        targets = self._targets
        return self.straight.delete_named(targets[0][1], [one[2] for one in targets],
                                          [one[4] for one in targets])

    def task(self, number: int) -> Task:
        """The operations as a task of the engine."""
        operations = [Operation(index, "delete", Ref(*target))
                      for index, target in zip(self.indexes, self._targets, strict=True)]
        return Task(tuple(self.indexes), deleting_named(operations, self._manner),
                    prefix_of_write(operations[0]))
