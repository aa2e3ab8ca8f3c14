"""The console on a pty: key to paint while workers run, lists without an end, memory, the first frame.

    python tests/bench/bench_ui.py --write [--findings 10000000] [--keys 100000000] [--presses 150]

A press counts from the byte written to the pty until the text that it leads to was read back; Textual
paints at most 60 times a second, so about 16 ms is the least. The workers are processes that compute all
the time at the priority of ours, which is more than eight real ones do. Prints one JSON object a line; with
--write it also writes RESULTS_UI.md beside it. Bytecode is kept in a directory of the bench, as an installed
program has it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench_review import make
from bench_servers import synthetic
from bench_ui_report import write
from ui.pty_app import PtyApp

from s3console.core.model import Operation, Place, Ref
from s3console.run.duty import PUBLISH_EVERY
from s3console.run.runner import NICE
from s3console.store.home import Home
from s3console.store.jobs import JobFolder, JobLock, create_job, read_status, write_status
from s3console.store.plan_writer import PlanWriter

DOWN, PAGE_DOWN = "j", "\x1b[6~"
PATIENCE = 30.0
FOUND: dict[str, dict[str, object]] = {}
BARE = """from textual.app import App
from textual.widgets import Static
class Bare(App[None]):
    def compose(self):
        yield Static("Journal")
Bare().run()
"""
"""The smallest program that Textual can show."""
WORK = f"import os\nos.nice({NICE})\nn = 0\nwhile os.getppid() == %d:\n    n = n * 31 %% 1000003 + 1\n"


@contextmanager
def busy(workers: int) -> Iterator[None]:
    """So many processes that compute."""
    code = WORK % os.getpid()
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(workers)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def seen_after(app: PtyApp, keys: str, wanted: str, timeout: float = PATIENCE) -> float:
    """Seconds from a key until a pattern was drawn after it."""
    mark = len(app.buf)
    begun = time.perf_counter()
    app.send(keys)
    pattern = re.compile(wanted.encode())
    while not pattern.search(app.buf, mark):
        if app.read(0.5) is None or time.perf_counter() - begun > timeout:
            raise SystemExit(f"after {keys!r} never came {wanted}; the end is {bytes(app.buf[-800:])!r}")
    return time.perf_counter() - begun


def presses(app: PtyApp, key: str, positions: Sequence[int]) -> dict[str, object]:
    """The same key again and again, each until its position was drawn, at about the pace of a held key."""
    before, written, times = app.cpu_seconds(), len(app.buf), []
    for position in positions:
        times.append(seen_after(app, key, rf"[ ─]{position:,} of "))
        app.quiet(0.03, timeout=0.1)
    times.sort()
    return {"presses": len(times), "p50_ms": round(times[len(times) // 2] * 1000, 1),
            "p99_ms": round(times[min(len(times) - 1, len(times) * 99 // 100)] * 1000, 1),
            "cpu_ms_each": round((app.cpu_seconds() - before) / len(times) * 1000, 1),
            "bytes_each": (len(app.buf) - written) // len(times),
            "rss_mib": round(app.rss_mib())}


def say(scenario: str, **facts: object) -> None:
    FOUND[scenario] = facts
    sys.stdout.write(json.dumps({"scenario": scenario, **facts}) + "\n")
    sys.stdout.flush()


def with_bytecode(folder: Path) -> None:
    """Let every program that is started here keep what it compiled."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def console(home: Path, endpoint: str, *words: str) -> PtyApp:
    """The real program on a pty."""
    environ = {"S3CONSOLE_HOME": str(home), "S3CONSOLE_CONFIG": str(home / "none.toml"),
               "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
               "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_S3": endpoint,
               "AWS_CONFIG_FILE": os.devnull, "NO_PROXY": "*"}
    return PtyApp([sys.executable, "-m", "s3console", *words], env=environ)


def close(app: PtyApp) -> None:
    if app.alive():
        os.kill(app.pid, signal.SIGTERM)
        app.wait(timeout=5)


def first_frame(home: Path, endpoint: str) -> None:
    """CPU seconds until the frame is painted, of the console and of the smallest Textual program."""
    best = {"cpu_s": 9.9, "textual_cpu_s": 9.9}
    for turn in range(6):
        for name, app in (("cpu_s", console(home, endpoint)),
                          ("textual_cpu_s", PtyApp([sys.executable, "-c", BARE]))):
            app.until("Journal", timeout=PATIENCE)
            if turn:  # the first one compiles
                best[name] = min(best[name], app.cpu_seconds())
            close(app)
    say("first frame", **{name: round(value, 2) for name, value in best.items()})


@contextmanager
def running_job(home: Home, planned: int) -> Iterator[list[int]]:
    """A job whose snapshots come as often as those of a runner, each with another number."""
    with PlanWriter(home) as writer:
        writer.add([Operation(0, "copy", Ref("right", "right", "key"), Ref("left", "left", "key"))])
        plan = writer.seal(prefix="", left=Place("left"), right=Place("right"), created_by="bench",
                           versioning="Unversioned", requests={}, title="progress")
    folder = JobFolder(home.jobs / create_job(home, plan))
    first = replace(read_status(folder), state="running", planned=planned, rate=1000.0, workers=2)
    ended, lock, told = threading.Event(), JobLock(folder), [0]

    def publish() -> None:
        while not ended.wait(PUBLISH_EVERY):
            told.append(217 * len(told))
            write_status(folder, replace(first, done=told[-1]))

    lock.acquire()
    write_status(folder, first)
    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        yield told
    finally:
        ended.set()
        publisher.join()
        lock.release()


def progress(folder: Path, endpoint: str, workers: int, seconds: float = 10.0) -> None:
    """How often a second the progress of a job is drawn, on its screen and in the strip of another."""
    home, planned = Home.create(folder), 900_000
    shown = re.compile(rb"([\d,]+)(?:\x1b\[[\d;]*m)* / 900,000")
    with running_job(home, planned) as told, busy(workers):
        app = console(home.path, endpoint)
        app.until("/ 900,000", timeout=PATIENCE)
        for screen, key in (("Browse", "1"), ("Queue", "4")):
            app.send(key)
            app.quiet(0.05, timeout=1.5)
            mark, cpu, end, before = len(app.buf), app.cpu_seconds(), time.monotonic() + seconds, len(told)
            while time.monotonic() < end:
                app.read(0.05)
            drawn = len(set(shown.findall(app.buf, mark)))
            say(f"progress on {screen}, {workers} workers",
                told_per_s=round((len(told) - before) / seconds, 1), drawn_per_s=round(drawn / seconds, 1),
                cpu_percent=round((app.cpu_seconds() - cpu) / seconds * 100, 1))
        close(app)


def long_prefix(home: Path, endpoint: str, keys: int, count: int, workers: int) -> None:
    """One flat prefix of so many keys."""
    app = console(home, endpoint, f"s3://syn-{keys}-d1/document000/")
    begun = time.perf_counter()
    app.until("0000000005.jpg", timeout=PATIENCE)
    say("prefix opened", keys=keys, seconds=round(time.perf_counter() - begun, 2))
    app.quiet(0.5)
    say("prefix, while it is listed", **presses(app, DOWN, range(2, 42)))
    app.until("more as you scroll", timeout=60)
    app.quiet(0.5)
    say("prefix, quiet", **presses(app, DOWN, range(42, count + 2)))
    with busy(workers):
        time.sleep(1)
        say(f"prefix, {workers} workers", **presses(app, DOWN, range(count + 2, 2 * count + 2)))
        say(f"prefix, {workers} workers, page down", **pages(app, PAGE_DOWN, 30))
    app.send("p")
    app.quiet(0.5)
    app.send("g")
    app.quiet(0.5)
    say("prefix, with a preview beside it", **presses(app, DOWN, range(2, 42)))
    app.send("p")
    app.quiet(0.5)
    say("prefix, filter of what is loaded", seconds=round(
        seen_after(app, "/", r"/ ") + sum(seen_after(app, letter, letter) for letter in "00123"), 3))
    start = f"{keys - 1:010d}"[:7]
    for letter in "\x15" + start:
        app.send(letter)
        app.quiet(0.05, timeout=0.5)
    say("prefix, jump by a server prefix", seconds=round(seen_after(app, "\r", f"{start}000"), 3),
        rss_mib=round(app.rss_mib()))
    close(app)


def pages(app: PtyApp, key: str, count: int) -> dict[str, object]:
    """A page key: the time until anything was drawn after it."""
    before, written, times = app.cpu_seconds(), len(app.buf), []
    for _ in range(count):
        times.append(seen_after(app, key, r"[\d,]+ of "))
        app.quiet(0.03, timeout=0.15)
    times.sort()
    return {"presses": count, "p50_ms": round(times[count // 2] * 1000, 1),
            "max_ms": round(times[-1] * 1000, 1),
            "cpu_ms_each": round((app.cpu_seconds() - before) / count * 1000, 1),
            "bytes_each": (len(app.buf) - written) // count, "rss_mib": round(app.rss_mib())}


def long_review(home: Path, endpoint: str, findings: int, count: int, workers: int) -> None:
    """A stored review of so many findings."""
    app = console(home, endpoint)
    app.until("Journal", timeout=PATIENCE)
    app.quiet(0.3)
    app.send("2")
    app.quiet(0.5)
    opened = seen_after(app, "\r", r"missing")
    say("review opened", findings=findings, seconds=round(opened, 3))
    app.quiet(0.5)
    seen_after(app, "\t", r"[ ─]1 of ") if b" 1 of " not in app.buf[-6000:] else app.send("\t")
    app.quiet(0.5)
    say("review, quiet", **presses(app, DOWN, range(2, count + 2)))
    with busy(workers):
        time.sleep(1)
        say(f"review, {workers} workers", **presses(app, DOWN, range(count + 2, 2 * count + 2)))
        say(f"review, {workers} workers, page down", **pages(app, PAGE_DOWN, 30))
        say(f"review, {workers} workers, to the end",
            seconds=round(seen_after(app, "G", r"[\d,]{5,} of "), 3))
    say("review, back to the top", seconds=round(seen_after(app, "g", r"[ ─]1 of "), 3),
        rss_mib=round(app.rss_mib()))
    close(app)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("findings", 10_000_000), ("keys", 100_000_000), ("presses", 150), ("workers", 8)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--write", action="store_true", help="write RESULTS_UI.md")
    parser.add_argument("--review-in", type=Path, help="a state directory that holds such a review already")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, synthetic("", 0) as server:
        with_bytecode(Path(folder) / "bytecode")
        before = os.getloadavg()[0]
        home = Home.create(Path(folder) / "home")
        first_frame(home.path, server.endpoint)
        progress(Path(folder) / "jobs", server.endpoint, chosen.workers)
        long_prefix(home.path, server.endpoint, chosen.keys, chosen.presses, chosen.workers)
        if chosen.findings:
            kept = chosen.review_in or home.path
            if not chosen.review_in:
                make(home, chosen.findings, max(20, chosen.findings // 20_000))
            long_review(kept, server.endpoint, chosen.findings, chosen.presses, chosen.workers)
    if chosen.write:
        write(FOUND, findings=chosen.findings, keys=chosen.keys, workers=chosen.workers, before=before)


if __name__ == "__main__":
    main()
