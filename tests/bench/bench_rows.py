"""What is measured: every row with the command of each program, the work in it, and how to tell it was done.

In a command, {name} stands for a field of the JSON that the step before wrote last; {sink} for a
bucket name that no other run has; {folder} for an empty folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench_peers import FLOOR, OURS

Steps = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One program at one row. `units` is the work done; every other field that is set is checked."""

    units: int
    steps: Steps
    lines: int | None = None
    fields: Mapping[str, int | bool | str] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    status: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of work. `target` is the greatest share of the best peer that s3console may take.

    `runs` holds a reason instead of a run where a program cannot do the work.
    """

    name: str
    title: str
    unit: str
    runs: Mapping[str, Run | str]
    by_wall: bool = False
    target: float | None = None


NO_FLOOR = "no floor for this row"


def _s5(*words: str) -> tuple[str, ...]:
    return ("s5cmd", "--log", "error", *words)


def listing(keys: int, host: str) -> Row:
    few, fewer = keys // 10, keys // 50
    bucket = f"syn-{keys}-d1"
    pages = max(1, -(-keys // 1000))
    return Row("list", "list one flat prefix to a file", "key", {
        OURS: Run(keys, ((OURS, "--json", "ls", "-r", f"s3://{bucket}"),), lines=keys),
        "s5cmd": Run(keys, (("s5cmd", "ls", f"s3://{bucket}/*"),), lines=keys),
        "rclone": Run(keys, (("rclone", "lsf", "-R", "--fast-list", "--files-only", "--format", "ps",
                              "--list-cutoff", "1000000000", f"syn:{bucket}"),), lines=keys),
        "aws": Run(few, (("aws", "s3", "ls", "--recursive", f"s3://syn-{few}-d1"),), lines=few),
        "s4cmd": Run(fewer, (("s4cmd", "ls", "-r", f"s3://syn-{fewer}-d1/"),), lines=fewer),
        FLOOR: Run(keys, ((FLOOR, host, bucket, "objects"),), requests={"LIST": pages}),
    }, target=0.25)


def versions(keys: int, host: str) -> Row:
    names = max(1, keys // 4)
    rows, marks = names * 4, -(-names // 10)
    bucket = f"syn-{names}-d1-v4-mark10"
    return Row("versions", "list every version, 4 a key, 2.5 % delete markers", "version", {
        OURS: Run(rows, ((OURS, "--json", "ls", "-r", "--versions", f"s3://{bucket}"),), lines=rows),
        "s5cmd": Run(rows, (("s5cmd", "ls", "--all-versions", f"s3://{bucket}/*"),), lines=rows),
        "rclone": Run(rows, (("rclone", "lsf", "-R", "--fast-list", "--files-only", "--format", "ps",
                              "--s3-versions", "--list-cutoff", "1000000000", f"syn:{bucket}"),),
                      lines=rows - marks),
        "aws": "it has no listing of versions but the plain API call",
        "s4cmd": "it does not list versions",
        FLOOR: Run(rows, ((FLOOR, host, bucket, "versions"),)),
    }, target=0.25)


def _differences(keys: int, miss: int, grow: int) -> tuple[int, int]:
    """How many keys are absent, and how many others have another size."""
    missing = -(-keys // miss)
    return missing, sum(1 for number in range(0, keys, grow) if number % miss)


def comparison(keys: int, _host: str) -> Row:
    few = keys // 10
    wrong = "miss1009-grow2003"
    missing, differs = _differences(keys, 1009, 2003)
    found = missing + differs
    few_found = sum(_differences(few, 1009, 2003))
    left, right = f"syn-{keys}-d1", f"syn-{keys}-d1-{wrong}"
    few_left, few_right = f"syn-{few}-d1", f"syn-{few}-d1-{wrong}"
    listed = 2 * keys - missing
    few_listed = 2 * few - _differences(few, 1009, 2003)[0]
    check = ("rclone", "check", "--fast-list", "--list-cutoff", "1000000000", "--one-way", "--checkers", "8",
             "--differ", "-", "--missing-on-dst", "-")
    sides = (f"syn:{left}", f"syn:{right}")
    return Row("compare", "compare two flat prefixes, 0.15 % different, to a finished review", "key listed", {
        OURS: Run(listed, ((OURS, "--json", "compare", f"s3://{left}", f"s3://{right}"),), status=(1,),
                  fields={"complete": True, "totals.missing": missing, "totals.differs": differs,
                          "totals.extra": 0}),
        "s5cmd": Run(listed, (("s5cmd", "--dry-run", "sync", "--size-only", f"s3://{left}/*",
                               f"s3://{right}/"),), lines=found),
        "rclone": Run(listed, ((*check, "--size-only", *sides),), lines=found, status=(1,)),
        "rclone --checksum": Run(listed, ((*check, "--checksum", *sides),), lines=found, status=(1,)),
        "aws": Run(few_listed, (("aws", "s3", "sync", "--dryrun", "--size-only", f"s3://{few_left}",
                                 f"s3://{few_right}"),), lines=few_found),
        "s4cmd": "it compares only while it copies",
    }, target=1 / 6)


def mangled(keys: int, _host: str) -> Row:
    left, right = f"syn-{keys}-d1-colon1", f"syn-{keys}-d1-colon1-cut2-double1-v2"
    none = "it does not pair wrong names with right ones"
    return Row("mangled", "compare versions where DistCp cut half of the names and doubled the prefix",
               "row listed", {
        OURS: Run(3 * keys, ((OURS, "--json", "compare", "--versions", f"s3://{left}", f"s3://{right}"),),
                  status=(1,), fields={"complete": True, "totals.misnamed": 2 * keys}),
    } | dict.fromkeys(("s5cmd", "rclone", "aws", "s4cmd"), none))


def latency(keys: int, host: str) -> Row:
    count = max(1, keys // 5)
    bucket = f"syn-{count}-d1-lat50"
    return Row("latency", "list one flat prefix, 50 ms a page", "key", {
        OURS: Run(count, ((OURS, "--json", "ls", "-r", f"s3://{bucket}"),), lines=count),
        "s5cmd": Run(count, (("s5cmd", "ls", f"s3://{bucket}/*"),), lines=count),
        "rclone": Run(count, (("rclone", "lsf", "-R", "--fast-list", "--files-only", "--format", "ps",
                               f"syn:{bucket}"),), lines=count),
        "aws": "serial as well and slower", "s4cmd": "serial as well and slower",
        FLOOR: Run(count, ((FLOOR, host, bucket, "objects"),)),
    }, by_wall=True, target=1 / 20)


def _job(*plan: str) -> Steps:
    return ((OURS, "--json", "plan", *plan), (OURS, "--json", "approve", "{plan}", "--count", "{operations}"),
            (OURS, "--json", "run", "{plan}"))


def copying(keys: int, _host: str) -> Row:
    count = max(10, keys // 100)
    few, source = max(10, count // 10), f"syn-{count}-d1"
    done: dict[str, int | bool | str] = {"done": count, "failed": 0, "state": "done"}
    return Row("copy", "copy objects inside the store, target empty (s3console: plan, approve, run, verify)",
               "object", {
        OURS: Run(count, _job("copy", f"s3://{source}/", "s3://{sink}/"), fields=done,
                  requests={"COPY": count}),
        "s5cmd": Run(count, (_s5("cp", f"s3://{source}/*", "s3://{sink}/"),), requests={"COPY": count}),
        "rclone": Run(count, (("rclone", "copy", "--transfers", "32", "--checkers", "32", f"syn:{source}",
                               "syn:{sink}"),), requests={"COPY": count}),
        "aws": Run(few, (("aws", "s3", "cp", "--recursive", "--quiet", f"s3://syn-{few}-d1/", "s3://{sink}/"),),
                   requests={"COPY": few}),
        "s4cmd": "it copies by one request as well and is left out",
    })


def deleting(keys: int, _host: str) -> Row:
    count = max(10, keys // 100)
    few, bucket = max(10, count // 10), f"syn-{count}-d1"
    done: dict[str, int | bool | str] = {"done": count, "failed": 0, "state": "done"}
    return Row("delete", "delete current objects of an unversioned bucket (s3console: guarded by ETag)",
               "object", {
        OURS: Run(count, _job("delete", f"s3://{bucket}/document000/"), fields=done),
        "s5cmd": Run(count, (_s5("rm", f"s3://{bucket}/*"),), requests={"DELETE-MANY": -(-count // 1000)}),
        "rclone": Run(count, (("rclone", "delete", "--checkers", "32", f"syn:{bucket}"),),
                      requests={"DELETE": count}),
        "aws": Run(few, (("aws", "s3", "rm", "--recursive", "--quiet", f"s3://syn-{few}-d1/"),),
                   requests={"DELETE": few}),
        "s4cmd": "it deletes by batches as s5cmd and is left out",
    })


def purging(keys: int, _host: str) -> Row:
    names = max(10, keys // 100)
    rows = names * 4
    bucket = f"syn-{names}-d1-v4-mark10"
    done: dict[str, int | bool | str] = {"done": rows, "failed": 0, "state": "done"}
    return Row("purge", "delete every version", "version", {
        OURS: Run(rows, _job("delete", "--versions", f"s3://{bucket}/document000/"), fields=done),
        "s5cmd": Run(rows, (_s5("rm", "--all-versions", f"s3://{bucket}/*"),)),
        "rclone": "it deletes old versions only", "aws": "it deletes current objects only",
        "s4cmd": "it deletes current objects only",
    })


def downloading(keys: int, _host: str) -> Row:
    count = max(10, keys // 100)
    few = max(10, count // 10)

    def bucket(number: int) -> str:
        return f"syn-{number}-d1-real1-size10240"

    return Row("download", "fetch objects of 10 KB", "object", {
        OURS: "it has no download yet",
        "s5cmd": Run(count, (_s5("cp", f"s3://{bucket(count)}/*", "{folder}/"),), requests={"GET": count}),
        "rclone": Run(count, (("rclone", "copy", "--transfers", "32", f"syn:{bucket(count)}", "{folder}"),),
                      requests={"GET": count}),
        "aws": Run(few, (("aws", "s3", "cp", "--recursive", "--quiet", f"s3://{bucket(few)}/", "{folder}"),),
                   requests={"GET": few}),
        "s4cmd": "it downloads as s3transfer does and is left out",
    })


def starting(_keys: int, _host: str) -> Row:
    """What a program costs before it does anything."""
    return Row("start", "list ten keys (start of the process)", "run", {
        OURS: Run(1, ((OURS, "--json", "ls", "-r", "s3://syn-10-d1"),), lines=10),
        "s5cmd": Run(1, (("s5cmd", "ls", "s3://syn-10-d1/*"),), lines=10),
        "rclone": Run(1, (("rclone", "lsf", "-R", "syn:syn-10-d1", "--files-only"),), lines=10),
        "aws": Run(1, (("aws", "s3", "ls", "--recursive", "s3://syn-10-d1"),), lines=10),
        "s4cmd": Run(1, (("s4cmd", "ls", "-r", "s3://syn-10-d1/"),), lines=10),
    })


ROWS = {"list": listing, "versions": versions, "compare": comparison, "mangled": mangled, "latency": latency,
        "copy": copying, "delete": deleting, "purge": purging, "download": downloading, "start": starting}
