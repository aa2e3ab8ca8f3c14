"""What the console remembers from one session to the next: its look, its keys, where writing is allowed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from s3console.core.errors import S3ConsoleError
from s3console.core.model import Connection
from s3console.store.home import SCHEMA, read_json, write_json

if TYPE_CHECKING:
    from s3console.store.home import Home

FILE = "console.json"


@dataclass(frozen=True, slots=True)
class Remembered:
    """`writing` names the profiles for which `:write on` was said; `connection` is profile, endpoint and
    region as they were last switched to, "" for what the AWS configuration says. Nothing here is a secret."""

    theme: str = ""
    keymap: str = ""
    writing: tuple[str, ...] = ()
    connection: tuple[str, ...] = ()
    tour_offered: bool = False

    @property
    def looked_through(self) -> Connection:
        """The connection that was last switched to."""
        if len(self.connection) != 3:
            return Connection()
        profile, endpoint, region = self.connection
        return Connection(profile or None, endpoint or None, region or None)

    def allowing(self, name: str, *, allowed: bool) -> tuple[str, ...]:
        """`writing` with or without a name."""
        others = tuple(known for known in self.writing if known != name)
        return (*others, name) if allowed else others


def writing_name(connection: Connection) -> str:
    """How a profile is remembered: two stores behind one profile are two."""
    return f"{connection.profile or 'default'} at {connection.endpoint_url or 'aws'}"


def load_remembered(home: Home) -> Remembered:
    """What was remembered; nothing where the file is missing or cannot be trusted."""
    try:
        document = read_json(Path(home.path) / FILE)
    except S3ConsoleError:
        return Remembered()
    values: dict[str, object] = {}
    for known in fields(Remembered):
        value = document.get(known.name)
        if isinstance(known.default, tuple):
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                values[known.name] = tuple(value)
        elif type(value) is type(known.default):
            values[known.name] = value
    return Remembered(**values)  # type: ignore[arg-type]


def save_remembered(home: Home, remembered: Remembered) -> None:
    """Keep it. Blocking: call it in a thread. Raises DiskFull or NotReachable."""
    write_json(Path(home.path) / FILE, {"schema": SCHEMA, **asdict(remembered)}, sync_folder=False)
