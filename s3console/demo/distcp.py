"""The DistCp story: `bucket1` as it should be, `bucket2` as a migration left it, and what must be found.

Every helper of `Migration` writes one situation on both sides and notes at the same moment which
finding it must give. The totals are therefore known from what was put in, not from a comparison.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .acts import Act, Bucket, Delete, Put, content_type, instant, noise, number, suffix_of

LEFT = Bucket("bucket1", "us-west-1", versioned=False)
RIGHT = Bucket("bucket2", "us-west-2", versioned=True)

WRITTEN = "2023-11-06T08:00:00Z"
MIGRATED = "2024-03-12T09:14:07Z"
LIVE = "2024-06-25T10:11:34Z"

IDS_PER_DOCUMENT = 40
PAGES = 4
RENDITIONS = ("png::200::490::bd", "jpg::300::142", "json::v1", "txt")


class Note(NamedTuple):
    """One finding that must come out: its kind and its key as it stands (left for `missing`)."""

    kind: str
    key: str


class Version(NamedTuple):
    """One write below a wrong name: the left key it belongs to, None for a delete marker, and its bytes."""

    source: str | None
    body: bytes = b""


def body_of(key: str) -> bytes:
    """The bytes of a document page: readable for text and JSON, image-like for the rest; 0.2 to 1.5 KB."""
    kind, size = suffix_of(key), 200 + number(key, 1300)
    if kind == "json":
        facts = {"page": key.rsplit("/", 1)[-1].split("::")[0], "document": key.split("/", 1)[0],
                 "words": number(key + "words", 900), "checksum": noise(key, 16).hex()}
        return json.dumps(facts, indent=2).encode()
    if kind == "txt":
        words = ("invoice", "page", "scan", "archive", "total", "date", "copy", "signed")
        text = " ".join(words[byte % len(words)] for byte in noise(key, size // 7))
        return f"{key}\n\n{text}\n".encode()
    head = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"}.get(kind, b"")
    return head + noise(key, size)


def directory(document: str, number_: int) -> str:
    """A document's id as the store of the story writes it: 32 characters in eight directories of four."""
    digits = noise(f"{document}#{number_}", 16).hex()
    uuid = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"[:32]
    return f"{document}/" + "/".join(uuid[at:at + 4] for at in range(0, 32, 4)) + "/"


def metadata(key: str) -> tuple[tuple[str, str], ...]:
    """The user metadata of a document page."""
    page = key.rsplit("/", 1)[-1].split("::")[0].encode("ascii", "ignore").decode()
    return (("page", page or "0"),)


def tags(key: str) -> tuple[tuple[str, str], ...]:
    """The tags of a document page: scanned pictures have one."""
    return (("origin", "scan"),) if suffix_of(key) == "png" else ()


class Migration:
    """Collects the writes of both sides and the findings they must give."""

    def __init__(self) -> None:
        self.left_acts: list[Act] = []
        self.right_acts: list[Act] = []
        self.notes: list[Note] = []
        self.stays: set[str] = set()
        self.surplus: dict[str, list[bytes]] = {}
        self._left: set[str] = set()

    def wants(self, key: str, body: bytes) -> None:
        """Left holds `key`; writing it again is harmless, so that one source may be wrong in two places."""
        if key in self._left:
            return
        self._left.add(key)
        at = instant(WRITTEN, len(self.left_acts))
        self.left_acts.append(Put(LEFT.name, key, body, at, content_type(key), metadata(key), tags(key)))

    def _have(self, key: str, body: bytes | None, start: str = MIGRATED, *, source: str = "") -> None:
        """A version on the right; it carries the type, metadata and tags of the source it was copied from."""
        at = instant(start, len(self.right_acts) // 2)
        if body is None:
            self.right_acts.append(Delete(RIGHT.name, key, at))
        else:
            source = source or key
            self.right_acts.append(Put(RIGHT.name, key, body, at, content_type(source), metadata(source),
                                       tags(source)))

    def _note(self, kind: str, key: str) -> None:
        self.notes.append(Note(kind, key))

    def same(self, key: str, body: bytes | None = None, *, copies: int = 1) -> None:
        """Copied rightly, `copies` times: every further copy is a noncurrent version with the same bytes."""
        body = body_of(key) if body is None else body
        self.wants(key, body)
        self._note("same", key)
        for copy in range(copies):
            self._have(key, body)
            if copy:
                self._note("duplicate", key)

    def missing(self, key: str, body: bytes | None = None) -> None:
        """Never copied."""
        self.wants(key, body_of(key) if body is None else body)
        self._note("missing", key)

    def hidden(self, key: str) -> None:
        """Copied, then deleted by mistake: the bytes are still there below a delete marker."""
        body = body_of(key)
        self.wants(key, body)
        self._have(key, body)
        self._have(key, None)
        self._note("missing", key)

    def differs(self, key: str, *, kept: bool, body: bytes | None = None, wrong: bytes | None = None) -> None:
        """The right name holds wrong bytes; with `kept` the right bytes are the version below."""
        body = body_of(key) if body is None else body
        self.wants(key, body)
        if kept:
            self._have(key, body)
        self._have(key, noise(key + "broken", 150) if wrong is None else wrong)
        self._note("differs", key)

    def live(self, key: str) -> None:
        """Written to the right side after the migration: nothing may ever happen to it."""
        self._have(key, json.dumps({"written": "live", "id": noise(key, 8).hex()}).encode(), LIVE)
        self._note("extra", key)
        self.stays.add(key)

    def junk(self, key: str, bodies: Sequence[bytes], *, removed: bool = False) -> None:
        """A left-over of the tool; with `removed` each version is followed by its delete marker."""
        for body in bodies:
            self._have(key, body)
            if removed:
                self._have(key, None)
        self._note("junk", key)

    def wrong(self, name: str, versions: Sequence[Version]) -> None:
        """Bytes that stand under a wrong name, in the order of their arrival.

        Each source is found once per wrong name; further versions with the same bytes are surplus,
        unless another source with these bytes is still free (twins).
        """
        free: dict[bytes, list[str]] = {}
        for source, body in versions:
            if source is not None:
                self.wants(source, body)
                queue = free.setdefault(body, [])
                if source not in queue:
                    queue.append(source)
        for source, body in versions:
            if source is None:
                self._have(name, None)
                continue
            self._have(name, body, source=source)
            if free[body]:
                free[body].pop()
                self._note("misnamed", name)
            else:
                self._note("duplicate", name)
                self.surplus.setdefault(name, []).append(body)

    def contradicted(self, source: str, body: bytes, name: str, other: bytes) -> None:
        """The name fits a rule and the bytes do not: shown, never acted on; the source is still missing."""
        self.wants(source, body)
        self._have(name, other)
        self._note("misnamed", name)
        self._note("missing", source)
        self.stays.add(name)

    def foreign(self, key: str) -> None:
        """The version just written to a right name belongs to another source by rule and bytes."""
        self._note("misnamed", key)


def truncated(key: str) -> str:
    """The name cut at the first `::`."""
    return key.split("::", 1)[0]


def last_segment(key: str) -> str:
    """The name as s3-dist-cp 2.x leaves it: the last piece between colons."""
    return key.rsplit("/", 1)[0] + "/" + key.rsplit(":", 1)[1]


def doubled(key: str) -> str:
    """The key below its first directory, twice."""
    return key.split("/", 1)[0] + "/" + key


def pages(document: str) -> Iterator[tuple[int, list[str]]]:
    """(running number, keys of all renditions) of every page of a document."""
    for at in range(IDS_PER_DOCUMENT):
        base = directory(document, at)
        for page in range(1, PAGES + 1):
            yield at * PAGES + page - 1, [f"{base}{page}::{rendition}" for rendition in RENDITIONS]
