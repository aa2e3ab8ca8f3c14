"""Rules W1 to W10: blanks, line ends, separators and lengths lost in scripts and work lists."""

from __future__ import annotations

import re

from ..errors import UsageError
from .facts import Images, KeyBlock, Parameters, Rule, Step, if_special, named, number, one_by_one, replacing

_BLANK = "".join(map(chr, range(0x21)))
_CONTROL = "".join(map(chr, (*range(0x20), 0x7F)))


def _trim(given: Parameters) -> Step:
    style = given.get("style", "blanks")
    if style not in ("blanks", "windows"):
        raise UsageError("The style of trim is blanks or windows",
                         next_step="Write trim(style=blanks) or trim(style=windows)")
    if style == "windows":
        return Step("trim(style=windows)", "dots and blanks at the end of a name lost",
                    lambda block: " " in block.specials or block.holds("./") or block.ends("."),
                    one_by_one(lambda key: "/".join(
                        part if part in (".", "..") else part.rstrip(". ") for part in key.split("/"))))
    return Step("trim(style=blanks)", "blanks at the ends of a name lost", if_special(_BLANK),
                one_by_one(lambda key: "/".join(part.strip(_BLANK) for part in key.split("/"))))


def _first_space(given: Parameters) -> Step:
    return Step("first-space", "name cut at its first space", if_special(" "),
                one_by_one(lambda key: key.partition(" ")[0], needle=" "))


_SPACES = re.compile("  +")


def _space_collapse(given: Parameters) -> Step:
    return Step("space-collapse", "several spaces written as one", lambda block: block.holds("  "),
                one_by_one(lambda key: _SPACES.sub(" ", key), needle="  "))


def _cr_to_lf(given: Parameters) -> Step:
    return Step("cr-to-lf", "carriage return read as a line feed (XML)", if_special("\r"),
                one_by_one(lambda key: key.replace("\r\n", "\n").replace("\r", "\n"), needle="\r"))


def _part(name: str, given: Parameters) -> str:
    part = given.get("part", "first")
    if part not in ("first", "last"):
        raise UsageError(f"The part of {name} is first or last", next_step=f"Write {name}(part=first)")
    return part


def _newline_split(given: Parameters) -> Step:
    part = _part("newline-split", given)
    return Step(named("newline-split", part=part), f"{part} line of the name taken for all of it",
                if_special("\n"),
                one_by_one(lambda key: key.split("\n")[0 if part == "first" else -1], needle="\n"))


def _separator_split(given: Parameters) -> Step:
    part, sep = _part("separator-split", given), given.get("sep", "~")
    if not sep:
        raise UsageError("separator-split needs a separator", next_step="Write separator-split(sep=~)")
    return Step(named("separator-split", sep=sep, part=part), f"{part} piece of the name split at “{sep}”",
                lambda block: block.holds(sep),
                one_by_one(lambda key: key.split(sep)[0 if part == "first" else -1], needle=sep))


def _control_drop(given: Parameters) -> Step:
    return Step("control-drop", "control characters lost", if_special(_CONTROL),
                replacing([(char, "") for char in _CONTROL]))


def _backslash(given: Parameters) -> Step:
    to = given.get("to", "slash")
    if to not in ("slash", "backslash"):
        raise UsageError("backslash goes to slash or backslash", next_step="Write backslash(to=slash)")
    if to == "slash":
        return Step("backslash(to=slash)", "“\\” read as “/”", if_special("\\"), replacing([("\\", "/")]))
    return Step("backslash(to=backslash)", "“/” written as “\\”", lambda block: block.holds("/"),
                lambda block: [key.replace("/", "\\") for key in block])


def _truncate_len(given: Parameters) -> Step:
    scope = given.get("scope", "component")
    if scope not in ("component", "key"):
        raise UsageError("truncate-len cuts each component or the key",
                         next_step="Write truncate-len(bytes=255) or truncate-len(bytes=260,scope=key)")
    limit = number("truncate-len", "bytes", given.get("bytes", "255" if scope == "component" else "260"))

    def cut(text: str) -> str:
        raw = text.encode("utf-8", "surrogatepass")
        return text if len(raw) <= limit else raw[:limit].decode("utf-8", "ignore")

    def whole(key: str) -> str:
        return cut(key) if scope == "key" else "/".join(map(cut, key.split("/")))

    def enough(block: KeyBlock) -> int:
        return limit if block.ascii else limit // 4

    def maps(block: KeyBlock) -> Images:
        least = enough(block)
        return [whole(key) if len(key) > least else None for key in block]

    parameters = {"bytes": str(limit), **({"scope": "key"} if scope == "key" else {})}
    return Step(named("truncate-len", **parameters), f"name cut after {limit} bytes",
                lambda block: max(map(len, block)) > enough(block), maps)


def quote_char(key: str) -> str | None:
    """What a usual CSV parser reads from a work list that quotes with a backslash."""
    if not any(char in key for char in ",\\\n\r"):
        return None
    written = "\\" + key.replace("\\", "\\\\") + "\\"
    return written.partition("\n")[0].partition("\r")[0].partition(",")[0]


def _quote_char(given: Parameters) -> Step:
    return Step("quote-char", "work list with “\\” quotes read as usual CSV", if_special(",\\\n\r"),
                one_by_one(quote_char))


RULES = (
    Rule("W1", "trim", "s3-dist-cp; Windows", "blanks at the ends of a name lost", "n:1", _trim,
         variants=("style=blanks", "style=windows"), first="style", accepts=("style",)),
    Rule("W2", "first-space", "awk '{print $4}', unquoted xargs", "name cut at its first space", "n:1",
         _first_space),
    Rule("W3", "space-collapse", "names pasted from a page", "several spaces written as one", "n:1",
         _space_collapse),
    Rule("W4", "cr-to-lf", "XML line-end normalisation", "carriage return read as a line feed", "n:1",
         _cr_to_lf),
    Rule("W5", "newline-split", "work lists with one key per line", "name split at a line feed", "n:1",
         _newline_split, variants=("part=first", "part=last"), first="part", accepts=("part",)),
    Rule("W6", "separator-split", "records joined with “~”", "name split at a separator", "n:1",
         _separator_split, variants=("sep=~,part=first", "sep=~,part=last"), first="sep",
         accepts=("sep", "part")),
    Rule("W7", "control-drop", "loggers and consoles", "control characters lost", "n:1", _control_drop),
    Rule("W8", "backslash", "uploads from Windows", "“\\” and “/” exchanged", "n:1", _backslash,
         variants=("to=slash", "to=backslash"), first="to", accepts=("to",)),
    Rule("W9", "truncate-len", "file systems and path limits", "name cut at a length limit", "n:1",
         _truncate_len, first="bytes", accepts=("bytes", "scope")),
    Rule("W10", "quote-char", "work lists with “\\” quotes", "work list read as usual CSV", "n:1",
         _quote_char),
)
