"""Previews of every kind, from bytes as stores hold them."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s3console.core.errors import UntrustedAnswer
from s3console.core.model import Entry
from s3console.ui.browsing.footer import footer_preview
from s3console.ui.browsing.pictures import picture_facts
from s3console.ui.browsing.preview import Preview, make_preview
from s3console.ui.display import width_of

from .test_browse_real import desk_on


def look(data: bytes, name: str, *, total: int = 0, width: int = 60) -> Preview:
    return make_preview(data, name=name, content_type="", total=total or len(data), width=width)


def lines(preview: Preview) -> list[str]:
    return ["".join(text for text, _ in line) for line in preview.lines]


def png(width: int, height: int, colour: int = 2, filter_: int = 0) -> bytes:
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[colour]
    row = bytes([filter_]) + bytes(range(width * channels))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + palette
            + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b""))


def test_csv_stands_in_columns() -> None:
    data = b"id,name,amount\n1,short,2.50\n20,a longer name,10.00\n"
    shown = lines(look(data, "a.csv"))
    assert shown == ["id  name           amount  ",
                     " 1  short            2.50  ",
                     "20  a longer name   10.00  "]
    cut = look(data, "a.csv", total=10_000)
    assert len(cut.lines) == 3 and "first" in cut.note
    assert lines(look(data[:-8], "a.csv", total=10_000))[-1].startswith(" 1"), "a cut line is left out"
    narrow = look(b"a,b,c\n" + b"x" * 30 + b",yyyy,zzzz\n", "a.csv", width=34)
    assert lines(narrow)[0].endswith("+2")
    hostile = lines(look(b"a,b\n\x1b[2J,\xe2\x80\xae\n", "a.csv"))
    assert "\x1b" not in hostile[1] and "\\x1b" in hostile[1] and "\\u202e" in hostile[1]
    assert look(b"only one column\nof text\n", "a.csv").what == "text"


def test_json_lines_and_gzip() -> None:
    assert lines(look(b'{"a":1}\n{"b":[1,2]}\n{"cut', "a.jsonl", total=999)) == ['{"a": 1}', '{"b": [1, 2]}']
    packed = look(gzip.compress(b"id,name\n1,x\n"), "a.csv.gz")
    assert packed.what == "CSV in gzip"
    assert look(gzip.compress(b"text\n" * 9)[:20], "a.gz", total=50).what.endswith("in gzip")


@pytest.mark.parametrize(("data", "format_", "size"), [
    (png(7, 3), "PNG", (7, 3)),
    (b"GIF89a" + struct.pack("<HH", 640, 480) + b"\0" * 9, "GIF", (640, 480)),
    (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc2\x00\x11\x08\x01\xe0\x02\x80\x03", "JPEG", (640, 480)),
    (b"\xff\xd8\xff\xe0\x00\x04ab", "JPEG", (0, 0)),
    (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0", "WebP", (640, 480)),
    (b"BM" + b"\0" * 12 + b"\x28\0\0\0" + struct.pack("<ii", 640, -480), "BMP", (640, 480)),
])
def test_pictures_are_known_by_their_first_bytes(data: bytes, format_: str, size: tuple[int, int]) -> None:
    found = picture_facts(data)
    assert found is not None
    assert (found.format, (found.width, found.height)) == (format_, size)


@pytest.mark.parametrize("colour", [0, 2, 3, 6])
@pytest.mark.parametrize("filter_", [0, 1, 2, 3, 4])
def test_a_png_is_drawn(colour: int, filter_: int) -> None:
    shown = look(png(20, 10, colour, filter_), "a.png", width=40)
    drawn = [line for line in shown.lines if line and line[0][0] == "▀"]
    assert (len(drawn), {width_of(line) for line in drawn}) == (5, {20})
    part = look(png(20, 10)[:60], "a.png", total=999)
    assert not [line for line in part.lines if line and line[0][0] == "▀"]


def test_a_parquet_footer(ministack: Any, aws_env: Callable[[Any], None], tmp_path: Path) -> None:
    aws_env(ministack)
    bucket, client = ministack.bucket(), ministack.client()
    out = io.BytesIO()
    pq.write_table(pa.table({"key": ["a"] * 50, "size": list(range(50))}), out, row_group_size=25)
    client.put_object(Bucket=bucket, Key="t.parquet", Body=out.getvalue())
    client.put_object(Bucket=bucket, Key="no.parquet", Body=b"PAR1" + b"x" * 100)
    reader = desk_on(tmp_path, ministack.endpoint_url).reader()
    head = reader.head(bucket, "t.parquet")
    assert head is not None
    shown = lines(footer_preview(reader, bucket, Entry("t.parquet", head.size, head.etag, ""), 80))
    assert shown[0].startswith("50 rows  in 2 row groups, 2 columns")
    assert [line.split()[:2] for line in shown[3:]] == [["key", "BYTE_ARRAY"], ["size", "INT64"]]
    head = reader.head(bucket, "no.parquet")
    assert head is not None
    with pytest.raises(UntrustedAnswer, match="no Parquet footer"):
        footer_preview(reader, bucket, Entry("no.parquet", head.size, head.etag, ""), 80)
