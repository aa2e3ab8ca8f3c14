"""Two versions of a key side by side: facts, metadata, tags, and the lines in which their text differs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from s3console.core.model import Entry
from s3console.ui.browsing.preview import decoded, inner, text_runs
from s3console.ui.desk_protocol import Reader
from s3console.ui.display import Run, Runs, elide, exact, fit, key_runs, size_text, time_text

if TYPE_CHECKING:
    from s3console.s3.facts import ObjectFacts
    from s3console.s3.read import ReadStore

LENGTH = 256 * 1024
"""Bytes of each version that are read for the text."""
CONTEXT = 3
_LABEL = 14


@dataclass(frozen=True, slots=True)
class Sighted:
    """One version as it was looked at. `tags` None: they may not be read."""

    entry: Entry
    head: ObjectFacts | None
    tags: tuple[tuple[str, str], ...] | None
    data: bytes


def sight(reader: Reader, bucket: str, entry: Entry) -> Sighted:
    """Look at one version: HEAD, tags, and its first bytes. Blocking."""
    from s3console.s3.looks import tags_or_none

    if entry.is_delete_marker:
        return Sighted(entry, None, (), b"")
    head = reader.head(bucket, entry.key, entry.version_id)
    tags = tags_or_none(cast("ReadStore", reader), bucket, entry.key, entry.version_id) \
        if hasattr(reader, "calls") else None
    data = reader.get_range(bucket, entry.key, entry.version_id, 0, LENGTH)
    return Sighted(entry, head, tags, data)


def _facts(seen: Sighted) -> dict[str, Runs]:
    entry, head = seen.entry, seen.head
    version = key_runs(entry.version_id or "null", "foreground")
    if entry.is_delete_marker:
        return {"written": [(time_text(entry.modified, seconds=True), "foreground")], "version": version,
                "state": [("delete marker", "warning")]}
    out: dict[str, Runs] = {
        "written": [(time_text(entry.modified, seconds=True), "foreground")], "version": version,
        "size": [(f"{exact(entry.size)} B" if entry.size >= 1024 else size_text(entry.size), "foreground")],
        "etag": key_runs(entry.etag, "foreground"), "class": key_runs(entry.storage_class, "foreground")}
    if head is not None:
        for label, value in (("type", head.content_type), ("encrypted", head.encryption),
                             ("checksum", head.checksum)):
            if value:
                out[label] = key_runs(value, "foreground")
        for name, value in (*head.headers, *head.metadata):
            if name != "ContentType":
                out[name] = key_runs(value, "foreground")
    if seen.tags is None:
        out["tags"] = [("not readable", "faint")]
    for name, value in seen.tags or ():
        out[f"tag {name}"] = key_runs(value, "foreground")
    return out


def fact_lines(old: Sighted, new: Sighted, width: int) -> Iterator[Runs]:
    """A line for each fact: its name, then the older and the newer value, marked where they differ."""
    one, other, room = _facts(old), _facts(new), _room(width)
    for name in dict.fromkeys([*one, *other]):
        left, right = one.get(name, [("·", "faint")]), other.get(name, [("·", "faint")])
        differs = name not in ("written", "version") and _text(left) != _text(right)
        mark: Run = ("≠ ", "differs") if differs else ("  ", "")
        label = elide(key_runs(name, "muted" if differs else "faint"), _LABEL)
        if not differs:
            left, right = _quiet(left), _quiet(right)
        yield [mark, *fit(label, _LABEL), *fit(left, room, middle=True), ("  ", ""),
               *elide(right, room)]


def _room(width: int) -> int:
    return max(12, (width - _LABEL - 4) // 2)


def head_line(width: int) -> Runs:
    """The heads of the two columns of facts."""
    older = fit([("older", "faint")], _room(width))
    return [(" " * (_LABEL + 2), ""), *older, ("  ", ""), ("newer", "faint")]


def _quiet(runs: Runs) -> list[Run]:
    return [(text, "muted" if role == "foreground" else role) for text, role in runs]


def _text(runs: Runs) -> str:
    return "".join(text for text, _ in runs)


def body_lines(old: Sighted, new: Sighted) -> Iterator[Runs]:
    """What the bytes say: the lines that went and came, or where binary contents part."""
    if not old.data and not new.data:
        return
    if old.data == new.data:
        whole = old.entry.size <= LENGTH and new.entry.size <= LENGTH
        yield [("The bytes are the same." if whole else
                f"The first {size_text(LENGTH)} are the same.", "ok")]
        return
    texts = [decoded(inner(seen.data)) for seen in (old, new)]
    if texts[0] is None or texts[1] is None:
        yield from _binary(old.data, new.data)
        return
    if old.entry.size > LENGTH or new.entry.size > LENGTH:
        yield [(f"Only the first {size_text(LENGTH)} are compared.", "faint")]
    yield from _unified(texts[0].splitlines(), texts[1].splitlines())


def _unified(old: Sequence[str], new: Sequence[str]) -> Iterator[Runs]:
    roles = {"-": "differs", "+": "ok", " ": "muted", "@": "primary"}
    lines = difflib.unified_diff(old, new, n=CONTEXT, lineterm="")
    for n, line in enumerate(lines):
        if n < 2:
            continue
        head, rest = line[:1], line[1:]
        if head == "@":
            yield [(f"line {line.partition('+')[2].partition(',')[0].strip('@ ')}", "faint")]
        else:
            yield [(f"{head} ", roles.get(head, "muted")), *text_runs(rest, roles.get(head, "muted"))]


def _binary(old: bytes, new: bytes) -> Iterator[Runs]:
    shorter = min(len(old), len(new))
    at = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    yield [(f"Binary. They part at byte {exact(at)}.", "foreground")]
    start = at - at % 16
    for sign, data, role in (("- ", old, "differs"), ("+ ", new, "ok")):
        for row in range(start, min(start + 64, len(data)), 16):
            digits = " ".join(f"{byte:02x}" for byte in data[row:row + 16])
            yield [(sign, role), (f"{row:08x}  ", "faint"), (digits, role)]


def diff_lines(old: Sighted, new: Sighted, width: int) -> list[Runs]:
    """The whole comparison as lines."""
    return [*fact_lines(old, new, width), [], *body_lines(old, new)]
