"""Rules U1 to U6: Unicode forms, look-alikes, wrong decodings and letter case."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from ..errors import UsageError
from .facts import (
    Images,
    KeyBlock,
    Parameters,
    Rule,
    Step,
    if_special,
    named,
    never_ascii,
    non_ascii,
    replacing,
)

_NOT_ASCII = re.compile("[^\x00-\x7f]")
Form = Literal["NFC", "NFD", "NFKC"]


def _normal(name: str, form: Form, because: str) -> Step:
    return Step(name, because, never_ascii, non_ascii(lambda key: unicodedata.normalize(form, key)))


def _nfd(given: Parameters) -> Step:
    return _normal("nfd", "NFD", "accents split from their letters (NFD)")


def _nfc(given: Parameters) -> Step:
    return _normal("nfc", "NFC", "accents joined with their letters (NFC)")


def _nfkc(given: Parameters) -> Step:
    return _normal("nfkc", "NFKC", "look-alike characters folded (NFKC)")


_QUOTE = "‛"
_FULL_WIDTH = {char: chr(ord(char) + 0xFEE0) for char in ':?"*<>|\\'}
_RCLONE = {**_FULL_WIDTH, **{chr(code): chr(0x2400 + code) for code in range(0x20)}}
# A look-alike that was in the name already is quoted, or decoding would turn it into the plain character.
_RCLONE_TABLE = str.maketrans({**_RCLONE, _QUOTE: _QUOTE + _QUOTE,
                               **{look: _QUOTE + look for look in _RCLONE.values()}})
_AT_END = {" ": "␠", ".": "．"}


def _rclone_component(part: str) -> str:
    if part in (".", ".."):
        return part.replace(".", "．")
    if part in ("．", "．．"):
        return part.replace("．", _QUOTE + "．")
    last = part[-1:]
    if last in _AT_END:
        return part[:-1].translate(_RCLONE_TABLE) + _AT_END[last]
    if last in _AT_END.values():
        return part[:-1].translate(_RCLONE_TABLE) + _QUOTE + last
    return part.translate(_RCLONE_TABLE)


def rclone_encode(key: str) -> str:
    """The name rclone writes for a local disk on Windows or a service with the same limits."""
    return "/".join(map(_rclone_component, key.split("/")))


_RCLONE_ASCII = replacing(list(_RCLONE.items()))


def _rclone_images(block: KeyBlock) -> Images:
    images = _RCLONE_ASCII(block)
    if not block.ascii:
        return [image if key.isascii() and not _ends_oddly(key) else rclone_encode(key)
                for key, image in zip(block, images, strict=True)]
    if _odd_ends(block):
        return [rclone_encode(key) if _ends_oddly(key) else image
                for key, image in zip(block, images, strict=True)]
    return images


def _ends_oddly(key: str) -> bool:
    return key[-1:] in (" ", ".") or " /" in key or "./" in key


def _odd_ends(block: KeyBlock) -> bool:
    return block.ends(" ") or block.ends(".") or block.holds(" /") or block.holds("./")


def _rclone_encode(given: Parameters) -> Step:
    special = if_special("".join(_RCLONE))
    return Step("rclone-encode", "forbidden characters replaced by look-alikes (rclone)",
                lambda block: special(block) or not block.ascii or _odd_ends(block), _rclone_images)


# The five bytes cp1252 leaves open are control characters in every decoder that goes on.
_CP1252 = {byte: char for byte in range(0x80, 0xA0) if (char := bytes((byte,)).decode("cp1252", "ignore"))}


def mojibake(key: str, codec: str) -> str | None:
    """The UTF-8 bytes of the key read in a one-byte codec. Raises nothing: None for a lone surrogate."""
    try:
        raw = key.encode("utf-8")
    except UnicodeEncodeError:
        return None
    if codec == "latin-1":
        return raw.decode("latin-1")
    return raw.decode("latin-1").translate(_CP1252)


def _mojibake(given: Parameters) -> Step:
    codec = given.get("codec", "latin-1")
    if codec not in ("latin-1", "cp1252"):
        raise UsageError("The codec of mojibake is latin-1 or cp1252",
                         next_step="Write mojibake(codec=cp1252)")
    return Step(named("mojibake", codec=codec), f"UTF-8 read as {codec}", never_ascii,
                non_ascii(lambda key: mojibake(key, codec)))


_REPLACEMENTS = {"question": "?", "ufffd": "�"}


def _replacement_char(given: Parameters) -> Step:
    to = given.get("to", "question")
    if to not in _REPLACEMENTS:
        raise UsageError("replacement-char writes question or ufffd",
                         next_step="Write replacement-char(to=question)")
    new = _REPLACEMENTS[to]
    label = "“?”" if to == "question" else "U+FFFD"
    return Step(named("replacement-char", to=to), f"characters outside ASCII replaced by {label}",
                never_ascii, non_ascii(lambda key: _NOT_ASCII.sub(new, key)))


def _case_fold(given: Parameters) -> Step:
    to = given.get("to", "lower")
    if to not in ("lower", "upper"):
        raise UsageError("case-fold goes to lower or upper", next_step="Write case-fold(to=lower)")
    if to == "upper":
        return Step("case-fold(to=upper)", "letters changed to upper case",
                    lambda block: not block.blob.isupper(), lambda block: [key.upper() for key in block])
    return Step("case-fold(to=lower)", "letters changed to lower case",
                lambda block: not block.blob.islower(), lambda block: [key.lower() for key in block])


RULES = (
    Rule("U1", "nfd", "macOS uploaders", "accents split from their letters (NFD)", "n:1", _nfd),
    Rule("U1", "nfc", "databases and browsers", "accents joined with their letters (NFC)", "n:1", _nfc),
    Rule("U2", "nfkc", "services that fold full-width characters", "look-alike characters folded (NFKC)",
         "n:1", _nfkc),
    Rule("U3", "rclone-encode", "rclone to Windows, OneDrive and others",
         "forbidden characters replaced by look-alikes (rclone)", "1:1", _rclone_encode),
    Rule("U4", "mojibake", "UTF-8 read in a one-byte code page", "UTF-8 read in a one-byte code page", "1:1",
         _mojibake, variants=("codec=latin-1", "codec=cp1252"), first="codec", accepts=("codec",)),
    Rule("U5", "replacement-char", "tools in a locale without UTF-8", "characters outside ASCII replaced",
         "n:1", _replacement_char, variants=("to=question", "to=ufffd"), first="to", accepts=("to",)),
    Rule("U6", "case-fold", "file systems that ignore case", "letter case changed", "n:1", _case_fold,
         variants=("to=lower", "to=upper"), first="to", accepts=("to",)),
)
