"""The words of a local tree: download, and plan download."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from s3console.core.errors import Refused, UsageError
from s3console.core.keys import printable
from s3console.core.timeline import NOW, parse_moment

from . import moving_words
from .call import DONE, FOUND, REFUSED, Call
from .output import counted, size_text
from .records import Record, job_record, plan_record

if TYPE_CHECKING:
    from s3console.workflow.downloading import Download

SHOWN = 20
"""How many keys that cannot be stored are named on the screen; --json names up to a thousand."""


class Words(Protocol):
    """Whatever adds a word with its common options."""

    def add(self, name: str, summary: str, *, epilog: str = "") -> Any: ...


def _positive(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _count(text: str) -> int:
    plain = text.replace(",", "").replace("_", "")
    if plain and not re.fullmatch(r"\d{1,15}", plain):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of operations")
    return int(plain) if plain else -1


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="s3://bucket/prefix, or the file of a manifest")
    parser.add_argument("folder", metavar="DIR", help="the directory; it is made when it is not there")
    parser.add_argument("--from", dest="place", metavar="PLACE",
                        help="where the objects of a manifest are; keys are stored below its prefix")
    parser.add_argument("--at", metavar="TIME", help="a place as it was at TIME (default: now)")
    parser.add_argument("--delete", action="store_true",
                        help="remove files below DIR that are not wanted, and directories that this leaves "
                             "empty; never links, never outside DIR")
    parser.add_argument("--include", action="append", default=[], metavar="REGEX",
                        help="only keys in which REGEX is found; several are alternatives")
    parser.add_argument("--ignore", action="append", default=[], metavar="REGEX",
                        help="leave keys alone in which REGEX is found: neither written nor deleted")
    parser.add_argument("--collisions", choices=("refuse", "keep"), default="refuse",
                        help="keys that differ only by case or by composed letters: leave out all but the "
                             "first, or store them where the file system can (default: refuse)")


def add_words(words: Words) -> None:
    """download."""
    summary = "make a directory hold exactly the objects of a place or manifest"
    download = words.add("download", summary, epilog=(
        "It plans, shows what would be written and removed, asks, and runs the plan as a job: interrupted,\n"
        "it goes on where it was with `resume`, or when it is repeated. Files that hold the right bytes are\n"
        "left alone. Keys that cannot be files below DIR are named. Ends with 1 when something could not be\n"
        "stored or fetched.\n"
        'JSON: {"plan","source","directory","wanted","bytes","same","new","replaced","deleted","extra",'
        '"hashed",\n"hashed_bytes","unstored","named","requests","notes","job"}.'))
    _common(download)
    download.add_argument("--yes", nargs="?", const=-1, type=_count, metavar="COUNT",
                          help="do not ask; COUNT operations are needed when files are replaced or removed")
    download.add_argument("--detach", action="store_true", help="start the job and return")
    download.add_argument("--workers", type=_positive, metavar="N", help="worker processes")
    download.add_argument("--rate", type=float, metavar="R", help="at most R files per second")
    download.add_argument("--bandwidth", type=moving_words.bandwidth, metavar="B",
                          help="fetch at most B bytes per second (50M)")


def add_plan_kinds(kinds: Words) -> None:
    """plan download."""
    _common(kinds.add("download", "plan a download, to be approved and run later"))


def _made(call: Call) -> Download:
    from s3console.workflow.downloading import DownloadOptions, plan_download

    options = call.options
    place = call.place(options.place) if options.place is not None else None
    moment = NOW if options.at is None else parse_moment(options.at)
    chosen = DownloadOptions(tuple(options.include), tuple(options.ignore), options.delete,
                             options.collisions)
    if "://" in options.source:
        if place is not None:
            raise UsageError("--from is for manifests", next_step="Name the place alone")
        source: Any = call.place(options.source)
        call.warn_open_prefix(source)
    else:
        source = Path(options.source.removeprefix("manifest:"))
    return plan_download(
        call.desk, source, Path(options.folder), place=place, moment=moment, options=chosen,
        progress=lambda made: call.output.progress(
            lambda: f"{counted(made.wanted, 'object')} so far, {size_text(made.hashed_bytes)} read"))


def _record(made: Download) -> Record:
    return {
        "plan": made.plan.plan if made.plan is not None else "", "source": made.source,
        "directory": made.root, "wanted": made.wanted, "bytes": made.bytes, "same": made.same,
        "new": made.new,
        "replaced": made.replaced, "deleted": made.deleted, "extra": made.extra, "hashed": made.hashed,
        "hashed_bytes": made.hashed_bytes, "unstored": made.unstored, "requests": made.requests,
        "named": [{"key": one.key, "version_id": one.version_id, "reason": one.reason}
                  for one in made.named],
        "notes": [f"{note} ({count:,})" if count else note for note, count in sorted(made.notes.items())],
        "operations": made.plan.operations if made.plan is not None else 0,
    }


def _show(call: Call, made: Download) -> None:
    for one in made.named[:SHOWN]:
        call.output.say(f"Not stored: {printable(one.key)}: {one.reason}.")
    if made.unstored > SHOWN:
        call.output.say(f"{made.unstored - SHOWN:,} more keys cannot be stored; --json names them.")
    if call.output.as_json:
        return
    plan = made.plan
    call.output.facts([
        ("from", printable(made.source)), ("to", printable(made.root)),
        ("wanted", f"{counted(made.wanted, 'object')}, {size_text(made.bytes)}"),
        ("there already", f"{counted(made.same, 'file')}, of which {made.hashed:,} had to be read"),
        ("to write", f"{made.new:,} new, {made.replaced:,} replaced" + (
            f", {size_text(plan.bytes)}" if plan is not None else "")),
        ("to remove", counted(made.deleted, "file")), ("cannot be stored", f"{made.unstored:,}"),
        *([("plan", plan.plan)] if plan is not None else []),
        *(("note", f"{note} ({count:,})" if count else note) for note, count in sorted(made.notes.items())),
    ])


def plan(call: Call) -> int:
    """Make the plan of a download; no file is written."""
    from s3console.workflow.plan_states import plan_state

    made = _made(call)
    _show(call, made)
    if call.output.as_json:
        head = plan_record(made.plan, plan_state(call.desk, made.plan)) if made.plan is not None else {}
        call.output.record(_record(made) | head)
    elif made.plan is None:
        call.output.say("Nothing is to be done.")
    else:
        call.output.say(f"No file was written. `s3console approve {made.plan.plan}` accepts the plan.")
    return FOUND if made.unstored else DONE


def download(call: Call) -> int:
    """Plan a download, show it, ask, and run it."""
    from s3console.workflow.approving import approve
    from s3console.workflow.downloading import earlier_job
    from s3console.workflow.jobs import submit
    from s3console.workflow.plan_states import plan_state

    from .running import _ending, _run_one

    call.need_writing()
    made = _made(call)
    _show(call, made)
    if (paused := earlier_job(call.desk, made)) is not None:
        call.output.say(f"Job {paused.job} of this download is paused after {paused.done:,} of "
                        f"{paused.planned:,} operations: `s3console resume {paused.job}` goes on with it.")
    if made.plan is None:
        if call.output.as_json:
            call.output.record(_record(made))
        else:
            call.output.say("Nothing is to be done.")
        return FOUND if made.unstored else DONE
    if not _agreed(call, made):
        if call.output.as_json:
            call.output.record(_record(made))
        call.output.say(f"No file was written. Repeat it with --yes {made.plan.operations}, or "
                        f"`s3console approve {made.plan.plan}`.")
        return REFUSED
    count = made.plan.operations
    # The same plan may have been approved before and never have run.
    if plan_state(call.desk, made.plan) != "approved":
        typed = "yes" if made.plan.reversible else str(count)
        approve(call.desk, made.plan.plan, count=count, typed=typed)
    status = _run_one(call, submit(call.desk, made.plan.plan))
    if call.output.as_json:
        call.output.record(_record(made) | {"job": job_record(status)})
    if call.options.detach:
        return DONE
    return max(_ending(status), FOUND if made.unstored else DONE)


def _agreed(call: Call, made: Download) -> bool:
    """Whether the operator accepts exactly this plan."""
    assert made.plan is not None
    wanted, given = made.plan.operations, call.options.yes
    if given is None:
        if call.output.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        call.output.say(f"Type {wanted} to run it, anything else to leave it:")
        return sys.stdin.readline().strip().replace(",", "") == str(wanted)
    if given < 0 and not made.plan.reversible:
        raise Refused("files are replaced or removed, so --yes needs the number of operations",
                      where=f"plan {made.plan.plan}", next_step=f"Give --yes {wanted} if that is right")
    if given >= 0 and given != wanted:
        raise Refused(f"--yes {given:,} is not the number of operations of this plan, {wanted:,}",
                      where=f"plan {made.plan.plan}", next_step="Look at what it says before giving another")
    return True
