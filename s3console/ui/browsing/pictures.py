"""Pictures: what format and size they have, and a PNG drawn in half blocks."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

from s3console.ui.display import Run, Runs, exact
from s3console.ui.keys_in_use import key

Format = Literal["PNG", "JPEG", "GIF", "WebP", "BMP"]
PICTURE = 1024 * 1024
"""Bytes of a picture that are read to draw it."""
TALLEST = 22
LARGEST = 512 * 512
"""Pixels of a picture that is drawn: more take a second of the processor."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


@dataclass(frozen=True, slots=True)
class Picture:
    """Format, and width and height in pixels; 0 where the first bytes do not tell."""

    format: Format
    width: int = 0
    height: int = 0


def picture_facts(data: bytes) -> Picture | None:
    """The picture these first bytes begin, None when they begin none."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return Picture("PNG", *struct.unpack(">II", data[16:24]))
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return Picture("GIF", *struct.unpack("<HH", data[6:10]))
    if data[:3] == b"\xff\xd8\xff":
        return Picture("JPEG", *_jpeg(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Picture("WebP", *_webp(data))
    if data[:2] == b"BM" and len(data) >= 26 and data[14:18] in (b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):
        width, height = struct.unpack("<ii", data[18:26])
        return Picture("BMP", abs(width), abs(height))
    return None


def _jpeg(data: bytes) -> tuple[int, int]:
    """Width and height from the first frame header (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2:at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5:at + 9])
            return width, height
        at += 2 + max(2, length)
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return (1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little"))
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def picture_lines(picture: Picture, data: bytes, width: int) -> list[Runs]:
    """Facts, and for a PNG that these bytes hold whole, its picture in half blocks."""
    runs: list[Run] = [(picture.format, "bold foreground")]
    if picture.width:
        runs.append((f"  {exact(picture.width)} × {exact(picture.height)} pixels", "foreground"))
    out: list[Runs] = [runs, []]
    if picture.format == "PNG":
        out += _half_blocks(data, width)
    if len(out) == 2:
        out.append([(f"The picture is not drawn here: {key('browse.copy-menu')} then p copies a URL to "
                     "open it with.", "faint")])
    return out


def _half_blocks(data: bytes, width: int) -> list[Runs]:
    try:
        rows = _pixels(data)
    except (zlib.error, ValueError, IndexError, struct.error):
        return []
    if not rows:
        return []
    tall, wide = len(rows), len(rows[0])
    scale = max(1.0, wide / max(8, width - 2), tall / (TALLEST * 2))
    columns, lines = max(1, int(wide / scale)), max(1, int(tall / scale / 2))
    out: list[Runs] = []
    for line in range(lines):
        runs: list[Run] = []
        for column in range(columns):
            x = min(wide - 1, int(column * scale))
            top = rows[min(tall - 1, int(line * 2 * scale))][x]
            below = rows[min(tall - 1, int((line * 2 + 1) * scale))][x]
            runs.append(("▀", f"#{_hex(top)} on #{_hex(below)}"))
        out.append(runs)
    return out


def _hex(pixel: tuple[int, int, int]) -> str:
    return "".join(f"{value:02x}" for value in pixel)


def _pixels(data: bytes) -> list[list[tuple[int, int, int]]]:
    """The pixels of a PNG of 8 bits without interlacing (RFC 2083); [] for others and for a part of one."""
    at, packed, palette, head = 8, b"", b"", b""
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            head = body
        elif kind == b"PLTE":
            palette = body
        elif kind == b"IDAT":
            packed += body
        elif kind == b"IEND":
            break
        at += 12 + length
    else:
        return []
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    if depth != 8 or interlaced or colour not in _CHANNELS or not 0 < width * height <= LARGEST:
        return []
    channels = _CHANNELS[colour]
    raw = zlib.decompressobj().decompress(packed, (width * channels + 1) * height)
    lines = _unfiltered(raw, width * channels, height, channels)
    return [[_colour(line, x, channels, colour, palette) for x in range(width)] for line in lines]


def _unfiltered(raw: bytes, stride: int, height: int, channels: int) -> list[bytearray]:
    """The scan lines without their filters (RFC 2083, 6)."""
    out: list[bytearray] = []
    before = bytearray(stride)
    for row in range(height):
        start = row * (stride + 1)
        kind, line = raw[start], bytearray(raw[start + 1:start + 1 + stride])
        if len(line) < stride:
            raise ValueError("the picture is cut")
        for at in range(stride):
            left = line[at - channels] if at >= channels else 0
            above = before[at]
            corner = before[at - channels] if at >= channels else 0
            line[at] = (line[at] + _predicted(kind, left, above, corner)) & 0xFF
        out.append(line)
        before = line
    return out


def _predicted(kind: int, left: int, above: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 2:
        return above
    if kind == 3:
        return (left + above) // 2
    if kind == 4:
        guess = left + above - corner
        return min((left, above, corner), key=lambda value: abs(guess - value))
    return 0


def _colour(line: bytearray, x: int, channels: int, colour: int, palette: bytes) -> tuple[int, int, int]:
    at = x * channels
    if colour == 3:
        entry = line[at] * 3
        return palette[entry], palette[entry + 1], palette[entry + 2]
    if channels < 3:
        return line[at], line[at], line[at]
    return line[at], line[at + 1], line[at + 2]
