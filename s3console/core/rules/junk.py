"""Left-overs of migration tools, recognised by name alone (H9 and H10)."""

from __future__ import annotations

from collections.abc import Sequence

_HINTS = ("_$folder$", ".distcp.tmp.", "_temporary", "_SUCCESS", "._COPYING_", "_distcp_logs", ".crc")


def junk_rule(key: str) -> str | None:
    """`folder-marker`, `distcp-temp`, or None for a key that is not a left-over by its name.

    File names are judged by the last component, directories by any component: `_temporary/0/x` and
    `_distcp_logs_ab/part-0` are left-overs, `_SUCCESS/x` is not. `_distcp_logs*` counts anywhere.
    """
    for hint in _HINTS:
        if hint in key:
            return _judge(key)
    return None


def _judge(key: str) -> str | None:
    *directories, base = key.split("/")
    if not base and directories:
        directories, base = directories[:-1], directories[-1]
        is_directory = True
    else:
        is_directory = False
    if base.endswith("_$folder$") and base != "_$folder$":
        return "folder-marker"
    folders = [*directories, base] if is_directory else directories
    if "_temporary" in folders or base == "_temporary":
        return "distcp-temp"
    if any(part.startswith("_distcp_logs") for part in (*directories, base)):
        return "distcp-temp"
    if any(part.startswith(".distcp.tmp.") for part in (*directories, base)):
        return "distcp-temp"
    if is_directory:
        return None
    if base == "_SUCCESS" or (base.endswith("._COPYING_") and base != "._COPYING_"):
        return "distcp-temp"
    if base.startswith(".") and base.endswith(".crc") and len(base) > 5:
        return "distcp-temp"
    return None


def junk_rules(keys: Sequence[str]) -> list[str | None]:
    """`junk_rule` for a batch; a batch without any hint costs a few substring searches."""
    blob = "\n".join(keys)
    if not any(hint in blob for hint in _HINTS):
        return [None] * len(keys)
    return [junk_rule(key) for key in keys]
