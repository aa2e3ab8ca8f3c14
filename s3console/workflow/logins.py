"""When the login of a connection ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.model import Connection

if TYPE_CHECKING:
    from ..s3.login_end import LoginEnd


def login_end(connection: Connection) -> LoginEnd | None:
    """The end of the SSO session or of the temporary keys, None when nothing says so. Reads files."""
    from ..s3.login_end import login_end as read

    return read(connection)
