"""The first bytes of an object as lines: JSON, CSV as columns, text with colours, pictures, hex."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from s3console.ui.browsing.pictures import picture_facts, picture_lines
from s3console.ui.browsing.tables import table_lines
from s3console.ui.display import Run, Runs, key_runs, size_text

LENGTH = 64 * 1024
_LEXERS = {
    "json": "json", "xml": "xml", "html": "html", "htm": "html", "svg": "xml", "yaml": "yaml", "yml": "yaml",
    "toml": "toml", "ini": "ini", "py": "python", "js": "javascript", "ts": "typescript", "css": "css",
    "sql": "sql", "sh": "bash", "java": "java", "go": "go", "rs": "rust", "diff": "diff",
}
_ROLES = (
    ("Token.Comment", "faint"), ("Token.Literal.String", "ok"), ("Token.Literal.Number", "misnamed"),
    ("Token.Name.Tag", "missing"), ("Token.Name.Attribute", "differs"), ("Token.Keyword", "extra"),
    ("Token.Punctuation", "muted"), ("Token.Operator", "muted"), ("Token.Error", "foreground"),
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What was found: `what` names it ("JSON", "text", "hex"), `note` says how much of it this is."""

    what: str
    note: str
    lines: Sequence[Runs]


def hex_lines(data: bytes) -> list[Runs]:
    """Offset, sixteen bytes, and their printable ASCII."""
    out: list[Runs] = []
    for start in range(0, len(data), 16):
        row = data[start:start + 16]
        digits = " ".join(f"{byte:02x}" for byte in row[:8]) + "  " + " ".join(f"{b:02x}" for b in row[8:])
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        out.append([(f"{start:08x}  ", "faint"), (f"{digits:<49}", "foreground"), (f" {text}", "muted")])
    return out


def text_runs(text: str, role: str) -> Iterator[Run]:
    """Text of an object: spaces stay, tabs become four, everything that could steer a terminal is escaped."""
    text = text.replace("\t", "    ")
    if text.isascii() and text.isprintable():
        if text:
            yield text, role
        return
    for n, word in enumerate(text.split(" ")):
        if n:
            yield " ", role
        yield from key_runs(word, role)


def _folded(runs: Sequence[Run], width: int) -> Iterator[Runs]:
    line: list[Run] = []
    room = width
    for text, role in runs:
        rest = text
        while len(rest) > room:
            line.append((rest[:room], role))
            yield line
            line, rest, room = [], rest[room:], width
        line.append((rest, role))
        room -= len(rest)
    yield line


def _lines(tokens: Iterator[tuple[str, str]], width: int) -> list[Runs]:
    out: list[Runs] = []
    line: list[Run] = []
    for text, role in tokens:
        first, *others = text.split("\n")
        line.extend(text_runs(first.rstrip("\r"), role))
        for other in others:
            out.extend(_folded(line, width))
            line = list(text_runs(other.rstrip("\r"), role))
    if line:
        out.extend(_folded(line, width))
    return out


def _tokens(text: str, language: str) -> Iterator[tuple[str, str]]:
    if not language:
        yield text, "foreground"
        return
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

    for token, value in get_lexer_by_name(language, stripnl=False, ensurenl=False).get_tokens(text):
        name = str(token)
        yield value, next((role for start, role in _ROLES if name.startswith(start)), "foreground")


def decoded(data: bytes) -> str | None:
    """The text, or None when these bytes are none. The last character may be cut by the range."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data[: len(data) // 2 * 2].decode("utf-16", "replace")
    if b"\x00" in data:
        return None
    for cut in range(4):
        try:
            text = data[: len(data) - cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        odd = sum(1 for c in text if ord(c) < 32 and c not in "\t\n\r\f")
        return text if odd * 20 <= len(text) + 40 else None
    return None


def _pretty(text: str) -> str | None:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def _pretty_lines(text: str) -> str:
    """Each whole line on its own, with spaces between its values; "" when the first is no JSON."""
    out = []
    for line in text.splitlines():
        try:
            out.append(json.dumps(json.loads(line), ensure_ascii=False))
        except (ValueError, RecursionError):
            break
    return "\n".join(out)


def inner(data: bytes) -> bytes:
    """What is inside of gzip, as far as these bytes go; anything else as it is."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(47).decompress(data, LENGTH)
    except zlib.error:
        return data


def make_preview(data: bytes, *, name: str, content_type: str, total: int, width: int) -> Preview:
    """Look at the first bytes of an object of `total` bytes and lay them out in lines of `width` cells."""
    part = "" if len(data) >= total else f"first {size_text(len(data))} of {size_text(total)}"
    if not data:
        return Preview("empty", "", [[("This object is empty.", "muted")]])
    inside = ""
    if (packed := inner(data)) is not data:
        data, name, inside = packed, name.removesuffix(".gz"), " in gzip"
    if picture := picture_facts(data):
        return Preview(picture.format + inside, part, picture_lines(picture, data, width))
    text = decoded(data)
    if text is None:
        return Preview("hex" + inside, part, hex_lines(data))
    kind = name.rpartition(".")[2].lower()
    if kind in ("csv", "tsv") or "csv" in content_type:
        columns = table_lines(text, kind, whole=not part, width=width)
        if columns:
            return Preview("CSV" + inside, part, columns)
    looks_json = kind == "json" or "json" in content_type or text.lstrip()[:1] in ("{", "[")
    if kind in ("jsonl", "ndjson") and (lines := _pretty_lines(text)):
        return Preview("JSON lines" + inside, part, _lines(_tokens(lines, "json"), width))
    if looks_json and (pretty := _pretty(text)) is not None:
        return Preview("JSON" + inside, part, _lines(_tokens(pretty, "json"), width))
    language = _LEXERS.get(kind, "")
    return Preview((language or "text") + inside, part, _lines(_tokens(text, language), width))
