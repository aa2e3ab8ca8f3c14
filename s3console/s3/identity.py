"""Who is looking: the account behind the credentials, and the profiles of the AWS configuration."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..core.model import Connection

_PATIENCE = 4.0
"""Seconds to wait for the answer: an account id is a convenience."""
_AWS = (".amazonaws.com", ".amazonaws.com.cn")


def account_of(connection: Connection) -> str:
    """The account id of the credentials (STS GetCallerIdentity), or "" where there is none to ask.

    Only AWS is asked: a store with an endpoint of its own knows nothing of STS.
    """
    if connection.endpoint_url:
        return ""
    try:
        session = botocore.session.Session(profile=connection.profile)
        client: Any = session.create_client(
            "sts", region_name=connection.region or session.get_config_variable("region") or "us-east-1",
            config=Config(connect_timeout=_PATIENCE, read_timeout=_PATIENCE,
                          retries={"total_max_attempts": 1}))
        if not (urlsplit(client.meta.endpoint_url).hostname or "").endswith(_AWS):
            return ""
        account = str(client.get_caller_identity().get("Account", ""))
    except (BotoCoreError, ClientError, ValueError):
        return ""
    return account if account.isdecimal() and account.isascii() else ""


def profile_names() -> tuple[str, ...]:
    """The profiles of the AWS configuration, in alphabetical order; none when it cannot be read."""
    try:
        return tuple(sorted(botocore.session.Session().available_profiles))
    except (BotoCoreError, ValueError):
        return ()
