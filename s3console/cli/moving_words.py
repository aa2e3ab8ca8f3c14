"""The words that move, undo and remove, and their options."""

from __future__ import annotations

import argparse
import re
from typing import Any, Protocol

_BYTES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


class Words(Protocol):
    """Whatever adds a word with its common options."""

    def add(self, name: str, summary: str, *, epilog: str = "") -> Any: ...


def bandwidth(text: str) -> float:
    """Bytes per second from a number with K, M or G (1,024 each)."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d+)?)([KMG]?)(?:i?B)?(?:/s)?", text)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a bandwidth; write it like 50M (bytes per second)")
    return float(match[1]) * _BYTES[match[2]]


def age(text: str) -> float:
    """Days from a number of days, or with h of hours."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([dh]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age; write it like 7d or 12h")
    return float(match[1]) / (24 if match[2] == "h" else 1)


def add_carrying(parser: argparse.ArgumentParser) -> None:
    """What goes with the bytes of a copy."""
    parser.add_argument("--acl", action="store_true", help="carry access lists (three requests more each)")
    parser.add_argument("--lock", action="store_true",
                        help="carry retention and legal holds into a bucket with Object Lock")
    parser.add_argument("--storage-class", metavar="CLASS", default="",
                        help="storage class of the copies, instead of that of their sources")
    parser.add_argument("--thaw", metavar="TIER[/DAYS]", default="",
                        help="restore archived sources first (Bulk, Standard, Expedited) and wait for them")


def add_plan_kinds(kinds: Words) -> None:
    """plan move, plan empty, plan delete-bucket, plan abort."""
    move = kinds.add("move", "plan a move: copy and verify; emptying is a plan of its own", epilog=(
        "Three acts, each approved by itself: this plan copies and verifies every object; then\n"
        "`plan empty SRC --after JOB` deletes exactly what that job verified; then `plan delete-bucket`\n"
        "removes the bucket, when nothing is left in it."))
    move.add_argument("source", metavar="SRC")
    move.add_argument("target", metavar="DST")
    move.add_argument("--overwrite", action="store_true",
                      help="replace differing objects of an unversioned bucket")
    move.add_argument("--versions", action="store_true",
                      help="every version of every key, oldest first, into a versioned bucket")
    add_carrying(move)
    for side, meaning in (("left", "source"), ("right", "target")):
        group = move.add_argument_group(f"connection of the {side} ({meaning}) side")
        for name in ("profile", "endpoint-url", "region"):
            group.add_argument(f"--{side}-{name}", metavar="URL" if "url" in name else "NAME")
    empty = kinds.add("empty", "plan to delete from a place exactly what a job has moved away")
    empty.add_argument("place", metavar="SRC")
    empty.add_argument("--after", required=True, metavar="JOB", help="the job that copied and verified")
    bucket = kinds.add("delete-bucket", "plan to remove a bucket in which nothing is left")
    bucket.add_argument("place", metavar="BUCKET", help="s3://bucket/")
    abort = kinds.add("abort", "plan to abort multipart uploads in progress")
    abort.add_argument("place", metavar="PLACE")
    abort.add_argument("--older-than", metavar="DAYS", type=age, default=None,
                       help="only those begun so many days ago or earlier (7d, 12h)")


def add_words(words: Words) -> None:
    """undo."""
    undo = words.add("undo", "make a plan that takes back what a job did", epilog=(
        "The plan removes the versions and delete markers that the job made, each only while it is the\n"
        "latest of its key. What cannot be taken back is counted in its notes."))
    undo.add_argument("job", metavar="JOB")
