"""Opening a store: one `Connection` gives one reader or one writer."""

from __future__ import annotations

from ..core.model import Connection
from .read import ReadStore
from .transport import Calls, Patience


def open_reader(connection: Connection, *, patience: Patience | None = None,
                libcurl: bool = True) -> ReadStore:
    """A store that can only be read. With `libcurl` False listings too go through botocore.

    Nothing is sent yet, and missing credentials show with the first request. Raises
    `CredentialsMissing` for an unknown profile and `UsageError` for an endpoint that is no URL.
    """
    return ReadStore(Calls(connection, patience=patience or Patience(), libcurl=libcurl))
