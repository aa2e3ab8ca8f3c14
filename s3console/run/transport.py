"""Requests of the engine answered by real stores, and every error turned into one the engine judges."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..core.errors import (
    AccessRefused,
    CredentialsMissing,
    EndpointUnreachable,
    LoginExpired,
    NoSuchPlace,
    S3ConsoleError,
    ServiceError,
    UntrustedAnswer,
)
from ..core.model import Ref
from ..s3.lean_gets import getting, sizing
from ..s3.standing import standing
from ..s3.steps import Act, Steps, perform
from .engine import (
    Abort,
    Answer,
    CarryAccess,
    CarryLock,
    Compare,
    Copy,
    Delete,
    DeleteNamed,
    DeleteOne,
    Fetch,
    Head,
    LeftInBucket,
    Local,
    PartSize,
    Peek,
    RemoveBucket,
    Request,
    Standing,
    Thaw,
    Versions,
    Wait,
)
from .local_tree import Tree

if TYPE_CHECKING:
    from ..s3.lean_acts import LeanActs

CHUNK = 8 << 20
COMPARE_LIMIT = 1 << 30

R = TypeVar("R")


class Reads(Protocol):
    """What the runner needs of a store it reads."""

    def get_range(self, bucket: str, key: str, version_id: str, start: int, length: int) -> bytes: ...

    def versions_of(self, bucket: str, key: str) -> Sequence[Any]: ...


class Writes(Protocol):
    """What a worker needs of a store it writes."""

    @property
    def read(self) -> Any: ...

    def copy(self, source: Ref, target: Ref, *, expect: str, storage_class: str = "") -> Any: ...

    def copy_across(self, read: Any, source: Ref, target: Ref, *, expect: str,
                    storage_class: str = "") -> Any: ...

    def carry_access(self, read: Any, source: Ref, target: Ref) -> None: ...

    def carry_lock(self, read: Any, source: Ref, target: Ref) -> None: ...

    def thaw(self, ref: Ref, *, tier: str, days: int) -> None: ...

    def abort_upload(self, ref: Ref) -> None: ...

    def left_in(self, bucket: str) -> Any: ...

    def remove_bucket(self, bucket: str) -> None: ...

    def delete_versions(self, bucket: str, refs: Sequence[Ref]) -> Sequence[Any]: ...

    def delete_object(self, ref: Ref) -> Any: ...

    def glance(self, ref: Ref) -> Any: ...


_KNOWN: tuple[tuple[type[S3ConsoleError], str, int], ...] = (
    (LoginExpired, "ExpiredToken", 400),
    (CredentialsMissing, "CredentialsMissing", 0),
    (AccessRefused, "AccessDenied", 403),
    (EndpointUnreachable, "EndpointUnreachable", 0),
    (UntrustedAnswer, "UntrustedAnswer", 200),
)


def as_service_error(error: S3ConsoleError) -> ServiceError:
    """Any error of the tree as the ServiceError whose reaction the engine follows."""
    if isinstance(error, NoSuchPlace):
        return ServiceError("NoSuchBucket", 404, error.sentence)
    for one in (error, error.__cause__):
        if isinstance(one, ServiceError):
            return one
    for kind, code, status in _KNOWN:
        if isinstance(error, kind):
            return ServiceError(code, status, error.sentence)
    return ServiceError(type(error).__name__, 400, error.sentence)


class Transport:
    """Answers the requests of the engine. `stores` maps the sides of a plan to their stores.

    Sides reached by equal connections share one store object; then a copy stays inside the store,
    otherwise its bytes are streamed through this process. Safe to use from several threads when the
    stores are.
    """

    def __init__(self, stores: Mapping[str, Writes]) -> None:
        self._stores = stores
        self._trees: dict[str, Tree] = {}

    def answer(self, request: Request) -> Answer:
        """Make the request once. Errors of the tree come back as values; anything else is a bug and rises."""
        try:
            return "ok", self._perform(request)
        except S3ConsoleError as error:
            return "error", as_service_error(error)

    def straight(self, request: Copy) -> tuple[LeanActs, Act] | None:
        """The first act of the steps of a copy and who carries it; None where they begin otherwise."""
        store = self.inside((request.source.side, request.target.side))
        if request.storage_class or store is None:
            return None
        act: Act | None = store.straight_copy(request.source, request.target, expect=request.expect,
                                              looked=request.looked)
        return None if act is None else (store.lean, act)

    def inside(self, sides: Collection[str]) -> Any:
        """The store in which requests between these sides stay; None where there are two."""
        stores = {id(self._stores[side]): self._stores[side] for side in sides}
        return next(iter(stores.values())) if len(stores) == 1 else None

    def steps(self, request: Request) -> tuple[LeanActs | None, Steps[Any]]:
        """The request as steps, and who carries their acts. For stores that have steps (s3.write)."""
        match request:
            case Copy(source, target, expect, storage_class, looked):
                store: Any = self._stores[target.side]
                if target.side == source.side or id(store) == id(self._stores[source.side]):
                    steps: Steps[Any] = store.copying(source, target, expect=expect,
                                                      storage_class=storage_class, looked=looked)
                    return store.lean, steps
            case Head(ref):
                store = self._stores[ref.side]
                return store.lean, store.glancing(ref)
            case Standing(refs, versions):
                store = self._stores[refs[0].side]
                return store.lean, standing(refs[0].bucket, [ref.key for ref in refs], versions=versions)
            case Delete(refs):
                store = self._stores[refs[0].side]
                return store.lean, store.deleting_versions(refs[0].bucket, refs)
            case DeleteNamed(refs):
                store = self._stores[refs[0].side]
                return store.lean, store.deleting_names(refs[0].bucket, refs)
            case DeleteOne(ref, looked):
                store = self._stores[ref.side]
                return store.lean, store.deleting_object(ref, looked=looked)
            case Fetch(ref, sink, first, last):
                store = self._stores[ref.side]
                return store.lean, getting(store.read, ref, sink, first=first, last=last)
            case PartSize(ref, number):
                store = self._stores[ref.side]
                return store.lean, sizing(store.read, ref, number)
        return None, self._blocking(request)

    def _blocking(self, request: Request) -> Steps[Any]:
        return (yield partial(self._perform, request))

    def _perform(self, request: Request) -> Any:
        match request:
            case Head(ref):
                return self._stores[ref.side].glance(ref)
            case Peek(ref):
                return self._reader(ref).get_range(ref.bucket, ref.key, ref.version_id, 0, 1)
            case Versions(ref):
                return self._reader(ref).versions_of(ref.bucket, ref.key)
            case Compare(one, other):
                return self._same_bytes(one, other)
            case Copy(source, target, expect, storage_class, _):
                store, origin = self._stores[target.side], self._stores[source.side]
                if store is origin:
                    return store.copy(source, target, expect=expect, storage_class=storage_class)
                return store.copy_across(origin.read, source, target, expect=expect,
                                         storage_class=storage_class)
            case Delete(refs):
                return self._stores[refs[0].side].delete_versions(refs[0].bucket, refs)
            case DeleteOne(ref, _):
                return self._stores[ref.side].delete_object(ref)
            case Fetch() | PartSize() | DeleteNamed() | Standing():
                return perform(*self.steps(request))
            case Local(root, act):
                return self._local(root, act)
            case Wait():
                raise AssertionError("waiting belongs to the driver")
        return self._perform_rare(request)

    def _local(self, root: str, act: Callable[[Tree], Any]) -> Any:
        if root not in self._trees:
            self._trees[root] = Tree(root)
        return act(self._trees[root])

    def _perform_rare(
        self, request: CarryAccess | CarryLock | Thaw | Abort | LeftInBucket | RemoveBucket
    ) -> Any:
        match request:
            case CarryAccess(source, target):
                return self._stores[target.side].carry_access(self._stores[source.side].read, source, target)
            case CarryLock(source, target):
                return self._stores[target.side].carry_lock(self._stores[source.side].read, source, target)
            case Thaw(ref, tier, days):
                return self._stores[ref.side].thaw(ref, tier=tier, days=days)
            case Abort(ref):
                return self._stores[ref.side].abort_upload(ref)
            case LeftInBucket(ref):
                return self._stores[ref.side].left_in(ref.bucket)
            case RemoveBucket(ref):
                return self._stores[ref.side].remove_bucket(ref.bucket)

    def _reader(self, ref: Ref) -> Reads:
        reader: Reads = self._stores[ref.side].read
        return reader

    def _same_bytes(self, one: Ref, other: Ref) -> bool:
        if one.size > COMPARE_LIMIT:
            raise ServiceError("NotProved", 400, "the object is too large to be compared byte by byte")
        a, b = self._reader(one), self._reader(other)
        start = 0
        while start < one.size:
            length = min(CHUNK, one.size - start)
            left = a.get_range(one.bucket, one.key, one.version_id, start, length)
            right = b.get_range(other.bucket, other.key, other.version_id, start, length)
            if left != right or len(left) != length:
                return False
            start += length
        return True


class Stopped(Exception):
    """The driver of an operation was told to stop; nothing may be assumed about the operation."""


def drive(
    steps: Generator[Request, Answer, R],
    answer: Callable[[Request], Answer],
    wait: Callable[[float], bool],
) -> R:
    """Run one generator to its end. `wait(seconds)` sleeps and says whether to go on.

    Raises Stopped when it says no.
    """
    try:
        request = next(steps)
        while True:
            if isinstance(request, Wait):
                if not wait(request.seconds):
                    raise Stopped
                request = steps.send(("ok", None))
            else:
                if not wait(0.0):
                    raise Stopped
                request = steps.send(answer(request))
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        steps.close()
