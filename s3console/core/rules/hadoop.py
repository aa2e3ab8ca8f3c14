"""Rules H1 to H12: names made by Hadoop, DistCp, s3-dist-cp, Hive and Spark.

Sources: Hadoop `Path` and `java.net.URI`, the DistCp guide, s3-dist-cp 2.4, Hive partition paths.
"""

from __future__ import annotations

import re

from ..errors import UsageError
from .facts import (
    Images,
    KeyBlock,
    Maps,
    Parameters,
    Rule,
    Step,
    always,
    if_special,
    if_text,
    named,
    number,
    one_by_one,
    replacing,
    where,
)

# java.lang.String.trim removes exactly these.
_JAVA_BLANK = "".join(map(chr, range(0x21)))


def hadoop_path(key: str) -> str:
    """The key as Hadoop's Path keeps it: no empty, "." or resolvable ".." component, no outer "/"."""
    kept: list[str] = []
    for part in key.split("/"):
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    return "/".join(kept)


def _path_touches(block: KeyBlock) -> bool:
    return block.holds("//") or block.dotted or block.starts("/") or block.ends("/")


def _path_images(block: KeyBlock) -> Images:
    return [hadoop_path(key)
            if "//" in key or "/." in key or key[:1] in ("/", ".") or key[-1:] == "/" else None
            for key in block]


def _hadoop_path(given: Parameters) -> Step:
    return Step("hadoop-path", "path cleaned by Hadoop: “//”, “.”, “..” and outer “/” removed",
                _path_touches, _path_images)


def _ordinal(depth: int) -> str:
    words = ("first", "second", "third", "fourth", "fifth")
    return words[depth] if depth < len(words) else f"{depth + 1}th"


def _at_depth(depth: int, *, double: bool) -> Maps:
    """Repeat or drop the component at `depth` of every key that has one more component after it."""
    if depth == 0:
        def first(block: KeyBlock) -> Images:
            root = block[0][: block[0].find("/") + 1]
            if len(root) > 1 and block.separator == "\n" and block.blob.count("\n" + root) == len(block) - 1:
                return [root + key for key in block] if double else [key[len(root):] for key in block]
            cuts = [(key, key.find("/") + 1) for key in block]
            if double:
                return [key[:cut] + key if cut > 1 else None for key, cut in cuts]
            return [key[cut:] if cut > 1 else None for key, cut in cuts]
        return first
    pattern = re.compile(rf"((?:[^/]*/){{{depth}}})([^/]+/)").match

    def deeper(key: str) -> str | None:
        found = pattern(key)
        if found is None:
            return None
        start, end = found.span(2)
        return key[:end] + key[start:] if double else key[:start] + key[end:]
    return one_by_one(deeper, needle="/")


def _double_root(given: Parameters) -> Step:
    if "root" in given:
        root = given["root"].strip("/")
        head, tail = root + "/", root.rpartition("/")[2] + "/"
        return Step(named("distcp-double-root", root=root), f"directory “{tail}” doubled below “{head}”",
                    if_text(head),
                    one_by_one(lambda key: head + tail + key[len(head):] if key.startswith(head) else None))
    depth = number("distcp-double-root", "depth", given.get("depth", "0"))
    twice = re.compile(rf"(?:[^/]*/){{{depth}}}([^/]+/)\1").match
    return Step(named("distcp-double-root", depth=str(depth)), f"{_ordinal(depth)} directory doubled",
                always, _at_depth(depth, double=True), lambda block: any(map(twice, block)))


def _missing_root(given: Parameters) -> Step:
    if "root" in given:
        root = given["root"].strip("/")
        head, to = root + "/", given.get("to", root.rpartition("/")[0]).strip("/")
        new = to + "/" if to else ""
        return Step(named("distcp-missing-root", root=root, to=to),
                    f"directory “{head}” merged into “{new}”", if_text(head),
                    one_by_one(lambda key: new + key[len(head):] if key.startswith(head) else None))
    depth = number("distcp-missing-root", "depth", given.get("depth", "0"))
    return Step(named("distcp-missing-root", depth=str(depth)), f"{_ordinal(depth)} directory left out",
                always, _at_depth(depth, double=False))


def _colon_truncate(given: Parameters) -> Step:
    sep = given.get("sep", "::")
    scope = given.get("scope", "basename")
    if sep not in (":", "::") or scope not in ("basename", "key"):
        raise UsageError("colon-truncate cuts at “::” or “:”, in the basename or the key",
                         next_step="Write colon-truncate(::), colon-truncate(:) or "
                                   "colon-truncate(::,scope=key)")

    def cut(key: str) -> str:
        start = key.rfind("/") + 1 if scope == "basename" else 0
        at = key.find(sep, start)
        return key if at < 0 else key[:at]

    name = f"colon-truncate({sep})" if scope == "basename" else f"colon-truncate({sep},scope=key)"
    return Step(name, f"name cut at “{sep}”", if_special(":"), one_by_one(cut, needle=sep))


def last_segment(key: str) -> str | None:
    """The final name s3-dist-cp 2.x gives a key; None for a directory marker, which it skips."""
    parent, slash, base = key.rpartition("/")
    if not base:
        return None
    for name in (base, parent.replace("/", ":")):
        for piece in reversed(name.split(":")):
            piece = piece.strip(_JAVA_BLANK)
            if piece:
                return parent + slash + piece
    return None


_BLANK_ENDS = re.compile(r":[^/]*\Z|[\x00-\x20]\Z|(?:\A|/)[\x00-\x20][^/]*\Z").search
_BLANKS = frozenset(_JAVA_BLANK)


def _last_segments(block: KeyBlock) -> Images:
    if _BLANKS.isdisjoint(block.specials):
        return [last_segment(key) if ":" in key else None for key in block]
    return [last_segment(key) if _BLANK_ENDS(key) else None for key in block]


def _last_segment(given: Parameters) -> Step:
    return Step("s3distcp-last-segment", "only the part after the last “:” kept",
                if_special(":" + _JAVA_BLANK), _last_segments)


_CODECS = {"gz": "gz", "gzip": "gz", "lzo": "lzo", "lzop": "lzo"}


def codec_suffix(key: str) -> str | None:
    """The name s3-dist-cp gives a compressed file when it keeps the codec."""
    stem, dot, suffix = key.rpartition(".")
    codec = _CODECS.get(suffix.lower())
    if not dot or codec is None or suffix == codec:
        return None
    return f"{stem}.{codec}" if suffix.islower() else f"{key}.{codec}"


def _codec_suffix(given: Parameters) -> Step:
    return Step("s3distcp-codec-suffix", "compression suffix rewritten",
                lambda block: "." in block.blob and ("z" in block.blob or "Z" in block.blob) and any(
                    text in block.blob.lower() for text in (".gz", ".lzo")),
                where(r"(?i)\.(?:gzip|lzop|gz|lzo)\Z", codec_suffix))


def _numbered(given: Parameters) -> Step:
    prefix = given.get("number", "")
    if "group" not in given:
        if not prefix:
            raise UsageError("The rule s3distcp-numbered needs a number or a group",
                             next_step="Write s3distcp-numbered(number=17)")
        return Step(named("s3distcp-numbered", number=prefix), f"number {prefix} put before the name", always,
                    one_by_one(lambda key: (cut := key.rfind("/") + 1, key[:cut] + prefix + key[cut:])[1]))
    try:
        pattern = re.compile(given["group"])
    except re.error as error:
        raise UsageError(f"The group of s3distcp-numbered is not a regular expression: {error}",
                         next_step="Write it as it was given to --groupBy") from error

    def group(key: str) -> str | None:
        found = pattern.search(key)
        if found is None:
            return None
        name = "".join(text or "" for text in found.groups()) or found[0]
        return key[: key.rfind("/") + 1] + name + prefix

    parameters = {"group": given["group"], **({"number": prefix} if prefix else {})}
    return Step(named("s3distcp-numbered", **parameters), "files joined into one per group", always,
                one_by_one(group))


_HIVE = "".join(map(chr, range(1, 0x20))) + "\"#%'*/:=?\\\x7f{[]^"
_HIVE_WINDOWS = _HIVE + " <>|"


def hive_escape(key: str, *, chars: str = _HIVE, spark: bool = False) -> str:
    """Partition values (`name=value` directories) escaped as Hive writes them.

    With `spark`, a value whose first character needs escaping stays as it is.
    """
    parts = key.split("/")
    for index, part in enumerate(parts):
        name, equals, value = part.partition("=")
        if equals and value and not (spark and value[0] in chars):
            parts[index] = name + equals + "".join(
                f"%{ord(char):02X}" if char in chars else char for char in value)
    return "/".join(parts)


def _hive_escape(given: Parameters) -> Step:
    style = given.get("style", "hive")
    if style not in ("hive", "windows", "spark"):
        raise UsageError("The style of hive-escape is hive, windows or spark",
                         next_step="Write hive-escape(style=hive) or hive-escape(style=spark)")
    chars = _HIVE_WINDOWS if style == "windows" else _HIVE
    return Step(named("hive-escape", style=style), "partition value escaped by Hive", if_special("="),
                one_by_one(lambda key: hive_escape(key, chars=chars, spark=style == "spark"), needle="="))


_WINDOWS = "<>:\"\\|?*"


def _char_replace(given: Parameters) -> Step:
    chars, to = given.get("from", ":"), given.get("to", "_")
    each = _WINDOWS if chars == "windows" else chars
    label = "a character Windows forbids" if chars == "windows" else f"“{chars}”"
    simple = each.isascii() and "\n" not in each and not set(each) & set("/._-") and not each.isalnum()
    maps = (replacing([(char, to) for char in each]) if simple
            else one_by_one(lambda key: re.sub(f"[{re.escape(each)}]", lambda _: to, key)))
    return Step(named("char-replace", **{"from": chars, "to": to}), f"{label} replaced by “{to}”",
                if_special(each) if simple else always, maps)


RULES = (
    Rule("H1", "hadoop-path", "Hadoop Path (s3n, s3a, s3-dist-cp)", "path cleaned by Hadoop", "n:1",
         _hadoop_path),
    Rule("H2", "distcp-double-root", "DistCp onto an existing target", "directory doubled", "par",
         _double_root, first="depth", accepts=("depth", "root")),
    Rule("H3", "distcp-missing-root", "DistCp -update or -overwrite", "directory left out", "n:1",
         _missing_root, first="depth", accepts=("depth", "root", "to")),
    Rule("H4", "colon-truncate", "DistCp / Hadoop Path", "name cut at a colon", "n:1", _colon_truncate,
         variants=("::", ":"), first="sep", accepts=("sep", "scope")),
    Rule("H5", "s3distcp-last-segment", "s3-dist-cp 2.x", "only the part after the last “:” kept", "n:1",
         _last_segment),
    Rule("H6", "s3distcp-codec-suffix", "s3-dist-cp keeping the codec", "compression suffix rewritten", "par",
         _codec_suffix),
    Rule("H7", "s3distcp-numbered", "s3-dist-cp --numberFiles, --groupBy", "name numbered or grouped", "n:1",
         _numbered, variants=(), first="number", accepts=("number", "group")),
    Rule("H8", "dirmarker-lost", "s3-dist-cp", "keys that end in “/” are skipped", "-"),
    Rule("H9", "folder-marker", "EMRFS, s3n", "empty “_$folder$” marker of a directory", "junk"),
    Rule("H10", "distcp-temp", "DistCp, MapReduce, hadoop fs", "temporary or bookkeeping file", "junk"),
    Rule("H11", "hive-escape", "Hive and Spark partition paths", "partition value escaped by Hive", "1:1",
         _hive_escape, variants=("style=hive", "style=windows", "style=spark"), first="style",
         accepts=("style",)),
    Rule("H12", "char-replace", "Druid; downloaders on Windows", "character replaced", "n:1", _char_replace,
         variants=("from=:,to=_", "from=windows,to=_", "from=windows,to=-"), accepts=("from", "to")),
)
