"""The documents of the DistCp story: twelve directories in bulk, each gone wrong in its own way."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from .distcp import Migration, Version, body_of, directory, doubled, last_segment, pages, truncated


def _version(key: str) -> Version:
    return Version(key, body_of(key))


def _clean(story: Migration, document: str) -> None:
    """Everything arrived."""
    for _, keys in pages(document):
        for key in keys:
            story.same(key)


def _doubled_root(story: Migration, document: str) -> None:
    """A retried job copied a fifth of the pages below an existing target: the root stands twice."""
    for at, keys in pages(document):
        for key in keys:
            if at % 5 == 0:
                story.wrong(doubled(key), [_version(key)])
            else:
                story.same(key)


def _cut(story: Migration, document: str) -> None:
    """A quarter of the pages lost what follows `::`; their renditions are versions of one name."""
    for at, keys in pages(document):
        if at % 4 == 0:
            story.wrong(truncated(keys[0]), [_version(key) for key in _shuffled(keys, at)])
        else:
            for key in keys:
                story.same(key)


def _cut_and_doubled(story: Migration, document: str) -> None:
    """Both at once, with repeated copies of retried tasks and some renditions that never arrived."""
    for at, keys in pages(document):
        if at % 3 == 0:
            arrived = _shuffled(keys, at)[at % 2:]
            for key in (key for key in keys if key not in arrived):
                story.missing(key)
            versions = [_version(key) for key in arrived]
            story.wrong(doubled(truncated(keys[0])), versions + versions[:1] * (at % 4 == 0))
        else:
            for key in keys:
                story.same(key)


def _last_piece(story: Migration, document: str) -> None:
    """Moved by s3-dist-cp 2.x, which keeps the last piece of a name between colons."""
    by_name: dict[str, list[Version]] = {}
    for at, keys in pages(document):
        for key in keys:
            if at // 4 % 4 == 1:
                by_name.setdefault(last_segment(key), []).append(_version(key))
            else:
                story.same(key)
    for name, versions in by_name.items():
        story.wrong(name, versions)


def _lossy(story: Migration, document: str) -> None:
    """Some keys never arrived, some were deleted by mistake, and live traffic wrote new ones."""
    for at, keys in pages(document):
        for key in keys:
            if at % 16 == 3:
                story.missing(key)
            elif at % 16 == 7:
                story.hidden(key)
            else:
                story.same(key)
        if at % 8 == 0:
            story.live(f"{document}/live/{at:04}.json")


def _damaged(story: Migration, document: str) -> None:
    """Some right names hold wrong bytes; some were copied twice."""
    for at, keys in pages(document):
        for key in keys:
            if at % 20 == 4:
                story.differs(key, kept=at % 40 == 4)
            else:
                story.same(key, copies=2 if at % 10 == 9 else 1)


def _left_overs(story: Migration, document: str) -> None:
    """What the tools left behind: temporary files, logs, markers of directories and of success."""
    copied: list[bytes] = []
    for at, keys in pages(document):
        for key in keys:
            story.same(key)
        if at % 4 == 0:
            copied.append(body_of(keys[0]))
            story.junk(directory(document, at // 4)[:-1] + "_$folder$", [b""])
    for task in range(6):
        temporary = f"{document}/.distcp.tmp.attempt_1710234567890_0042_m_{task:06}_0"
        story.junk(temporary, copied[task::6], removed=True)
    story.junk(f"{document}/.distcp.tmp.attempt_1710234567890_0042_m_000006_1", copied[:1])
    story.junk(f"{document}/_distcp_logs_k7x1f3/part-00000", [b"Copying s3://bucket1/ ...\n"])
    story.junk(f"{document}/_SUCCESS", [b"", b""])
    story.junk(f"{document}/_temporary/0/task_0001/part-00000", [b"unfinished"])
    story.junk(f"{document}_$folder$", [b""])


def _alphabets(story: Migration, document: str) -> None:
    """Names that other tools wrote: encoded, decomposed, collapsed. One source per wrong name."""
    for at, keys in pages(document):
        for key in keys:
            story.same(key)
        if at % 8:
            continue
        base = f"{document}/letters/{at:03}/"
        for name, mangle in _MANGLERS:
            key = base + name
            story.wrong(mangle(key), [Version(key, body_of(key))])


_MANGLERS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("a b+c/\u00e9:1.txt", quote),
    ("order form/50% off.txt", lambda key: quote_plus(key, safe="/")),
    ("r\u00e9sum\u00e9.txt", lambda key: unicodedata.normalize("NFD", key)),
    ("scans//page-1.jpg", lambda key: key.replace("//", "/")),
)


def _shuffled(keys: list[str], turn: int) -> list[str]:
    """The same keys in another order: copies arrive as the tasks finish."""
    at = turn % len(keys)
    return keys[at:] + keys[:at]


DOCUMENTS: tuple[tuple[str, Callable[[Migration, str], None]], ...] = (
    ("document001", _clean),
    ("document002", _doubled_root),
    ("document003", _cut),
    ("document004", _last_piece),
    ("document005", _cut_and_doubled),
    ("document006", _lossy),
    ("document007", _damaged),
    ("document008", _left_overs),
    ("document009", _alphabets),
    ("document010", _clean),
    ("document011", _cut_and_doubled),
    ("document012", _clean),
)


def write_documents(story: Migration) -> None:
    """All documents, on both sides."""
    for document, write in DOCUMENTS:
        write(story, document)
