"""Rules P1 to P10: slashes, dots and prefixes lost or gained on the way through paths and URLs."""

from __future__ import annotations

import re

from ..errors import UsageError
from .facts import Images, KeyBlock, Parameters, Rule, Step, always, if_text, named, one_by_one

_SLASHES = re.compile("//+")


def _slash_collapse(given: Parameters) -> Step:
    return Step("slash-collapse", "“//” written as “/”", if_text("//"),
                one_by_one(lambda key: _SLASHES.sub("/", key), needle="//"))


def _leading_slash_drop(given: Parameters) -> Step:
    return Step("leading-slash-drop", "first “/” lost",
                lambda block: block.starts("/"),
                lambda block: [key[1:] if key[:1] == "/" else None for key in block])


def _leading_slash_add(given: Parameters) -> Step:
    return Step("leading-slash-add", "“/” put before the name", always,
                lambda block: ["/" + key for key in block], lambda block: block.starts("/"))


def dot_segments(key: str) -> str:
    """The key with "." and ".." resolved as URL cleaners do (RFC 3986 section 5.2.4); "//" stays."""
    kept: list[str] = []
    parts = key.split("/")
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    if parts[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)


def _dot_segment(given: Parameters) -> Step:
    found = re.compile(r"(?:\A|/)\.\.?(?:/|\Z)").search
    return Step("dot-segment", "“.” and “..” resolved",
                lambda block: block.dotted,
                lambda block: [dot_segments(key) if found(key) else None for key in block])


def _dirmarker_form(given: Parameters) -> Step:
    form = given.get("to", "bare")
    marker = "_$folder$"

    def bare(key: str) -> str:
        return key[:-1] if key[-1:] == "/" else key.removesuffix(marker)

    def folder(key: str) -> str:
        return key[:-1] + marker if key[-1:] == "/" else key

    def slash(key: str) -> str:
        return key.removesuffix(marker) + "/" if key[-1:] != "/" else key

    forms = {"bare": ("no “/” at its end", bare), "folder": ("“_$folder$” at its end", folder),
             "slash": ("“/” at its end", slash)}
    if form not in forms:
        raise UsageError("The form of a directory marker is bare, folder or slash",
                         next_step="Write dirmarker-form(to=bare)")
    label, function = forms[form]

    def touches(block: KeyBlock) -> bool:
        return form == "slash" or block.ends("/") or block.holds(marker)

    return Step(named("dirmarker-form", to=form), f"directory marker written with {label}", touches,
                one_by_one(function))


def _prefix_repeat(given: Parameters) -> Step:
    if "prefix" not in given:
        def own(key: str) -> str | None:
            directory, slash, _ = key.rpartition("/")
            return f"{directory}//{key}" if slash else None
        return Step("prefix-repeat", "directory repeated before the whole name", if_text("/"),
                    one_by_one(own, needle="/"))
    prefix = given["prefix"].rstrip("/")
    head = prefix + "/"
    return Step(named("prefix-repeat", prefix=prefix), f"“{head}” repeated before the whole name",
                if_text(head),
                one_by_one(lambda key: f"{head}/{key}" if key.startswith(head) else None, needle=head))


def _prefix_added(given: Parameters) -> Step:
    prefix = given["prefix"]

    def maps(block: KeyBlock) -> Images:
        return [prefix + key for key in block]

    return Step(named("prefix-added", prefix=prefix), f"“{prefix}” put before the name", always, maps)


def _prefix_dropped(given: Parameters) -> Step:
    prefix = given["prefix"]
    cut = len(prefix)
    return Step(named("prefix-dropped", prefix=prefix), f"“{prefix}” left out", if_text(prefix),
                lambda block: [key[cut:] if key.startswith(prefix) else None for key in block])


def _flatten(given: Parameters) -> Step:
    prefix = given.get("prefix", "")
    parameters = {"prefix": prefix} if prefix else {}
    label = f"directories replaced by “{prefix}”" if prefix else "directories left out"

    def maps(block: KeyBlock) -> Images:
        return [prefix + key[key.rfind("/") + 1:] for key in block]

    return Step(named("flatten", **parameters), label, always if prefix else if_text("/"), maps)


def _replace_all(given: Parameters) -> Step:
    old, new = given["old"], given["new"]
    if not old:
        raise UsageError("replace-all needs a text to replace",
                         next_step="Write replace-all(old=image,new=avatar)")
    return Step(named("replace-all", old=old, new=new), f"every “{old}” replaced by “{new}”", if_text(old),
                one_by_one(lambda key: key.replace(old, new), needle=old))


RULES = (
    Rule("P1", "slash-collapse", "aws-cli, s5cmd sync, MinIO on a file system", "“//” written as “/”", "n:1",
         _slash_collapse),
    Rule("P2", "leading-slash-drop", "path-based servers and tools", "first “/” lost", "n:1",
         _leading_slash_drop),
    Rule("P2", "leading-slash-add", "“s3://bucket//key” typed by hand", "“/” put before the name", "1:1",
         _leading_slash_add),
    Rule("P3", "dot-segment", "URL and path cleaners", "“.” and “..” resolved", "n:1", _dot_segment),
    Rule("P4", "unsupported-skip", "DataSync, rclone", "keys with “//”, “/./” or “/../” are skipped", "-"),
    Rule("P5", "dirmarker-form", "Cyberduck, Nextcloud, s3fs, consoles", "directory marker written otherwise",
         "n:1", _dirmarker_form, variants=("to=bare", "to=folder", "to=slash"), first="to", accepts=("to",)),
    Rule("P6", "file-dir-conflict", "aws s3 sync, rclone", "of “a” and “a/x” only one arrives", "lost"),
    Rule("P7", "prefix-repeat", "s3-sync-client", "directory repeated before the whole name", "par",
         _prefix_repeat, first="prefix", accepts=("prefix",)),
    Rule("P8", "prefix-added", "copy to the wrong level", "prefix put before the name", "par", _prefix_added,
         first="prefix", accepts=("prefix",), requires=("prefix",)),
    Rule("P8", "prefix-dropped", "copy to the wrong level", "prefix left out", "par", _prefix_dropped,
         first="prefix", accepts=("prefix",), requires=("prefix",)),
    Rule("P9", "flatten", "scripts that use the last path component", "directories left out", "n:1", _flatten,
         first="prefix", accepts=("prefix",)),
    Rule("P10", "replace-all", "SQL REPLACE of a prefix", "every occurrence replaced", "n:1", _replace_all,
         accepts=("old", "new"), requires=("old", "new")),
)
