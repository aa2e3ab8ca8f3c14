"""Rules E1 to E10: percent-encoding, form-encoding and escapes applied too often or not at all."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from ..errors import UsageError
from .facts import (
    Parameters,
    Rule,
    Step,
    Touches,
    if_special,
    named,
    one_by_one,
    replacing,
)

_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_RESERVED = "".join(char for char in map(chr, range(0x80)) if char not in _UNRESERVED and char != "/")
_HIGH = re.compile("[^\x00-\x7f]+")


def _quote_high(text: str) -> str:
    return _HIGH.sub(lambda found: quote(found[0], errors="surrogatepass"), text)


def _pairs(chars: str) -> list[tuple[str, str]]:
    """Percent-encoding as replacements; "%" comes first so that no escape is escaped again."""
    ordered = ("%" if "%" in chars else "") + chars.replace("%", "")
    return [(char, f"%{ord(char):02X}") for char in ordered]


def _unless_plain(chars: str) -> Touches:
    special = if_special(chars)
    return lambda block: special(block) or not block.ascii


def _percent(given: Parameters) -> Step:
    return Step("percent", "name percent-encoded", _unless_plain(_RESERVED),
                replacing(_pairs(_RESERVED), _quote_high))


def _form(given: Parameters) -> Step:
    pairs = [*_pairs(_RESERVED.replace(" ", "")), (" ", "+")]
    return Step("form", "name form-encoded (space as “+”)", _unless_plain(_RESERVED),
                replacing(pairs, _quote_high))


def _percent_twice(given: Parameters) -> Step:
    pairs = [(char, text.replace("%", "%25")) for char, text in _pairs(_RESERVED)]
    return Step("percent-twice", "name percent-encoded twice", _unless_plain(_RESERVED),
                replacing(pairs, lambda text: _HIGH.sub(
                    lambda found: quote(found[0], errors="surrogatepass").replace("%", "%25"), text)))


def percent_slash(key: str) -> str:
    """The whole key percent-encoded, slashes too."""
    return quote(key, safe="", errors="surrogatepass")


def _percent_slash(given: Parameters) -> Step:
    special = _unless_plain(_RESERVED)
    return Step("percent-slash", "name percent-encoded with its slashes",
                lambda block: block.holds("/") or special(block), one_by_one(percent_slash))


def unquoted(key: str) -> str | None:
    """The key percent-decoded once; None when the result is not UTF-8."""
    try:
        return unquote_to_bytes(key.encode("utf-8", "surrogatepass")).decode("utf-8", "strict")
    except UnicodeDecodeError:
        return None


def _unquote(given: Parameters) -> Step:
    return Step("unquote", "name percent-decoded once too often", if_special("%"),
                one_by_one(unquoted, needle="%"))


def _unquote_plus(given: Parameters) -> Step:
    return Step("unquote-plus", "name form-decoded once too often", if_special("%+"),
                one_by_one(lambda key: unquoted(key.replace("+", " ")) if "%" in key or "+" in key else None))


def _plus_to_space(given: Parameters) -> Step:
    return Step("plus-to-space", "“+” read as a space", if_special("+"), replacing([("+", " ")]))


def gocloud(key: str) -> str:
    """The name the Go CDK (s3blob) writes: control characters, "../" and the second "/" of "//"."""
    written = []
    for index, char in enumerate(key):
        special = char < " " or (char == "/" and index > 0 and (
            key[index - 1] == "/" or (index > 1 and key[index - 2:index] == "..")))
        written.append(f"__0x{ord(char):x}__" if special else char)
    return "".join(written)


def _gocloud(given: Parameters) -> Step:
    control = if_special("".join(map(chr, range(0x20))))
    found = re.compile("//|\\.\\./|[\x00-\x1f]").search
    return Step("gocloud", "name escaped by the Go CDK",
                lambda block: block.holds("//") or block.holds("../") or control(block),
                lambda block: [gocloud(key) if found(key) else None for key in block])


_ENTITIES = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")]
_QUOTES = [('"', "&quot;"), ("'", "&apos;")]


def _xml_entity(given: Parameters) -> Step:
    style = given.get("style", "basic")
    if style not in ("basic", "quotes"):
        raise UsageError("The style of xml-entity is basic or quotes",
                         next_step="Write xml-entity(style=basic) or xml-entity(style=quotes)")
    pairs = _ENTITIES + _QUOTES if style == "quotes" else _ENTITIES
    return Step(named("xml-entity", style=style), "name escaped for XML",
                if_special("".join(char for char, _ in pairs)), replacing(pairs))


_WINDOWS = "<>:\"\\|?*"


def _win_percent(given: Parameters) -> Step:
    return Step("win-percent", "characters Windows forbids percent-encoded", if_special(_WINDOWS),
                replacing(_pairs(_WINDOWS)))


RULES = (
    Rule("E1", "percent", "keys taken undecoded from inventories or URLs", "name percent-encoded", "1:1",
         _percent),
    Rule("E2", "form", "S3 event notifications not decoded", "name form-encoded (space as “+”)", "1:1",
         _form),
    Rule("E3", "percent-twice", "encoding applied twice", "name percent-encoded twice", "1:1",
         _percent_twice),
    Rule("E4", "percent-slash", "encodeURIComponent on a whole key", "name percent-encoded with its slashes",
         "1:1", _percent_slash),
    Rule("E5", "unquote", "one decoding too many", "name percent-decoded once too often", "n:1", _unquote),
    Rule("E5", "unquote-plus", "one decoding too many", "name form-decoded once too often", "n:1",
         _unquote_plus),
    Rule("E6", "plus-to-space", "“+” replaced without decoding", "“+” read as a space", "n:1",
         _plus_to_space),
    Rule("E7", "copysource-decoded", "CopySource sent unencoded", "right name, bytes of the decoded name",
         "content"),
    Rule("E8", "gocloud", "Go CDK s3blob", "name escaped by the Go CDK", "1:1", _gocloud),
    Rule("E9", "xml-entity", "XML escaped twice or never decoded", "name escaped for XML", "1:1", _xml_entity,
         variants=("style=basic", "style=quotes"), first="style", accepts=("style",)),
    Rule("E10", "win-percent", "WinSCP, Azure tools on Windows", "characters Windows forbids percent-encoded",
         "1:1", _win_percent),
)
