"""The vocabulary of the demo: buckets, writes and deletes, and what a bucket holds after them.

Everything here is plain data, made without any store, so that a test can ask what must come out
before anything is put in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

TYPES = {
    "css": "text/css", "csv": "text/csv", "html": "text/html; charset=utf-8", "jpg": "image/jpeg",
    "js": "text/javascript", "json": "application/json", "md": "text/markdown", "php": "text/x-php",
    "png": "image/png", "txt": "text/plain; charset=utf-8",
}


class Bucket(NamedTuple):
    """A bucket of the demo. `region` is asked for; a store that knows only its own region ignores it."""

    name: str
    region: str
    versioned: bool


class Put(NamedTuple):
    """One write. `at` (ISO 8601, UTC) is kept by the embedded store; a real store uses its own clock."""

    bucket: str
    key: str
    body: bytes
    at: str
    content_type: str = "application/octet-stream"
    metadata: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


class Delete(NamedTuple):
    """One delete without a version id: on a versioned bucket it adds a delete marker."""

    bucket: str
    key: str
    at: str


Act = Put | Delete


class Held(NamedTuple):
    """What a version holds: bytes as size and MD5, or a delete marker. `at` is when it was written."""

    size: int
    etag: str
    at: str = ""
    is_delete_marker: bool = False


def held(body: bytes, at: str = "") -> Held:
    """Size and ETag of a body, as a store with plain MD5 ETags lists it."""
    return Held(len(body), hashlib.md5(body, usedforsecurity=False).hexdigest(), at)


def replay(acts: Iterable[Act], bucket: Bucket) -> dict[str, list[Held]]:
    """Versions per key of one bucket after the acts, newest first; keys without any version are absent."""
    stacks: dict[str, list[Held]] = {}
    for act in acts:
        if act.bucket != bucket.name:
            continue
        stack = stacks.setdefault(act.key, [])
        if not bucket.versioned:
            stack.clear()
        if isinstance(act, Put):
            stack.insert(0, held(act.body, act.at))
        elif bucket.versioned:
            stack.insert(0, Held(0, "", act.at, is_delete_marker=True))
    return {key: stack for key, stack in stacks.items() if stack}


def instant(start: str, seconds: int) -> str:
    """`start` (ISO 8601, UTC, "Z") plus some seconds, in the same form."""
    moment = datetime.fromisoformat(start) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def noise(seed: str, size: int) -> bytes:
    """`size` bytes that depend on `seed` alone."""
    return hashlib.shake_128(seed.encode()).digest(size)


def number(seed: str, below: int) -> int:
    """A number in range(below) that depends on `seed` alone."""
    return int.from_bytes(noise(seed, 8), "big") % below


def suffix_of(key: str) -> str:
    """The file type a key speaks of: the first `::` field of a rendition, else what follows the last dot."""
    name = key.rsplit("/", 1)[-1]
    if "::" in name:
        return name.split("::")[1]
    return name.rsplit(".", 1)[-1] if "." in name else ""


def content_type(key: str) -> str:
    """The content type written with a key."""
    return TYPES.get(suffix_of(key), "application/octet-stream")
