"""The words of the command line, their options, and the sentence for a call that is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from s3console import __version__
from s3console.core.errors import UsageError
from s3console.core.model import KINDS

from . import downloading, moving_words
from .timing_words import add_plan_kinds, add_words

EPILOG = """\
exit codes: 0 done, nothing wrong; 1 done, and differences or failed items exist; 2 usage;
3 not reachable or not permitted; 4 incomplete, can be resumed; 5 refused by a safety rule;
70 a fault of s3console itself; 130 interrupted; 141 the reader of the output went away.
Words that only show something (ls, du, reviews, review, plans, show, jobs, job) end with 0.
A PLACE is s3://bucket/prefix; compare also takes keys:FILE, manifest:FILE and dir:PATH.
Without a word s3console opens the console."""

LATER = (
    "export", "import-report", "ring", "catalog",
)
_VALUED = {"--profile", "--endpoint-url", "--region", "--state-dir"}


class Parser(argparse.ArgumentParser):
    """argparse with one sentence instead of a usage dump, and no guessing of shortened options."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("allow_abbrev", False)
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError; argparse would print and leave by itself."""
        raise UsageError(message[:1].upper() + message[1:], next_step=f"See `{self.prog} --help`")


def _count(text: str) -> int:
    try:
        value = int(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is below zero")
    return value


def _positive(text: str) -> int:
    value = _count(text)
    if value == 0:
        raise argparse.ArgumentTypeError("0 is too small; use 1 or more")
    return value


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate in operations per second")
    return value


def _common(parser: argparse.ArgumentParser) -> None:
    """Options that stand before or after the word; no default, so that the later place wins."""
    group = parser.add_argument_group("common options")
    none = argparse.SUPPRESS
    group.add_argument("--profile", metavar="NAME", default=none, help="profile of the AWS configuration")
    group.add_argument("--endpoint-url", metavar="URL", default=none, help="S3 endpoint, if it is not AWS")
    group.add_argument("--region", metavar="NAME", default=none, help="region, if it is not in the profile")
    group.add_argument("--state-dir", metavar="DIR", default=none,
                       help="where reviews, plans and jobs are kept (else $S3CONSOLE_HOME)")
    group.add_argument("--read-only", action="store_true", default=none,
                       help="refuse every word that could write to a store")
    group.add_argument("--no-color", action="store_true", default=none, help="no colour (also: NO_COLOR)")
    group.add_argument("--json", action="store_true", default=none, help="machine-readable output on stdout")
    group.add_argument("-v", "--verbose", action="count", default=none, help="more messages on stderr")


def _sides(parser: argparse.ArgumentParser) -> None:
    for side, meaning in (("left", "reference or source"), ("right", "checked or target")):
        group = parser.add_argument_group(f"connection of the {side} ({meaning}) side")
        group.add_argument(f"--{side}-profile", metavar="NAME")
        group.add_argument(f"--{side}-endpoint-url", metavar="URL")
        group.add_argument(f"--{side}-region", metavar="NAME")


class _Words:
    """Adds one word with its common options."""

    def __init__(self, parser: argparse.ArgumentParser, dest: str) -> None:
        self._actions = parser.add_subparsers(dest=dest, metavar=dest.upper(), parser_class=Parser)

    def add(self, name: str, summary: str, *, epilog: str = "") -> Parser:
        parser: Parser = self._actions.add_parser(
            name, help=summary, description=summary[:1].upper() + summary[1:] + ".", epilog=epilog)
        _common(parser)
        return parser


def _looking(words: _Words) -> None:
    ls = words.add("ls", "list a place", epilog=(
        'JSON lines: {"key","size","etag","last_modified","storage_class"}, with --versions also '
        '{"version_id","is_latest","is_delete_marker"}; without -r also {"prefix"} rows.\n'
        '`ls s3://` lists buckets: {"bucket","created"}.'))
    ls.add_argument("place", metavar="PLACE")
    ls.add_argument("--versions", action="store_true", help="every version and delete marker")
    ls.add_argument("-r", "--recursive", action="store_true", help="all keys below, not one level")
    ls.add_argument("--at", metavar="TIME", help="as it was at TIME (ISO 8601, UTC unless it has an offset)")
    du = words.add("du", "objects, bytes, versions, markers and cost per month, by prefix", epilog=(
        'JSON lines: {"prefix","objects","bytes","versions","version_bytes","delete_markers",'
        '"cost_usd_month"}.\n"objects" and "bytes" are current objects; "versions" and '
        '"version_bytes" are noncurrent versions, counted with --versions.\nKeys with no "/" below '
        'the place are in the row of the place itself; the last row is the sum and has "total": true.'))
    du.add_argument("place", metavar="PLACE")
    du.add_argument("--versions", action="store_true", help="count noncurrent versions and delete markers")
    du.add_argument("--by-class", action="store_true", help='a row for each storage class; in JSON "classes"')
    du.add_argument("--prices", type=Path, default=None, metavar="FILE",
                    help="prices of your own: TOML or JSON; default: prices.toml of the state directory")
    du.add_argument("--depth", type=_count, default=1, metavar="N", help="levels of prefixes (default 1)")


def _comparing(words: _Words) -> None:
    compare = words.add("compare", "compare two places and make a review", epilog=(
        "Ends with 0 when nothing differs, 1 when there are findings, 4 when a listing was not complete."))
    compare.add_argument("left", metavar="LEFT", help="the reference: what should be")
    compare.add_argument("right", metavar="RIGHT", help="what is being checked")
    compare.add_argument("--versions", action="store_true", help="look at every version on the right side")
    compare.add_argument("--evidence", choices=("auto", "size", "etag", "checksum"), default="auto")
    compare.add_argument("--rules", default="auto", metavar="auto|none|NAME,...",
                         help="rules that tie wrong names to right ones")
    compare.add_argument("--rules-file", type=Path, default=None, metavar="FILE",
                         help="rules of your own: TOML or JSON with name, match and replace (regular "
                              "expressions); default: rules.toml of the state directory")
    compare.add_argument("--fresh", action="store_true",
                         help="list everything again that an interrupted comparison has listed")
    compare.add_argument("--engine", choices=("local", "spark"), default="local")
    compare.add_argument("--progress-json", action="store_true",
                         help="progress as JSON lines on stderr, at most five a second")
    _sides(compare)
    words.add("reviews", "list the reviews")
    review = words.add("review", "show totals per prefix, or findings, of a review", epilog=(
        "--prefix and --kind narrow what is shown. --depth is the number of levels of the prefixes."))
    review.add_argument("review", metavar="ID")
    review.add_argument("--prefix", default=None, metavar="P", help="only keys below this full key prefix")
    review.add_argument("--kind", action="append", metavar="K",
                        help=f"{', '.join(KINDS)}; several with commas")
    review.add_argument("--depth", type=_count, default=1, metavar="N")
    review.add_argument("--findings", action="store_true", help="the findings one by one")
    review.add_argument("--export", type=Path, default=None, metavar="FILE",
                        help="with --findings: into a new file ending in .csv, .jsonl or .parquet")
    review.add_argument("--settle", default=None, metavar="P",
                        help="ask for checksums of what is unknown below this prefix; makes a new review")
    review.add_argument("--ignore", default=None, metavar="P",
                        help="leave the findings of --kind below this prefix out of every plan; needs --note")
    review.add_argument("--note", default=None, metavar="TEXT", help="why they may stay as they are")
    review.add_argument("--count-again", default=None, metavar="P", help="take an --ignore back")


def _planning(words: _Words) -> None:
    plan = words.add("plan", "make a plan; nothing is written to any store")
    kinds = _Words(plan, "plan_kind")
    repair = kinds.add("repair", "plan the repair of one prefix of a review")
    repair.add_argument("review", metavar="REVIEW")
    repair.add_argument("--prefix", required=True, metavar="P",
                        help='full key prefix ending in "/"; the place itself plans all of it')
    repair.add_argument("--only", choices=("copy", "delete"))
    repair.add_argument("--include", action="append", metavar="KIND,...",
                        help="junk, duplicate: also delete these")
    repair.add_argument("--overwrite", action="store_true",
                        help="replace differing objects of an unversioned bucket")
    reduce = kinds.add("reduce", "leave operations out of a plan: a new plan takes its place")
    reduce.add_argument("plan", metavar="PLAN")
    reduce.add_argument("--without", required=True, metavar="N,N-N", help="numbers of operations, from 1")
    copy = kinds.add("copy", "plan a copy of a place")
    copy.add_argument("source", metavar="SRC")
    copy.add_argument("target", metavar="DST")
    copy.add_argument("--overwrite", action="store_true",
                      help="replace differing objects of an unversioned bucket")
    moving_words.add_carrying(copy)
    _sides(copy)
    delete = kinds.add("delete", "plan the deletion of a place")
    delete.add_argument("place", metavar="PLACE")
    delete.add_argument("--versions", action="store_true", help="every version and marker, not only current")
    add_plan_kinds(kinds)
    downloading.add_plan_kinds(kinds)
    moving_words.add_plan_kinds(kinds)
    moving_words.add_words(words)
    words.add("plans", "list the plans")
    show = words.add("show", "show a plan: counts, bytes, cost, reversibility, sample, digest")
    show.add_argument("plan", metavar="PLAN")
    show.add_argument("--export", type=Path, default=None, metavar="FILE",
                      help="every operation into a new file ending in .csv, .jsonl or .parquet")
    approve = words.add("approve", "approve a plan", epilog=(
        "--count must equal the number of operations of a plan that cannot be reversed."))
    approve.add_argument("plan", metavar="PLAN")
    approve.add_argument("--count", type=_count, metavar="N", help="the number of operations, as reviewed")


def _running(words: _Words) -> None:
    run = words.add("run", "run an approved plan, or take up a job again", epilog=(
        "Without PLAN or JOB: every approved plan and every interrupted job, one after the other.\n"
        "Ctrl-C pauses the job and leaves it resumable. Ends with 0 when nothing failed, 1 with failed\n"
        "items, 4 when paused or interrupted."))
    run.add_argument("target", nargs="?", metavar="PLAN|JOB")
    run.add_argument("--detach", action="store_true", help="start the runner and return")
    run.add_argument("--workers", type=_positive, metavar="N", help="worker processes")
    run.add_argument("--rate", type=_rate, metavar="R", help="at most R operations per second")
    run.add_argument("--bandwidth", type=moving_words.bandwidth, metavar="B",
                     help="copy at most B bytes per second (50M)")
    words.add("jobs", "list the jobs")
    job = words.add("job", "show a job", epilog=(
        'JSON lines of --failures: {"index","kind","key","version_id","code","message","at","attempts"}.'))
    job.add_argument("job", metavar="ID")
    job.add_argument("--failures", action="store_true", help="what failed, one by one")
    for name, summary in (("pause", "pause a job after what is in flight"), ("resume", "go on with a job"),
                          ("cancel", "end a job for good"), ("retry", "try the failed items again")):
        control = words.add(name, summary)
        control.add_argument("job", metavar="ID")


def _looking_after(words: _Words) -> None:
    journal = words.add("journal", "show the journal, oldest first")
    journal.add_argument("--limit", type=_positive, metavar="N", help="only the newest N records")
    journal.add_argument("--verify", action="store_true", help="check the chain of hashes as well")
    doctor = words.add("doctor", "check connectivity, permissions and versioning of a place", epilog=(
        'JSON lines: {"check","ok","detail"}. Only reads are sent.\n'
        "--probe writes a few small objects below --scratch and removes them again; its verdict is kept and\n"
        'used by jobs. JSON: {"endpoint","at","versioning","copy_source",...}, each "yes", "ignored",\n'
        '"refused" or "unknown".'))
    doctor.add_argument("place", metavar="PLACE")
    doctor.add_argument("--probe", action="store_true", help="try which conditions the endpoint honours")
    doctor.add_argument("--scratch", metavar="PLACE", help="where --probe may write, ending in /")
    completion = words.add("completion", "print a completion script for a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="bash|zsh|fish")


def make_parser() -> Parser:
    """The whole command line."""
    parser = Parser(prog="s3console", description="Find, review and repair what is wrong in an S3 bucket.",
                    epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"s3console {__version__}")
    _common(parser)
    words = _Words(parser, "word")
    opened = words.add("open", "open the console (also: no word, or just a place)")
    opened.add_argument("place", nargs="?", metavar="PLACE")
    demo = words.add("demo", "start an embedded S3 with the demonstration stories and open the console on it")
    demo.add_argument("--serve", action="store_true", help="only serve; print the endpoint and the keys")
    demo.add_argument("--port", type=_count, default=0, metavar="N", help="port on 127.0.0.1 (default: free)")
    _looking(words)
    add_words(words)
    downloading.add_words(words)
    _comparing(words)
    _planning(words)
    _running(words)
    _looking_after(words)
    return parser


def word_names(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The words a parser knows, with the parser of each."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _first_word(arguments: Sequence[str]) -> int | None:
    """Where the first argument stands that is neither a common option nor the value of one."""
    skip = False
    for number, argument in enumerate(arguments):
        if skip:
            skip = False
        elif argument in _VALUED:
            skip = True
        elif not argument.startswith("-") or argument == "-":
            return number
    return None


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read a command line. Raises UsageError; `--help` and `--version` leave through SystemExit."""
    given = list(arguments)
    # The console comes first: without words there is none to look for among thirty parsers.
    parser = make_parser() if given else Parser()
    known = word_names(parser) if given else ()
    at = _first_word(given)
    if at is not None and given[at] not in known:
        word = given[at]
        if word in LATER:
            raise UsageError(f"The word {word} is not in this version", next_step="See `s3console --help`")
        if "://" not in word:
            raise UsageError(f"{word!r} is neither a word of s3console nor a place",
                             next_step="See `s3console --help`; a place is s3://bucket/prefix")
        given.insert(at, "open")
    options = parser.parse_args(given)
    for name, value in (("profile", None), ("endpoint_url", None), ("region", None), ("state_dir", None),
                        ("read_only", False), ("no_color", False), ("json", False), ("verbose", 0)):
        if not hasattr(options, name):
            setattr(options, name, value)
    if getattr(options, "word", None) is None:
        options.word, options.place = "open", None
    if options.word == "plan" and options.plan_kind is None:
        raise UsageError("plan needs a kind", next_step="See `s3console plan --help`")
    return options
