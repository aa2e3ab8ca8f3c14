"""Settings: command-line options over environment over the configuration file over defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from .core.errors import UsageError
from .core.keys import printable
from .core.model import Connection

KEYMAPS = ("vi", "commander")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration file says.

    `keys` gives actions of the console other keys, by their ids; `readonly` are patterns of profile
    names that can never be written to; `ascii` draws marks and borders in ASCII; `empty_bucket` allows
    plans that empty whole buckets.
    """

    theme: str = ""
    keymap: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    readonly: tuple[str, ...] = ()
    ascii: bool = False
    empty_bucket: bool = False

    def protects(self, profile: str | None) -> bool:
        """Whether a profile matches one of the patterns in `readonly`."""
        return any(fnmatchcase(profile or "default", pattern) for pattern in self.readonly)


@dataclass(frozen=True, slots=True)
class Config:
    """What a run of s3console was asked to be. Holds no secret; credentials stay with botocore.

    `read_only` is asked for by `--read-only` (`asked_read_only`) or by `readonly` of the
    configuration file, and nothing inside a run lifts it.
    """

    connection: Connection
    left: Connection
    right: Connection
    state_dir: Path
    read_only: bool = False
    settings: Settings = field(default_factory=Settings)
    asked_read_only: bool = False

    def through(self, connection: Connection) -> Config:
        """The same settings seen through another connection; sides that had their own keep it."""
        return replace(
            self,
            connection=connection,
            left=connection if self.left == self.connection else self.left,
            right=connection if self.right == self.connection else self.right,
            read_only=self.asked_read_only or self.settings.protects(connection.profile),
        )


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


def config_file(environ: Mapping[str, str]) -> Path:
    """The configuration file: `$S3CONSOLE_CONFIG`, `$XDG_CONFIG_HOME/s3console/config.toml`, or
    `~/.config/s3console/config.toml` (XDG base directory specification)."""
    if environ.get("S3CONSOLE_CONFIG"):
        return Path(environ["S3CONSOLE_CONFIG"]).expanduser()
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "s3console" / "config.toml"


def load_settings(path: Path) -> Settings:
    """Read the configuration file; none is no settings. Raises UsageError for what it cannot mean."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise _unusable(path, f"the configuration file cannot be read: {error.strerror}") from None
    except ValueError:
        raise _unusable(path, "the configuration file is not UTF-8") from None
    import tomllib  # here, because most runs have no such file

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unusable(path, f"the configuration file is not TOML: {printable(str(error))}") from None
    wanted: dict[str, tuple[type, str]] = {
        "theme": (str, "a text"), "keymap": (str, "a text"), "ascii": (bool, "true or false"),
        "readonly": (list, "a list of texts"), "keys": (dict, "a table of texts"),
        "empty_bucket": (bool, "true or false"),
    }
    for name, value in document.items():
        if name not in wanted:
            raise _unusable(path, f"the configuration file has an unknown entry {printable(name)}",
                            f"It may have {', '.join(wanted)}")
        kind, words = wanted[name]
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if not isinstance(value, kind) or not all(isinstance(item, str) for item in inner):
            raise _unusable(path, f"{name} of the configuration file must be {words}")
    if document.get("keymap", "vi") not in KEYMAPS:
        raise _unusable(path, f"keymap of the configuration file must be one of {', '.join(KEYMAPS)}")
    return Settings(document.get("theme", ""), document.get("keymap", ""), document.get("keys", {}),
                    tuple(document.get("readonly", ())), document.get("ascii", False),
                    document.get("empty_bucket", False))


def _unusable(path: Path, what: str, next_step: str = "Mend the file or move it away") -> UsageError:
    return UsageError(what, where=printable(str(path)), next_step=next_step)


def load_config(options: Mapping[str, str | bool | None], environ: Mapping[str, str]) -> Config:
    """Build the settings. `options` holds profile, endpoint_url, region, state_dir, read_only, and the
    same three connection options with the prefixes `left_` and `right_`; None means not given.

    Raises UsageError for a configuration file that cannot be used.
    """

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

    settings = load_settings(config_file(environ))
    asked = bool(options.get("read_only"))
    left, right = side("left"), side("right")
    protected = any(settings.protects(place.profile) for place in (common, left, right))
    return Config(common, left, right, state_directory(environ, text("state_dir")), asked or protected,
                  settings, asked)
