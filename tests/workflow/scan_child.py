"""Comparisons in processes of their own that a test may kill. Everything is imported once; each line on
stdin forks a child, whose pid is answered; a second answer says how it ended and what CPU it took."""

from __future__ import annotations

import json
import os
import sys
import time

from s3console.config import load_config
from s3console.core.model import Connection
from s3console.s3.connect import open_reader
from s3console.s3.read import ReadStore
from s3console.s3.transport import Patience
from s3console.workflow.comparing import CompareOptions, Progress, compare
from s3console.workflow.desk import Desk, open_desk, parse_place


class QuickDesk(Desk):
    def reader(self, connection: Connection | None = None) -> ReadStore:
        if not self._readers:
            self._readers[Connection()] = open_reader(self.config.connection, patience=Patience(first=0.01))
        return next(iter(self._readers.values()))


def work(order: dict[str, str]) -> None:
    begun = time.process_time()
    config = load_config({"endpoint_url": order["endpoint"], "state_dir": order["state"]}, {})
    desk = QuickDesk(open_desk(config).home, config)
    with open(order["trace"], "w", buffering=1) as trace:
        def tell(progress: Progress) -> None:
            print(json.dumps([progress.phase, progress.resumed, progress.reached,
                              time.process_time() - begun]), file=trace)
        header = compare(
            desk, parse_place(order["left"], config.left), parse_place(order["right"], config.right),
            CompareOptions(versions=order["versions"] == "yes"), tell,
            save_every=float(order["save_every"]))
        print(json.dumps(["review", header.review, "", time.process_time() - begun]), file=trace)


for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(order)
            code = 0
        finally:
            os._exit(code)
    print(pid, flush=True)
    _, status = os.waitpid(pid, 0)
    print(status, flush=True)
