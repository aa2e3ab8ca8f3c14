"""What a job has done so far, durable: diskcache, made safe.

diskcache alone pickles values, follows file names found in its database (CVE-2025-69872), evicts
rows at 1 GiB and fsyncs neither its commits nor its value files. `Checkpoint` uses it so that none
of that can happen: values are bytes inside SQLite, WAL with FULL sync, no eviction, one thread of
one process, the file checked before it is used, every value bound to its key and digested.

This is the only module that imports diskcache.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import diskcache
from diskcache.core import MODE_RAW

from ..core.errors import DamagedState, DiskFull, NewerState, NotReachable, Refused, S3ConsoleError
from ..core.keys import printable
from .home import check_private, damaged, disk, now, stamp, sync_directory, write_all
from .lock import OwnerLock
from .safedisk import Expected, check_database, check_file, schema_of

SCHEMA = 1
MAX_VALUE = 64 * 1024 * 1024
RESERVE = 8 * 1024 * 1024
META = "meta"

SETTINGS: dict[str, int | str] = {
    "eviction_policy": "none",
    "cull_limit": 0,
    "size_limit": 2**62,
    "statistics": 0,
    "tag_index": 0,
    "sqlite_journal_mode": "wal",
    "sqlite_synchronous": 2,  # FULL: the WAL is fsynced at each commit
    "sqlite_auto_vacuum": 0,
    "sqlite_cache_size": 2**13,
    "sqlite_mmap_size": 0,  # no SIGBUS when the file is truncated under us
    "disk_min_file_size": 2**62,  # value files are never fsynced, so there are none
    "disk_pickle_protocol": 0,
}
_NUMBERS = frozenset(("count", "size", "hits", "misses"))  # kept by diskcache itself beside the settings
_NO_ROOM = {sqlite3.SQLITE_FULL, 778, 1034, 1290, 1546}  # FULL, IOERR_WRITE, _FSYNC, _DIR_FSYNC, _TRUNCATE

Value = Any
"""JSON values (objects with text keys, lists, text, numbers, true, false, null) or bytes."""


class SafeDisk(diskcache.Disk):  # type: ignore[misc]
    """A diskcache Disk that only knows text keys and digested bytes: no pickle, no files."""

    def put(self, key: Any) -> tuple[str, bool]:
        if type(key) is not str:
            raise TypeError("checkpoint keys are text")
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        if raw != 1 or type(key) is not str:
            raise _foreign("a key")
        return key

    def store(self, value: Any, read: Any, key: Any = diskcache.UNKNOWN) -> tuple[int, int, None, bytes]:
        if read or type(value) is not bytes:
            raise TypeError("checkpoint values are bytes")
        return 0, MODE_RAW, None, _digest(value) + value

    def fetch(self, mode: Any, filename: Any, value: Any, read: Any) -> bytes:
        if mode != MODE_RAW or filename is not None or read or type(value) is not bytes:
            raise _foreign("a value")
        # SQLite does not checksum its pages: a flipped bit would otherwise be a wrong answer.
        if _digest(value[8:]) != value[:8]:
            raise damaged("checkpoint", "a value of the checkpoint is damaged")
        return value[8:]

    def filename(self, key: Any = diskcache.UNKNOWN, value: Any = diskcache.UNKNOWN) -> Any:
        raise _foreign("a file name")

    def remove(self, file_path: Any) -> None:
        # diskcache removes whatever the filename column of a replaced row says.
        if file_path is not None:
            raise _foreign("a file name")


class Checkpoint:
    """The durable record of one job. Opened by one process, used by the thread that opened it.

    Raises at open: Busy (another process has it; the sentence names its id), NewerState,
    DamagedState, Refused (unsafe owner, mode or link), DiskFull, NotReachable.
    """

    def __init__(self, directory: Path, *, reserve: int = RESERVE) -> None:
        directory = Path(os.path.abspath(directory))  # noqa: PTH100 - links must be seen, not followed
        self._directory = directory
        self._reserve = reserve
        self._committing = False
        self._cache: Any = None
        self._owner = (os.getpid(), threading.get_ident())
        with disk(directory):
            directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = OwnerLock(directory.with_name(directory.name + ".lock"), "checkpoint of this job")
        self._lock.acquire()
        try:
            with disk(directory), self._database():
                if not os.path.lexists(directory):
                    _build(directory)
                self._open()
                self._keep_reserve()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        path = self._directory / "cache.db"
        check_private(self._directory)
        check_file(path)
        check_database(path, _expected())
        self._cache = _cache(self._directory)
        meta = self.get(META)
        if not isinstance(meta, dict) or type(meta.get("schema")) is not int or meta["schema"] < 1:
            raise damaged(self._directory, "the checkpoint has no schema number")
        if meta["schema"] > SCHEMA:
            raise NewerState(
                f"the checkpoint has schema {meta['schema']}, this s3console knows {SCHEMA}",
                where=printable(str(self._directory)),
                next_step="Use the newer s3console that wrote it",
            )

    def get(self, key: str, default: Value = None) -> Value:
        """The value last committed for `key`. Raises DamagedState when the row cannot be trusted."""
        self._check_owner()
        with self._database():
            stored = self._cache.get(key, default=None, retry=False)
        return default if stored is None else _decode(key, stored)

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that begin with `prefix`, in order of their UTF-8 bytes."""
        self._check_owner()
        with self._database():
            # Not Cache.iterkeys(), whose time grows with the square of the number of keys.
            rows = self._cache._sql(
                "SELECT key FROM Cache WHERE key >= ? AND key < ? ORDER BY key",
                (prefix, prefix + "\U0010ffff"),
            ).fetchall()
        return [key for (key,) in rows if key != META]

    @contextlib.contextmanager
    def commit(self) -> Iterator[Callable[[str, Value], None]]:
        """`with checkpoint.commit() as put: put(key, value)`: all of it is durable at the end, or none.

        Synchronous; nothing may be awaited inside. When the disk is full it raises DiskFull, nothing
        of this commit is kept, and the reserve beside the database is given back to the disk, so
        that one more commit can say where the work stopped.
        """
        self._check_owner()
        if self._committing:
            raise RuntimeError("a commit inside a commit")
        self._committing = True
        try:
            with self._database(), self._cache.transact(retry=False):
                yield self._put
        except DiskFull:
            self._release_reserve()
            raise
        finally:
            self._committing = False
            self._abandon()

    def _put(self, key: str, value: Value) -> None:
        if not self._committing:
            raise RuntimeError("put() outside of its commit")
        if key == META:
            raise ValueError("this key belongs to the checkpoint itself")
        with self._database():
            self._cache.set(key, _encode(key, value), retry=False)

    def close(self) -> None:
        """Close the database and give the lock back. Safe to call twice."""
        if self._cache is not None:
            self._cache.close()
            self._cache = None
            self._release_reserve()
        self._lock.release()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_owner(self) -> None:
        if self._cache is None:
            raise RuntimeError("the checkpoint is closed")
        if (os.getpid(), threading.get_ident()) != self._owner:
            raise RuntimeError("only the thread that opened the checkpoint may use it")

    @contextlib.contextmanager
    def _database(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, diskcache.Timeout) as error:
            raise _database_error(error, self._directory) from error
        except UnicodeEncodeError as error:
            raise ValueError("checkpoint keys are text that UTF-8 can hold") from error

    def _abandon(self) -> None:
        """After a failed COMMIT SQLite has rolled back some transactions itself and left others open."""
        connection = self._cache._con
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")

    def _keep_reserve(self) -> None:
        path = self._directory / "reserve"
        if os.path.lexists(path) and path.lstat().st_size == self._reserve:
            return
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            block = bytes(1 << 16)
            for start in range(0, self._reserve, len(block)):
                write_all(descriptor, block[: self._reserve - start])
            os.fsync(descriptor)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    def _release_reserve(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self._directory / "reserve").unlink()


def _cache(directory: Path, **changes: int | str) -> Any:
    text = str(directory)
    if os.path.expandvars(os.path.expanduser(text)) != text:  # noqa: PTH111 - what diskcache does to it
        raise Refused(
            "the path of the state directory holds a “$” name that would be replaced",
            where=printable(text),
            next_step="Choose another with --state-dir",
        )
    cache = diskcache.Cache.__new__(diskcache.Cache)
    try:
        cache.__init__(text, timeout=10, disk=SafeDisk, **{**SETTINGS, **changes})
    except BaseException:
        # Not left to the garbage collector: another try in this process must be the only connection.
        with contextlib.suppress(AttributeError, sqlite3.Error):
            cache.close()
        raise
    return cache


def _build(directory: Path) -> None:
    """Make an empty checkpoint aside and rename it, so that half a schema never has this name."""
    aside = directory.with_name(f".new-{directory.name}")
    if os.path.lexists(aside):
        shutil.rmtree(aside)
    aside.mkdir(mode=0o700)
    path = aside / "cache.db"
    # SQLite gives -wal and -shm the mode of the database, so it must be private from its first byte.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    cache = _cache(aside, sqlite_synchronous=1)
    try:
        cache.reset("sqlite_synchronous", SETTINGS["sqlite_synchronous"])
        cache.set(META, _encode(META, {"schema": SCHEMA, "created": stamp(now())}), retry=False)
    finally:
        cache.close()
    for name in (path, aside):  # no connection is open, so closing these drops no lock of SQLite
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        os.fsync(descriptor)
        os.close(descriptor)
    aside.rename(directory)
    sync_directory(directory.parent)


@functools.cache
def _expected() -> Expected:
    """Schema and settings as the installed diskcache writes them, read from a fresh one."""
    with tempfile.TemporaryDirectory(prefix="s3console-") as aside:
        cache = _cache(Path(aside), sqlite_synchronous=0)
        try:
            return Expected(schema_of(cache._con), SETTINGS, _NUMBERS)
        finally:
            cache.close()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).digest()


def _encode(key: str, value: Value) -> bytes:
    """Type, length of the key, key, payload: a row moved to another key is noticed."""
    if type(value) is bytes:
        kind, payload = b"B", value
    else:
        kind = b"J"
        payload = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")
    if len(payload) > MAX_VALUE:
        raise ValueError("a checkpoint value is larger than 64 MiB")
    name = key.encode()
    return kind + len(name).to_bytes(4, "big") + name + payload


def _decode(key: str, stored: bytes) -> Value:
    length = int.from_bytes(stored[1:5], "big")
    if stored[5 : 5 + length] != key.encode():
        raise damaged("checkpoint", "a row of the checkpoint answers for another key")
    payload = stored[5 + length :]
    if stored[:1] == b"B":
        return payload
    if stored[:1] == b"J":
        return json.loads(payload)
    raise _foreign("a value")


def _foreign(what: str) -> DamagedState:
    return damaged("checkpoint", f"the checkpoint holds {what} that s3console did not write")


def _database_error(error: BaseException, directory: Path) -> S3ConsoleError:
    where = printable(str(directory))
    codes = set()
    seen: BaseException | None = error
    while seen is not None:
        codes.add(getattr(seen, "sqlite_errorcode", None))
        seen = seen.__context__
    if codes & _NO_ROOM:
        return DiskFull(
            "the checkpoint cannot be written: the disk is full, over quota or failing",
            where=where,
            next_step="Free some space and resume the job; nothing acknowledged is lost",
        )
    if codes & {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return damaged(directory, "the checkpoint is damaged")
    return NotReachable(
        f"the checkpoint cannot be used ({error or 'not writable now'})",
        where=where,
        next_step="Check that its disk is writable and no other program has it open",
    )
