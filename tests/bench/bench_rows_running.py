"""Rows that write: copies, deletes and purges on the synthetic server, at three latencies; and on Ceph.

The endpoint is probed once before a row, as an operator does it: without that every copy and delete looks
before it acts. Rows named -run measure the run of a plan that was made and approved before, without the
start of two programs and the listings that go before it.
"""

from __future__ import annotations

from collections.abc import Callable

from bench_model import Kind, Row, Run, Steps, done, job, s5
from bench_peers import OURS


def probed(bucket: str) -> Steps:
    """The endpoint is asked once what it honours."""
    return ((OURS, "doctor", f"s3://{bucket}/", "--probe", "--scratch", f"s3://{bucket}/s3console-scratch/"),)


def _ours(count: int, steps: Steps, scratch: str, *, alone: bool,
          requests: dict[str, int] | None = None) -> Run:
    """A job behind a probe; with `alone` only its run is measured."""
    first = steps[:-1] if alone else ()
    return Run(count, steps[len(first):], fields=done(count), requests=requests or {},
               before=(*probed(scratch), *first))


def _late(name: str, milliseconds: int, *, alone: bool) -> tuple[str, str, str]:
    """Name and title of a row, and the word of a bucket, at a latency."""
    run = "; s3console: the run of an approved plan" if alone else ""
    name = f"{name}-run" if alone else name
    if not milliseconds:
        return name, run, ""
    return f"{name}-{milliseconds}ms", f", every answer {milliseconds} ms late{run}", f"-lat{milliseconds}"


def copying(milliseconds: int, *, alone: bool = False) -> Callable[[int, str], Row]:
    def build(count: int, _host: str) -> Row:
        name, more, late = _late("copy", milliseconds, alone=alone)
        count = max(10, count)
        few, source, sink = max(10, count // 50), f"syn-{count}-d1{late}", f"{{sink}}{late}"
        return Row(name, f"copy objects in the store, target empty, every copy verified{more}", "object", {
            OURS: _ours(count, job("copy", f"s3://{source}/", f"s3://{sink}/"), sink, alone=alone,
                        requests={"COPY": count}),
            "s5cmd": Run(count, (s5("cp", f"s3://{source}/*", f"s3://{sink}/"),), requests={"COPY": count}),
            "rclone": "in the row copy" if alone else Run(count, (
                ("rclone", "copy", "--transfers", "32", "--checkers", "32", f"syn:{source}",
                 f"syn:{sink}"),), requests={"COPY": count}),
            "aws": "in the row copy" if alone else Run(few, (
                ("aws", "s3", "cp", "--recursive", "--quiet", f"s3://syn-{few}-d1{late}/", f"s3://{sink}/"),),
                requests={"COPY": few}, rounds=1),
            "s4cmd": "it copies by one request as well and is left out",
        }, target=1 / 3)

    return build


def deleting(milliseconds: int) -> Callable[[int, str], Row]:
    def build(count: int, _host: str) -> Row:
        name, more, late = _late("delete", milliseconds, alone=False)
        count = max(10, count)
        few, bucket = max(10, count // 50), f"syn-{count}-d1{late}"
        return Row(name, f"delete objects without versions (s3console: guarded by ETag){more}", "object", {
            OURS: _ours(count, job("delete", f"s3://{bucket}/document000/"), "{sink}", alone=False),
            "s5cmd": Run(count, (s5("rm", f"s3://{bucket}/*"),), requests={"DELETE-MANY": -(-count // 1000)}),
            "rclone": Run(count, (("rclone", "delete", "--checkers", "32", f"syn:{bucket}"),),
                          requests={"DELETE": count}),
            "aws": Run(few, (("aws", "s3", "rm", "--recursive", "--quiet", f"s3://syn-{few}-d1{late}/"),),
                       requests={"DELETE": few}, rounds=1),
            "s4cmd": "it deletes by batches as s5cmd and is left out",
        })

    return build


def purging(milliseconds: int, *, alone: bool = False) -> Callable[[int, str], Row]:
    def build(count: int, _host: str) -> Row:
        name, more, late = _late("purge", milliseconds, alone=alone)
        names = max(10, count // 4)
        rows = names * 4
        bucket = f"syn-{names}-d1-v4-mark10{late}"
        return Row(name, "delete every version" + more, "version", {
            OURS: _ours(rows, job("delete", "--versions", f"s3://{bucket}/document000/"), "{sink}",
                        alone=alone),
            "s5cmd": Run(rows, (s5("rm", "--all-versions", f"s3://{bucket}/*"),)),
            "rclone": "it deletes old versions only", "aws": "it deletes current objects only",
            "s4cmd": "it deletes current objects only",
        }, target=1 / 8)

    return build


def fetching(milliseconds: int) -> Callable[[int, str], Row]:
    """Downloads whose plan was made and approved before."""
    def build(count: int, _host: str) -> Row:
        name, more, late = _late("download", milliseconds, alone=True)
        count = max(10, count)
        bucket = f"syn-{count}-d1-real1-size10240{late}"
        steps = job("download", f"s3://{bucket}/", "{folder}")
        return Row(name, f"fetch objects of 10 KB, every MD5 proved{more}", "object", {
            OURS: Run(count, steps[-1:], fields=done(count), requests={"GET": count}, before=steps[:-1]),
            "s5cmd": Run(count, (s5("cp", f"s3://{bucket}/*", "{folder}/"),), requests={"GET": count}),
            "rclone": "in the row download", "aws": "in the row download",
            "s4cmd": "it downloads as s3transfer does and is left out",
        }, target=0.5)

    return build


def ceph_copying(*, alone: bool = False) -> Callable[[int, str], Row]:
    def build(count: int, _host: str) -> Row:
        name, more, _ = _late("ceph-copy", 0, alone=alone)
        count = max(10, count)
        few = "in the row ceph-copy" if alone else "too slow for this row"
        return Row(name, f"copy objects of 1 KB on a real Ceph gateway{more}", "object", {
            OURS: _ours(count, job("copy", "s3://{bucket}/", "s3://{sink}/"), "{sink}", alone=alone),
            "s5cmd": Run(count, (s5("cp", "s3://{bucket}/*", "s3://{sink}/"),)),
            "rclone": few if alone else Run(count, (
                ("rclone", "copy", "--transfers", "32", "--checkers", "32", "syn:{bucket}", "syn:{sink}"),)),
            "aws": few, "s4cmd": few,
        }, by_wall=True, target=1.1, gateway=True)

    return build


def ceph_deleting(*, alone: bool = False) -> Callable[[int, str], Row]:
    def build(count: int, _host: str) -> Row:
        name, more, _ = _late("ceph-delete", 0, alone=alone)
        count = max(10, count)
        few = "in the row ceph-delete" if alone else "too slow for this row"
        return Row(name, f"delete objects on a real Ceph gateway{more}", "object", {
            OURS: _ours(count, job("delete", "s3://{sink}/d/"), "{sink}", alone=alone),
            "s5cmd": Run(count, (s5("rm", "s3://{sink}/d/*"),)),
            "rclone": few if alone else Run(count, (
                ("rclone", "delete", "--checkers", "32", "syn:{sink}/d"),)),
            "aws": few, "s4cmd": few,
        }, by_wall=True, target=1.1, gateway=True, filled=True)

    return build


KINDS = {
    "copy": Kind(copying(0), 60_000, 2),
    "copy-10ms": Kind(copying(10), 6_000, 1),
    "copy-50ms": Kind(copying(50), 4_000, 1),
    "delete": Kind(deleting(0), 20_000, 2),
    "delete-10ms": Kind(deleting(10), 10_000, 1),
    "delete-50ms": Kind(deleting(50), 5_000, 1),
    "purge": Kind(purging(0), 100_000, 2),
    "purge-10ms": Kind(purging(10), 20_000, 1),
    "purge-50ms": Kind(purging(50), 10_000, 1),
    "copy-run": Kind(copying(0, alone=True), 60_000, 2),
    "copy-run-10ms": Kind(copying(10, alone=True), 6_000, 1),
    "copy-run-50ms": Kind(copying(50, alone=True), 4_000, 1),
    "purge-run": Kind(purging(0, alone=True), 200_000, 1),
    "purge-run-10ms": Kind(purging(10, alone=True), 20_000, 1),
    "purge-run-50ms": Kind(purging(50, alone=True), 10_000, 1),
    "download-run": Kind(fetching(0), 20_000, 1),
    "download-run-10ms": Kind(fetching(10), 6_000, 1),
    "download-run-50ms": Kind(fetching(50), 4_000, 1),
    "ceph-copy": Kind(ceph_copying(), 6_000, 1),
    "ceph-delete": Kind(ceph_deleting(), 6_000, 1),
    "ceph-copy-run": Kind(ceph_copying(alone=True), 6_000, 2),
    "ceph-delete-run": Kind(ceph_deleting(alone=True), 6_000, 2),
}
