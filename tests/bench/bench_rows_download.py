"""Rows that fetch objects into a directory."""

from __future__ import annotations

from collections.abc import Callable

from bench_model import Kind, Row, Run, Steps, s5
from bench_peers import OURS

STORY_BYTES = 484_000_000 / 14_310
"""Bytes of a file of the story: 14,310 files, 484 MB."""


def _ours(bucket: str) -> Steps:
    return ((OURS, "--json", "download", f"s3://{bucket}/", "{folder}", "--yes"),)


def downloading(milliseconds: int) -> Callable[[int, str], Row]:
    late = f"-lat{milliseconds}" if milliseconds else ""

    def bucket(number: int) -> str:
        return f"syn-{number}-d1-real1-size10240{late}"

    def build(count: int, _host: str) -> Row:
        count = max(10, count)
        few = max(10, count // 50)
        name = f"download-{milliseconds}ms" if milliseconds else "download"
        more = f", every answer {milliseconds} ms late" if milliseconds else ""
        return Row(name, "fetch objects of 10 KB (s3console: plan, approve, run, every MD5 proved)" + more,
                   "object", {
            OURS: Run(count, _ours(bucket(count)), requests={"GET": count},
                      fields={"job.done": count, "job.failed": 0, "job.state": "done", "unstored": 0}),
            "s5cmd": Run(count, (s5("cp", f"s3://{bucket(count)}/*", "{folder}/"),), requests={"GET": count}),
            "rclone": Run(count, (("rclone", "copy", "--transfers", "32", f"syn:{bucket(count)}",
                                   "{folder}"),), requests={"GET": count}),
            "aws": Run(few, (("aws", "s3", "cp", "--recursive", "--quiet", f"s3://{bucket(few)}/",
                              "{folder}"),), requests={"GET": few}, rounds=1),
            "s4cmd": "it downloads as s3transfer does and is left out",
        }, target=0.5)

    return build


def _syncs(count: int) -> dict[str, tuple[int, Steps]]:
    """Files and steps of each program. The AWS CLI, forty times as slow, gets a seventh of the files."""
    bucket, few = _site(count), max(10, count // 7)
    return {
        OURS: (count, _ours(bucket)),
        "s5cmd": (count, (s5("sync", f"s3://{bucket}/*", "{folder}/"),)),
        "rclone": (count, (("rclone", "sync", "--transfers", "32", "--fast-list", f"syn:{bucket}",
                            "{folder}"),)),
        "aws": (few, (("aws", "s3", "sync", "--quiet", f"s3://{_site(few)}/", "{folder}"),)),
    }


def _site(count: int) -> str:
    return f"syn-{count}-d100-real1-size{round(STORY_BYTES)}"


def deploying(count: int, _host: str) -> Row:
    """The story's first deployment."""
    count = max(10, count)
    runs: dict[str, Run | str] = {
        name: Run(files, steps, requests={"GET": files}, rounds=1 if name == "aws" else None,
                  fields={"job.done": files, "job.failed": 0} if name == OURS else {})
        for name, (files, steps) in _syncs(count).items()}
    return Row("deploy", "bring a tree of 34 KB files into an empty directory", "file",
               {**runs, "s4cmd": "it downloads as s3transfer does and is left out"}, target=1.0)


def deployed(count: int, _host: str) -> Row:
    """The story's second deployment, of the same files."""
    count = max(10, count)
    runs: dict[str, Run | str] = {
        name: Run(files, steps, before=steps, rounds=1 if name == "aws" else None,
                  requests={"LIST": -(-files // 1000)} if name == OURS else {},
                  fields={"same": files, "hashed_bytes": 0, "operations": 0} if name == OURS else {})
        for name, (files, steps) in _syncs(count).items()}
    return Row("deployed", "the same once more, when nothing has changed", "file",
               {**runs, "s4cmd": "it downloads as s3transfer does and is left out"}, target=1.0)


KINDS = {
    "download": Kind(downloading(0), 20_000, 2),
    "download-10ms": Kind(downloading(10), 6_000, 1),
    "download-50ms": Kind(downloading(50), 4_000, 1),
    "deploy": Kind(deploying, 14_310, 1),
    "deployed": Kind(deployed, 14_310, 1),
}
