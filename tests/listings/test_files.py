"""Lists of keys, directories and tables as listings; sorting beyond memory."""

from __future__ import annotations

import hashlib
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3console.core.compare import Comparison
from s3console.core.errors import ListingIncomplete, NoSuchPlace, UsageError
from s3console.core.model import UNKNOWN_BYTES, Batch, Entry, Listing, Place
from s3console.listings.keylist import key_listing, read_keys
from s3console.listings.local import LocalListing, md5_of
from s3console.listings.rows import Row
from s3console.listings.sorting import sorted_rows


def entries(listing: Listing) -> list[Entry]:
    return [entry for batch in listing for entry in batch.entries()]


def keys_of(path: Path) -> list[str]:
    return [entry.key for entry in entries(key_listing(Place(str(path), scheme="keys")))]


def test_a_plain_list_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes("b,with comma\na\n\nü\n lead\nend\r\n\U0001f600\n\uff5e\n".encode())
    assert keys_of(path) == [" lead", "a", "b,with comma", "end\r", "ü", "\uff5e", "\U0001f600"]
    path.write_bytes(b"b\r\na\r\n")
    assert keys_of(path) == ["a", "b"]
    path.write_bytes(b"a\nb\na\n")
    with pytest.raises(UsageError, match="Line 3: the key stands in line 1 already"):
        keys_of(path)
    path.write_bytes(b"")
    assert keys_of(path) == []


def test_named_columns(tmp_path: Path) -> None:
    path = tmp_path / "keys.csv"
    path.write_text('Key,ETag,Size,LastModifiedDate,Storage-Class,other\n"a,b","""e""",3,2024-01-01T00:00:00Z,'
                    "STANDARD_IA,x\nc,,,,,\n")
    found = entries(key_listing(Place(str(path), scheme="keys")))
    assert found == [Entry("a,b", 3, "e", "2024-01-01T00:00:00Z", "STANDARD_IA"),
                     Entry("c", 0, UNKNOWN_BYTES, "", "")]
    path.write_text('{"key": "a", "size": 3, "etag": "e"}\n{"prefix": "b/"}\n')
    with pytest.raises(UsageError, match="Line 2: the key is empty"):
        list(read_keys(path))


def test_a_parquet_table_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.parquet"
    when = datetime(2024, 1, 1, 12, 0, 0, tzinfo=UTC)
    pq.write_table(pa.table({
        "key": ["b", "a", "gone"], "size": [2, 1, None], "e_tag": ["x", "y", None],
        "last_modified_date": pa.array([when, when, when], pa.timestamp("ms", tz="UTC")),
        "is_latest": [True, True, True], "is_delete_marker": [False, False, True], "extra": [1, 2, 3],
    }), path)
    found = entries(key_listing(Place(str(path), scheme="keys")))
    assert [(entry.key, entry.size, entry.etag, entry.modified) for entry in found] == [
        ("a", 1, "y", "2024-01-01T12:00:00Z"), ("b", 2, "x", "2024-01-01T12:00:00Z")]
    pq.write_table(pa.table({"name": ["a"]}), path)
    with pytest.raises(UsageError, match="no column “key”"):
        list(read_keys(path))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match="not a Parquet file"):
        list(read_keys(path))


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


@settings(max_examples=60)
@given(st.lists(TEXT, max_size=60), st.integers(1, 9))
def test_sorting_beyond_memory(keys: list[str], run_rows: int) -> None:
    rows = [Row(key, line=at) for at, key in enumerate(keys)]
    assert list(sorted_rows(iter(rows), None, run_rows=run_rows)) == sorted(rows)


def test_sorted_order_is_that_of_utf8(tmp_path: Path) -> None:
    rng = random.Random(7)
    names = sorted({"".join(rng.choices("a/\u00e9\uff5e\U00010000\x01", k=4)) for _ in range(500)})
    assert names == sorted(names, key=lambda name: name.encode())
    shuffled = rng.sample(names, len(names))
    assert [row.key for row in sorted_rows(map(Row, shuffled), tmp_path, run_rows=64)] == names
    assert [row.key for row in sorted_rows(map(Row, names), tmp_path, run_rows=64)] == names
    assert list(tmp_path.iterdir()) == []


# ---- directories


def local(root: Path, **more: object) -> LocalListing:
    return LocalListing(Place(str(root), scheme="dir"), digest=md5_of if more else None)


def fill(root: Path, names: list[str]) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def test_files_come_in_the_order_of_keys(tmp_path: Path) -> None:
    names = ["a.txt", "a/b", "a/b.c/d", "a/b/../x"[:3] + "0", "a-b/c", "a0", "ü/\U0001f600", "ü/\uff5e", "z"]
    names = [*names, *(f"many/{at}/{at % 7}" for at in range(1500))]
    fill(tmp_path, names)
    (tmp_path / "link").symlink_to(tmp_path / "z")
    (tmp_path / "away").symlink_to("/")
    os.mkfifo(tmp_path / "pipe")
    listing = local(tmp_path)
    found = entries(listing)
    assert [entry.key for entry in found] == sorted(names)
    assert listing.skipped == 3 and listing.proof.complete and listing.proof.entries == len(names)
    assert {entry.size for entry in found if entry.key == "a.txt"} == {5}
    assert {entry.etag for entry in found} == {""}


def test_digests_only_when_asked(tmp_path: Path) -> None:
    fill(tmp_path, ["a", "b/c"])
    assert [entry.etag for entry in entries(local(tmp_path, digests=True))] == [
        hashlib.md5(name.encode()).hexdigest() for name in ("a", "b/c")]


def test_a_directory_is_no_list_of_keys(tmp_path: Path) -> None:
    with pytest.raises(NoSuchPlace, match="not a file"):
        keys_of(tmp_path)


def test_what_cannot_be_read_is_not_taken_for_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoSuchPlace):
        entries(local(tmp_path / "none"))
    fill(tmp_path, [f"a/{at:04}" for at in range(1200)] + ["b/x", "c/x"])
    real = os.scandir

    def refusing(path: Path) -> object:
        if path.name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    listing = local(tmp_path)
    seen = 0
    with pytest.raises(ListingIncomplete) as caught:
        for batch in listing:
            seen += len(batch)
    assert (seen, caught.value.known_through) == (1000, "a/0999")
    assert not listing.proof.complete


# ---- what is not known is never called same or different


@pytest.mark.parametrize("evidence", ["auto", "size", "etag"])
def test_names_alone_decide_nothing(tmp_path: Path, evidence: str) -> None:
    from s3console.core.compare import EvidenceRules

    path = tmp_path / "keys"
    path.write_text("a\nb\nonly-left\n")
    right = Batch(["a", "b", "only-right"], [0, 5, 1], ["0" * 32, "1" * 32, "2" * 32], ["", "", ""], [""] * 3)
    for other in ([right], key_listing(Place(str(path), scheme="keys"))):
        merge = Comparison(key_listing(Place(str(path), scheme="keys")), other,
                           rules=EvidenceRules(evidence))  # type: ignore[arg-type]
        outcomes = list(merge.run())
        same_names = 2 if other == [right] else 3
        assert (merge.tally.same, merge.tally.unknown, merge.tally.differs) == (0, same_names, 0)
        assert merge.tally.left.bytes == 0 and outcomes
