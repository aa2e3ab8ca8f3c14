"""A process of a job loads without the garbage collector, and works with it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from s3console.run.heap import YOUNG, begin, settle
begin()
loading = gc.isenabled()
settle()
print(loading, gc.isenabled(), gc.get_threshold()[0] == YOUNG, gc.get_freeze_count() > 0)
"""


def test_the_collector_rests_while_modules_are_loaded_and_works_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30,
                          check=True)
    assert done.stdout.split() == ["False", "True", "True", "True"]
