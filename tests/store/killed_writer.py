"""Writers that are killed at any moment, and what must be left of their work.

`python killed_writer.py checkpoint|journal DIRECTORY KILLS SEED` prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from s3console.store.checkpoint import Checkpoint
from s3console.store.journal import Journal


def write_checkpoint(directory: Path, acknowledge: Callable[[int], None]) -> None:
    """Commits of three rows that belong together; each is acknowledged after it."""
    checkpoint = Checkpoint(directory / "checkpoint", reserve=4096)
    number = len(checkpoint.keys("row/"))
    while True:
        with checkpoint.commit() as put:
            put(f"row/{number:06d}", {"number": number})
            put(f"bits/{number:06d}", number.to_bytes(4, "big") * 500)
            put("newest", number)
        acknowledge(number)
        number += 1


def check_checkpoint(directory: Path) -> tuple[int, int]:
    """Complete commits, and rows that are torn or missing among them."""
    if not (directory / "checkpoint").exists():
        return 0, 0
    checkpoint = Checkpoint(directory / "checkpoint", reserve=4096)
    rows, bits = checkpoint.keys("row/"), checkpoint.keys("bits/")
    torn = abs(len(rows) - len(bits)) + (checkpoint.get("newest", -1) != len(rows) - 1)
    for number, key in enumerate(rows):
        torn += checkpoint.get(key) != {"number": number}
        torn += checkpoint.get(f"bits/{number:06d}") != number.to_bytes(4, "big") * 500
    checkpoint.close()
    return len(rows), torn


def write_journal(directory: Path, acknowledge: Callable[[int], None]) -> None:
    """Records, each acknowledged after it."""
    journal = Journal(directory)
    while True:
        record = journal.append("act", key="k\ud800" * 100, by=os.getpid())
        acknowledge(record.number)


def check_journal(directory: Path) -> tuple[int, int]:
    """Records, and problems of the chain; sometimes a line is torn as by a power cut."""
    verdict = Journal(directory).verify()
    tail = [problem for problem in verdict.problems if problem.what == "not a record, or torn"]
    if verdict.records and verdict.records % 3 == 0 and not tail:
        with (directory / "journal.jsonl").open("ab") as file:
            file.write(b'{"v":1,"n":99,"t":"20')
    return verdict.records, len(verdict.problems) - len(tail)


def main() -> None:
    """Kill a writer again and again, checking in between."""
    kind, directory, kills, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    write, check = {
        "checkpoint": (write_checkpoint, check_checkpoint),
        "journal": (write_journal, check_journal),
    }[kind]
    chance = random.Random(seed)
    newest, lost, broken, written = -1, 0, 0, 0
    for turn in range(kills):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            write(directory, lambda number: os.write(writer, number.to_bytes(8, "big")))  # noqa: B023
            os._exit(1)
        os.close(writer)
        if turn % 2:  # the others may be killed before they have written anything
            newest = max(newest, int.from_bytes(os.read(reader, 8), "big"))
        time.sleep(chance.uniform(0.005, 0.12))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while data := os.read(reader, 1 << 16):  # whole numbers: writes this small are never split
            newest = max(newest, int.from_bytes(data[-8:], "big"))
        written, found = check(directory)
        broken += found
        lost += max(0, newest + 1 - written)
        os.close(reader)
    print(json.dumps({"acknowledged": newest + 1, "written": written, "lost": lost, "broken": broken}))


if __name__ == "__main__":
    main()
