"""Evidence on request: what a listing cannot decide is looked up object by object, a few requests each.

Only pairs of equal size are asked about. Nothing is read but checksums and parts; what these do not
settle stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
from ..core.model import Place, Side
from .desk import Desk

if TYPE_CHECKING:
    from ..s3.read import ReadStore

THREADS = 16
_AT_ONCE = 256
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
    """Looks pairs up. `settled` counts verdicts; `notes()` says why pairs stayed unknown."""

    def __init__(self, desk: Desk, left: Place, right: Place, *, md5: bool) -> None:
        self._stores: tuple[ReadStore, ReadStore] = (
            desk.reader(left.connection),
            desk.reader(right.connection),
        )
        self._asked = (_Asked(left), _Asked(right))
        self._md5 = md5
        self.settled: dict[Verdict, int] = {"same": 0, "differs": 0, "unknown": 0}

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
        if not any(self.settled.values()):
            return
        same, differs, unknown = (self.settled[name] for name in ("same", "differs", "unknown"))
        yield (
            f"checksums were asked of {same + differs + unknown:,} pairs that the listings left open: "
            f"{same:,} same, {differs:,} different, {unknown:,} still unknown"
        )
        for name, asked in zip(("left", "right"), self._asked, strict=True):
            if asked.hopeless:
                why = "may not be asked for checksums" if asked.refused else "keeps no checksums"
                yield f"the {name} side {why}, so what the listings left open stays unknown"


