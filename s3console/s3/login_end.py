"""When the login behind a profile ends, from files and environment that botocore reads too: no request.

A token that botocore renews by itself has no end that could be told. Nothing secret leaves this module.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError

from ..core.model import Connection

SSO = "SSO session"
KEYS = "temporary login"
_SOURCES = 4
"""How many profiles in a row may take their credentials from another one."""


@dataclass(frozen=True, slots=True)
class LoginEnd:
    """What ends (an SSO session, or the temporary keys of the environment), and when."""

    what: str
    at: datetime


def login_end(
    connection: Connection, *, environ: Mapping[str, str] = os.environ, cache: Path | None = None
) -> LoginEnd | None:
    """When the login of a connection ends; None when it does not, or when nothing says so. Reads files.

    SSO tokens are in `~/.aws/sso/cache` under the SHA-1 of the session name or start URL (AWS SDKs and
    Tools reference, "IAM Identity Center credential provider"); `AWS_CREDENTIAL_EXPIRATION` stands beside
    keys of the environment (botocore.credentials.EnvProvider).
    """
    if connection.profile is None and environ.get("AWS_ACCESS_KEY_ID"):
        at = _moment(environ.get("AWS_CREDENTIAL_EXPIRATION"))
        return LoginEnd(KEYS, at) if at is not None else None
    if connection.endpoint_url:
        return None
    try:
        profiles: Mapping[str, Any] = botocore.session.Session(profile=connection.profile).full_config.get(
            "profiles", {})
    except (BotoCoreError, ValueError):
        return None
    name = connection.profile or "default"
    for _ in range(_SOURCES):
        profile = profiles.get(name)
        if not isinstance(profile, Mapping):
            return None
        if named := profile.get("sso_session") or profile.get("sso_start_url"):
            at = _token_end(str(named), cache or Path("~/.aws/sso/cache").expanduser())
            return LoginEnd(SSO, at) if at is not None else None
        name = str(profile.get("source_profile", ""))
    return None


def _token_end(named: str, cache: Path) -> datetime | None:
    path = cache / f"{hashlib.sha1(named.encode('utf-8'), usedforsecurity=False).hexdigest()}.json"
    try:
        token = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(token, dict):
        return None
    at, renewable = _moment(token.get("expiresAt")), _moment(token.get("registrationExpiresAt"))
    if token.get("refreshToken") and renewable is not None and renewable > datetime.now(UTC):
        return None
    return at


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text.removesuffix("UTC"))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
