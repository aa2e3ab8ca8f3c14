"""The records of a listing page as columns of text, by one regular expression over the whole page.

The expression splits the page: what it leaves between two records must be nothing, which proves at
no cost that no record was passed over, and what is left before the first and after the last record
is what the page says about itself. Pages of any other shape are read record by record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ..core.errors import UntrustedAnswer

_OWNER = r"(?:<Owner>(?:<ID>[^<]*</ID>)?(?:<DisplayName>[^<]*</DisplayName>)?</Owner>)?"
_TAIL = rf"<Size>(\d+)</Size>{_OWNER}<StorageClass>([^<]*)</StorageClass>{_OWNER}(?:<Type>[^<]*</Type>)?"
_CHECKSUMS = r"((?:<Checksum(?:Algorithm|Type)>[^<]*</Checksum(?:Algorithm|Type)>)*)"
_CONTENTS = re.compile(
    r"<Contents><Key>([^<]+)</Key><LastModified>([^<]*)</LastModified><ETag>([^<]*)</ETag>"
    + _CHECKSUMS + _TAIL + "</Contents>")
_VERSION = re.compile(
    r"<(?:Version|(DeleteMarker))><Key>([^<]+)</Key><VersionId>([^<]*)</VersionId>"
    r"<IsLatest>(true|false)</IsLatest><LastModified>([^<]*)</LastModified>"
    rf"(?:<ETag>([^<]*)</ETag>{_CHECKSUMS}{_TAIL})?{_OWNER}(?:<Type>[^<]*</Type>)?"
    r"</(?:Version|DeleteMarker)>")
_RECORD = re.compile(r"<(Contents|Version|DeleteMarker)(?:\s[^>]*)?>(.*?)</\1>", re.DOTALL)
_OPENING = re.compile(r"<(?:Contents|Version|DeleteMarker)[\s/>]")

Column = Sequence[str]


class Records(NamedTuple):
    """Columns of equal length as the store wrote them, and the page without its records.

    `markers`, `version_ids` and `latest` are empty for current objects; `latest` holds "true" and
    "false". Delete markers have "0" and "" where they have no value. With `bare`, ETags come without
    their quotes and times without a zero fraction.
    """

    rest: str
    keys: Column
    modified: Column
    etags: Column
    checksums: Column
    sizes: Column
    classes: Column
    markers: Sequence[bool] = ()
    version_ids: Column = ()
    latest: Column = ()
    bare: bool = False


def element(text: str, name: str) -> str | None:
    """The text of one element; "" for an empty one, None when it is not there."""
    match = re.search(rf"<{name}(?:\s[^>]*)?(?:/>|>([^<]*)</{name}>)", text)
    return None if match is None else match[1] or ""


def read_records(text: str, *, versions: bool) -> Records:
    """The records of a page in document order. Raises `UntrustedAnswer` when one cannot be read."""
    records = _fast_versions(text) if versions else _fast_objects(text)
    return records or _record_by_record(text, versions=versions)


def _split(pattern: re.Pattern[str], text: str) -> tuple[list[str], int] | None:
    """The page in pieces, and how many of them belong to one record; None when something is left over."""
    parts: list[str] = pattern.split(text)
    step = pattern.groups + 1
    if any(parts[step:-1:step]) or _OPENING.search(parts[0]) or _OPENING.search(parts[-1]):
        return None
    return parts, step


class _Shape(NamedTuple):
    """What the records of one page have in common: the texts between their values."""

    fraction: str
    quote: str
    middle: str
    before_class: str
    end: str


_QUOTES = ("&quot;", '"', "&#34;")
_FRACTION = ".000Z"


@lru_cache(128)
def _literal(shape: _Shape) -> re.Pattern[str]:
    """The expression for pages whose records all have the same elements: half as dear as the general one.

    What stands between ETag and size is the longest part of a record. It is passed over by its length,
    and `_same_middle` proves at the speed of a substring search that it is the same everywhere.
    """
    quote = re.escape(shape.quote)
    etag = f"{quote}([^{shape.quote[0]}]{{0,256}}+){quote}" if quote else "([^<]*+)"
    time = r"([^.]{0,64}+)\.000Z" if shape.fraction else "([^<]*+)"
    return re.compile(
        f"(?s)<Contents><Key>([^<]++)</Key><LastModified>{time}</LastModified><ETag>{etag}"
        f".{{{len(shape.middle)}}}([0-9]++){re.escape(shape.before_class)}([^<]*+){re.escape(shape.end)}")


def _same_middle(text: str, parts: list[str], step: int, middle: str) -> bool:
    """Whether every record has this text between ETag and size.

    Outside the stretches that were passed over, the records hold no `</ETag>`, and behind each stretch
    follow digits and `</Size>`, which the text does not hold: so it can stand only at the beginning of
    a stretch, and stands in all of them when it is found as often as there are records.
    """
    if middle.count("</ETag>") != 1 or "</Size>" in middle or middle in parts[0] or middle in parts[-1]:
        return False
    return text.count(middle) == len(parts) // step


def _same_elements(text: str) -> tuple[_Shape, str] | None:
    """The shape of the first record, when the last one has the same; and its checksums."""
    first = _CONTENTS.match(text, max(0, text.find("<Contents>")))
    last = _CONTENTS.match(text, max(0, text.rfind("<Contents>")))
    if first is None or last is None:
        return None
    shapes = [_shape(text, one) for one in (first, last)]
    return (shapes[0], first[4]) if shapes[0] == shapes[1] and len(shapes[0].middle) < 500 else None


def _shape(text: str, one: re.Match[str]) -> _Shape:
    etag = one[3]
    quote = next((mark for mark in _QUOTES if etag.startswith(mark) and etag.endswith(mark)
                  and etag.count(mark[0]) == 2), "")
    zero = bool(quote) and one[2].endswith(_FRACTION) and one[2].count(".") == 1
    return _Shape(_FRACTION if zero else "", quote,
                  text[one.end(3):one.start(5)], text[one.end(5):one.start(6)], text[one.end(6):one.end()])


def _fast_objects(text: str) -> Records | None:
    if found := _same_elements(text):
        shape, checksums = found
        if split := _split(_literal(shape), text):
            parts, step = split
            keys, modified, etags, sizes, classes = (parts[number::step] for number in range(1, step))
            zone = "Z" if shape.fraction else ""
            times = f"{zone}\n".join(modified) + zone
            # Each of the two was bounded by one character, which need not have been that of the next tag.
            plain = "<" not in times and "<" not in "".join(etags)
            if plain and times.count("\n") < len(keys) and _same_middle(text, parts, step, shape.middle):
                same = (checksums,) * len(keys)
                return Records(_outside(parts), keys, times.split("\n"), etags, same, sizes, classes,
                               bare=bool(shape.quote))
    if (split := _split(_CONTENTS, text)) is None:
        return None
    parts, step = split
    keys, modified, etags, checks, sizes, classes = (parts[number::step] for number in range(1, step))
    return Records(_outside(parts), keys, modified, etags, checks, sizes, classes)


def _fast_versions(text: str) -> Records | None:
    if (found := _split(_VERSION, text)) is None:
        return None
    parts, step = found
    kinds, keys, ids, latest, modified, etags, checks, sizes, classes = (
        parts[number::step] for number in range(1, step))
    markers = list(map(bool, kinds))
    if any(markers):
        if not all(marker or size for marker, size in zip(markers, sizes, strict=True)):
            raise UntrustedAnswer("A version in the listing has no size")
        etags, checks = [text or "" for text in etags], [text or "" for text in checks]
        sizes, classes = [text or "0" for text in sizes], [text or "" for text in classes]
    elif not all(sizes):
        raise UntrustedAnswer("A version in the listing has no size")
    return Records(_outside(parts), keys, modified, etags, checks, sizes, classes, markers, ids, latest)


def _outside(parts: list[str]) -> str:
    return parts[0] + parts[-1] if len(parts) > 1 else parts[0]


def _field(inner: str, name: str, default: str | None = None) -> str:
    value = element(inner, name)
    if value is None:
        if default is None:
            raise UntrustedAnswer(f"A record of the listing has no {name}")
        return default
    return value


def _record_by_record(text: str, *, versions: bool) -> Records:
    """Any order of elements, blanks between them, elements that nobody knows."""
    rows: list[tuple[str, ...]] = []
    markers: list[bool] = []
    rest, end = [], 0
    for match in _RECORD.finditer(text):
        kind, inner = match[1], re.sub(r"<(Owner|RestoreStatus)>.*?</\1>", "", match[2], flags=re.DOTALL)
        marker = kind == "DeleteMarker"
        rows.append((
            _field(inner, "Key"), _field(inner, "LastModified"), _field(inner, "ETag", ""),
            "".join(re.findall(r"<Checksum(?:Algorithm|Type)>[^<]*</Checksum(?:Algorithm|Type)>", inner)),
            _field(inner, "Size", "0" if marker else None), _field(inner, "StorageClass", "STANDARD"),
            _field(inner, "VersionId", "null"), _field(inner, "IsLatest", None if versions else "true"),
        ))
        markers.append(marker)
        rest.append(text[end:match.start()])
        end = match.end()
    rest.append(text[end:])
    outside = "".join(rest)
    if _OPENING.search(outside):
        raise UntrustedAnswer("The records of the listing cannot be read")
    if not rows:
        return Records(outside, (), (), (), (), (), ())
    keys, modified, etags, checks, sizes, classes, ids, latest = zip(*rows, strict=True)
    if not versions:
        return Records(outside, keys, modified, etags, checks, sizes, classes)
    return Records(outside, keys, modified, etags, checks, sizes, classes, markers, ids, latest)
