"""The state directory: where it is, who may use it, and how a file in it is written.

Everything s3console keeps lies under one directory (mode 0700, files 0600):

    reviews/<id>/  plans/<digest>/  approvals/  jobs/<id>/  journal/  digests/

Every file carries a `schema` number; a newer one is refused. Writes are temp, fsync, rename.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.errors import (
    DamagedState,
    DiskFull,
    NewerState,
    NotReachable,
    Refused,
    S3ConsoleError,
    UsageError,
)
from ..core.keys import printable

SCHEMA = 1
MAX_JSON = 64 * 1024 * 1024

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Home:
    """The state directory. Make one with `create` or `open`, which check that it is safe to use."""

    path: Path

    @property
    def reviews(self) -> Path:
        return self.path / "reviews"

    @property
    def plans(self) -> Path:
        return self.path / "plans"

    @property
    def approvals(self) -> Path:
        return self.path / "approvals"

    @property
    def jobs(self) -> Path:
        return self.path / "jobs"

    @property
    def journal(self) -> Path:
        """The folder of the journal; `Journal(home.journal)` finds its file in it."""
        return self.path / "journal"

    @property
    def digests(self) -> Path:
        return self.path / "digests"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self.reviews, self.plans, self.approvals, self.jobs, self.journal, self.digests)

    def new_id(self, prefix: str = "") -> str:
        """A new id of this directory, as `new_id` makes it."""
        return new_id(prefix)

    @classmethod
    def create(cls, path: Path) -> Home:
        """Use `path` as state directory, making it when it is not there yet.

        Raises Refused (a link, another owner, open to others, not ours), NewerState, DamagedState,
        NotReachable (no permission) and DiskFull.
        """
        path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow the links refused below
        with disk(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.path.lexists(path):
                with contextlib.suppress(FileExistsError):
                    path.mkdir(mode=0o700)
            _close_if_empty(path)
            check_private(path)
            if not (path / "schema.json").exists():
                if any(not entry.name.startswith(".") for entry in path.iterdir()):
                    raise Refused(
                        "the directory is not empty and was not made by s3console",
                        where=printable(str(path)),
                        next_step="Choose another state directory",
                    )
                write_json(path / "schema.json", {"schema": SCHEMA})
            home = cls(path)
            read_json(path / "schema.json")
            for folder in home.folders:
                folder.mkdir(mode=0o700, exist_ok=True)
                check_private(folder)
        return home

    @classmethod
    def open(cls, path: Path) -> Home:
        """Use an existing state directory. Raises NotReachable when there is none, else as `create`."""
        if not os.path.lexists(path):
            raise NotReachable(
                "there is no state directory",
                where=printable(str(path)),
                next_step="Run a comparison first, or name another with --state-dir",
            )
        return cls.create(path)


def default_home(environ: Mapping[str, str] | None = None) -> Path:
    """The path of the state directory: $S3CONSOLE_HOME, $XDG_STATE_HOME/s3console, ~/.local/state/s3console.

    A relative XDG_STATE_HOME is ignored, as the XDG Base Directory Specification asks.
    """
    environ = os.environ if environ is None else environ
    if chosen := environ.get("S3CONSOLE_HOME"):
        return Path(chosen).expanduser()
    base = environ.get("XDG_STATE_HOME", "")
    if base and Path(base).is_absolute():
        return Path(base) / "s3console"
    user = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return user / ".local" / "state" / "s3console"


def _close_if_empty(path: Path) -> None:
    """An empty directory of ours that was made with the usual mode is closed to others before its use."""
    facts = path.lstat()
    ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()
    if ours and stat.S_IMODE(facts.st_mode) & 0o077 and not any(path.iterdir()):
        path.chmod(0o700)


def check_private(path: Path) -> None:
    """Raise Refused unless `path` is a real directory of ours that nobody else may enter."""
    facts = path.lstat()
    where = printable(str(path))
    if stat.S_ISLNK(facts.st_mode):
        raise Refused(
            "the state directory is a symbolic link",
            where=where,
            next_step="Name the directory it points to instead",
        )
    if not stat.S_ISDIR(facts.st_mode):
        raise Refused(
            "the state directory is not a directory",
            where=where,
            next_step="Choose another path with --state-dir",
        )
    if facts.st_uid != os.geteuid():
        raise Refused(
            "the state directory belongs to another user",
            where=where,
            next_step="Choose a directory of your own with --state-dir",
        )
    if stat.S_IMODE(facts.st_mode) & 0o077:
        raise Refused(
            f"other users may enter the state directory (mode {stat.S_IMODE(facts.st_mode):o})",
            where=where,
            next_step="Run chmod 700 on it",
        )


def disk_error(error: OSError, path: Path | str) -> S3ConsoleError:
    """The sentence for an error of the local disk: full, not permitted, read-only, or anything else."""
    where = printable(str(path))
    if error.errno in _FULL:
        return DiskFull(
            "the disk of the state directory is full",
            where=where,
            next_step="Free some space and run the command again; nothing done is lost",
        )
    if error.errno == errno.EROFS:
        return NotReachable(
            "the state directory is on a read-only disk",
            where=where,
            next_step="Choose another with --state-dir",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotReachable(
            "no permission to use the file",
            where=where,
            next_step="Check owner and mode, or choose another with --state-dir",
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotReachable("the file does not exist", where=where, next_step="Check --state-dir")
    return NotReachable(
        f"the disk answered: {error.strerror or error}",
        where=where,
        next_step="Check the disk of the state directory",
    )


@contextlib.contextmanager
def disk(path: Path | str) -> Iterator[None]:
    """Around acts on the local disk only: turns every OSError into DiskFull or NotReachable."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error


def sync_directory(path: Path) -> None:
    """Make renames and new names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte of `data`; a short write goes on where it stopped."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600, sync_folder: bool = True) -> None:
    """Replace a file whole or not at all: temp beside it, fsync, rename.

    `sync_folder=False` saves one fsync for a file that may be one version behind after a power cut.
    Raises DiskFull or NotReachable; the old content is untouched then.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with disk(path):
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            try:
                write_all(descriptor, data)
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if sync_folder:
            sync_directory(path.parent)


def to_json(document: Mapping[str, Any]) -> bytes:
    """A JSON document as ASCII bytes; lone surrogates survive as escapes."""
    return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1).encode("ascii") + b"\n"


def write_json(
    path: Path, document: Mapping[str, Any], *, mode: int = 0o600, sync_folder: bool = True
) -> None:
    """Write a JSON document atomically. It should carry its `schema` number."""
    write_atomic(path, to_json(document), mode=mode, sync_folder=sync_folder)


def read_bytes(path: Path, limit: int = MAX_JSON) -> bytes:
    """A regular file of the state directory, at most `limit` bytes; links are not followed.

    Raises NotReachable (not there, no permission) or DamagedState (too large, not a file).
    """
    with disk(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise damaged(path, "a file of the state directory is a link") from None
            raise
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise damaged(path, "a name in the state directory is not a file")
            data = file.read(limit + 1)
    if len(data) > limit:
        raise damaged(path, "a file of the state directory is larger than s3console writes it")
    return data


def read_json(path: Path, schema: int = SCHEMA) -> dict[str, Any]:
    """A JSON document with its schema checked.

    Raises NewerState for a newer schema, DamagedState for anything s3console does not write, and
    NotReachable when it is not there.
    """
    try:
        document = json.loads(read_bytes(path))
    except (ValueError, RecursionError):
        raise damaged(path, "the file is not readable JSON") from None
    if not isinstance(document, dict) or type(document.get("schema")) is not int or document["schema"] < 1:
        raise damaged(path, "the file was not written by s3console")
    if document["schema"] > schema:
        raise NewerState(
            f"the file has schema {document['schema']}, this s3console knows {schema}",
            where=printable(str(path)),
            next_step="Use the newer s3console that wrote it",
        )
    return document


def damaged(path: Path | str, what: str) -> DamagedState:
    """The error for a file that cannot be trusted."""
    return DamagedState(
        what,
        where=printable(str(path)),
        next_step="Restore it from a backup, or move it away and do the step again",
    )


def now() -> datetime:
    """The present, aware, UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC with whole seconds: 2024-06-25T10:11:34Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_id(prefix: str = "", *, moment: datetime | None = None) -> str:
    """A short id that sorts by creation: 20261121-123456-ab12.

    Of the last four digits two are time below a second and two are random.
    """
    moment = (moment or now()).astimezone(UTC)
    fine = moment.microsecond * 1024 // 1_000_000
    tail = _DIGITS[fine >> 5] + _DIGITS[fine & 31] + secrets.choice(_DIGITS) + secrets.choice(_DIGITS)
    return f"{prefix}{moment:%Y%m%d-%H%M%S}-{tail}"


def check_id(text: str, what: str) -> str:
    """The id itself, when it can be a name in the state directory. Raises UsageError."""
    if not _ID.fullmatch(text):
        raise UsageError(
            f"“{printable(text[:80])}” is not the id of a {what}",
            next_step=f"The list of {what}s shows the ids",
        )
    return text


def resolve_id(folder: Path, text: str, what: str, *, shortest: int = 4) -> str:
    """The one id in `folder` that is `text`, or begins or ends with it (at least `shortest` characters).

    Raises UsageError when nothing or more than one fits.
    """
    check_id(text, what)
    known = names(folder)
    if text in known:
        return text
    fits = [name for name in known if name.startswith(text) or name.endswith(text)]
    if len(text) < shortest or not fits:
        raise UsageError(
            f"there is no {what} “{printable(text)}”", next_step=f"The list of {what}s shows the ids"
        )
    if len(fits) > 1:
        raise UsageError(
            f"“{printable(text)}” fits {len(fits)} {what}s ({', '.join(fits[:3])}"
            f"{', …' if len(fits) > 3 else ''})",
            next_step="Give more characters of the id",
        )
    return fits[0]


def names(folder: Path) -> list[str]:
    """The finished items of a folder, sorted; items still being written begin with a dot."""
    with disk(folder):
        return sorted(entry.name for entry in folder.iterdir() if _ID.fullmatch(entry.name))
