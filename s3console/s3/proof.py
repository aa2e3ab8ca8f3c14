"""Whether a listing page may be believed: every statement of the page against what was asked.

A page is evidence, not truth: an emulator, a proxy or a fault may answer 200 with something else,
and a listing that silently misses keys makes everything on the other side look surplus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from operator import le, lt

from ..core.errors import UntrustedAnswer
from .pages import RawPage


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked for one page. `after` is the last key known before it, "" at the beginning."""

    bucket: str
    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    after_version: str = ""
    token: str = ""
    max_keys: int = 1000
    versions: bool = False


def check_page(page: RawPage, asked: Question) -> None:
    """Raise `UntrustedAnswer` unless the page is a sound answer to the question."""
    if page.name is None or (page.name != asked.bucket and not asked.bucket.startswith("arn:")):
        raise UntrustedAnswer("The listing is of another bucket")
    # An empty prefix may be left out altogether; a prefix that was asked for must be confirmed.
    if asked.prefix not in (page.prefix or ("",)):
        raise UntrustedAnswer("The listing is of another prefix")
    if page.truncated not in ("true", "false"):
        raise UntrustedAnswer("The listing does not say whether it goes on")
    rows = len(page.batch) + len(page.prefixes)
    if rows > asked.max_keys:
        raise UntrustedAnswer(f"The listing holds {rows} rows where {asked.max_keys} were asked for")
    if page.key_count is not None and page.key_count != str(rows):
        raise UntrustedAnswer(f"The listing says that it holds {page.key_count[:20]} rows and holds {rows}")
    if page.truncated == "true":
        _check_way_on(page, asked)
    _check_rows(page, asked)


def _check_way_on(page: RawPage, asked: Question) -> None:
    if asked.versions:
        if not page.next_key_marker:
            raise UntrustedAnswer("The listing goes on and does not say where")
        if asked.after in page.next_key_marker and page.next_version_marker == asked.after_version:
            raise UntrustedAnswer("The listing goes on from where it began")
    elif not page.next_token:
        raise UntrustedAnswer("The listing goes on and gives no token")
    elif page.next_token == asked.token:
        raise UntrustedAnswer("The listing gives the same token again")


def _check_rows(page: RawPage, asked: Question) -> None:
    keys = page.batch.keys
    _ascending(keys, strictly=not asked.versions)
    _ascending(page.prefixes, strictly=True)
    for names in (keys, page.prefixes):
        # Sorted names whose first and last begin with the prefix all do.
        if names and not (names[0].startswith(asked.prefix) and names[-1].startswith(asked.prefix)):
            raise UntrustedAnswer("The listing holds a name outside the prefix")
    if not keys or not asked.after:
        return
    if asked.versions:
        # A marker without a version excludes its key on AWS and includes it on Ceph: the reader drops it.
        version_ids = page.batch.version_ids or ("",)
        again = bool(asked.after_version) and (keys[0], version_ids[0]) == (asked.after, asked.after_version)
        if keys[0] < asked.after or again:
            raise UntrustedAnswer("The listing repeats what came before")
    elif keys[0] <= asked.after:
        raise UntrustedAnswer("The listing repeats what came before")


def _ascending(names: Sequence[str], *, strictly: bool) -> None:
    if not all(map(lt if strictly else le, names, islice(names, 1, None))):
        raise UntrustedAnswer("The listing is not in UTF-8 order", next_step=(
            "Stores that list in another order (directory buckets, some gateways) cannot be compared yet"))
