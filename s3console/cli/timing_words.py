"""The words of the time line and their options: manifest, diff, plan restore, plan purge."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import Any, Protocol

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Words(Protocol):
    """Whatever adds a word with its common options."""

    def add(self, name: str, summary: str, *, epilog: str = "") -> Any: ...


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([hdw]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age; write it like 30d, 12h or 4w")
    return int(match[1]) * _UNITS[match[2] or "d"]


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _chosen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--include", action="append", default=[], metavar="REGEX",
                        help="only keys in which REGEX is found; several are alternatives")
    parser.add_argument("--ignore", action="append", default=[], metavar="REGEX",
                        help="leave keys alone in which REGEX is found: neither written nor deleted")


def add_words(words: Words) -> None:
    """manifest and diff."""
    manifest = words.add("manifest", "write down which version of each key stood at a time", epilog=(
        "Formats: seed is key,version; batch-operations is for S3 Batch Operations; jsonl holds any key.\n"
        "Delete markers that hid a key are listed in FILE.markers.\n"
        'JSON: {"manifest","place","at","format","objects","bytes","markers","markers_file","absent",'
        '"left_out","notes"}.'))
    manifest.add_argument("place", metavar="PLACE")
    manifest.add_argument("--at", metavar="TIME", help="as it was at TIME (default: now)")
    manifest.add_argument("--since", metavar="TIME", help="only what was written at TIME or later")
    manifest.add_argument("-o", "--output", required=True, metavar="FILE", help="the file to write")
    manifest.add_argument("--format", choices=("seed", "batch-operations", "jsonl", "parquet"),
                          default="seed")
    _chosen(manifest)
    diff = words.add("diff", "what changed in a place between two times", epilog=(
        "Ends with 0 when nothing changed and 1 when something did.\n"
        'JSON lines: {"prefix","added","changed","rewritten","deleted","bytes"}, the sum with '
        '"total": true;\nwith --keys {"change","key","before","after"}. "rewritten" is a new version '
        'of the same bytes.'))
    diff.add_argument("place", metavar="PLACE")
    diff.add_argument("--from", dest="since", required=True, metavar="TIME", help="the earlier time")
    diff.add_argument("--to", dest="until", metavar="TIME", help="the later time (default: now)")
    diff.add_argument("--depth", type=_number, default=1, metavar="N", help="levels of prefixes (default 1)")
    diff.add_argument("--keys", action="store_true", help="the changes one by one")


def add_plan_kinds(kinds: Words) -> None:
    """plan restore and plan purge."""
    restore = kinds.add("restore", "plan to bring a place back to what it was at a time", epilog=(
        "In place old versions are copied on top and nothing is lost; a delete marker right above the\n"
        "wanted version is taken off. With --to the objects are copied into another place."))
    restore.add_argument("place", metavar="PLACE", nargs="?")
    what = restore.add_mutually_exclusive_group(required=True)
    what.add_argument("--at", metavar="TIME", help="the time to go back to")
    what.add_argument("--manifest", metavar="FILE", help="exactly the versions that a manifest names")
    what.add_argument("--undo", metavar="PLAN", help="undo the restore that this plan was")
    restore.add_argument("--to", dest="target", metavar="PLACE", help="restore into this place instead")
    restore.add_argument("--created-later", choices=("leave", "mark"), default="leave",
                         help="objects that were not there: leave them, or hide them by a delete marker")
    restore.add_argument("--markers", choices=("remove", "cover"), default="remove",
                         help="delete markers: remove the latest, or cover it by a copy")
    restore.add_argument("--overwrite", action="store_true",
                         help="with --to: replace differing objects of an unversioned bucket")
    _chosen(restore)
    purge = kinds.add("purge", "plan to remove old versions for good", epilog=(
        "With --keep and --older-than a version goes when both allow it. Current objects never go.\n"
        "--uploads lists multipart uploads in progress with their bytes and cost; plan abort aborts them.\n"
        'JSON lines of --uploads: {"key","upload_id","begun","storage_class","parts","bytes",'
        '"cost_usd_month"}.'))
    purge.add_argument("place", metavar="PLACE")
    purge.add_argument("--keep", type=_number, metavar="N", help="keep the newest N noncurrent versions")
    purge.add_argument("--older-than", type=_age, metavar="AGE",
                       help="only what has been noncurrent for AGE (30d, 12h, 4w)")
    purge.add_argument("--expired-markers", action="store_true",
                       help="delete markers with no version left below them")
    purge.add_argument("--left-overs", action="store_true",
                       help="all versions of deleted temporary files that migration tools left behind")
    purge.add_argument("--uploads", action="store_true", help="list unfinished multipart uploads")
    _chosen(purge)
