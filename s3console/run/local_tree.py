"""Files below one directory, reached name by name without ever following a symbolic link.

Only workers write here. Every path is opened from the descriptor of the root (openat), so that whatever
stands or comes to stand on the way, nothing outside the root is touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import ServiceError
from ..core.etags import Cuts, EtagHash
from ..core.keys import printable
from ..core.model import Operation, Ref
from ..core.trees import Standing, local_parts, pack_standing, part_name

LOCAL_DISK = "LocalDisk"
LOCAL_PATH = "LocalPath"
_FOLDERS_KEPT = 256
_READ = 1 << 20
_NOREPLACE = 1
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE}
_SAID = {
    errno.ELOOP: "a symbolic link stands on the way", errno.ENOTDIR: "a file or link stands on the way",
    errno.EISDIR: "a directory stands there", errno.ENOTEMPTY: "a directory stands there",
    errno.EACCES: "no permission", errno.EPERM: "no permission",
    errno.ENAMETOOLONG: "the name is too long for this file system",
}  # fmt: skip
_INSIDE = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Folder:
    """The descriptor of a directory, closed when nobody uses it any more."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)


class Part:
    """A file that is being written under the name of an unfinished download. `size` is what it holds."""

    def __init__(self, folder: _Folder, name: str, descriptor: int) -> None:
        self.folder, self.name = folder, name
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def append(self, data: bytes) -> None:
        """Write at the end."""
        with _Saying(self.name):
            _write(self._descriptor, data)
        self.size += len(data)

    def cut(self, size: int) -> None:
        """Forget what is behind `size`, and go on there."""
        with _Saying(self.name):
            os.ftruncate(self._descriptor, size)
            os.lseek(self._descriptor, size, os.SEEK_SET)
        self.size = size

    def begin(self, kept: int, cuts: Cuts) -> EtagHash:
        """Go on behind the first `kept` bytes; their hash."""
        self.cut(kept)
        return self.hashed(cuts)

    def hashed(self, cuts: Cuts) -> EtagHash:
        """The hash of everything in it."""
        found, at = EtagHash(cuts), 0
        with _Saying(self.name):
            while at < self.size and (block := os.pread(self._descriptor, min(_READ, self.size - at), at)):
                found.update(block)
                at += len(block)
        return found

    def finish(self, modified: int) -> Standing:
        """Give it its time; what stands then."""
        return _finished(self._descriptor, modified)

    def close(self) -> None:
        """Let go of the file; what was written stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Tree:
    """One root directory. Safe to use from several threads for different files.

    Raises `ServiceError` with the code `LocalDisk` when the disk cannot take more, `LocalPath` when this
    one path cannot be written, `PreconditionFailed` (412) when something else stands there than expected.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        with _Saying(root):
            Path(root).mkdir(parents=True, exist_ok=True)
            self._root = _Folder(os.open(root, _INSIDE))
        self._folders: dict[tuple[str, ...], _Folder] = {}

    def sync(self) -> None:
        """Make everything that was written durable."""
        with _Saying(self.root):
            if _syncfs(self._root.descriptor):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def _folder(self, names: tuple[str, ...], *, make: bool) -> _Folder:
        known = self._folders.get(names) if names else self._root
        # Another worker removes directories that its deletes left empty; such a one has no link any more.
        if known is not None and (not names or os.fstat(known.descriptor).st_nlink):
            return known
        above = self._folder(names[:-1], make=make)
        while True:
            try:
                found = _Folder(os.open(names[-1], _INSIDE, dir_fd=above.descriptor))
                break
            except FileNotFoundError:
                if not make:
                    raise
                try:
                    os.mkdir(names[-1], dir_fd=above.descriptor)
                except FileExistsError:
                    continue
        if len(self._folders) >= _FOLDERS_KEPT:
            self._folders.clear()
        self._folders[names] = found
        return found

    def _opened(self, key: str, act: Callable[[_Folder], int]) -> tuple[_Folder, str, int]:
        """The directory of a key, its last name, and what `act` opens there, as often as a delete that left
        the directory empty removes it before there is a file in it."""
        for _ in range(20):
            with contextlib.suppress(FileNotFoundError):
                folder, leaf = self._way(key, make=True)
                return folder, leaf, act(folder)
        folder, leaf = self._way(key, make=True)
        return folder, leaf, act(folder)

    def place(self, key: str, data: bytes, modified: int, expect: str, name: str) -> Standing:
        """Write a whole file beside its place and rename it there."""
        with _Saying(key):
            folder, leaf, descriptor = self._opened(key, lambda there: _fresh(there, name))
            try:
                _write(descriptor, data)
                found = _finished(descriptor, modified)
            finally:
                os.close(descriptor)
            self._rename(folder, name, leaf, expect)
            return found

    def part(self, key: str, name: str) -> Part:
        """The unfinished file of a download, new or as an earlier run left it."""
        with _Saying(key):
            def began(there: _Folder) -> int:
                descriptor = _ours(there, name)
                return descriptor if descriptor >= 0 else _fresh(there, name)

            folder, _, descriptor = self._opened(key, began)
            return Part(folder, name, descriptor)

    def place_part(self, key: str, part: Part, modified: int, expect: str) -> Standing:
        """Rename a finished part to its place."""
        with _Saying(key):
            found = part.finish(modified)
            self._rename(part.folder, part.name, key.rpartition("/")[2], expect)
            return found

    def standing(self, key: str) -> Standing | None:
        """What stands at a path now; None for nothing, ServiceError for anything but a file."""
        with _Saying(key):
            try:
                folder, leaf = self._way(key, make=False)
            except FileNotFoundError:
                return None
            return _standing(folder, leaf)

    def etag(self, key: str, cuts: Cuts) -> str:
        """The ETag of a file that stands there, "" when it goes away or changes meanwhile."""
        with _Saying(key):
            folder, leaf = self._way(key, make=False)
            descriptor = os.open(leaf, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                                 dir_fd=folder.descriptor)  # fmt: skip
            try:
                found, before = EtagHash(cuts), _of(os.fstat(descriptor))
                while block := os.read(descriptor, _READ):
                    found.update(block)
                return found.etag() if _of(os.fstat(descriptor)) == before else ""
            finally:
                os.close(descriptor)

    def unlink(self, target: Ref) -> bool:
        """Remove the file of a target, and the directories left empty; False when it is gone already."""
        with _Saying(target.key):
            try:
                folder, leaf = self._way(target.key, make=False)
                found = _standing(folder, leaf)
            except FileNotFoundError:
                return False
            if found is None:
                return False
            if pack_standing(found) != target.version_id:
                raise _changed("the file is not the one that was reviewed")
            os.unlink(leaf, dir_fd=folder.descriptor)
            self._remove_emptied(tuple(local_parts(target.key)[:-1]), folder)
            return True

    def _remove_emptied(self, names: tuple[str, ...], folder: _Folder) -> None:
        # From the directory of a file that was removed up to the first that holds anything else.
        with contextlib.suppress(OSError):
            while names:
                above = self._folder(names[:-1], make=False)
                now = os.stat(names[-1], dir_fd=above.descriptor, follow_symlinks=False)
                if not os.path.samestat(now, os.fstat(folder.descriptor)):
                    return
                os.rmdir(names[-1], dir_fd=above.descriptor)
                self._folders.pop(names, None)
                names, folder = names[:-1], above

    def _way(self, key: str, *, make: bool) -> tuple[_Folder, str]:
        try:
            *folders, leaf = local_parts(key)
        except ValueError as error:
            raise ServiceError(LOCAL_PATH, 400, str(error), where=printable(key)) from None
        return self._folder(tuple(folders), make=make), leaf

    def _rename(self, folder: _Folder, name: str, leaf: str, expect: str) -> None:
        """Put a finished file in its place, if that holds what is expected; else it is removed again."""
        there = folder.descriptor
        try:
            if expect == "absent":
                if not _rename_new(there, name, leaf):
                    raise _changed("something stands there now")
                return
            found = _standing(folder, leaf)
            if found is None or f"file:{pack_standing(found)}" != expect:
                raise _changed("the file to replace is another")
            os.rename(name, leaf, src_dir_fd=there, dst_dir_fd=there)
        except (OSError, ServiceError):
            os.unlink(name, dir_fd=there)
            raise


def temporary_name(operation: Operation) -> str:
    """The same name for the same operation, so that a later run finds what an earlier one has written."""
    source = operation.source or operation.target
    text = "\0".join((source.bucket, source.key, source.version_id, source.etag))
    return part_name(f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}", operation.index)


def _fresh(folder: _Folder, name: str) -> int:
    """A new file of this name that is ours alone; what a dead process left under it goes."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    for _ in range(2):
        try:
            descriptor = os.open(name, flags, 0o666, dir_fd=folder.descriptor)
        except FileExistsError:
            old = _ours(folder, name)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder.descriptor)
            if old >= 0:
                os.close(old)
            continue
        if _locked(descriptor):
            return descriptor
        os.close(descriptor)
        break
    raise _busy()


def _ours(folder: _Folder, name: str) -> int:
    """The unfinished file of this name, locked; -1 for one that may not be written to: a link, or a file
    with another name. Raises ServiceError while another process writes it."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(name, flags, dir_fd=folder.descriptor)
    except OSError:
        return -1
    facts = os.fstat(descriptor)
    if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1 and facts.st_uid == os.geteuid():
        if not _locked(descriptor):
            os.close(descriptor)
            raise _busy()
        # Whoever had it locked may have given it its final name meanwhile.
        with contextlib.suppress(OSError):
            if os.stat(name, dir_fd=folder.descriptor, follow_symlinks=False).st_ino == facts.st_ino:
                return descriptor
    os.close(descriptor)
    return -1


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Some network file systems have no locks.
        return True
    return True


def _busy() -> ServiceError:
    return ServiceError(LOCAL_PATH, 400, "another process writes this file now")


def _write(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _finished(descriptor: int, modified: int) -> Standing:
    if modified:
        moment = modified * 1_000_000_000
        os.utime(descriptor, ns=(moment, moment))
    return _of(os.fstat(descriptor))


def _of(facts: os.stat_result) -> Standing:
    return Standing(facts.st_size, facts.st_mtime_ns, facts.st_ino)


def _standing(folder: _Folder, leaf: str) -> Standing | None:
    try:
        facts = os.stat(leaf, dir_fd=folder.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        raise ServiceError(LOCAL_PATH, 400, "something that is no file stands there")
    return _of(facts)


def _changed(what: str) -> ServiceError:
    return ServiceError("PreconditionFailed", 412, f"changed since plan: {what}")


def _rename_new(there: int, name: str, leaf: str) -> bool:
    """Rename where nothing stands; False when something does."""
    if not _renameat2(there, os.fsencode(name), there, os.fsencode(leaf), _NOREPLACE):
        return True
    number = ctypes.get_errno()
    if number == errno.EEXIST:
        return False
    if number not in (errno.ENOSYS, errno.EINVAL):
        raise OSError(number, os.strerror(number))
    # The file system cannot do both at once: an instant stays between look and rename.
    try:
        os.stat(leaf, dir_fd=there, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(name, leaf, src_dir_fd=there, dst_dir_fd=there)
        return True
    return False


def _nowhere(*_arguments: Any) -> int:
    ctypes.set_errno(errno.ENOSYS)
    return -1


def _of_libc(name: str) -> Callable[..., int]:
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError):
        return _nowhere
    return found


_renameat2 = _of_libc("renameat2")
_syncfs = _of_libc("syncfs")


class _Saying:
    """Around acts on the local disk: turns every OSError into the error that a job judges."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            said = _SAID.get(error.errno or 0, error.strerror or type(error).__name__)
            code = LOCAL_DISK if error.errno in _OF_THE_DISK else LOCAL_PATH
            raise ServiceError(code, 400, said, where=printable(self._key)) from error


__all__ = ["LOCAL_DISK", "LOCAL_PATH", "Part", "Tree", "temporary_name"]
