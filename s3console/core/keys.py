"""Keys as hostile text: how they are shown, addressed, written to a local disk and rolled up by prefix.

Keys are ordered by their UTF-8 bytes, which is the order of Python strings (by code point).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import PurePath

MARKS_PER_LETTER = 2
"""More combining marks than this on one letter are escaped: a pile of them leaves its line."""

_LOOKS_ESCAPED = re.compile(r"\\(?:\\|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_ESCAPED_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Me"))
# Characters that Unicode calls letters, marks or symbols and that show nothing, join with their
# neighbour (conjoining jamo), or take a width that depends on the terminal.
_ESCAPED_RANGES = (
    (0x034F, 0x034F),
    (0x1100, 0x11FF),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xA960, 0xA97F),
    (0xD7B0, 0xD7FF),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xFFFC, 0xFFFD),
    (0x16FE4, 0x16FE4),
    (0x1D159, 0x1D159),
    (0x1F1E6, 0x1F1FF),
    (0x1F3FB, 0x1F3FF),
    (0xE0000, 0xE0FFF),
)
_XML_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_UNADDRESSABLE = re.compile("[\ud800-\udfff\ufffd]")


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(maxsize=4096)
def _class_of(char: str) -> str:
    """One of: "p" shown as it is, "l" shown and may carry marks, "m" a mark, "e" always escaped."""
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return "l" if char.isalpha() else "p"
    category = unicodedata.category(char)
    if category in _ESCAPED_CATEGORIES or any(low <= code <= high for low, high in _ESCAPED_RANGES):
        return "e"
    if unicodedata.normalize("NFC", char) != char:
        return "e"
    if category in ("Mn", "Mc"):
        return "m"
    return "l" if category[0] == "L" else "p"


def _is_plain(text: str) -> bool:
    return (
        text.isascii()
        and text.isprintable()
        and "\\" not in text
        and "  " not in text
        and text[:1] != " "
        and text[-1:] != " "
    )


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text character by character as (shown, escaped?); backslashes are left alone."""
    composed = unicodedata.is_normalized("NFC", text)
    last = len(text) - 1
    marks = -1
    for index, char in enumerate(text):
        if char == " ":
            marks = -1
            lonely = 0 < index < last and text[index - 1] != " " and text[index + 1] != " "
            yield (char, False) if lonely else ("\\x20", True)
            continue
        kind = _class_of(char)
        if kind == "m" and composed and 0 <= marks < MARKS_PER_LETTER:
            marks += 1
            yield char, False
        elif kind in "em":
            marks = -1
            yield _escape(char), True
        else:
            marks = 0 if kind == "l" else -1
            yield char, False


def printable_runs(text: str) -> list[tuple[str, bool]]:
    """The pieces of `printable(text)` as (shown text, was it escaped?), for a screen to style."""
    if _is_plain(text):
        return [(text, False)] if text else []
    pieces = list(_pieces(text))
    double = any(escaped for _, escaped in pieces) or _LOOKS_ESCAPED.search(text) is not None
    runs: list[tuple[str, bool]] = []
    for shown, escaped in pieces:
        if shown == "\\" and not escaped and double:
            shown, escaped = "\\\\", True
        if runs and runs[-1][1] == escaped:
            runs[-1] = (runs[-1][0] + shown, escaped)
        else:
            runs.append((shown, escaped))
    return runs


def printable(text: str) -> str:
    r"""The only way a key or any other foreign text reaches a screen, a log or a message.

    One line; no control, format, bidi, zero-width, private, unassigned or surrogate characters, no
    variation selectors, regional indicators, skin tones or conjoining jamo: these become `\x1b`,
    `\u202e`, `\U0001f1e6`. Spaces at an end or beside another space become `\x20`. Letters of any
    script and single-code-point emoji stay readable.

    Different texts give different results: a backslash is doubled as soon as anything is escaped or
    the text itself holds something that reads like an escape. The result is always in Unicode
    normal form C, so keys that differ only by normalisation never look the same. Letters that look
    alike across scripts, and right-to-left letters on a terminal that reorders them, can.
    """
    return text if _is_plain(text) else "".join(shown for shown, _ in printable_runs(text))


def utf8_ok(key: str) -> bool:
    """Whether the key can be addressed: no lone surrogate, and no U+FFFD standing for lost bytes.

    S3 clients put U+FFFD where a listed key was not valid UTF-8; the real name is then unknown.
    """
    return key.isascii() or _UNADDRESSABLE.search(key) is None


def xml_safe(key: str) -> bool:
    """Whether the key may stand in a DeleteObjects body (the Char production of XML 1.0).

    Any other key makes the whole request malformed and has to be deleted by a request of its own.
    """
    return (key.isascii() and key.isprintable()) or _XML_FORBIDDEN.search(key) is None


def prefix_of(key: str, base: str, depth: int) -> str:
    """The roll-up prefix of a key: `base` and up to `depth` directories below it, with the last "/".

    `base` itself when the key has no "/" after it. Raises ValueError if the key is not below `base`.
    """
    if not key.startswith(base):
        raise ValueError("the key is not below the base of the roll-up")
    end = len(base)
    for _ in range(depth):
        slash = key.find("/", end)
        if slash < 0:
            break
        end = slash + 1
    return key[:end]


def prefixes_of(keys: Sequence[str], base: str, depth: int) -> list[str]:
    """`prefix_of` for a batch."""
    if depth != 1:
        return [prefix_of(key, base, depth) for key in keys]
    start = len(base)
    if not all(key.startswith(base) for key in keys):
        raise ValueError("a key is not below the base of the roll-up")
    return [key[: key.find("/", start) + 1] if "/" in key[start:] else base for key in keys]


_RESERVED = frozenset(
    (
        "con",
        "prn",
        "aux",
        "nul",
        "conin$",
        "conout$",
        "clock$",
        *(f"com{c}" for c in "123456789¹²³"),
        *(f"lpt{c}" for c in "123456789¹²³"),
    )
)
_LOCAL_SAFE = re.compile(r"[a-z0-9_\-.,=+@ !#$&()\[\]{}~;']")
_LOCAL_BYTES = 200
_DIRECTORY_MARK = "%d"


def _hex(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


def _local_component(component: str) -> str:
    name = "".join(char if _LOCAL_SAFE.match(char) else _hex(char) for char in component)
    if not name:
        name = "%empty"
    elif not name.strip("."):
        name = name.replace(".", "%2e")
    if name[-1] in ". ":
        name = name[:-1] + _hex(name[-1])
    if name[0] == " ":
        name = "%20" + name[1:]
    if name.split(".")[0].rstrip().lower() in _RESERVED:
        name = _hex(name[0]) + name[1:]
    if len(name) > _LOCAL_BYTES:
        digest = hashlib.sha256(component.encode("utf-8", "surrogatepass")).hexdigest()
        name = f"{name[: _LOCAL_BYTES - 60]}%long{digest[:48]}"
    return name


def safe_local_path(root: PurePath, key: str) -> PurePath:
    """The one local path for a key, strictly below `root` whatever the key holds.

    Every component is lower-case printable ASCII of at most 202 bytes, never ".", "..", a device
    name of Windows, nor ending in a dot or space. Different keys never share a file, also on file
    systems that fold case or normalise Unicode, and no key's file is another key's directory
    ("a" and "a/b" both exist): directories carry a mark that no file name can have. The path as a
    whole may be longer than PATH_MAX; open it directory by directory.
    """
    *directories, leaf = key.split("/")
    return root.joinpath(
        *(_local_component(part) + _DIRECTORY_MARK for part in directories), _local_component(leaf)
    )
