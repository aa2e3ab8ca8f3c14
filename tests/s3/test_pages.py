"""The page reader: fast, slow and hostile pages."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import quote, unquote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3console.core.errors import ServiceError, UntrustedAnswer
from s3console.s3.facts import behind
from s3console.s3.pages import clean_etag, decode_names, parse_page, unescape
from s3console.s3.proof import Question, check_page
from s3console.s3.records import Records, _record_by_record, read_records

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
ROW = '<LastModified>2024-06-25T10:11:34.000Z</LastModified><ETag>&quot;{0}&quot;</ETag><Size>{1}</Size>'


def objects(records: str, head: str = "", tail: str = "") -> bytes:
    return (f'<?xml version="1.0"?>\n<ListBucketResult xmlns="x"><Name>b</Name><Prefix></Prefix>{head}'
            f"<IsTruncated>false</IsTruncated>{records}{tail}</ListBucketResult>").encode()


def contents(key: str, parts: list[str] | None = None, *, gap: str = "") -> str:
    elements = [f"<Key>{key}</Key>", "<LastModified>2024-06-25T10:11:34.000Z</LastModified>",
                "<ETag>&quot;abc&quot;</ETag>", "<Size>7</Size>", "<StorageClass>GLACIER</StorageClass>"]
    return f"<Contents>{gap}{gap.join(elements + (parts or []))}{gap}</Contents>"


@given(st.lists(KEYS, min_size=1, max_size=30))
def test_names_are_decoded_like_the_standard_library_does(keys: list[str]) -> None:
    encoded = [quote(key, safe="/*") for key in keys]
    assert decode_names(encoded, url=True) == keys
    assert decode_names([quote(key, safe="").replace("%20", "+") for key in keys], url=True) == keys
    assert decode_names([escape(key, {'"': "&quot;", "'": "&apos;"}) for key in keys], url=False) == keys


@given(st.lists(st.text("%0239aAdD9zG=+/ \n\r&;#x", min_size=1, max_size=12), min_size=1, max_size=8))
def test_sloppy_encodings_are_decoded_key_by_key(names: list[str]) -> None:
    got = decode_names(names, url=True)
    assert len(got) == len(names)
    for name, decoded in zip(names, got, strict=True):
        if "&" not in name:
            assert decoded == unquote_plus(name, errors="surrogateescape")


@given(st.lists(KEYS, min_size=1, max_size=20), st.randoms(use_true_random=False), st.booleans())
def test_any_element_order_gives_the_same_page(keys: list[str], rng: random.Random, url: bool) -> None:
    def record(key: str, *, shuffled: bool) -> str:
        name = quote(key, safe="/") if url else escape(key)
        parts = [f"<Key>{name}</Key>", "<LastModified>2024-06-25T10:11:34.000Z</LastModified>",
                 "<ETag>&quot;0f&quot;</ETag>", "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>",
                 "<ChecksumType>FULL_OBJECT</ChecksumType>", "<Size>5</Size>",
                 "<StorageClass>STANDARD_IA</StorageClass>"]
        if shuffled:
            rng.shuffle(parts)
            parts.append("<Owner><ID>Size</ID><DisplayName>me</DisplayName></Owner>")
        return f"<Contents>{''.join(parts)}</Contents>"

    encoding = "<EncodingType>url</EncodingType>" if url else ""
    fast = parse_page(objects("".join(record(key, shuffled=False) for key in keys), encoding), versions=False)
    mixed = "".join(record(key, shuffled=True) for key in keys)
    slow = parse_page(objects(mixed, "", encoding), versions=False)
    assert fast.batch == slow.batch
    assert list(fast.batch.keys) == keys
    assert list(fast.batch.checksums or ()) == ["CRC32/FULL_OBJECT"] * len(keys)
    assert set(fast.batch.storage_classes) == {"STANDARD_IA"}


def test_a_pretty_printed_page_and_one_without_classes() -> None:
    plain = f"<Contents><Key>b</Key>{ROW.format('e', 3)}</Contents>"
    page = parse_page(objects(contents("a", gap="\n   ") + plain), versions=False)
    rows = list(page.batch.entries())
    assert [(row.key, row.size, row.etag, row.storage_class) for row in rows] == [
        ("a", 7, "abc", "GLACIER"), ("b", 3, "e", "STANDARD")]
    assert rows[0].modified == "2024-06-25T10:11:34Z"


def test_versions_and_markers_keep_document_order() -> None:
    def row(kind: str, key: str, version: str) -> str:
        more = ROW.format("e", 1).split("Z</LastModified>")[1] if kind == "Version" else ""
        return (f"<{kind}><Key>{key}</Key><VersionId>{version}</VersionId><IsLatest>{'false'}</IsLatest>"
                f"<LastModified>2024-06-25T10:11:34.123Z</LastModified>{more}</{kind}>")

    records = row("Version", "a", "3") + row("DeleteMarker", "a", "2") + row("Version", "a", "null")
    body = (f'<ListVersionsResult><Name>b</Name><Prefix/><IsTruncated>false</IsTruncated>{records}'
            "</ListVersionsResult>").encode()
    page = parse_page(body, versions=True)
    assert [(row.version_id, row.is_delete_marker, row.size, row.etag) for row in page.batch.entries()] == [
        ("3", False, 1, "e"), ("2", True, 0, ""), ("null", False, 1, "e")]
    assert page.batch.modified[0] == "2024-06-25T10:11:34.123Z"
    check_page(page, Question("b", versions=True))


def test_what_xml_forbids_is_read_all_the_same() -> None:
    page = parse_page(objects(contents("a&#x1;b\x02c&#xFFFE;&amp;amp;")), versions=False)
    assert list(page.batch.keys) == ["a\x01b\x02c\ufffe&amp;"]
    assert unescape("&#0;&#x110000;&nbsp;&lt;") == "\x00&#x110000;&nbsp;<"
    assert clean_etag("&quot;ab-3&quot;") == clean_etag('"ab-3"') == "ab-3"


def test_keys_that_are_not_utf8_are_kept_and_seen() -> None:
    page = parse_page(objects(contents("a%FFb"), "<EncodingType>url</EncodingType>"), versions=False)
    assert list(page.batch.keys) == ["a\udcffb"]


@pytest.mark.parametrize("body", [
    b"", b"   \n", b"<html><body>login</body></html>", b"<!DOCTYPE html><html/>", b"{}", b"\xff\xfe\x00",
    b"<ListBucketResult>", b"<ListBucketResult/>", b"<ListVersionsResult></ListVersionsResult>",
    objects("<Contents><Key>a</Key></Contents>"), objects("<Contents><Key>a</Key>"),
    objects("<Contents><Key></Key>" + ROW.format("e", 1) + "</Contents>").replace(b"<Key></Key>", b""),
    objects(contents("a")).replace(b"<Size>7", b"<Size>seven"), objects(contents("a"))[:-9],
    objects("<CommonPrefixes><Prefix>a/</Prefix>"),
])
def test_bodies_that_are_no_listing(body: bytes) -> None:
    with pytest.raises(UntrustedAnswer):
        check_page(parse_page(body, versions=False), Question("b"))


def test_an_error_in_a_200_is_an_error() -> None:
    with pytest.raises(ServiceError) as caught:
        parse_page(b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>a &amp; b</Message></Error>",
                   versions=False)
    assert (caught.value.code, caught.value.message) == ("SlowDown", "a & b")


@given(st.data())
def test_a_damaged_page_never_gives_other_rows_quietly(data: st.DataObject) -> None:
    """Cutting a piece out of a page is seen, or leaves the number of rows alone."""
    keys = [f"k{number}" for number in range(6)]
    body = objects("".join(contents(key) for key in keys),
                   f"<KeyCount>{len(keys)}</KeyCount><MaxKeys>1000</MaxKeys>")
    start = data.draw(st.integers(0, len(body) - 1))
    length = data.draw(st.integers(1, 200))
    try:
        page = parse_page(body[:start] + body[start + length:], versions=False)
        check_page(page, Question("b"))
    except (UntrustedAnswer, ServiceError):
        return
    count = page.key_count
    assert len(page.batch) == len(keys) or count is None


def test_rows_behind_a_key() -> None:
    page = parse_page(objects("".join(contents(key) for key in "abc")), versions=False)
    assert list(behind(page.batch, "b").keys) == ["c"] and behind(page.batch, "") is page.batch
    assert len(behind(page.batch, "z")) == 0


def test_a_page_is_read_without_a_look_at_each_key() -> None:
    """A guard against a fall into the slow path, which takes twelve times as long on any machine."""
    fast = objects("".join(contents(f"doc/{n:06d}/-801%3A%3A{n}.png") for n in range(1000)),
                   "<EncodingType>url</EncodingType>")
    end = b"<Size>7</Size><StorageClass>GLACIER</StorageClass>"
    slow = fast.replace(end, b"<StorageClass>GLACIER</StorageClass><Size>7</Size>")
    assert slow != fast
    spent: dict[bytes, list[float]] = {fast: [], slow: []}
    for body in (fast, slow) * 5:
        begin = time.process_time()
        check_page(parse_page(body, versions=False), Question("b"))
        spent[body].append(time.process_time() - begin)
    assert min(spent[fast]) < min(spent[slow]) / 3


@given(st.lists(st.tuples(KEYS, st.sampled_from(["&quot;", '"', "&#34;", ""]),
                          st.sampled_from(["abc", "a-2", "x&amp;y", ""]),
                          st.sampled_from(["34.000Z", "34Z", "34.120Z"]),
                          st.sampled_from(["", "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"]),
                          st.sampled_from(["STANDARD", "GLACIER"])), min_size=1, max_size=6))
def test_pages_of_mixed_records_are_read_as_record_by_record(
        rows: list[tuple[str, str, str, str, str, str]]) -> None:
    """However alike the records are: quotes, fractions and checksums belong to their own record."""
    page = parse_page(objects("".join(
        f"<Contents><Key>{quote(key)}</Key><LastModified>2024-06-25T10:11:{time}</LastModified>"
        f"<ETag>{mark}{etag}{mark}</ETag>{checksum}<Size>{number}</Size><StorageClass>{name}</StorageClass>"
        "</Contents>" for number, (key, mark, etag, time, checksum, name) in enumerate(rows)),
        "<EncodingType>url</EncodingType>"), versions=False)
    assert list(page.batch.keys) == [row[0] for row in rows]
    assert list(page.batch.etags) == [unescape(row[2]) for row in rows]
    assert list(page.batch.modified) == [
        f"2024-06-25T10:11:{row[3]}".replace(".000Z", "Z") for row in rows]
    assert list(page.batch.sizes) == list(range(len(rows)))
    assert list(page.batch.storage_classes) == [row[5] for row in rows]
    wanted = ["CRC32" if row[4] else "" for row in rows]
    assert list(page.batch.checksums or [""] * len(rows)) == wanted


@given(st.lists(st.tuples(KEYS, st.sampled_from(["&quot;", '"', ""]), st.sampled_from(["abc", "a-2", ""]),
                          st.sampled_from(["34.000Z", "34Z"]),
                          st.sampled_from(["", "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"]),
                          st.sampled_from(["STANDARD", "GLACIER"]),
                          st.sampled_from(["Version", "DeleteMarker"]),
                          st.sampled_from(["", "<Owner><ID>me</ID></Owner>"])), min_size=1, max_size=6),
       st.booleans())
def test_pages_of_mixed_versions_are_read_as_record_by_record(rows: list[tuple[str, ...]],
                                                              alike: bool) -> None:
    """Delete markers stand anywhere between versions; with `alike` only they tell the records apart."""
    if alike:
        rows = [(row[0], *rows[0][1:6], row[6], rows[0][7]) for row in rows]
    records = []
    for number, (key, mark, etag, second, checksum, name, kind, owner) in enumerate(rows):
        latest = "true" if number % 2 else "false"
        facts = (f"<ETag>{mark}{etag}{mark}</ETag>{checksum}<Size>{number}</Size>"
                 f"<StorageClass>{name}</StorageClass>" if kind == "Version" else "")
        records.append(f"<{kind}><Key>{quote(key)}</Key><VersionId>v{number}</VersionId><IsLatest>"
                       f"{latest}</IsLatest><LastModified>2024-06-25T10:11:{second}"
                       f"</LastModified>{facts}{owner}</{kind}>")
    body = (f"<ListVersionsResult><Name>b</Name><Prefix/><EncodingType>url</EncodingType>"
            f"<IsTruncated>false</IsTruncated>{''.join(records)}</ListVersionsResult>").encode()
    found = list(parse_page(body, versions=True).batch.entries())
    slow = list(parse_page(body.replace(b"<Key>", b" <Key>"), versions=True).batch.entries())
    assert found == slow
    for number, (entry, row) in enumerate(zip(found, rows, strict=True)):
        version = row[6] == "Version"
        assert (entry.key, entry.version_id, entry.is_latest) == (row[0], f"v{number}", number % 2 == 1)
        assert entry.modified == f"2024-06-25T10:11:{row[3]}".replace(".000Z", "Z")
        assert (entry.etag, entry.size, entry.checksum, entry.storage_class, entry.is_delete_marker) == (
            (row[2], number, "CRC32" if row[4] else "", row[5], False) if version
            else ("", 0, "", "STANDARD", True))


@pytest.mark.parametrize("odd", [
    "<ChecksumAlgorithm>CRC33</ChecksumAlgorithm>", "<ChecksumAlgorithm>CRC3</ChecksumAlgorithm><X/>",
    "<Checksumalgorithm>CRC32</Checksumalgorithm>", "<Size>3</Size><Size>123456789012345678901</Size>"])
def test_a_record_unlike_its_neighbours_is_not_passed_over(odd: str) -> None:
    """Between ETag and size it holds other text, of the same length as that of the first and last record."""
    def record(number: int, between: str) -> str:
        return (f"<Contents><Key>k{number}</Key><LastModified>2024-06-25T10:11:34.000Z</LastModified>"
                f"<ETag>&quot;e{number}&quot;</ETag>{between}<Size>7</Size><StorageClass>STANDARD"
                "</StorageClass></Contents>")
    usual = "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"
    body = objects("".join(record(number, odd if number == 2 else usual) for number in range(5)))
    checksums = parse_page(body, versions=False).batch.checksums
    assert checksums is not None and checksums[1] == "CRC32"
    assert checksums[2] == ("CRC33" if "CRC33" in odd else "CRC3" if "CRC3<" in odd else "")


def test_an_unclosed_etag_does_not_swallow_the_next_record() -> None:
    usual = contents("a") + contents("b") + contents("c")
    broken = usual.replace("<Key>b</Key>", "<Key>b</Key>").replace("&quot;abc&quot;", "&quot;abc", 2)
    etags = parse_page(objects(broken), versions=False).batch.etags
    assert list(etags) == ["abc", "abc", "abc"]


def test_no_letter_of_a_record_is_passed_over_unread() -> None:
    """Each letter of a record among others like it, changed: what is read then is what a reader of single
    records reads, or nothing."""
    def outcome(read: Callable[[str], Records], text: str) -> list[object]:
        try:
            found = read(text)
        except UntrustedAnswer:
            return []
        bare = [one.replace("&quot;", "") for one in found.etags]
        times = [one.replace(".000Z", "Z") for one in found.modified]
        return [found.rest, *map(list, (found.keys, times, bare, found.sizes, found.classes))]

    page = objects(contents("a1") + contents("b2") + contents("c3")).decode()
    start, end = page.index("<Contents><Key>b2"), page.index("<Contents><Key>c3")
    read = 0
    for at in range(start, end):
        text = f"{page[:at]}~{page[at + 1:]}"
        fast = outcome(partial(read_records, versions=False), text)
        assert fast == outcome(partial(_record_by_record, versions=False), text), text[start:end]
        read += bool(fast)
    assert 30 < read < end - start


def test_classes_may_differ_between_records_that_are_alike_otherwise() -> None:
    records = "".join(contents(f"k{number:03d}").replace("GLACIER", name)
                      for number, name in enumerate(["STANDARD", "GLACIER", "", "STANDARD"]))
    classes = parse_page(objects(records), versions=False).batch.storage_classes
    assert list(classes) == ["STANDARD", "GLACIER", "STANDARD", "STANDARD"]
