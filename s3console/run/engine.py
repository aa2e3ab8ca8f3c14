"""One operation of a plan as a generator that asks for S3 requests and never makes one itself.

A generator yields a request (`Head`, `Copy`, `Delete` ...) and is sent an answer: ("ok", value) or
("error", ServiceError). It returns the `Outcome` of its operation. Clock, random numbers, waiting and
network belong to whoever drives it, so that a test can put every fault at every request.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ..core.errors import Reaction, ServiceError
from ..core.model import Ref

Result = Literal["verified", "deleted", "skipped", "failed", "waiting", "pending", "pause", "stop"]

CHANGED = "ChangedSincePlan"
UNPROVED = "NotProved"


class Head(NamedTuple):
    """Facts of one object or version; the answer is None when it is not there or is a delete marker."""

    ref: Ref


class Standing(NamedTuple):
    """What stands under the names of these refs, all of one bucket, shown by as few listings as will do.

    The answer gives a tuple of facts (`Head`) by key: of the current object, or of every version where
    `versions` is set. A key that is not in it has to be looked at by itself.
    """

    refs: tuple[Ref, ...]
    versions: bool = False


class Peek(NamedTuple):
    """Read one byte: asked only to learn the error code that a HEAD has no body for."""

    ref: Ref


class Copy(NamedTuple):
    """Copy `source` to `target` under the guard `expect`; the answer has `etag` and `version_id`.

    `storage_class` is another class than that of the source. `looked`: the target was looked at right before
    and is as the guard says.
    """

    source: Ref
    target: Ref
    expect: str
    storage_class: str = ""
    looked: bool = False


class CarryAccess(NamedTuple):
    """Give the target the access list of the source."""

    source: Ref
    target: Ref


class CarryLock(NamedTuple):
    """Give the target the retention and the legal hold of the source."""

    source: Ref
    target: Ref


class Thaw(NamedTuple):
    """Ask for an archived object to be made readable for so many days."""

    ref: Ref
    tier: str
    days: int


class Versions(NamedTuple):
    """Every version and marker of one key, newest first, as entries of a listing."""

    ref: Ref


class Abort(NamedTuple):
    """Abort the multipart upload whose id stands in the place of the version."""

    ref: Ref


class LeftInBucket(NamedTuple):
    """What is left in a bucket; the answer has `nothing` and `sentence`."""

    ref: Ref


class RemoveBucket(NamedTuple):
    """Remove an empty bucket."""

    ref: Ref


class Delete(NamedTuple):
    """Delete versions by version id; the answer is one verdict per ref, each with deleted, code, message."""

    refs: tuple[Ref, ...]


class DeleteOne(NamedTuple):
    """Delete the current object of an unversioned bucket if it still has the reviewed ETag; `looked`: it was
    looked at right before and has it."""

    ref: Ref
    looked: bool = False


class DeleteNamed(NamedTuple):
    """Delete what stands under these names of an unversioned bucket, each if it still has the reviewed ETag;
    the answer is one verdict per ref. For endpoints that honour an ETag per key."""

    refs: tuple[Ref, ...]


class Compare(NamedTuple):
    """Whether two objects hold the same bytes, by reading both; the answer is a bool."""

    one: Ref
    other: Ref


class Fetch(NamedTuple):
    """Bytes `first` to `last` (-1: to the end) of one object into `sink`; the answer is `Fetched`."""

    ref: Ref
    sink: Callable[[bytes], int | None]
    first: int
    last: int


class PartSize(NamedTuple):
    """The bytes of one part of an object that was uploaded in parts; 0 when the store does not tell."""

    ref: Ref
    number: int = 1


class Local(NamedTuple):
    """Something to do to the tree of files below `root`; the answer is what `act` returns."""

    root: str
    act: Callable[[Any], Any]


class Wait(NamedTuple):
    """Nothing for so many seconds."""

    seconds: float


Request = (Head | Standing | Peek | Copy | CarryAccess | CarryLock | Thaw | Versions | Delete | DeleteOne
           | DeleteNamed | Abort | LeftInBucket | RemoveBucket | Compare | Fetch | PartSize | Local | Wait)
Answer = tuple[Literal["ok"], Any] | tuple[Literal["error"], ServiceError]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one operation.

    `pending`: not decided, to be looked up before it is sent again. `pause` and `stop` concern the whole
    job and leave the operation pending. `waiting`: the source is being thawed, to be tried again later.
    `etag` is the ETag the copy really has, `bytes` what it copied. `version_id` names the version or the
    delete marker that was made; `sure` is False where an answer was lost, or the bytes stood there
    before, so that it is not proved that this job made it.
    """

    index: int
    result: Result
    code: str = ""
    message: str = ""
    etag: str = ""
    bytes: int = 0
    version_id: str = ""
    sure: bool = True


Steps = Generator[Request, Answer, Outcome]


@dataclass(slots=True)
class Manner:
    """How requests are repeated and how much the store is believed.

    The store's own `copy` and `delete_object` see to the guard on their target. `guarded` says that the
    endpoint is also known to honour the condition on the source of a copy; anywhere else a source that
    can be overwritten is looked at right before (facts/servers.md: Ceph 16 and moto ignore it).
    `exact` says that it honours the conditions on the target too: then a copy that was refused by "slow
    down" is sent again without a look, since it cannot take effect twice.

    `looks` says that it might not check the ETag of a delete by name, so that one looks before. `alone` says
    that it surely does not, and that the bucket that is deleted from has no versions.
    """

    tries: int = 6
    pause_base: float = 0.2
    pause_limit: float = 20.0
    guarded: bool = False
    exact: bool = False
    looks: bool = False
    alone: bool = False
    rng: random.Random = field(default_factory=random.Random)
    retries: int = 0
    slowdowns: int = 0

    def backoff(self, attempt: int, reaction: Reaction) -> Wait:
        """Exponential, with jitter. A store that asks to slow down is left alone for a second at least, since
        one that counts by the second refuses until that is over."""
        self.retries += 1
        top = min(self.pause_limit, self.pause_base * 2.0**attempt)
        if reaction is Reaction.SLOW_DOWN:
            self.slowdowns += 1
            top = min(self.pause_limit, 5.0 * top)
            return Wait(self.rng.uniform(top, 1.5 * top))
        return Wait(self.rng.uniform(top / 4, top))


AGAIN = (Reaction.RETRY, Reaction.SLOW_DOWN)


def asking(request: Request, manner: Manner) -> Generator[Request, Answer, Answer]:
    """A request without effect, repeated until it is answered or its error is not a passing one."""
    answer: Answer = yield request
    for attempt in range(manner.tries - 1):
        if answer[0] == "ok" or answer[1].reaction not in AGAIN:
            break
        yield manner.backoff(attempt, answer[1].reaction)
        answer = yield request
    if answer[0] == "error" and isinstance(request, Head) and answer[1].status in (400, 403):
        told = yield Peek(request.ref)
        if told[0] == "error" and told[1].reaction is not Reaction.RETRY:
            return told
    return answer


def standing(refs: Sequence[Ref], manner: Manner, *, versions: bool = False
             ) -> Generator[Request, Answer, Mapping[str, Sequence[Any]]]:
    """What is surely known of what stands under these names; asked once, and nothing where that fails."""
    if not refs:
        return {}
    answer = yield Standing(tuple(refs), versions)
    if answer[0] == "error":
        if answer[1].reaction is Reaction.SLOW_DOWN:
            yield manner.backoff(0, Reaction.SLOW_DOWN)
        return {}
    found: Mapping[str, Sequence[Any]] = answer[1]
    return found


def refusal(index: int, error: ServiceError) -> Outcome:
    """The outcome of an operation whose request ended in an error that is not repeated any more."""
    reaction, text = error.reaction, error.message or error.what
    if reaction is Reaction.PAUSE or error.code == "EndpointUnreachable":
        return Outcome(index, "pause", error.code, text)
    if reaction is Reaction.STOP_JOB:
        return Outcome(index, "stop", error.code, text)
    return Outcome(index, "failed", error.code, text)


def current(ref: Ref) -> Ref:
    """What stands under a name now, whatever version was reviewed."""
    return ref._replace(version_id="")


def mutable(ref: Ref) -> bool:
    """A name or a "null" version can be overwritten in place; any other version id is immutable."""
    return ref.version_id in ("", "null")
