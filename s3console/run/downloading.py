"""Downloads and local deletes as generators, and the ledger of a job that writes a local tree."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from hashlib import md5
from typing import Any, NamedTuple

from ..core.checksums import parts_of
from ..core.compare import is_md5
from ..core.errors import RANGE_IGNORED, Reaction, ServiceError
from ..core.etags import Cuts, EtagHash, fits, part_sizes
from ..core.model import Operation, Ref
from ..core.trees import Standing, pack_standing
from ..store.digests import DigestLog
from .batches import BatchRecord, CheckpointStore, Ledger
from .engine import (
    AGAIN,
    CHANGED,
    UNPROVED,
    Answer,
    Fetch,
    Local,
    Manner,
    Outcome,
    PartSize,
    Request,
    Steps,
    asking,
    refusal,
)
from .local_tree import LOCAL_DISK, Part, Tree, temporary_name

AT_ONCE = 4 << 20
"""Bytes of an object that are held in memory; anything larger goes to the disk as it comes."""
PIECE = 64 << 20
"""Bytes that are asked for in one request: what a pause waits for, and what is lost when one breaks."""
MOST_PARTS = 10_000
"""S3 API reference, "Multipart upload limits"."""
WRONG_BYTES = "the bytes that came do not have the ETag of the object"
_ARCHIVED = ("InvalidObjectState", "ObjectNotInActiveTierError")


class Body:
    """Takes the bytes of one answer; breaks off when there are more than expected."""

    __slots__ = ("_chunks", "_most", "size")

    def __init__(self, most: int) -> None:
        self._chunks: list[bytes] = []
        self._most = most
        self.size = 0

    def take(self, chunk: bytes) -> int | None:
        """One more chunk; 0 breaks the transfer off."""
        self.size += len(chunk)
        if self.size > self._most:
            return 0
        self._chunks.append(chunk)
        return None

    def data(self) -> bytes:
        """All bytes."""
        return b"".join(self._chunks)


class _Told(NamedTuple):
    """What an answer said of the object: its time, and whether a plain ETag is the MD5 of it."""

    modified: int
    plain: bool


class _Stream:
    """Takes the bytes of one answer into a part while hashing them; breaks off at the end of the object."""

    def __init__(self, part: Part, hashed: EtagHash, most: int) -> None:
        self._part, self._most = part, most
        self.hashed = hashed
        self.size = 0
        self.error: ServiceError | None = None

    def take(self, chunk: bytes) -> int | None:
        """One more chunk; 0 breaks the transfer off."""
        self.size += len(chunk)
        if self.size > self._most:
            return 0
        try:
            self._part.append(chunk)
        except ServiceError as error:
            self.error = error
            return 0
        self.hashed.update(chunk)
        return None


def downloading(operation: Operation, manner: Manner, *, look: bool = False) -> Steps:
    """Fetch one object or version into its file and prove its bytes by its ETag.

    `look` is True when an earlier attempt may have put the file there already.
    """
    source, index = operation.source, operation.index
    if source is None:
        return Outcome(index, "failed", "InvalidRequest", "the operation has no source")
    cuts: Cuts = 0
    if parts_of(source.etag) and source.size:
        told = yield from _parts_told(source, manner)
        if told[0] == "ok":
            cuts = told[1]
        elif told[1].reaction is not Reaction.FAIL_ITEM:
            return _judged(index, told[1])
        # A store that knows no part numbers, or an object that is gone: the GET tells.
    if look:
        found = yield from _there(operation, source, cuts)
        if found is not None:
            return found
    if source.size <= AT_ONCE:
        return (yield from _at_once(operation, source, cuts, manner))
    return (yield from _in_pieces(operation, source, cuts, manner))


def _at_once(operation: Operation, source: Ref, cuts: Cuts, manner: Manner) -> Steps:
    """One answer, held in memory until it is proved."""
    root, key, index = operation.target.bucket, operation.target.key, operation.index
    error: ServiceError | None = None
    for attempt in range(manner.tries):
        body = Body(source.size)
        answer = yield Fetch(source, body.take, 0, -1)
        if answer[0] == "ok":
            told = answer[1]
            if told.etag != source.etag:
                return _other(index)
            data = body.data()
            proof = _proof(source, told.plain, cuts, partial(_etag_of, data))
            if len(data) == source.size and proof is not None:
                place = partial(Tree.place, key=key, data=data, modified=told.modified,
                                expect=operation.expect, name=temporary_name(operation))
                return _landed(operation, source, (yield Local(root, place)), sure=proof)
            error = ServiceError(UNPROVED, 500, WRONG_BYTES)
        else:
            error = answer[1]
            if error.reaction not in AGAIN:
                break
        yield manner.backoff(attempt, error.reaction)
    return _judged(index, error or ServiceError("Unknown", 0, "no answer to the request"))


def _in_pieces(operation: Operation, source: Ref, cuts: Cuts, manner: Manner) -> Steps:
    """Piece by piece behind what an earlier run has written of the same version."""
    root, key, index = operation.target.bucket, operation.target.key, operation.index
    opened = yield Local(root, partial(Tree.part, key=key, name=temporary_name(operation)))
    if opened[0] == "error":
        return _judged(index, opened[1])
    part: Part = opened[1]
    try:
        for kept in (part.size, 0):
            # The last piece is always fetched: only an answer tells the time of the object.
            start = max(0, min(kept, source.size - 1)) // PIECE * PIECE
            begun = yield Local(root, partial(_begin, part=part, kept=start, cuts=cuts))
            if begun[0] == "error":
                return _judged(index, begun[1])
            got = yield from _filled(operation, source, part, begun[1], cuts, manner)
            if isinstance(got, Outcome):
                return got
            running, told = got
            proof = _proof(source, told.plain, cuts, partial(_etag_of_part, part, running, cuts))
            if proof is not None:
                place = partial(Tree.place_part, key=key, part=part, modified=told.modified,
                                expect=operation.expect)
                return _landed(operation, source, (yield Local(root, place)), sure=proof)
        return Outcome(index, "failed", UNPROVED, WRONG_BYTES)
    finally:
        part.close()


def _begin(_tree: Tree, *, part: Part, kept: int, cuts: Cuts) -> EtagHash:
    return part.begin(kept, cuts)


def _filled(operation: Operation, source: Ref, part: Part, running: EtagHash, cuts: Cuts,
            manner: Manner) -> Generator[Request, Answer, Outcome | tuple[EtagHash, _Told]]:
    """Bring a part to the size of the object; its hash, and what the last answer told."""
    index, attempt = operation.index, 0
    while True:
        first = part.size
        stream = _Stream(part, running.copy(), source.size - first)
        answer = yield Fetch(source, stream.take, first, min(first + PIECE, source.size) - 1)
        if answer[0] == "ok" and answer[1].etag != source.etag:
            return _other(index)
        if answer[0] == "ok" and stream.size == answer[1].length and answer[1].size == source.size:
            running, attempt = stream.hashed, 0
            if part.size >= source.size:
                return running, _Told(answer[1].modified, answer[1].plain)
            continue
        error = answer[1] if answer[0] == "error" else ServiceError("UntrustedAnswer", 500, WRONG_BYTES)
        if stream.error is not None:
            return _judged(index, stream.error)
        anew = first > 0 and (error.code == RANGE_IGNORED or stream.size > source.size - first)
        # What came before an error may be of anything: it is not kept.
        cut = yield Local(operation.target.bucket, partial(_cut, part=part, size=0 if anew else first))
        if cut[0] == "error":
            return _judged(index, cut[1])
        attempt += 1
        if anew:
            running = EtagHash(cuts)
            continue
        if error.reaction not in AGAIN or attempt >= manner.tries:
            return _judged(index, error)
        yield manner.backoff(attempt, error.reaction)


def _cut(_tree: Tree, *, part: Part, size: int) -> None:
    part.cut(size)


def _etag_of_part(part: Part, running: EtagHash, cuts: Cuts, wanted: Cuts) -> str:
    return running.etag() if wanted == cuts else part.hashed(wanted).etag()


def _other(index: int) -> Outcome:
    return Outcome(index, "skipped", CHANGED, "changed since plan: the source holds other bytes")


def _there(operation: Operation, source: Ref, cuts: Cuts) -> Generator[Request, Answer, Outcome | None]:
    """Whether the file stands there already with the right bytes, as an earlier attempt has left it."""
    root, key = operation.target.bucket, operation.target.key
    answer = yield Local(root, partial(Tree.standing, key=key))
    if answer[0] == "error" or answer[1] is None or answer[1].size != source.size:
        return None
    found: Standing = answer[1]
    if f"file:{pack_standing(found)}" == operation.expect:
        return None
    for cut in _possible(source, cuts):
        told = yield Local(root, partial(Tree.etag, key=key, cuts=cut))
        if told[0] == "ok" and told[1] == source.etag:
            return Outcome(operation.index, "verified", etag=source.etag, bytes=source.size,
                           version_id=pack_standing(found))
    return None


def _parts_told(source: Ref, manner: Manner) -> Generator[Request, Answer, Answer]:
    """How an object was cut into parts, as far as the store tells: the first and the last part, and every
    part where those are not of one size."""
    parts = parts_of(source.etag)
    first = yield from asking(PartSize(source), manner)
    if first[0] == "error" or not first[1] or parts == 1:
        return first
    last = yield from asking(PartSize(source, parts), manner)
    if last[0] == "error":
        return last
    if fits(source.size, parts, first[1]) and last[1] == source.size - first[1] * (parts - 1):
        return first
    sizes = [first[1]]
    for number in range(2, min(parts, MOST_PARTS) + 1):
        told = yield from asking(PartSize(source, number), manner)
        if told[0] == "error":
            return told
        sizes.append(told[1])
    return "ok", tuple(sizes) if sum(sizes) == source.size and all(sizes) else 0


def _possible(source: Ref, cuts: Cuts) -> list[Cuts]:
    """The cuts with which the ETag may have been made."""
    parts = parts_of(source.etag)
    if not parts:
        return [0] if is_md5(source.etag) else []
    return [cuts] if cuts else [*part_sizes(source.size, parts)]


def _proof(source: Ref, plain: bool, cuts: Cuts, etag: Callable[[Cuts], str]) -> bool | None:
    """True for proved bytes, None for wrong ones, False where the ETag cannot tell."""
    if not plain:
        return False
    if any(etag(cut) == source.etag for cut in _possible(source, cuts)):
        return True
    # Where the parts may have been of other sizes, another digest says nothing.
    return None if cuts or is_md5(source.etag) else False


def _etag_of(data: bytes, cuts: Cuts) -> str:
    if not cuts:
        return md5(data, usedforsecurity=False).hexdigest()
    found = EtagHash(cuts)
    found.update(data)
    return found.etag()


def _landed(operation: Operation, source: Ref, answer: Answer, *, sure: bool) -> Outcome:
    if answer[0] == "error":
        error = answer[1]
        if error.status == 412:
            return Outcome(operation.index, "skipped", CHANGED, error.message)
        return _judged(operation.index, error)
    return Outcome(operation.index, "verified", etag=source.etag, bytes=source.size,
                   version_id=pack_standing(answer[1]), sure=sure)


def _judged(index: int, error: ServiceError) -> Outcome:
    if error.reaction is Reaction.LOOK:
        return _other(index)
    if error.code == LOCAL_DISK:
        return Outcome(index, "pause", LOCAL_DISK, f"{error.message} ({error.where})")
    if error.code in _ARCHIVED:
        return Outcome(index, "failed", error.code, "the object is archived; restore it first")
    return refusal(index, error)


def unlinking(operation: Operation) -> Steps:
    """Remove one local file, while it is the one that was reviewed."""
    target, index = operation.target, operation.index
    answer = yield Local(target.bucket, partial(Tree.unlink, target=target))
    if answer[0] == "ok":
        return Outcome(index, "deleted")
    if answer[1].status == 412:
        return Outcome(index, "skipped", CHANGED, answer[1].message)
    return _judged(index, answer[1])


class _Written(NamedTuple):
    """A file that was written and not yet told to the digests."""

    path: str
    standing: str
    etag: str


class TreeLedger(Ledger):
    """The ledger of a job that writes below one directory.

    What it says is done is on the disk before it says so, and known to the digests of later downloads.
    """

    def __init__(self, checkpoint: CheckpointStore, operations: int, batch_size: int, *, root: str,
                 log: DigestLog) -> None:
        super().__init__(checkpoint, operations, batch_size)
        self._root, self._log = root, log
        self._tree: Tree | None = None
        self._written: list[_Written] = []

    def apply(self, operation: Operation, outcome: Outcome) -> None:
        """Note a final outcome."""
        super().apply(operation, outcome)
        if outcome.result == "verified" and outcome.version_id:
            self._written.append(_Written(operation.target.key, outcome.version_id, outcome.etag))

    def commit(self, *, reached: bool = False) -> list[BatchRecord]:
        """Make the files durable, then the record of them."""
        written, self._written = self._written, []
        if written:
            if self._tree is None:
                self._tree = Tree(self._root)
            self._tree.sync()
        done = super().commit(reached=reached)
        self._log.add(written)
        return done


def open_ledger(checkpoint: CheckpointStore, plan: Any, log: Callable[[str], DigestLog]) -> Ledger:
    """The ledger for a plan, whichever kind of place it writes."""
    if plan.right.scheme != "dir":
        return Ledger(checkpoint, plan.operations, plan.batch_size)
    root = plan.right.bucket
    return TreeLedger(checkpoint, plan.operations, plan.batch_size, root=root, log=log(root))


__all__ = ["Body", "TreeLedger", "downloading", "open_ledger", "unlinking"]
