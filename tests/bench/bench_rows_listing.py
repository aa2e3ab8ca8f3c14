"""Rows that only read: listing, versions, comparison, pairing, latency, and the start of a process."""

from __future__ import annotations

from bench_model import Kind, Row, Run
from bench_peers import FLOOR, OURS

RCLONE_LS = ("rclone", "lsf", "-R", "--files-only", "--format", "ps")
FAST = ("--fast-list", "--list-cutoff", "1000000000")


def listing(keys: int, host: str) -> Row:
    few = max(1, keys // 50)
    bucket = f"syn-{keys}-d1"
    pages = max(1, -(-keys // 1000))
    return Row("list", "list one flat prefix to a file", "key", {
        OURS: Run(keys, ((OURS, "--json", "ls", "-r", f"s3://{bucket}"),), lines=keys),
        "s5cmd": Run(keys, (("s5cmd", "ls", f"s3://{bucket}/*"),), lines=keys),
        "rclone": Run(keys, ((*RCLONE_LS, *FAST, f"syn:{bucket}"),), lines=keys),
        "aws": Run(few, (("aws", "s3", "ls", "--recursive", f"s3://syn-{few}-d1"),), lines=few),
        "s4cmd": Run(few, (("s4cmd", "ls", "-r", f"s3://syn-{few}-d1/"),), lines=few),
        FLOOR: Run(keys, ((FLOOR, host, bucket, "objects"),), requests={"LIST": pages}),
    }, target=0.25)


def versions(keys: int, host: str) -> Row:
    names = max(1, keys // 4)
    rows, marks = names * 4, -(-names // 10)
    bucket = f"syn-{names}-d1-v4-mark10"
    half = max(1, names // 2)
    return Row("versions", "list every version, 4 a key, 2.5 % delete markers", "version", {
        OURS: Run(rows, ((OURS, "--json", "ls", "-r", "--versions", f"s3://{bucket}"),), lines=rows),
        "s5cmd": Run(half * 4, (("s5cmd", "ls", "--all-versions", f"s3://syn-{half}-d1-v4-mark10/*"),),
                     lines=half * 4),
        "rclone": Run(rows, ((*RCLONE_LS, *FAST, "--s3-versions", f"syn:{bucket}"),), lines=rows - marks),
        "aws": "it has no listing of versions but the plain API call",
        "s4cmd": "it does not list versions",
        FLOOR: Run(rows, ((FLOOR, host, bucket, "versions"),)),
    }, target=0.25)


def _differences(keys: int, miss: int, grow: int) -> tuple[int, int]:
    """How many keys are absent, and how many others have another size."""
    missing = -(-keys // miss)
    return missing, sum(1 for number in range(0, keys, grow) if number % miss)


def comparison(keys: int, _host: str) -> Row:
    """Slow peers compare fewer keys: what they cost for each does not depend on how many there are."""
    wrong = "miss1009-grow2003"

    def sides(count: int) -> tuple[str, str, int, int, int]:
        """Left, right, missing, different, and keys listed."""
        missing, differs = _differences(count, 1009, 2003)
        return f"syn-{count}-d1", f"syn-{count}-d1-{wrong}", missing, differs, 2 * count - missing

    left, right, missing, differs, listed = sides(keys)
    quarter, few = sides(max(10, keys // 4)), sides(max(10, keys // 50))
    check = ("rclone", "check", *FAST, "--one-way", "--checkers", "8", "--differ", "-",
             "--missing-on-dst", "-")
    return Row("compare", "compare two flat prefixes, 0.15 % different, to a finished review", "key listed", {
        OURS: Run(listed, ((OURS, "--json", "compare", f"s3://{left}", f"s3://{right}"),), status=(1,),
                  fields={"complete": True, "totals.missing": missing, "totals.differs": differs,
                          "totals.extra": 0}),
        "s5cmd": Run(quarter[4], (("s5cmd", "--dry-run", "sync", "--size-only", f"s3://{quarter[0]}/*",
                                   f"s3://{quarter[1]}/"),), lines=quarter[2] + quarter[3]),
        "rclone": Run(listed, ((*check, "--size-only", f"syn:{left}", f"syn:{right}"),),
                      lines=missing + differs, status=(1,)),
        "rclone --checksum": Run(quarter[4], ((*check, "--checksum", f"syn:{quarter[0]}",
                                               f"syn:{quarter[1]}"),),
                                 lines=quarter[2] + quarter[3], status=(1,), rounds=1),
        "aws": Run(few[4], (("aws", "s3", "sync", "--dryrun", "--size-only", f"s3://{few[0]}",
                             f"s3://{few[1]}"),), lines=few[2] + few[3], rounds=1),
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


def _latency(name: str, title: str, shape: str, keys: int, host: str) -> Row:
    """A serial reader needs 50 ms a page whatever it is written in; it is measured on a tenth of the keys."""
    few = max(1, keys // 10)
    bucket, small = f"syn-{keys}-{shape}-lat50", f"syn-{few}-{shape}-lat50"
    serial = "serial in one flat prefix, as the floor and slower"
    return Row(name, f"list {title}, 50 ms a page", "key", {
        OURS: Run(keys, ((OURS, "--json", "ls", "-r", f"s3://{bucket}"),), lines=keys),
        FLOOR: Run(few, ((FLOOR, host, small, "objects"),), rounds=1),
        "rclone": Run(few, ((*RCLONE_LS, "--checkers", "64", f"syn:{small}"),), lines=few, rounds=1),
        "s5cmd": serial, "aws": serial, "s4cmd": serial,
    }, by_wall=True, target=1 / 20 if shape.startswith("d1") else None, serial=True)


def latency_hex(keys: int, host: str) -> Row:
    return _latency("latency-hex", "one flat prefix of hexadecimal names", "d1-hex1", keys, host)


def latency_time(keys: int, host: str) -> Row:
    return _latency("latency-time", "one flat prefix of timestamps", "d1-time1", keys, host)


def latency_dirs(keys: int, host: str) -> Row:
    return _latency("latency-dirs", "100 directories", "d100", keys, host)


def latency_versions(keys: int, host: str) -> Row:
    names, few = max(1, keys // 4), max(1, keys // 40)
    rows = names * 4
    bucket, small = (f"syn-{count}-d1-v4-lat50" for count in (names, few))
    serial = "serial in one flat prefix, as the floor and slower"
    return Row("latency-versions", "list versions in one flat prefix, 50 ms a page", "version", {
        OURS: Run(rows, ((OURS, "--json", "ls", "-r", "--versions", f"s3://{bucket}"),), lines=rows),
        FLOOR: Run(few * 4, ((FLOOR, host, small, "versions"),), rounds=1),
        "rclone": serial, "s5cmd": serial, "aws": serial, "s4cmd": serial,
    }, by_wall=True, target=1 / 20, serial=True)


def latency_compare(keys: int, host: str) -> Row:
    """Two sides of as many keys; the floor reads one of them."""
    missing, differs = _differences(keys, 1009, 2003)
    left, few = f"syn-{keys}-d1-hex1-lat50", max(1, keys // 10)
    serial = "serial on each side, as the floor and slower"
    return Row("latency-compare", "compare two flat prefixes, 50 ms a page", "key listed", {
        OURS: Run(2 * keys - missing, ((OURS, "--json", "compare", f"s3://{left}",
                                        f"s3://syn-{keys}-d1-hex1-miss1009-grow2003-lat50"),), status=(1,),
                  fields={"complete": True, "totals.missing": missing, "totals.differs": differs,
                          "totals.extra": 0}),
        FLOOR: Run(few, ((FLOOR, host, f"syn-{few}-d1-hex1-lat50", "objects"),), rounds=1),
        "rclone": serial, "s5cmd": serial, "aws": serial, "s4cmd": serial,
    }, by_wall=True, serial=True)


def starting(_keys: int, _host: str) -> Row:
    """What a program costs before it does anything."""
    return Row("start", "list ten keys (start of the process)", "run", {
        OURS: Run(1, ((OURS, "--json", "ls", "-r", "s3://syn-10-d1"),), lines=10),
        "s5cmd": Run(1, (("s5cmd", "ls", "s3://syn-10-d1/*"),), lines=10),
        "rclone": Run(1, (("rclone", "lsf", "-R", "syn:syn-10-d1", "--files-only"),), lines=10),
        "aws": Run(1, (("aws", "s3", "ls", "--recursive", "s3://syn-10-d1"),), lines=10),
        "s4cmd": Run(1, (("s4cmd", "ls", "-r", "s3://syn-10-d1/"),), lines=10),
    })


KINDS = {
    "list": Kind(listing, 1_000_000, 2),
    "versions": Kind(versions, 1_000_000, 2),
    "compare": Kind(comparison, 1_000_000, 2),
    "mangled": Kind(mangled, 100_000, 1),
    "latency-hex": Kind(latency_hex, 1_000_000, 2),
    "latency-time": Kind(latency_time, 1_000_000, 2),
    "latency-dirs": Kind(latency_dirs, 1_000_000, 2),
    "latency-versions": Kind(latency_versions, 1_000_000, 2),
    "latency-compare": Kind(latency_compare, 1_000_000, 2),
    "start": Kind(starting, 1_000_000, 3),
}
