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
    """What the records of one page have in common: the texts between their values. `name` is the storage
    class where it counts as one of them, None where each record has its own."""

    fraction: str
    quote: str
    middle: str
    before_class: str
    end: str
    name: str | None = None


_QUOTES = ("&quot;", '"', "&#34;")
_FRACTION = ".000Z"


@lru_cache(128)
def _between(shape: _Shape) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """The texts before and behind the values of every record, and an expression that passes them over by
    their lengths: a third as dear as one that reads them. Every value ends before a "<" or is short."""
    time = "[^.]{0,64}+" if shape.fraction else "[^<]*+"
    etag = f"[^{shape.quote[0]}]{{0,256}}+" if shape.quote else "[^<]*+"
    values = ["[^<]++", time, etag, "[0-9]++"]
    texts = ["<Contents><Key>", "</Key><LastModified>", f"{shape.fraction}</LastModified><ETag>{shape.quote}",
             f"{shape.quote}{shape.middle}"]
    if shape.name is None:
        values.append("[^<]*+")
        texts += [shape.before_class, shape.end]
    else:
        texts.append(f"{shape.before_class}{shape.name}{shape.end}")
    passed = [f".{{{len(text)}}}" for text in texts]
    passed[0] = f"<.{{{len(texts[0]) - 1}}}"
    found = "".join(f"{text}({value})" for text, value in zip(passed, values, strict=False))
    return re.compile(f"(?s){found}{passed[-1]}"), tuple(texts)


def _by_lengths(text: str, shape: _Shape) -> list[list[str]] | None:
    """The columns of a text that is nothing but records; None when some record has another shape.

    What was passed over by its length is proved by writing the text once more from the values and the
    texts of the shape: it must come out as it was.
    """
    pattern, between = _between(shape)
    parts = pattern.split(text)
    step = pattern.groups + 1
    columns = [parts[number::step] for number in range(1, step)]
    count, width = len(columns[0]), 2 * len(columns)
    again = [between[-1] + between[0]] * (width * count + 1)
    for at, column in enumerate(columns):
        if at:
            again[2 * at::width] = [between[at]] * count
        again[2 * at + 1::width] = column
    again[0], again[-1] = between[0], between[-1]
    return columns if "".join(again) == text else None


@lru_cache(128)
def _literal(shape: _Shape) -> re.Pattern[str]:
    """The expression for pages whose versions all have the same elements: half as dear as the general one.

    What stands between ETag and size is the longest part of a record. It is passed over by its length,
    and `_same_middle` proves at the speed of a substring search that it is the same everywhere.
    """
    quote = re.escape(shape.quote)
    etag = f"{quote}([^{shape.quote[0]}]{{0,256}}+){quote}" if quote else "([^<]*+)"
    time = r"([^.]{0,64}+)\.000Z" if shape.fraction else "([^<]*+)"
    rest = (f"<ETag>{etag}.{{{len(shape.middle)}}}([0-9]++){re.escape(shape.before_class)}([^<]*+)"
            f"{re.escape(shape.end)}")
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


class _Uniform(NamedTuple):
    """What is known of a page from its first and its last record: their shape, their checksums, and where
    the first begins and the last ends."""

    shape: _Shape
    checksums: str
    start: int
    end: int


def _same_elements(text: str, opening: str, pattern: re.Pattern[str], time: int) -> _Uniform | None:
    """What the first record is like, when the last one is the same. `time` is the number of the first group
    behind which the two kinds of records are alike."""
    first = pattern.match(text, max(0, text.find(opening)))
    last = pattern.match(text, max(0, text.rfind(opening)))
    if first is None or last is None or first[time + 1] is None or last[time + 1] is None:
        return None
    shape, other = (_shape(text, one, time) for one in (first, last))
    if shape != other or len(shape.middle) >= 500:
        return None
    name = first[time + 4]
    shape = shape._replace(name=name if name == last[time + 4] else None)
    return _Uniform(shape, first[time + 2], first.start(), last.end())


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
    if (found := _same_elements(text, "<Contents>", _CONTENTS, 2)) and (records := _uniform(text, found)):
        return records
    if (split := _split(_CONTENTS, text)) is None:
        return None
    parts, step = split
    keys, modified, etags, checks, sizes, classes = (parts[number::step] for number in range(1, step))
    return Records(_outside(parts), keys, modified, etags, checks, sizes, classes)


def _uniform(text: str, found: _Uniform) -> Records | None:
    """The records where all have the same elements, and nothing stands between them."""
    before, inner, behind = text[:found.start], text[found.start:found.end], text[found.end:]
    shape = found.shape
    columns = _by_lengths(inner, shape)
    if columns is None and shape.name is not None:
        columns = _by_lengths(inner, shape._replace(name=None))
    if columns is None or _OPENING.search(before) or _OPENING.search(behind):
        return None
    keys, modified, etags, sizes, *named = columns
    times = _literal_times(shape, modified, etags)
    if times is None:
        return None
    count = len(keys)
    classes: Column = named[0] if named else (shape.name or "",) * count
    checksums = (found.checksums,) * count
    return Records(before + behind, keys, times, etags, checksums, sizes, classes, bare=bool(shape.quote))


def _literal_versions(text: str) -> Records | None:
    """The records where all versions have the same elements, and delete markers stand between them."""
    found = _same_elements(text, "<Version>", _VERSION, 5)
    split = _split(_literal(found.shape._replace(name=None)), text) if found else None
    if found is None or split is None:
        return None
    shape, checksums = found.shape, found.checksums
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
