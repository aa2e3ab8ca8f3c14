"""Evidence on request: what a listing cannot decide is looked up object by object, a few requests each.

Only pairs of equal size are asked about, and only where the listings name a checksum on both sides: they
are asked first, page by page around the open keys. Nothing is read but checksums and parts; what these do
not settle stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ..core.checksums import ByteFacts, Verdict, judged
from ..core.compare import Group
from ..core.errors import (
    AccessRefused,
    CredentialsMissing,
    LoginExpired,
    NotReachable,
    ServiceError,
    UntrustedAnswer,
)
from ..core.model import Entry, Place, Side
from .desk import Desk

if TYPE_CHECKING:
    from ..s3.read import ReadStore

THREADS = 16
_AT_ONCE = 256
_BEHIND = "\U0010ffff"
_ENOUGH = 50
"""After so many objects of a side without one checksum, the side is not asked any more."""


@dataclass(slots=True)
class _Asked:
    """How it went with one side."""

    place: Place
    told: int = 0
    silent: int = 0
    refused: int = 0

    @property
    def hopeless(self) -> bool:
        return not self.told and self.silent >= _ENOUGH


class Evidence:
    """Looks pairs up. `settled` counts verdicts, `unnamed` pairs of which the listings do not name a checksum
    on both sides; `notes()` says why pairs stayed unknown."""

    def __init__(self, desk: Desk, left: Place, right: Place, *, md5: bool) -> None:
        self._stores: tuple[ReadStore, ReadStore] = (
            desk.reader(left.connection),
            desk.reader(right.connection),
        )
        self._asked = (_Asked(left), _Asked(right))
        self._md5 = md5
        self.settled: dict[Verdict, int] = {"same": 0, "differs": 0, "unknown": 0}
        self.unnamed = 0

    def named(self, groups: Iterable[Group]) -> Iterator[Group]:
        """Those of the groups, in key order, whose current rows name a checksum on both sides and are those
        that were compared. The others are counted."""
        waiting = iter(groups)
        while block := list(islice(waiting, _AT_ONCE)):
            mine = self._listed(0, [one.left.key for one in block if one.left])
            theirs = self._listed(1, [one.rows[0].key for one in block])
            for one in block:
                if one.left is not None and _named(mine, one.left) and _named(theirs, one.rows[0]):
                    yield one
                else:
                    self.unnamed += 1

    def _listed(self, at: int, keys: list[str]) -> dict[str, Entry]:
        """What the listing says about these keys now. One page serves all keys that it happens to hold."""
        store, place, wanted = self._stores[at], self._asked[at].place, set(keys)
        found: dict[str, Entry] = {}
        reached = ""
        for key in sorted(keys):
            if key <= reached:
                continue
            try:
                page = store.page(place.bucket, place.prefix, delimiter="", start_after=just_before(key))
            except (AccessRefused, ServiceError, UntrustedAnswer):
                self._asked[at].refused += 1
                continue
            found |= {row.key: row for row in page.batch.entries() if row.key in wanted}
            reached = max(key, page.batch.keys[-1]) if page.batch.keys else key
        return found

    def verdicts(
        self, groups: Iterable[Group], tick: Callable[[], None]
    ) -> Iterator[tuple[str, Verdict]]:
        """Key and verdict of every group that could be decided, in the order of the groups."""
        waiting = iter(groups)
        with ThreadPoolExecutor(THREADS, "evidence") as threads:
            while block := list(islice(waiting, _AT_ONCE)):
                for group, verdict in zip(block, threads.map(self._verdict, block), strict=True):
                    self.settled[verdict] += 1
                    if verdict != "unknown":
                        yield group.key, verdict
                tick()

    def _verdict(self, group: Group) -> Verdict:
        left, right = group.left, group.rows[0]
        if left is None or right.is_delete_marker or left.size != right.size:
            return "unknown"
        mine = self._facts(0, left)
        theirs = self._facts(1, right) if mine is not None else None
        if mine is None or theirs is None:
            return "unknown"
        if (mine.etag, theirs.etag) != (left.etag, right.etag):
            return "unknown"  # one of them was replaced since it was listed
        return judged(mine, theirs, md5=self._md5)

    def _facts(self, at: int, side: Side) -> ByteFacts | None:
        from ..s3.attributes import attributes

        asked = self._asked[at]
        if asked.hopeless:
            return None
        try:
            facts = attributes(self._stores[at], asked.place.bucket, side.key, side.version_id)
        except (CredentialsMissing, LoginExpired):
            raise
        except (AccessRefused, ServiceError, UntrustedAnswer):
            asked.refused += 1
            asked.silent += 1
            return None
        except NotReachable as error:
            if isinstance(error.__cause__, ServiceError):
                asked.refused += 1
                return None
            raise
        if facts is not None and facts.told:
            asked.told += 1
        else:
            asked.silent += 1
        return facts

    def notes(self) -> Iterator[str]:
        """What was settled, and why not everything was."""
        same, differs, unknown = (self.settled[name] for name in ("same", "differs", "unknown"))
        asked = same + differs + unknown
        if asked:
            yield (
                f"checksums were asked of {_pairs(asked)} that the listings left open: "
                f"{same:,} same, {differs:,} different, {unknown:,} still unknown"
            )
        if self.unnamed:
            yield unnamed(self.unnamed)
        for name, side in zip(("left", "right"), self._asked, strict=True):
            if side.hopeless:
                why = "may not be asked for checksums" if side.refused else "keeps no checksums"
                yield f"the {name} side {why}, so what the listings left open stays unknown"


def unnamed(count: int) -> str:
    """Why so many pairs stay unknown."""
    return (
        f"{_pairs(count)} that the listings left open {'stays' if count == 1 else 'stay'} unknown: "
        "the listings do not name a checksum on both sides, so nothing was asked"
    )


def _pairs(count: int) -> str:
    return f"{count:,} pair{'s' if count != 1 else ''}"


def _named(rows: Mapping[str, Entry], side: Side) -> bool:
    row = rows.get(side.key)
    return row is not None and bool(row.checksum) and (row.size, row.etag) == (side.size, side.etag)


def just_before(key: str) -> str:
    """A text before `key` with no likely key between the two; "" before the first key of all."""
    head, last = key[:-1], ord(key[-1])
    if not last:
        return head
    lower = chr(0xD7FF if 0xD800 <= last - 1 <= 0xDFFF else last - 1)
    return head + lower + (_BEHIND if len(head.encode("utf-8", "surrogatepass")) <= 1_000 else "")
