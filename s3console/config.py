"""Settings: command-line options over environment over defaults, as one frozen dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .core.model import Connection


@dataclass(frozen=True, slots=True)
class Config:
    """What a run of s3console was asked to be. Holds no secret; credentials stay with botocore."""

    connection: Connection
    left: Connection
    right: Connection
    state_dir: Path
    read_only: bool = False


def state_directory(environ: Mapping[str, str], asked: str | None = None) -> Path:
    """Where state is kept: `--state-dir`, `$S3CONSOLE_HOME`, `$XDG_STATE_HOME/s3console`, or
    `~/.local/state/s3console` (XDG base directory specification)."""
    if asked:
        return Path(asked).expanduser()
    if environ.get("S3CONSOLE_HOME"):
        return Path(environ["S3CONSOLE_HOME"]).expanduser()
    if environ.get("XDG_STATE_HOME"):
        return Path(environ["XDG_STATE_HOME"]).expanduser() / "s3console"
    return Path("~/.local/state/s3console").expanduser()


def load_config(options: Mapping[str, str | bool | None], environ: Mapping[str, str]) -> Config:
    """Build the settings. `options` holds profile, endpoint_url, region, state_dir, read_only, and the
    same three connection options with the prefixes `left_` and `right_`; None means not given."""

    def text(name: str) -> str | None:
        value = options.get(name)
        return value if isinstance(value, str) and value else None

    common = Connection(
        text("profile") or environ.get("AWS_PROFILE") or None,
        text("endpoint_url") or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None,
        text("region") or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None,
    )

    def side(name: str) -> Connection:
        return Connection(
            text(f"{name}_profile") or common.profile,
            text(f"{name}_endpoint_url") or common.endpoint_url,
            text(f"{name}_region") or common.region,
        )

    return Config(
        common,
        side("left"),
        side("right"),
        state_directory(environ, text("state_dir")),
        bool(options.get("read_only")),
    )
