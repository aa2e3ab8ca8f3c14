"""Which prefixes had anything below them at a moment: a page or two of versions of each, several at once.

Blocking: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Entry
from s3console.ui.browsing.listing import chunk_at
from s3console.ui.desk_protocol import Reader

PAGES = 2
"""Pages of versions that are read below one prefix before it is believed to have stood."""
MOST = 400
"""Prefixes of one place that are looked into, at one LIST request or two each."""
_AT_ONCE = 8


def stood(reader: Reader, bucket: str, prefix: str, moment: str, *, with_deleted: bool) -> tuple[bool, int]:
    """Whether anything stood below a prefix, or may have, and how many requests it took to see."""
    marker, pending = ("", ""), list[Entry]()
    for n in range(PAGES):
        page = reader.version_page(bucket, prefix, key_marker=marker[0], version_marker=marker[1])
        chunk, pending = chunk_at(page, pending, moment, with_deleted=with_deleted)
        if chunk.names or not page.next_key_marker:
            return bool(chunk.names), n + 1
        marker = (page.next_key_marker, page.next_version_marker)
    return True, PAGES


def came_later(
    reader: Reader, bucket: str, prefixes: Sequence[str], moment: str, *, with_deleted: bool
) -> tuple[set[str], int]:
    """The prefixes below which nothing stood yet, and how many requests it took to see.

    What cannot be looked into is believed to have stood.
    """

    def look(prefix: str) -> tuple[bool, int]:
        try:
            return stood(reader, bucket, prefix, moment, with_deleted=with_deleted)
        except S3ConsoleError:
            return True, 1

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="s3console stood") as pool:
        found = list(pool.map(look, prefixes))
    later = {prefix for prefix, (there, _) in zip(prefixes, found, strict=True) if not there}
    return later, sum(requests for _, requests in found)
