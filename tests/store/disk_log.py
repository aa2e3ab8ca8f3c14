"""A log of everything that is written, synced, renamed and removed, and the disk after a power cut.

`Recorder` sees the system calls of the store's own code through the functions of `os`, and those of
SQLite through a VFS of its own that stands before the one of the system. `Disk` plays a prefix of the
log: what was not synced is kept, lost, or torn.
"""

from __future__ import annotations

import ctypes
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Fate = Literal["kept", "lost", "torn"]
SECTOR = 512
_MADE_BY_SQLITE = 0x00080000 | 0x00000800 | 0x00004000
"""SQLITE_OPEN_WAL, MAIN_JOURNAL, SUPER_JOURNAL: their first sync syncs the directory as well (os_unix.c)."""

_P, _I, _L = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64


class _Vfs(ctypes.Structure):
    """sqlite3_vfs up to what is replaced here (sqlite3.h)."""

    _fields_ = [("iVersion", _I), ("szOsFile", _I), ("mxPathname", _I), ("pNext", _P),
                ("zName", ctypes.c_char_p), ("pAppData", _P), ("xOpen", _P), ("xDelete", _P),
                ("rest", _P * 14)]


class _Methods(ctypes.Structure):
    """sqlite3_io_methods (sqlite3.h)."""

    _fields_ = [("iVersion", _I), ("xClose", _P), ("xRead", _P), ("xWrite", _P), ("xTruncate", _P),
                ("xSync", _P), ("rest", _P * 13)]


_OPEN = ctypes.CFUNCTYPE(_I, _P, _P, _P, _I, _P)
_DELETE = ctypes.CFUNCTYPE(_I, _P, ctypes.c_char_p, _I)
_CLOSE = ctypes.CFUNCTYPE(_I, _P)
_WRITE = ctypes.CFUNCTYPE(_I, _P, _P, _I, _L)
_TRUNCATE = ctypes.CFUNCTYPE(_I, _P, _L)
_SYNC = ctypes.CFUNCTYPE(_I, _P, _I)


@dataclass
class Log:
    """Events in order: (what, file or path, ...). A file is a number, since names change."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    serial: int = 0

    def add(self, *event: Any) -> None:
        self.events.append(event)

    def acknowledge(self, what: str, number: int) -> None:
        """What the store has promised to keep from here on."""
        self.add("ack", what, number)

    def file(self, path: str) -> int:
        """The number of the file of this name; a name that is new makes one."""
        if path not in self.names:
            self.serial += 1
            self.names[path] = self.serial
            self.add("create", path, self.serial)
        return self.names[path]

    def moved(self, old: str, new: str) -> None:
        for name in [n for n in self.names if n == old or n.startswith(old + "/")]:
            self.names[new + name[len(old):]] = self.names.pop(name)
        self.add("rename", old, new)

    def gone(self, path: str) -> None:
        if self.names.pop(path, None) is not None:
            self.add("unlink", path)


class Recorder:
    """Records below `root` while it is entered."""

    def __init__(self, root: Path, monkeypatch: Any) -> None:
        self.log = Log()
        self._root = str(root)
        self._patch = monkeypatch
        self._descriptors: dict[int, str] = {}
        self._kept: list[Any] = []
        self._files: dict[int, tuple[int, str]] = {}

    def _below(self, path: Any, dir_fd: int | None = None) -> str | None:
        text = os.fsdecode(path)
        if dir_fd is not None and not text.startswith("/"):
            text = f"{os.readlink(f'/proc/self/fd/{dir_fd}')}/{text}"
        return text if text.startswith(self._root) else None

    @contextmanager
    def recording(self) -> Iterator[Log]:
        """Record; the functions of `os` are put back at the end."""
        with self._patch.context() as patch:
            self._wrap_os(patch)
            with self._sqlite():
                yield self.log

    def _wrap_os(self, patch: Any) -> None:  # noqa: C901 - one small function for each call
        real = {name: getattr(os, name) for name in (
            "open", "write", "fsync", "rename", "replace", "link", "unlink", "remove", "mkdir", "close",
            "ftruncate", "lseek")}

        def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
            descriptor: int = real["open"](path, flags, *more, **named)
            below = self._below(path, named.get("dir_fd"))
            if below is not None:
                self._descriptors[descriptor] = below
                if flags & os.O_CREAT:
                    self.log.file(below)
            return descriptor

        def write(descriptor: int, data: Any) -> int:
            path = self._descriptors.get(descriptor)
            at = os.fstat(descriptor).st_size if path else 0
            if path and not _appends(descriptor):
                at = real["lseek"](descriptor, 0, os.SEEK_CUR)
            count: int = real["write"](descriptor, data)
            if path:
                self.log.add("write", self.log.file(path), at, bytes(data[:count]))
            return count

        def fsync(descriptor: Any) -> None:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            real["fsync"](number)
            path = self._descriptors.get(number)
            if path is not None:
                self.log.add(*(("syncdir", path) if os.path.isdir(path) else ("sync", self.log.file(path))))

        def close(descriptor: int) -> None:
            self._descriptors.pop(descriptor, None)
            real["close"](descriptor)

        def moved(name: str) -> Callable[..., None]:
            def act(old: Any, new: Any, **named: Any) -> None:
                real[name](old, new, **named)
                if self._below(new) is not None:
                    self.log.moved(str(self._below(old)), str(self._below(new)))
            return act

        def link(old: Any, new: Any, **named: Any) -> None:
            real["link"](old, new, **named)
            if self._below(new) is not None:
                self.log.names[str(new)] = self.log.names[str(old)]
                self.log.add("link", str(old), str(new))

        def removed(name: str) -> Callable[..., None]:
            def act(path: Any, **named: Any) -> None:
                below = self._below(path, named.get("dir_fd"))
                real[name](path, **named)
                if below is not None:
                    self.log.gone(below)
            return act

        def mkdir(path: Any, *more: Any, **named: Any) -> None:
            real["mkdir"](path, *more, **named)
            if self._below(path) is not None:
                self.log.add("mkdir", str(path))

        for name, act in (("open", opened), ("write", write), ("fsync", fsync), ("close", close),
                          ("rename", moved("rename")), ("replace", moved("replace")), ("link", link),
                          ("unlink", removed("unlink")), ("remove", removed("remove")), ("mkdir", mkdir)):
            patch.setattr(os, name, act)

    @contextmanager
    def _sqlite(self) -> Iterator[None]:
        """A VFS before the default one; raises OSError where SQLite is not a shared library."""
        library = ctypes.CDLL("libsqlite3.so.0")
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        system = library.sqlite3_vfs_find(None)
        shim = _Vfs.from_buffer_copy(system.contents)
        shim.zName, shim.pNext = b"recorded", None
        open_file, delete_file = _OPEN(system.contents.xOpen), _DELETE(system.contents.xDelete)

        def opened(vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
            # The name goes on as a pointer: SQLite keeps it, and makes the name of the -shm file from it.
            path = self._below(ctypes.string_at(name)) if name else None
            fresh = path is not None and not os.path.exists(path)
            code: int = open_file(ctypes.addressof(system.contents), name, file, flags, out)
            if not code and path is not None:
                if fresh:
                    self.log.file(path)
                self._adopt(file, path, named=fresh and bool(flags & _MADE_BY_SQLITE))
            return code

        def deleted(vfs: int, name: bytes, sync: int) -> int:
            code: int = delete_file(ctypes.addressof(system.contents), name, sync)
            path = self._below(name)
            if not code and path is not None:
                self.log.gone(path)
                if sync:
                    self.log.add("syncdir", os.path.dirname(path))
            return code

        callbacks = _OPEN(opened), _DELETE(deleted)
        shim.xOpen, shim.xDelete = (ctypes.cast(one, _P).value for one in callbacks)
        library.sqlite3_vfs_register(ctypes.byref(shim), 1)
        self._kept += [shim, callbacks]
        try:
            yield
        finally:
            library.sqlite3_vfs_unregister(ctypes.byref(shim))
            library.sqlite3_vfs_register(system, 1)

    def _adopt(self, file: int, path: str, *, named: bool) -> None:
        """Put our methods in the place of those of an open file."""
        cell = ctypes.c_void_p.from_address(file)
        assert cell.value is not None
        old = _Methods.from_address(cell.value)
        methods = _Methods.from_buffer_copy(old)
        real_write, real_cut, real_sync = _WRITE(old.xWrite), _TRUNCATE(old.xTruncate), _SYNC(old.xSync)
        number, first = self.log.file(path), [named]

        def write(handle: int, data: int, amount: int, offset: int) -> int:
            code: int = real_write(handle, data, amount, offset)
            self.log.add("write", number, offset, ctypes.string_at(data, amount))
            return code

        def cut(handle: int, size: int) -> int:
            code: int = real_cut(handle, size)
            self.log.add("truncate", number, size)
            return code

        def sync(handle: int, flags: int) -> int:
            code: int = real_sync(handle, flags)
            self.log.add("sync", number)
            if first[0]:
                first[0] = False
                self.log.add("syncdir", os.path.dirname(path))
            return code

        callbacks = _WRITE(write), _TRUNCATE(cut), _SYNC(sync)
        methods.xWrite, methods.xTruncate, methods.xSync = (ctypes.cast(c, _P).value for c in callbacks)
        self._kept += [methods, callbacks]
        cell.value = ctypes.addressof(methods)


def _appends(descriptor: int) -> bool:
    import fcntl

    return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND)


class Disk:
    """What is on the disk after the first events of a log and a power cut.

    Data of a file that was not synced, and names in a directory that was not synced, are `kept`, `lost`,
    or `torn`: a random part of the names in their order, a random choice of the sectors.
    """

    def __init__(self, fate: Fate, seed: int = 0) -> None:
        self._fate, self._random = fate, random.Random(seed)
        self._durable: dict[int, bytearray] = {}
        self._waiting: dict[int, list[tuple[Any, ...]]] = {}
        self._names: list[tuple[Any, ...]] = []
        self.acknowledged: dict[str, int] = {}

    def play(self, event: tuple[Any, ...]) -> None:
        """Take one event in."""
        what, *rest = event
        if what == "ack":
            self.acknowledged[rest[0]] = rest[1]
        elif what in ("write", "truncate"):
            self._waiting.setdefault(rest[0], []).append(event)
        elif what == "sync":
            self._settle(rest[0])
        elif what == "syncdir":
            self._names = [(*e[:-1], True) if _folder_of(e) == rest[0] else e for e in self._names]
        else:
            self._names.append((*event, False))

    def _settle(self, number: int) -> None:
        content = self._durable.setdefault(number, bytearray())
        for event in self._waiting.pop(number, []):
            _apply(content, event)

    def write_to(self, root: Path, old: str) -> None:
        """Put the files below `root`; `old` is where they were recorded."""
        held: dict[str, int | None] = {}
        for event in self._surviving():
            _rename(held, event)
        for path in sorted(held):
            if (number := held[path]) is None:
                (root / os.path.relpath(path, old)).mkdir(mode=0o700, parents=True, exist_ok=True)
        written: dict[int, Path] = {}
        for path, number in sorted(held.items()):
            if number is None:
                continue
            place = root / os.path.relpath(path, old)
            if not place.parent.is_dir():
                continue
            if number in written:
                place.hardlink_to(written[number])
                continue
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(descriptor, self._content(number))
            os.close(descriptor)
            written[number] = place

    def _surviving(self) -> list[tuple[Any, ...]]:
        """The changes of names that reached the disk: a journalling file system keeps their order."""
        last = max((at for at, e in enumerate(self._names, 1) if e[-1]), default=0)
        if self._fate == "kept":
            last = len(self._names)
        elif self._fate == "torn":
            last = self._random.randint(last, len(self._names))
        return self._names[:last]

    def _content(self, number: int) -> bytes:
        content = bytearray(self._durable.get(number, b""))
        for event in self._waiting.get(number, []):
            if self._fate == "kept":
                _apply(content, event)
            elif self._fate == "torn" and event[0] == "write":
                _, _, offset, data = event
                for start in range(0, len(data), SECTOR):
                    if self._random.random() < 0.5:
                        _apply(content, ("write", number, offset + start, data[start:start + SECTOR]))
        return bytes(content)


def _apply(content: bytearray, event: tuple[Any, ...]) -> None:
    if event[0] == "truncate":
        del content[event[2]:]
        return
    _, _, offset, data = event
    content.extend(bytes(max(0, offset - len(content))))
    content[offset:offset + len(data)] = data


def _folder_of(event: tuple[Any, ...]) -> str:
    return os.path.dirname(event[2] if event[0] in ("rename", "link") else event[1])


def _rename(held: dict[str, int | None], event: tuple[Any, ...]) -> None:
    what, first, *rest = event
    if what == "mkdir":
        held[first] = None
    elif what == "create":
        held[first] = rest[0]
    elif what == "unlink":
        held.pop(first, None)
    elif what == "link":
        held[rest[0]] = held[first]
    elif what == "rename":
        for name in [n for n in held if n == first or n.startswith(first + "/")]:
            held[rest[0] + name[len(first):]] = held.pop(name)


__all__ = ["Disk", "Fate", "Log", "Recorder"]
