"""One listing page from bytes to columns: fast, and without an XML parser that refuses.

XML 1.0 cannot hold most control characters, yet keys may; some stores send them raw or as
references that a parser must reject. This reader takes the text between the tags as it is
(`records`) and decodes names column by column.
"""

from __future__ import annotations

import binascii
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from string import hexdigits
from urllib.parse import unquote

from ..core.errors import ServiceError, UntrustedAnswer
from ..core.model import Batch
from .records import Records, element, read_records
from .telling import shown

_GROUP = re.compile(r"<CommonPrefixes>\s*<Prefix>([^<]*)</Prefix>\s*</CommonPrefixes>")
_ESCAPED = {f"%{code:02X}": chr(code) for code in range(0x20, 0x7f) if chr(code) not in f"%{hexdigits}"}
_KINDS = 4
_STRAY = re.compile("%(?![0-9A-Fa-f]{2})")
_REFERENCE = re.compile(r"&(#[xX]?[0-9A-Fa-f]+|amp|lt|gt|quot|apos);")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_DOCTYPE = "The answer holds a document type, which no S3 store sends"
_LARGEST_SIZE = (1 << 63) - 1
_ROOTS = ("ListBucketResult", "ListVersionsResult")


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as the store wrote it: columns, decoded names, and the statements to be checked."""

    batch: Batch
    prefixes: tuple[str, ...]
    name: str | None
    prefix: tuple[str, ...]
    delimiter: bool
    truncated: str | None
    key_count: str | None
    next_token: str
    next_key_marker: tuple[str, ...]
    next_version_marker: str


def unescape(text: str) -> str:
    """XML references to text; also those to characters that XML forbids, which stores do send."""
    if "&" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name[0] != "#":
            return _NAMED[name]
        try:
            return chr(int(name[2:], 16) if name[1] in "xX" else int(name[1:]))
        except (ValueError, OverflowError):
            return match[0]

    return _REFERENCE.sub(one, text)


def decode_url(text: str) -> str:
    """One name of an answer with `EncodingType` url. Bytes that are not UTF-8 become lone surrogates."""
    return unquote(text.replace("+", " "), errors="surrogateescape")


def decode_names(names: Sequence[str], *, url: bool) -> list[str]:
    """The names of a page, decoded together: one pass in C for the whole page when all are plain."""
    blob = "\n".join(names)
    if not url:
        return [unescape(name) for name in names] if "&" in blob else list(names)
    if "&" in blob or blob.count("\n") != len(names) - 1:
        return [decode_url(unescape(name)) for name in names]
    if "%" not in blob:
        return blob.replace("+", " ").split("\n") if "+" in blob else list(names)
    if (plain := _few_escapes(blob)) is not None and plain.count("\n") == len(names) - 1:
        return plain.split("\n")
    # Quoted-printable writes =XX where a URL writes %XX, and its decoder is one C call; a decoded
    # line break would move the borders between names, and a stray % would be taken for its escape.
    if _STRAY.search(blob) or re.search("%0[AaDd]", blob) or "\r" in blob:
        return [decode_url(name) for name in names]
    quoted = blob.replace("+", " ").replace("=", "=3D").replace("%", "=")
    decoded = binascii.a2b_qp(quoted.encode("utf-8", "surrogateescape"))
    split = decoded.decode("utf-8", "surrogateescape").split("\n")
    return split if len(split) == len(names) else [decode_url(name) for name in names]


def _few_escapes(blob: str) -> str | None:
    """The text when it has few kinds of escapes and none of a hexadecimal digit or a "%": then putting in one
    after the other cannot make an escape that was not there. None otherwise."""
    text = blob.replace("+", " ")
    for _ in range(_KINDS):
        at = text.find("%")
        if at < 0:
            return text
        char = _ESCAPED.get(text[at:at + 3])
        if char is None:
            return None
        text = text.replace(text[at:at + 3], char)
    return None if "%" in text else text


def clean_etag(etag: str) -> str:
    """An ETag without the quotes that HTTP puts around it."""
    return unescape(etag).strip('"')


def clean_time(stamp: str) -> str:
    """A time without a zero fraction: `2024-06-25T10:11:34.000Z` is `2024-06-25T10:11:34Z`."""
    return stamp.replace(".000Z", "Z")


def _etags(column: Sequence[str]) -> list[str]:
    blob = "\n".join(column).replace("&quot;", "").replace("&#34;", "").replace('"', "")
    etags = blob.split("\n")
    if len(etags) != len(column):
        return [clean_etag(etag) for etag in column]
    return [unescape(etag) for etag in etags] if "&" in blob else etags


def _times(column: Sequence[str]) -> list[str]:
    times = "\n".join(column).replace(".000Z", "Z").split("\n")
    return times if len(times) == len(column) else [clean_time(time) for time in column]


def _checksum(elements: str) -> str:
    """`CRC64NVME/FULL_OBJECT` from the checksum elements of one record."""
    algorithms = re.findall("<ChecksumAlgorithm>([^<]*)<", elements)
    kinds = re.findall("<ChecksumType>([^<]*)<", elements)
    return "/".join(part for part in ("+".join(algorithms), kinds[0] if kinds else "") if part)


def _checksums(column: Sequence[str]) -> list[str] | None:
    seen = {elements: _checksum(elements) for elements in set(column)}
    if len(seen) == 1:
        return list(seen.values()) * len(column) if any(seen.values()) else None
    return [seen[elements] for elements in column] if any(seen.values()) else None


def _both(text: str | None, *, url: bool) -> tuple[str, ...]:
    """How a name outside the records may be meant: stores differ in whether they encode those."""
    if text is None:
        return ()
    plain = unescape(text)
    return (decode_url(plain), plain) if url and decode_url(plain) != plain else (plain,)


def _sizes(column: Sequence[str]) -> list[int]:
    try:
        sizes = list(map(int, column))
    except ValueError as error:
        raise UntrustedAnswer("A size in the listing is not a number") from error
    if max(sizes, default=0) > _LARGEST_SIZE:
        raise UntrustedAnswer("A size in the listing is larger than any object")
    return sizes


def _classes(column: Sequence[str]) -> list[str]:
    """Storage classes, each one text in memory; a page has few of them."""
    known = {name: sys.intern(name) or "STANDARD" for name in set(column)}
    if len(known) == 1:
        return list(known.values()) * len(column)
    return [known[name] for name in column]


def _batch(records: Records, *, versions: bool, url: bool) -> Batch:
    if not records.keys:
        empty: tuple[str, ...] = ()
        return Batch(empty, (), empty, empty, empty, *((empty, (), ()) if versions else (None, None, None)))
    bare = records.bare and "&" not in "".join(records.etags)
    etags, times = (records.etags, records.modified) if bare else (
        _etags(records.etags), _times(records.modified))
    columns = (decode_names(records.keys, url=url), _sizes(records.sizes), etags, times,
               _classes(records.classes))
    checksums = _checksums(records.checksums)
    if not versions:
        return Batch(*columns, None, None, None, checksums)
    ids = records.version_ids
    if "&" in "".join(ids):
        ids = [unescape(one) for one in ids]
    return Batch(*columns, ids, list(map("true".__eq__, records.latest)), records.markers, checksums)


def parse_page(body: bytes, *, versions: bool) -> RawPage:
    """Read one answer to ListObjectsV2 (`versions` False) or ListObjectVersions.

    Raises `UntrustedAnswer` when this is not a whole answer of that kind, and `ServiceError` when
    it is an S3 error that came with status 200.
    """
    text = body.decode("utf-8", "surrogateescape").strip()
    _check_shape(text, _ROOTS[versions])
    records = read_records(text, versions=versions)
    rest = records.rest
    if "<!" in rest:
        raise UntrustedAnswer(_DOCTYPE)
    groups = _GROUP.findall(rest)
    if len(groups) != rest.count("<CommonPrefixes"):
        raise UntrustedAnswer("The common prefixes of the listing cannot be read")
    rest = re.sub("<CommonPrefixes.*</CommonPrefixes>", "", rest, flags=re.DOTALL)
    url = element(rest, "EncodingType") == "url"
    delimiter = element(rest, "Delimiter")
    return RawPage(
        batch=_batch(records, versions=versions, url=url),
        prefixes=tuple(decode_names(groups, url=url)) if groups else (),
        name=element(rest, "Name"), prefix=_both(element(rest, "Prefix"), url=url), delimiter=bool(delimiter),
        truncated=element(rest, "IsTruncated"), key_count=element(rest, "KeyCount"),
        next_token=unescape(element(rest, "NextContinuationToken") or ""),
        next_key_marker=_both(element(rest, "NextKeyMarker") or None, url=url),
        next_version_marker=unescape(element(rest, "NextVersionIdMarker") or ""),
    )


def _check_shape(text: str, root: str) -> None:
    """The root element is the right one and is closed; no document type; not an error in disguise."""
    if not text:
        raise UntrustedAnswer("The answer is empty where a listing was expected")
    opening = re.match(r"(?:\ufeff)?(?:<\?xml[^>]*>\s*)?<([A-Za-z:]+)(?:\s[^>]*)?>", text)
    found = opening[1] if opening else ""
    if found == "Error":
        raise ServiceError(shown(unescape(element(text, "Code") or "Unknown"), 80), 500,
                           shown(unescape(element(text, "Message") or "")))
    if not opening and "<!doctype" in text[:1000].lower():
        raise UntrustedAnswer(_DOCTYPE)
    if found != root:
        raise UntrustedAnswer("The answer is not an S3 listing")
    if not text.endswith(f"</{root}>"):
        raise UntrustedAnswer("The listing breaks off in the middle")
