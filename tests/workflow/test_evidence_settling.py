"""What a finished review left unknown is looked up below one prefix, only where listings name checksums."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import pytest
from cli.conftest_cli import Cli, environment
from hypothesis import given
from hypothesis import strategies as st
from servers.odd_server import Answer, OddServer, Row
from workflow.scan_drivers import desk_of, places

from s3console.core.errors import Refused, UsageError
from s3console.core.model import Place, ReviewHeader
from s3console.store.reviews import Review
from s3console.workflow.comparing import CompareOptions, compare
from s3console.workflow.desk import Desk
from s3console.workflow.evidence import just_before
from s3console.workflow.settling import settle

OLD, NEW = "a" * 32 + "-2", "b" * 32


def crc(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def fill(odd: OddServer, *, page: int = 1000) -> None:
    """Uploads in parts on the left and their copies in one piece on the right: 30 keys in two prefixes, every
    third with other bytes, every fifth without a checksum; and 300 keys that are the same in between."""
    odd.page_size = page
    one, two = [], []
    for number in range(30):
        key = f"{'ab'[number % 2]}/x/{number:02d}"
        named = "" if number % 5 == 0 else "CRC32"
        one.append(Row(key, 9, OLD, checksum=named))
        two.append(Row(key, 9, NEW, checksum=named))
        right = b"other" if number % 3 == 0 else b"equal"
        for bucket, etag, body in (("one", OLD, b"equal"), ("two", NEW, right)):
            odd.scripted["HeadObject", bucket, key] = Answer(length=9, headers={
                "ETag": f'"{etag}"', "x-amz-checksum-crc32": crc(body), "x-amz-checksum-type": "FULL_OBJECT"})
    for number in range(300):
        row = Row(f"{'ab'[number % 2]}/y/{number:03d}", 1, "c" * 32)
        one.append(row)
        two.append(row)
    two.append(Row("b/x/extra", 4, "d" * 32))
    odd.rows["one"], odd.rows["two"] = sorted(one), sorted(two)


def kinds(desk: Desk, review: str) -> dict[str, str]:
    with Review.open(desk.home, review) as opened:
        return {one.key: one.kind for block in opened.findings() for one in block}


def reviewed(desk: Desk) -> ReviewHeader:
    return compare(desk, *places(desk), CompareOptions(fresh=True))


@pytest.mark.parametrize("page", [1000, 7])
def test_one_prefix_of_a_review(odd_server: OddServer, tmp_path: Path, page: int) -> None:
    fill(odd_server, page=page)
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    before = reviewed(desk)
    assert before.totals["unknown"] == 30 and before.same == 300
    heads = odd_server.calls["HeadObject"]
    done = settle(desk, before.review, "b/")
    numbers = range(1, 30, 2)
    named = [number for number in numbers if number % 5]
    other = [number for number in named if number % 3 == 0]
    assert (done.open, done.asked) == (15, len(named))
    assert odd_server.calls["HeadObject"] - heads == 2 * len(named)
    assert done.verdicts == {"same": len(named) - len(other), "differs": len(other), "unknown": 3}
    after = done.header
    assert after.review != before.review and kinds(desk, before.review) != kinds(desk, after.review)
    found = kinds(desk, after.review)
    assert {key for key, kind in found.items() if kind == "differs"} == {
        f"b/x/{number:02d}" for number in other}
    assert found["b/x/extra"] == "extra"
    assert sum(kind == "unknown" for kind in found.values()) == 15 + 3 == after.totals["unknown"]
    assert after.same == 300 + done.verdicts["same"] and after.totals["differs"] == len(other)
    assert any(before.review in note and "left unknown under b/" in note for note in after.notes)
    with Review.open(desk.home, after.review) as opened:
        rows = {row.prefix: row for row in opened.prefixes(2)}
    assert (rows["b/x/"].unknown, rows["b/x/"].differs, rows["b/x/"].same) == (
        3, len(other), done.verdicts["same"])
    assert (rows["a/x/"].unknown, rows["a/x/"].same) == (15, 0)
    assert settle(desk, after.review, "a/").header.totals["unknown"] == 3 + 3


def test_what_was_replaced_since_stays_unknown(odd_server: OddServer, tmp_path: Path) -> None:
    fill(odd_server)
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    before = reviewed(desk)
    odd_server.rows["two"] = [row._replace(size=8 if row.etag == NEW else row.size)
                              for row in odd_server.rows["two"]]
    heads = odd_server.calls["HeadObject"]
    done = settle(desk, before.review, "")
    assert done.asked == 0 and odd_server.calls["HeadObject"] == heads
    assert done.header.totals == before.totals


def test_what_cannot_be_settled_is_said(odd_server: OddServer, tmp_path: Path) -> None:
    fill(odd_server)
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    before = reviewed(desk)
    with pytest.raises(UsageError, match="nothing is unknown here"):
        settle(desk, before.review, "b/y/")
    with pytest.raises(UsageError):
        settle(desk, "r19700101-000000-none", "")
    (tmp_path / "keys").write_text("a/x/00\n")
    names = compare(desk, Place(str(tmp_path / "keys"), scheme="keys"), places(desk)[1])
    with pytest.raises(Refused, match="only objects in S3"):
        settle(desk, names.review, "")


def test_what_a_directory_holds_besides_files_is_said(odd_server: OddServer, tmp_path: Path) -> None:
    fill(odd_server)
    desk = desk_of(odd_server.endpoint_url, tmp_path / "state")
    (tmp_path / "tree").mkdir()
    for name in ("one", "two"):
        (tmp_path / "tree" / name).symlink_to("/")
    header = compare(desk, Place(str(tmp_path / "tree"), scheme="dir"), places(desk)[1])
    assert header.complete and any(note.startswith("2 things that are no files") for note in header.notes)


def test_on_the_command_line(odd_server: OddServer, tmp_path: Path) -> None:
    fill(odd_server)
    state = tmp_path / "state"
    before = reviewed(desk_of(odd_server.endpoint_url, state)).review
    cli = Cli(state, environment(state, AWS_ACCESS_KEY_ID="odd", AWS_SECRET_ACCESS_KEY="odd-secret"),
              ("--endpoint-url", odd_server.endpoint_url), ["odd-secret"])
    answer = cli("--json", "review", before, "--settle", "s3://two/a/", code=0)
    assert answer.object["settled_from"] == before and answer.object["open"] == 15
    assert answer.object["review"] != before and answer.object["settled"]["unknown"] == 3
    text = cli("review", before, "--settle", "b/", code=0)
    assert "15 unknown pairs under b/, 12 of them with checksums" in text.out + text.err


@given(st.text(min_size=1, max_size=20))
def test_the_text_before_a_key(key: str) -> None:
    before = just_before(key)
    assert before.encode("utf-8") < key.encode("utf-8")
