"""What the contract tests share: odd keys, and ways to fill buckets and to list them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import pytest
from conftest_servers import S3Server

from s3console.core.model import Entry, Place, Ref
from s3console.s3.transport import Patience
from s3console.s3.write import WriteStore, open_writer

ODD_KEYS = {
    "double colon": "doc/0856/-801::png", "only colons": "::", "two slashes": "//", "inner slashes": "a//b",
    "leading slash": "/lead", "trailing slash": "trail/", "one slash": "/", "newline": "new\nline",
    "carriage return": "carriage\rreturn", "both": "both\r\nends", "tab": "tab\tstop", "plus": "plus+sign",
    "space": "a space ", "encoded slash": "enc%2Foded", "percent": "100%", "stray percent": "%zz%",
    "markup": "&<>\"'", "entity": "&amp;&#1;", "composed": "caf\u00e9", "decomposed": "cafe\u0301",
    "emoji": "\U0001f600/\U0001f680", "backslash": "back\\slash", "question": "who?what#why;=,",
    "dots": "a/../b", "delete": "del\x7fete", "right to left": "\u05d0\u202eabc",
    "not in XML": "u\ufffefffe", "control": "ctrl\x01char", "escape": "esc\x1b[31m",
    "longest": "k" * 1024, "longest in UTF-8": "\u00e9" * 512, "bracket": "[red]x[/red]",
}


LACKS = {
    ("moto", "newlines"): "moto 5 answers 404 to keys that hold a newline",
    ("moto", "many versions of a key"): "moto 5 loses versions of one key that are written at the same time",
    ("moto", "order of markers"): "moto 5 lists all versions of a key before its delete markers",
    ("moto", "pages of groups"): "moto 5 puts more rows on a page of versions than asked for",
    ("moto", "uploads without versions"):
        "moto 5 names a version of an upload to an unversioned bucket, and does not know it afterwards",
    ("ministack", "pages of groups"):
        "MiniStack puts all groups before all keys and loses keys at the border of a page",
}
"""What a server cannot do, and so is not asked of it."""


def need(server: S3Server, what: str) -> None:
    """Skip the rest of a test where the server lacks something, and say so."""
    if reason := LACKS.get((server.name, what)):
        print(reason)
        pytest.skip(reason)


def odd_keys(server: S3Server) -> dict[str, str]:
    """The odd keys that a server can hold."""
    if (server.name, "newlines") not in LACKS:
        return ODD_KEYS
    print(LACKS[server.name, "newlines"])
    return {name: key for name, key in ODD_KEYS.items() if "\n" not in key}


@lru_cache
def opened(server: S3Server) -> WriteStore:
    return open_writer(server.connection, patience=Patience(sleep=lambda _: None), largest_copy=6 * 1024**2,
                       part_size=5 * 1024**2)


@lru_cache
def client_of(server: S3Server) -> Any:
    return server.client()


def put(client: Any, bucket: str, key: str, body: bytes = b"x", **more: Any) -> Ref:
    answer = client.put_object(Bucket=bucket, Key=key, Body=body, **more)
    return Ref("right", bucket, key, answer.get("VersionId", ""), answer["ETag"].strip('"'), len(body))


def keys_of(store: WriteStore, bucket: str, prefix: str = "") -> list[str]:
    listing = store.read.listing(Place(bucket, prefix))
    found = [key for batch in listing for key in batch.keys]
    assert listing.proof.complete
    return found


def versions_of(store: WriteStore, bucket: str, prefix: str = "") -> list[Entry]:
    return [entry for batch in store.read.listing(Place(bucket, prefix), versions=True)
            for entry in batch.entries()]


def fill(client: Any, bucket: str, keys: list[str]) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: put(client, bucket, key), keys))


def big(client: Any, bucket: str) -> tuple[Ref, bytes]:
    body = hashlib.sha256(b"seed").digest() * (12 * 1024**2 // 32) + b"tail"
    return put(client, bucket, "big::one", body, Metadata={"kept": "yes"}, ContentType="image/x-big",
               Tagging="k=v"), body
