"""Manifests in every dialect: the vectors byte for byte, there and back, and what is refused where."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3console.core.errors import NoSuchPlace, UsageError
from s3console.core.model import UNKNOWN_BYTES, Place
from s3console.listings.bounded import Bounds
from s3console.listings.dialects import Dialect, batch_line, json_line, seed_line
from s3console.listings.manifest import dialect_of, manifest_listing, read_manifest
from s3console.listings.rows import Row
from s3console.listings.writing import ManifestWriter

VECTORS = [
    ("index.php", b"index.php,V1\r\n"),
    ("a,b.txt", b"\\a,b.txt\\,V1\r\n"),
    ("back\\slash.txt", b"\\back\\\\slash.txt\\,V1\r\n"),
    ("line\nbreak.txt", b"\\line\nbreak.txt\\,V1\r\n"),
    ('q"uote.txt', b'q"uote.txt,V1\r\n'),
    ("x:y.txt", b"x:y.txt,V1\r\n"),
]
ODD = [
    *(key for key, _ in VECTORS), " lead", "trail ", "tab\tkey", "cr\rkey", "end\r", "a\r\nb", "\\", "\\\\",
    '"', '"both"', "=cmd|' /C calc'!A0", "+1", "-1", "@x", "ü/é/\U0001f600", "a//b", "/", "%41", "a+b",
    "a%2Bb", "null", "key", "\u202ertl", "x\ufeff", "\x7f", "\x01", "{", '{"key":"x"}', "#", "n" * 1024,
]
DIALECTS: tuple[Dialect, ...] = ("seed", "batch-operations", "jsonl", "parquet")


def rows_for(keys: list[str]) -> list[Row]:
    return [Row(key, f"v.{at}_-", at, "e" * 32, "2024-01-01T00:00:00Z", "STANDARD", "site")
            for at, key in enumerate(keys)]


def written(path: Path, dialect: Dialect, rows: list[Row], *, versions: bool = True) -> Path:
    with ManifestWriter(path, dialect, versions=versions) as out:
        for row in rows:
            out.add([row])
        out.finish()
    return path


def known(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row.key, row.version_id) for row in rows]


@pytest.mark.parametrize(("key", "line"), VECTORS)
def test_the_vectors_of_the_story(tmp_path: Path, key: str, line: bytes) -> None:
    assert seed_line(Row(key, "V1")).encode() == line
    path = tmp_path / "m"
    path.write_bytes(line)
    assert known(list(read_manifest(path))) == [(key, "V1")]


def test_all_vectors_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"\r\n".join([b"", *(line.removesuffix(b"\r\n") for _, line in VECTORS), b"", b""]))
    assert dialect_of(path) == "seed"
    assert known(list(read_manifest(path))) == [(key, "V1") for key, _ in VECTORS]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_odd_keys_survive_every_dialect(tmp_path: Path, dialect: Dialect) -> None:
    rows = rows_for(ODD)
    path = written(tmp_path / "m", dialect, rows)
    back = list(read_manifest(path, bucket="site"))
    assert known(back) == known(rows)
    packed = tmp_path / "m.gz"
    if dialect != "parquet":
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert known(list(read_manifest(packed, dialect=dialect))) == known(rows)
    if dialect in ("jsonl", "parquet"):
        assert [row._replace(line=0) for row in back] == rows


KEYS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
                .filter(lambda key: not key.startswith("\ufeff")), min_size=1, max_size=8)


@settings(max_examples=300)
@given(KEYS, st.sampled_from(DIALECTS[:3]))
def test_any_keys_come_back(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], dialect: Dialect
) -> None:
    path = tmp_path_factory.mktemp("m") / "m"
    rows = rows_for(keys)
    written(path, dialect, rows)
    assert known(list(read_manifest(path, dialect=dialect))) == known(rows)


def test_batch_operations_rows(tmp_path: Path) -> None:
    row = Row("a b+ü/,%.txt", "V1", bucket="site")
    assert batch_line(row, versions=True) == "site,a%20b%2B%C3%BC/%2C%25.txt,V1\n"
    assert batch_line(row._replace(version_id=""), versions=True).endswith(",null\n")
    assert batch_line(row, versions=False) == "site,a%20b%2B%C3%BC/%2C%25.txt\n"
    raw = Row("x\udcff", "V1", bucket="site")
    path = written(tmp_path / "m", "batch-operations", [raw, row])
    assert known(list(read_manifest(path))) == known([raw, row])
    assert known(list(read_manifest(written(tmp_path / "j", "jsonl", [raw])))) == known([raw])
    for dialect in ("seed", "parquet"):
        with pytest.raises(UsageError, match="jsonl"):
            written(tmp_path / "n", dialect, [raw])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["j", "m"]
    assert '"key": "x\\udcff"' in json_line(raw)


@pytest.mark.parametrize(("text", "dialect", "rows"), [
    ('"a,b.txt",V1\nplain,V2\n', "csv", [("a,b.txt", "V1"), ("plain", "V2")]),
    ('"q""uote.txt",V1\n', "csv", [('q"uote.txt', "V1")]),
    ("\\a,b\\,V1\r\nc,V2\r\n", "seed", [("a,b", "V1"), ("c", "V2")]),
    ("a.txt:V1\nx:y.txt:V2\n", "colon", [("a.txt", "V1"), ("x:y.txt", "V2")]),
    ("a,b.txt:V1\n", "colon", [("a,b.txt", "V1")]),
    ("a.txt:V1\r\nb.txt:\r\n", "colon", [("a.txt", "V1"), ("b.txt", "")]),
    ("a.txt\nb.txt\n", "seed", [("a.txt", ""), ("b.txt", "")]),
    ("a.txt,\n", "seed", [("a.txt", "")]),
    ("site,a%20b,V1\nsite,c,null\n", "batch-operations", [("a b", "V1"), ("c", "null")]),
    ("site,a+b\nsite,c\n", "batch-operations", [("a b", ""), ("c", "")]),
    ("Key,VersionId,Size\na,V1,3\n", "columns", [("a", "V1")]),
    ('size,key\n3,"a,b"\n', "columns", [("a,b", "")]),
    ('{"key": "a", "version_id": "V1"}\n{"Key": "b"}\n', "jsonl", [("a", "V1"), ("b", "")]),
    ('{"key": "a"}\n{"key": "b", "is_delete_marker": true}\n', "jsonl", [("a", "")]),
    ("{odd},V1\n", "seed", [("{odd}", "V1")]),
])
def test_the_dialect_is_found_out(
    tmp_path: Path, text: str, dialect: str, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path / "m"
    path.write_text(text, newline="")
    assert dialect_of(path) == dialect
    assert known(list(read_manifest(path))) == rows


def test_one_batch_operations_row_needs_its_bucket(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text("site,a.txt\n")
    assert known(list(read_manifest(path))) == [("site", "a.txt")]
    assert known(list(read_manifest(path, bucket="site"))) == [("a.txt", "")]
    path.write_text("site,x,V1\n")
    assert next(read_manifest(path)).bucket == "site"


@pytest.mark.parametrize(("data", "told"), [
    (b"\xef\xbb\xbfa,V1\n", "Line 1: the file begins with a byte order mark"),
    (b"a,V1\nb\0c,V2\n", "Line 2: the line holds a NUL"),
    (b"a,V1\n\xff\xfe,V2\n", "Line 2: the line is not UTF-8"),
    (b"a,V1\n" + b"x" * 20_000 + b",V2\n", "Line 2: the line is longer than 16,384 bytes"),
    (b"a,V1\n\n" + b"x" * 1025 + b",V2\n", "Line 3: the key is longer than 1,024 bytes"),
    (b"a,V1\n,V2\n", "Line 2: the key is empty"),
    (b"a,V1\nb,V 2,x\n", "Line 2: more than a key and a version id"),
    (b"a,V1\nb," + b"v" * 1025 + b"\n", "Line 2: the version id is not one"),
    (b"one,a,V1\none,b,V2\ntwo,c,V3\n", "Line 3: the row is of bucket two, not of one"),
    (b'{"key": "a"}\n{"key": 7}\n', "Line 2: the key is not text"),
    (b'{"key": "a"}\n[1]\n', "Line 2: not a JSON object"),
    (b'{"key": "a"}\n' + b"[" * 9000 + b"\n", "Line 2: not a JSON object"),
    (b"Key,Size\na,1\nb,minus\n", "Line 3: the size is not a whole number"),
    (b"Key,Size\na,1\nb\n", "Line 3: 1 fields where the first line names 2"),
    (b'"a,b",V1\n"open,V2\n', "Line 2: a quoted field has no end"),
    (b"one,two,three,four\n", "in no dialect"),
    (b"", "no row"),
    (b'{\n "sourceBucket": "b",\n "fileFormat": "CSV",\n "files": []\n}\n', "S3 Inventory"),
])
def test_what_cannot_be_believed_is_refused_with_its_line(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(data)
    if not data:
        assert list(read_manifest(path)) == []
        with pytest.raises(UsageError, match=told):
            dialect_of(path)
        return
    with pytest.raises(UsageError, match=told):
        list(read_manifest(path))


def test_rows_of_another_bucket_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text("one,a,V1\none,b,V2\n")
    with pytest.raises(UsageError, match=r"Line 1: the row is of bucket one, not of site"):
        list(read_manifest(path, bucket="site"))
    path.write_text('{"key": "a", "bucket": "one"}\n{"key": "b", "bucket": "two"}\n')
    with pytest.raises(UsageError, match=r"Line 2: the row is of bucket two, not of one"):
        list(read_manifest(path))
    with pytest.raises(NoSuchPlace):
        list(read_manifest(tmp_path / "none"))


def test_a_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "m.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        for _ in range(60):
            out.write(b"key,version\n" * 8_000)
    tracemalloc.start()
    with pytest.raises(UsageError, match="expands to more than 200 times"):
        for _ in read_manifest(path, bounds=Bounds(ratio_from=1 << 20)):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
    path.write_bytes(gzip.compress(b"\0" * (64 << 20), 1))
    with pytest.raises(UsageError, match=r"Line 1: .* longer"):
        list(read_manifest(path))
    path.write_bytes(gzip.compress(b"a,b\n" * 1000)[:-12])
    with pytest.raises(UsageError, match="breaks off"):
        list(read_manifest(path))
    path.write_text("a,V1\n" * 50)
    with pytest.raises(UsageError, match="Line 21: the file has more than 20"):
        list(read_manifest(path, bounds=Bounds(rows=20)))


def test_a_writer_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = written(tmp_path / "m", "seed", rows_for(["old"]))
    before = path.read_bytes()
    for dialect in DIALECTS:
        with pytest.raises(RuntimeError), ManifestWriter(path, dialect) as out:
            out.add(rows_for(["new"]))
            raise RuntimeError
    assert [one.name for one in tmp_path.iterdir()] == ["m"] and path.read_bytes() == before


def test_a_manifest_is_a_listing_in_order(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text("b,V2\na/2,V1\na/1,V3\n")
    listing = manifest_listing(Place(str(path), "a/", scheme="manifest"))
    batches = list(listing)
    assert [batch.keys for batch in batches] == [["a/1", "a/2"]]
    assert batches[0].etags == [UNKNOWN_BYTES] * 2 and batches[0].version_ids is None
    assert listing.proof.complete and listing.proof.entries == 2
    path.write_text("b,V2\na,V1\nb,V3\n")
    with pytest.raises(UsageError, match="Line 3: the key stands in line 1 already"):
        list(manifest_listing(Place(str(path), scheme="manifest")))
