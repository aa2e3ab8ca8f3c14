"""`ls --json` by the page: the same lines as `entry_record` gives, put together column by column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from json.encoder import encode_basestring_ascii

from s3console.core.model import Batch

from .records import when

_FLAGS = {True: "true", False: "false"}


def _texts(column: Sequence[str]) -> Iterable[str]:
    """A column as the inside of JSON strings. Printable ASCII without quotes and backslashes is its own
    escape."""
    joined = "".join(column)
    if joined.isascii() and joined.isprintable() and '"' not in joined and "\\" not in joined:
        return column
    return [encode_basestring_ascii(text)[1:-1] for text in column]


def _few(column: Sequence[str]) -> Iterable[str]:
    """The same for a column of few different values."""
    values = {text: encode_basestring_ascii(text)[1:-1] for text in set(column)}
    if len(values) == 1:
        return repeat(next(iter(values.values())), len(column))
    return map(values.__getitem__, column)


def _times(column: Sequence[str]) -> Sequence[str]:
    """Times as `when` writes them; whole seconds in UTC, as stores send them, are so already."""
    joined = "\n".join(column)
    plain = not any(mark in joined for mark in ".+") and len(joined) == 21 * len(column) - 1
    if plain and joined[19::21] == "Z" * len(column) and joined[20::21] == "\n" * (len(column) - 1):
        return column
    return [when(text) for text in column]


def entry_lines(batch: Batch, *, versions: bool) -> str:
    """The lines of a page, each with its line break; "" for an empty page."""
    count = len(batch)
    if not count:
        return ""
    rows = zip(_texts(batch.keys), batch.sizes, _texts(batch.etags), _texts(_times(batch.modified)),
               _few(batch.storage_classes), strict=True)
    if not versions:
        return "".join([
            f'{{"key": "{key}", "size": {size}, "etag": "{etag}", "last_modified": "{modified}", '
            f'"storage_class": "{name}"}}\n' for key, size, etag, modified, name in rows])
    ids = _texts(batch.version_ids or ("",) * count)
    latest = map(_FLAGS.__getitem__, batch.latest or (True,) * count)
    markers = map(_FLAGS.__getitem__, batch.markers or (False,) * count)
    return "".join([
        f'{{"key": "{key}", "size": {size}, "etag": "{etag}", "last_modified": "{modified}", '
        f'"storage_class": "{name}", "version_id": "{version}", "is_latest": {newest}, '
        f'"is_delete_marker": {marker}}}\n'
        for (key, size, etag, modified, name), version, newest, marker in zip(
            rows, ids, latest, markers, strict=True)])
