"""What stands under many names at once: one listing over a stretch of keys in the place of a HEAD for each.

Only what a page surely shows is told. A page is believed as far as it goes: its keys must ascend and come
after the one it was asked to begin behind (S3 API reference, ListObjectsV2: UTF-8 binary order).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ..core.errors import UntrustedAnswer
from ..core.model import Ref
from .facts import Glance
from .pages import RawPage, parse_page
from .signer import canonical_query
from .steps import Act, Answer, LeftToBotocore, Steps, refused

PAGE = 1000
"""Rows that one page may have (S3 API reference)."""
_PAGES = 4
_SPARE = 16

Standing = Mapping[str, tuple[Glance, ...]]
"""What stands, by key: nothing, the object, or versions; a key that is not in it is not known."""


def standing(bucket: str, keys: Sequence[str], *, versions: bool) -> Steps[Standing]:
    """What stands under these names now. Without `versions` the current objects, each without a version id.

    Errors of the store are raised. Nothing is told of names that are not plain ASCII, whose place in the
    order of a listing is not sure, and of those between which too much else stands.
    """
    asked = sorted({key for key in keys if key and key.isascii() and key.isprintable()})
    found: dict[str, tuple[Glance, ...]] = {}
    after = _before(asked[0]) if asked else ""
    for _ in range(_PAGES):
        if not asked:
            break
        try:
            page: RawPage = yield _listing(bucket, after, min(PAGE, len(asked) + _SPARE),
                                           versions=versions)
        except LeftToBotocore:
            break
        if not _in_order(page, after):
            break
        rows, names = _rows(page), page.batch.keys
        end = names[-1] if page.truncated == "true" and names else None
        # The versions of the last key of a page may go on behind it.
        covered = [key for key in asked if end is None or key < end or (key == end and not versions)]
        found.update((key, rows.get(key, ())) for key in covered)
        asked = asked[len(covered):]
        # Where most of a page was about other names, a look at each name is cheaper.
        if end is None or 3 * sum(key in rows for key in covered) < len(names) or (
                asked and _before(asked[0]) <= after):
            break
        after = _before(asked[0]) if asked else end
    return found


def _before(key: str) -> str:
    """A name just before a key, behind which a listing begins with the key."""
    last = key[-1]
    return f"{key[:-1]}{chr(ord(last) - 1)}~~" if "!" < last <= "~" else key[:-1]


def _listing(bucket: str, after: str, most: int, *, versions: bool) -> Act:
    pairs = [("encoding-type", "url"), ("max-keys", str(most))]
    if versions:
        pairs += [("versions", ""), *([("key-marker", after)] if after else [])]
    else:
        pairs += [("list-type", "2"), *([("start-after", after)] if after else [])]

    def read(act: Act, answer: Answer) -> RawPage:
        if answer.status != 200:
            raise refused(act, answer)
        if answer.header(b"x-trans-id"):
            # Swift lists what its containers were told some time before, and says so by this header.
            raise LeftToBotocore
        return parse_page(answer.body, versions=versions)

    query = canonical_query(pairs)
    if not versions:
        return Act("ListObjectsV2", "GET", Ref("", bucket, ""), read, query=query)
    return Act("ListObjectVersions", "GET", Ref("", bucket, ""), read, query=query,
               sent=f"versions&{query.removesuffix('&versions=')}")


def _in_order(page: RawPage, after: str) -> bool:
    """Whether the page can be believed as far as it goes."""
    if page.truncated not in ("true", "false"):
        raise UntrustedAnswer("A page does not say whether it is the last")
    if page.prefixes or any(page.prefix) or (page.truncated == "true" and not page.batch.keys):
        return False
    names = page.batch.keys
    versions = page.batch.version_ids is not None
    return (not names or names[0] > after) and all(
        one < other or (versions and one == other) for one, other in pairwise(names))


def _rows(page: RawPage) -> dict[str, tuple[Glance, ...]]:
    batch = page.batch
    ids: Sequence[str] = batch.version_ids or [""] * len(batch.keys)
    markers: Sequence[bool] = batch.markers or [False] * len(batch.keys)
    rows: dict[str, tuple[Glance, ...]] = {}
    for key, size, etag, version, marker in zip(batch.keys, batch.sizes, batch.etags, ids, markers,
                                                strict=True):
        if not marker and etag:
            rows[key] = (*rows.get(key, ()), Glance(size, etag, version))
        elif not marker:
            raise UntrustedAnswer("A page names an object without its ETag")
    return rows
