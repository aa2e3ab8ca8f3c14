"""Keys that try to break a terminal, a markup, a path, a parser or a sort order."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from .acts import Act, Bucket, Put, instant

HOSTILE = Bucket("hostile", "us-east-1", versioned=False)
WRITTEN = "2024-02-29T23:59:58Z"

_CAFE = "caf\u00e9/cr\u00e8me.txt"

KEYS: tuple[str, ...] = (
    # Control characters and terminal escapes; the first two must not look alike on a screen.
    "control/a\x1bb.txt", "control/a\\x1bb.txt", "control/a\\\\x1bb.txt", "control/\x01\x02\x1f.bin",
    "control/bell\x07.txt", "control/back\x08\x08\x08space.txt", "control/del\x7f.txt",
    "control/tab\there.txt", "control/two\nlines.txt", "control/return\rover.txt", "control/both\r\nends.txt",
    "escape/\x1b[31mred\x1b[0m.txt", "escape/\x1b[2J\x1b[Hcleared.txt", "escape/\x1b]0;title\x07.txt",
    "escape/\x1b]52;c;ZXZpbA==\x07.txt", "escape/\x9b31mc1.txt", "escape/\x1bPq\x1b\\dcs.txt",
    # Markup of the console's own widgets.
    "markup/[red]red[/red].txt", "markup/[/].txt", "markup/[@click=app.quit]quit[/].txt",
    "markup/[link=file:///etc/passwd]x[/link].txt", "markup/[b", "markup/:smile:.txt", "markup/{0}%s$x.txt",
    # Paths.
    "..", "../../etc/passwd", "/etc/passwd", "//", "///three", "a//b.txt", "a/./b.txt", "a/../b.txt", "./x",
    "dir/", "file", "file/child.txt", "-rf", "--help", "CON", "nul.txt", "trailing./dot.", "back\\slash.txt",
    "c:\\windows\\x.txt", " leading space", "trailing space ", "two  spaces", "~/.ssh/id",
    # Shells, queries, encodings.
    "shell/$(reboot).txt", "shell/`id`.txt", "shell/a;b|c&d>e.txt", "shell/'quote'\"double\".txt",
    "shell/*?.txt", "sql/'; DROP TABLE keys; --", "xml/<a>&amp;]]>.txt", "csv/=1+1,\"x\".csv",
    "percent/%2F%00%zz.txt",
    "percent/a+b c.txt", "query/?x=1#y.txt", "seed/1::png::200::490::bd", "seed/a~b",
    # Unicode: twins in two normal forms, direction, zero width, sort order beyond the first plane.
    unicodedata.normalize("NFC", _CAFE), unicodedata.normalize("NFD", _CAFE), "bidi/\u202egpj.exe",
    "bidi/\u05d0\u05d1\u05d2.txt", "zero/wi\u200bdth.txt", "zero/\ufeffbom.txt",
    "wide/\uff21\u4e2d\u6587.txt", "case/File.TXT", "case/file.txt", "order/\uff5e", "order/\U00010000",
    "emoji/\U0001f469\u200d\U0001f680.txt",
    "replaced/z\ufffdrich.txt", "nonchar/\ufffe.txt", "line/\u2028sep.txt",
    "combining/" + "a" + "\u0301" * 40,
    # Lengths: 1,024 bytes are the limit of S3.
    "long/" + "x" * 1019, "long/" + "\U0001f600" * 254 + "abc", "long/" + "s" * 300 + "/t",
)


def hostile_acts() -> Iterator[Act]:
    """One small object per key; its body is the key as Python writes it in ASCII."""
    for at, key in enumerate(KEYS):
        yield Put(HOSTILE.name, key, ascii(key).encode() + b"\n", instant(WRITTEN, at),
                  "text/plain; charset=utf-8")
