"""Who is at the keyboard."""

from __future__ import annotations

import getpass
import os


def operator() -> str:
    """The login name of the person at the keyboard, for plans and the journal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
