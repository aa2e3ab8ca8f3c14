"""How Parquet files of the state directory are opened, written and mistrusted."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .home import damaged, disk_error


def create_file(path: Path) -> BinaryIO:
    """A new private file; never an existing one. Errors of the disk come out of it with their errno."""
    return os.fdopen(
        os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600),
        "w+b",
        buffering=1 << 18,
    )


def open_parquet(path: Path) -> Any:
    """A `pyarrow.parquet.ParquetFile` with flat memory. Raises DamagedState, NotReachable.

    `pre_buffer=True`, the default of pyarrow, keeps every chunk it ever read.
    """
    # Dear to import, and not needed by those who only read the head of a plan.
    import pyarrow as pa
    import pyarrow.parquet as pq

    with reading(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        file = os.fdopen(descriptor, "rb")
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise damaged(path, "a name in the state directory is not a file")
            return pq.ParquetFile(pa.PythonFile(file, mode="r"), pre_buffer=False)
        except BaseException:
            file.close()
            raise


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Around every read of a file by pyarrow: what it raises becomes DamagedState or NotReachable."""
    try:
        yield
    except Exception as error:
        if any(kind.__module__.startswith("pyarrow") for kind in type(error).__mro__):
            raise damaged(path, f"the file is damaged ({type(error).__name__})") from error
        if not isinstance(error, OSError):
            raise
        if error.errno is None:  # pyarrow raises OSError for damaged pages
            raise damaged(path, "the file is damaged") from error
        raise disk_error(error, path) from error
