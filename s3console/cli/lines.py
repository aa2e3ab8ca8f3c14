"""`ls --json` by the page: the same lines as `entry_record` gives, put together column by column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from json.encoder import encode_basestring_ascii

from s3console.core.model import Batch

from .records import when

_FLAGS = {True: "true", False: "false"}


def _texts(column: Sequence[str]) -> Iterable[str]:
    """A column as JSON strings. Printable ASCII without quotes and backslashes is its own escape."""
    joined = "".join(column)
    if joined.isascii() and joined.isprintable() and '"' not in joined and "\\" not in joined:
        return [f'"{text}"' for text in column]
    return map(encode_basestring_ascii, column)


def _few(column: Sequence[str]) -> Iterable[str]:
    """A column of few different values as JSON strings."""
    values = {text: encode_basestring_ascii(text) for text in set(column)}
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
    cells: list[tuple[str, Iterable[str]]] = [
        ('{"key": ', map(encode_basestring_ascii, batch.keys)), (', "size": ', map(str, batch.sizes)),
        (', "etag": ', _texts(batch.etags)), (', "last_modified": ', _texts(_times(batch.modified))),
        (', "storage_class": ', _few(batch.storage_classes))]
    if versions:
        cells += [(', "version_id": ', _texts(batch.version_ids or ("",) * count)),
                  (', "is_latest": ', map(_FLAGS.__getitem__, batch.latest or (True,) * count)),
                  (', "is_delete_marker": ', map(_FLAGS.__getitem__, batch.markers or (False,) * count))]
    step = 2 * len(cells) + 1
    pieces = ["}\n"] * (step * count)
    for at, (name, column) in enumerate(cells):
        pieces[2 * at::step] = repeat(name, count)
        pieces[2 * at + 1::step] = column
    return "".join(pieces)
