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
def _literal(shape: _Shape, *, versions: bool) -> re.Pattern[str]:
    """The expression for pages whose records all have the same elements: half as dear as the general one.

    What stands between ETag and size is the longest part of a record. It is passed over by its length,
    and `_same_middle` proves at the speed of a substring search that it is the same everywhere.
    """
    quote = re.escape(shape.quote)
    etag = f"{quote}([^{shape.quote[0]}]{{0,256}}+){quote}" if quote else "([^<]*+)"
    time = r"([^.]{0,64}+)\.000Z" if shape.fraction else "([^<]*+)"
    rest = (f"<ETag>{etag}.{{{len(shape.middle)}}}([0-9]++){re.escape(shape.before_class)}([^<]*+)"
            f"{re.escape(shape.end)}")
    if not versions:
        return re.compile(f"(?s)<Contents><Key>([^<]++)</Key><LastModified>{time}</LastModified>{rest}")
    return re.compile(
        "(?s)<(?:Version|(DeleteMarker))><Key>([^<]++)</Key><VersionId>([^<]*+)</VersionId>"
        f"<IsLatest>(true|false)</IsLatest><LastModified>{time}</LastModified>"
        f"(?:{rest}|{_OWNER}</DeleteMarker>)")


def _same_middle(text: str, parts: list[str], count: int, middle: str) -> bool:
    """Whether `count` records, all that have an ETag, have this text between ETag and size.

    Outside the stretches that were passed over, the records hold no `</ETag>`, and behind each stretch
    follow digits and `</Size>`, which the text does not hold: so it can stand only at the beginning of
    a stretch, and stands in all of them when it is found as often as there are records.
    """
    if middle.count("</ETag>") != 1 or "</Size>" in middle or middle in parts[0] or middle in parts[-1]:
        return False
    return text.count(middle) == count


def _same_elements(text: str, opening: str, pattern: re.Pattern[str], time: int) -> tuple[_Shape, str] | None:
    """The shape of the first record, when the last one has the same; and its checksums. `time` is the number
    of the first group behind which the two kinds of records are alike."""
    first = pattern.match(text, max(0, text.find(opening)))
    last = pattern.match(text, max(0, text.rfind(opening)))
    if first is None or last is None or first[time + 1] is None or last[time + 1] is None:
        return None
    shapes = [_shape(text, one, time) for one in (first, last)]
    return (shapes[0], first[time + 2]) if shapes[0] == shapes[1] and len(shapes[0].middle) < 500 else None


def _shape(text: str, one: re.Match[str], time: int) -> _Shape:
    etag, size, last = time + 1, time + 3, time + 4
    quote = next((mark for mark in _QUOTES if one[etag].startswith(mark) and one[etag].endswith(mark)
                  and one[etag].count(mark[0]) == 2), "")
    zero = bool(quote) and one[time].endswith(_FRACTION) and one[time].count(".") == 1
    return _Shape(_FRACTION if zero else "", quote, text[one.end(etag):one.start(size)],
                  text[one.end(size):one.start(last)], text[one.end(last):one.end()])


def _literal_times(shape: _Shape, times: Sequence[str], etags: Sequence[str]) -> list[str] | None:
    """The times without a zero fraction; None when a time has one unlike the others, or a value reaches
    beyond its tag, which one character alone had bounded."""
    zone = "Z" if shape.fraction else ""
    joined = f"{zone}\n".join(times) + zone
    if "<" in joined or joined.count("\n") >= len(times) or "<" in "".join(etags):
        return None
    if shape.quote and _FRACTION in joined:
        return None
    return joined.split("\n")


def _fast_objects(text: str) -> Records | None:
    if found := _same_elements(text, "<Contents>", _CONTENTS, 2):
        shape, checksums = found
        if split := _split(_literal(shape, versions=False), text):
            parts, step = split
            keys, modified, etags, sizes, classes = (parts[number::step] for number in range(1, step))
            times = _literal_times(shape, modified, etags)
            if times is not None and _same_middle(text, parts, len(keys), shape.middle):
                same = (checksums,) * len(keys)
                return Records(_outside(parts), keys, times, etags, same, sizes, classes,
                               bare=bool(shape.quote))
    if (split := _split(_CONTENTS, text)) is None:
        return None
    parts, step = split
    keys, modified, etags, checks, sizes, classes = (parts[number::step] for number in range(1, step))
    return Records(_outside(parts), keys, modified, etags, checks, sizes, classes)


def _literal_versions(text: str) -> Records | None:
    """The records where all versions have the same elements, and delete markers stand between them."""
    found = _same_elements(text, "<Version>", _VERSION, 5)
    split = _split(_literal(found[0], versions=True), text) if found else None
    if found is None or split is None:
        return None
    shape, checksums = found
    parts, step = split
    kinds, keys, ids, latest, modified, etags, sizes, classes = (
        parts[number::step] for number in range(1, step))
    marked = [at for at, kind in enumerate(kinds) if kind]
    checks = [checksums] * len(keys)
    for at in marked:
        if sizes[at] is not None:
            return None
        etags[at], sizes[at], classes[at], checks[at] = "", "0", "", ""
    if None in sizes:
        return None
    times = _literal_times(shape, modified, etags)
    if times is None or not _same_middle(text, parts, len(keys) - len(marked), shape.middle):
        return None
    return Records(_outside(parts), keys, times, etags, checks, sizes, classes, list(map(bool, kinds)), ids,
                   latest, bare=bool(shape.quote))


def _fast_versions(text: str) -> Records | None:
    if literal := _literal_versions(text):
        return literal
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
