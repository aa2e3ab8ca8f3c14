"""Run s3console with every thread profiled by CPU time: bench_profile.py OUT WORD..."""

from __future__ import annotations

import cProfile
import pstats
import sys
import threading
import time
from collections.abc import Callable

_taken: list[cProfile.Profile] = []


def _profiled(work: Callable[[], object]) -> Callable[[], object]:
    def run(*_: object) -> object:
        profile = cProfile.Profile(timer=time.thread_time)
        _taken.append(profile)
        try:
            return profile.runcall(work)
        finally:
            profile.disable()
    return run


def main(out: str, words: list[str]) -> int:
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        thread.run = _profiled(thread.run)  # type: ignore[method-assign]
        start(thread)

    threading.Thread.start = started  # type: ignore[method-assign]
    from s3console.cli.main import main as s3console

    code = _profiled(lambda: s3console(words))()
    stats = pstats.Stats(_taken[0])
    for one in _taken[1:]:
        stats.add(one)
    stats.dump_stats(out)
    return int(code) if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
