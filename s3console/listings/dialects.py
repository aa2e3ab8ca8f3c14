"""The ways in which people write down lists of versions: how each writes a row, and how to tell them apart.

seed              `key,versionId`, CRLF, quoted with a backslash that is doubled inside (the story's script)
batch-operations  `bucket,key encoded for a URL[,versionId]` (S3 Batch Operations)
csv               `key,versionId`, quoted with `"`
columns           csv whose first line names the columns
colon             `key:versionId`, split at the last colon
jsonl             one JSON object on each line
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal
from urllib.parse import quote, unquote_to_bytes

from ..core.keys import utf8_ok
from .rows import Row, checked, column_of, row_of

Dialect = Literal["seed", "batch-operations", "csv", "columns", "colon", "jsonl", "parquet"]
WRITTEN: tuple[Dialect, ...] = ("seed", "batch-operations", "jsonl", "parquet")

_SEED_QUOTED = re.compile(r"[,\\\r\n]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z|arn:aws[a-z-]*:s3[a-z-]*:[!-~]+\Z")
_ENCODED = re.compile(r"[A-Za-z0-9%/_.~!*'()+@:$&=;-]+\Z")
_NULL = "null"
SAMPLE = 100
"""Lines that are looked at to tell the dialects apart."""


# ---- one row out


def seed_line(row: Row) -> str:
    """A row as the story's script writes it. Raises ValueError for a key that the dialect cannot hold."""
    key = row.key
    if not utf8_ok(key) or "\0" in key or key.startswith("\ufeff"):
        raise ValueError("this dialect cannot hold a key that is not UTF-8 or holds a NUL")
    if _SEED_QUOTED.search(key):
        key = "\\" + key.replace("\\", "\\\\") + "\\"
    return f"{key},{row.version_id or _NULL}\r\n"


def batch_line(row: Row, *, versions: bool) -> str:
    """A row of an S3 Batch Operations manifest; all rows carry a version id, or none does.

    A space is written %20 and a plus %2B, which every decoder reads right.
    """
    key = quote(row.key.encode("utf-8", "surrogateescape"), safe="/")
    return f"{row.bucket},{key},{row.version_id or _NULL}\n" if versions else f"{row.bucket},{key}\n"


def json_line(row: Row) -> str:
    """A row as JSON in ASCII; any key survives."""
    return json.dumps({
        "bucket": row.bucket, "key": row.key, "version_id": row.version_id, "size": row.size,
        "etag": row.etag, "last_modified": row.modified, "storage_class": row.storage_class,
    }, ensure_ascii=True) + "\n"  # fmt: skip


# ---- fields of quoted text


class Open(ValueError):
    """The last field goes on behind the line feed."""


def fields(text: str, mark: str) -> list[str]:
    """The fields of one record; `mark` quotes a field and is doubled inside.

    Raises Open when the record is not at its end, ValueError when something stands behind a quote.
    """
    if mark not in text:
        return text.removesuffix("\r").split(",")
    found: list[str] = []
    at = 0
    while True:
        if text.startswith(mark, at):
            value, at = _quoted(text, at + 1, mark)
            found.append(value)
            if text[at:] in ("", "\r"):
                return found
            if text[at] != ",":
                raise ValueError(f"something stands behind a closing {mark}")
        else:
            comma = text.find(",", at)
            if comma < 0:
                found.append(text[at:].removesuffix("\r"))
                return found
            found.append(text[at:comma])
            at = comma
        at += 1


def _quoted(text: str, at: int, mark: str) -> tuple[str, int]:
    start = at
    while True:
        end = text.find(mark, at)
        if end < 0:
            raise Open("a quoted field has no end")
        if not text.startswith(mark, end + 1):
            return text[start:end].replace(mark * 2, mark), end + 1
        at = end + 2


Record = tuple[int, list[str]]


def records(lines: Iterator[tuple[int, str]], mark: str, longest: int) -> Iterator[Record]:
    """Records with the number of their first line; blank lines are left out.

    Raises ValueError; its second argument is the line number.
    """
    for number, line in lines:
        text = line
        if not text.strip("\r"):
            continue
        while True:
            try:
                yield number, fields(text, mark)
                break
            except Open as error:
                more = next(lines, None)
                if more is None or len(text) > longest:
                    raise ValueError(str(error), number) from None
                text += "\n" + more[1]
            except ValueError as error:
                raise ValueError(str(error), number) from None


# ---- one row in


def pair(values: Sequence[str], line: int) -> Row:
    """`key` or `key,versionId`."""
    if len(values) > 2:
        raise ValueError("more than a key and a version id")
    return checked(Row(values[0], values[1] if len(values) == 2 else "", line=line))


def batch_pair(values: Sequence[str], line: int) -> Row:
    """`bucket,key[,versionId]`, the key encoded for a URL."""
    if not 2 <= len(values) <= 3:
        raise ValueError("not bucket, key and version id")
    key = unquote_to_bytes(values[1].replace("+", " ")).decode("utf-8", "surrogateescape")
    return checked(Row(key, values[2] if len(values) == 3 else "", bucket=values[0], line=line))


def colon_pair(text: str, line: int) -> Row:
    """`key:versionId`; version ids never hold a colon."""
    key, _, version = text.removesuffix("\r").rpartition(":")
    return checked(Row(key, version, line=line))


def json_row(text: str, line: int) -> Row | None:
    """One JSON object."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not a JSON object") from None
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    known: dict[str, Any] = {}
    for name, value in values.items():
        if column := column_of(name):
            known.setdefault(column, value)
    return row_of(known, line)


# ---- telling them apart


def detect(sample: Sequence[str], bucket: str = "") -> Dialect:
    """The dialect of the first lines of a file; `bucket` is the bucket the rows are expected to be of.

    Raises ValueError with the reason when it is none.
    """
    lines = [line for line in sample if line.strip("\r")]
    if not lines:
        raise ValueError("there is no row in it")
    if lines[0].lstrip().startswith("{"):
        if _is_inventory(sample):
            raise ValueError("this is the manifest of an S3 Inventory, not a list of versions")
        if _is_json(lines[0]):
            return "jsonl"
    cut = len(sample) >= SAMPLE
    standard = _parsed(lines, '"', cut=cut)
    names = {column_of(one) for one in standard[0]} - {""} if standard else set()
    if "key" in names and len(names) > 1:
        return "columns"
    if standard and _is_batch(standard, bucket):
        return "batch-operations"
    seed = _parsed(lines, "\\", cut=cut)
    if seed is not None and _is_pairs(seed) and not _marked(seed, '"'):
        return "seed"
    if standard is not None and _is_pairs(standard):
        return "csv"
    if all(":" in line for line in lines):
        return "colon"
    if seed is not None and all(len(one) == 1 for one in seed):
        return "seed"
    raise ValueError("its rows are in no dialect that is known")


def _parsed(lines: Sequence[str], mark: str, *, cut: bool) -> list[list[str]] | None:
    """All records of the sample, None when it is not written that way. `cut`: the last may break off."""
    numbered = iter(list(enumerate(lines, start=1)))
    found: list[list[str]] = []
    try:
        for _, values in records(numbered, mark, 1 << 20):
            found.append(values)
    except ValueError as error:
        return found if found and cut and "no end" in str(error.args[0]) else None
    return found


def _is_pairs(rows: Sequence[Sequence[str]]) -> bool:
    return all(len(row) == 2 and ":" not in row[1] and " " not in row[1] for row in rows)


def _marked(rows: Sequence[Sequence[str]], mark: str) -> bool:
    """Whether a key of the sample looks quoted in another way."""
    return any(len(row[0]) > 1 and row[0][0] == row[0][-1] == mark for row in rows)


def _is_batch(rows: Sequence[Sequence[str]], bucket: str) -> bool:
    widths, first = {len(row) for row in rows}, rows[0][0]
    if not widths <= {2, 3} or len(widths) != 1 or any(row[0] != first for row in rows):
        return False
    if not _BUCKET.match(first) or not all(_ENCODED.match(row[1]) for row in rows):
        return False
    return widths == {3} or (first == bucket if bucket else len(rows) > 1)


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_inventory(sample: Sequence[str]) -> bool:
    text = "\n".join(sample)
    return all(f'"{name}"' in text for name in ("sourceBucket", "fileFormat", "files"))


RowParser = Callable[[Sequence[str], int], Row]
PAIRS: dict[str, tuple[str, RowParser]] = {
    "seed": ("\\", pair), "csv": ('"', pair), "batch-operations": ('"', batch_pair),
}  # fmt: skip
