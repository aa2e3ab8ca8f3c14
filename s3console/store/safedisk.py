"""Is this SQLite file the checkpoint s3console wrote? Asked before diskcache touches it.

A hostile file can plant triggers, settings that become pragmas, rows that unpickle, or rows that
name a file to read or delete. All of it is refused here, read-only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..core.errors import Refused
from ..core.keys import printable
from .home import damaged

_FOREIGN_ROW = """
SELECT 1 FROM Cache WHERE filename IS NOT NULL OR mode IS NOT 1 OR raw IS NOT 1 OR expire_time IS NOT NULL
OR tag IS NOT NULL OR typeof(key) IS NOT 'text' OR typeof(value) IS NOT 'blob' LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a checkpoint database looks like: digest of its schema, its settings, names of its counters."""

    schema: str
    settings: Mapping[str, int | str]
    counters: frozenset[str]


def schema_of(connection: sqlite3.Connection) -> str:
    """Digest of every table, index, view and trigger."""
    rows = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return hashlib.sha256("\n".join(sorted(map(str, rows))).encode()).hexdigest()


def check_file(path: Path) -> None:
    """Type, owner, mode and links of the database and its helpers, by lstat only.

    Opening and closing the file here would drop the locks of an SQLite connection of this process.
    Raises DamagedState (missing, empty) and Refused (not safely ours).
    """
    for suffix in ("", "-wal", "-shm", "-journal"):
        file = path.with_name(path.name + suffix)
        try:
            facts = file.lstat()
        except FileNotFoundError:
            if suffix:
                continue
            raise damaged(path, "the database of the checkpoint is missing") from None
        if (
            not stat.S_ISREG(facts.st_mode)
            or facts.st_nlink != 1
            or facts.st_uid != os.geteuid()
            or stat.S_IMODE(facts.st_mode) & 0o077
        ):
            raise Refused(
                "a file of the checkpoint is a link, or open to other users",
                where=printable(str(file)),
                next_step="Check who changed it; the journal still knows what was done",
            )
        # SQLite opens an empty file as an empty database: every row would be missing without an error.
        if not suffix and not facts.st_size:
            raise damaged(path, "the database of the checkpoint is empty")


def check_database(path: Path, expected: Expected) -> None:
    """Schema, settings, rows, pages. Raises DamagedState for anything s3console does not write."""
    with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        if schema_of(connection) != expected.schema:
            raise damaged(path, "the checkpoint has tables, indexes or triggers that s3console never makes")
        settings = dict(connection.execute("SELECT key, value FROM Settings"))
        counters = {name: settings.pop(name, None) for name in expected.counters}
        if settings != expected.settings or any(type(value) is not int for value in counters.values()):
            raise damaged(path, "the checkpoint has settings that s3console never makes")
        if connection.execute(_FOREIGN_ROW).fetchone():
            raise damaged(path, "the checkpoint holds rows that s3console did not write")
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise damaged(path, f"the checkpoint is damaged ({verdict})")
