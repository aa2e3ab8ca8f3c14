"""The child process of the demo: MiniStack's S3 on a loopback socket, filled before it answers.

Run as `python -m s3console.demo.emulator FD filled|empty LOG`: FD is a listening socket made by the
parent, LOG the file that holds standard error. Standard output carries one JSON line when the stories
are written; standard input stays open for as long as the parent lives, and its end ends this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from . import stories
from .acts import Act, Bucket, Put, noise

WATCH_SECONDS = 1.0
KEEP_ALIVE_REQUESTS = 1_000_000_000


def _end(log: Path) -> NoReturn:
    """Leave at once, and take the log and its directory along: a killed parent cannot."""
    with contextlib.suppress(OSError):
        log.unlink()
        log.parent.rmdir()
    os._exit(0)


def _follow_parent(parent: int, log: Path) -> None:
    """End with the parent: at the end of standard input, or when another process became our parent.

    The kernel's parent-death signal is not used: it fires when the *thread* that started us ends.
    """
    def watch_input() -> None:
        while os.read(0, 1024):
            continue
        _end(log)

    def watch_parent() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(WATCH_SECONDS)
        _end(log)

    for watch in (watch_input, watch_parent):
        threading.Thread(target=watch, daemon=True).start()


class _StoryClock:
    """Gives the embedded store the times and ids of the story while it is being filled."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._real = (s3.now_iso, s3.new_uuid)
        self._ids = 0
        self.at = ""

    def __enter__(self) -> _StoryClock:
        self._s3.now_iso = lambda: self.at.replace("Z", ".000Z")
        self._s3.new_uuid = self._next_id
        return self

    def __exit__(self, *_: object) -> None:
        self._s3.now_iso, self._s3.new_uuid = self._real

    def _next_id(self) -> str:
        self._ids += 1
        return noise(f"version {self._ids}", 16).hex()


def _headers(act: Put) -> dict[str, str]:
    headers = {"content-type": act.content_type}
    headers.update((f"x-amz-meta-{name}", value) for name, value in act.metadata)
    if act.tags:
        headers["x-amz-tagging"] = "&".join(f"{name}={value}" for name, value in act.tags)
    return headers


async def _send(s3: Any, method: str, path: str, *, headers: dict[str, str] | None = None,
                body: bytes = b"", query: dict[str, list[str]] | None = None) -> None:
    status, _, answer = await s3.handle_request(method, path, headers or {}, body, query or {})
    if status >= 300:
        raise RuntimeError(f"the embedded store answered {status} to {method} {path!a}: {answer[:200]!r}")


async def fill(s3: Any, buckets: Iterable[Bucket], acts: Iterable[Act]) -> int:
    """Write the stories straight into the store; returns the number of objects and versions written."""
    written = 0
    with _StoryClock(s3) as clock:
        clock.at = "2023-11-01T00:00:00Z"
        for bucket in buckets:
            place = f"<LocationConstraint>{bucket.region}</LocationConstraint>"
            await _send(s3, "PUT", f"/{bucket.name}",
                        body=f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>".encode())
            if bucket.versioned:
                status = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
                await _send(s3, "PUT", f"/{bucket.name}", body=status.encode(), query={"versioning": [""]})
        for act in acts:
            clock.at = act.at
            path = f"/{act.bucket}/{act.key}"
            if isinstance(act, Put):
                await _send(s3, "PUT", path, headers=_headers(act), body=act.body)
                written += 1
            else:
                await _send(s3, "DELETE", path)
    return written


def mend_version_listings(s3: Any) -> None:
    """Make version listings behave as S3's (S3 API reference, ListObjectVersions) in two points.

    `encoding-type=url` is honoured: without it a key with a control character makes the whole page
    unreadable as XML. A page after the version "null" of a key without history starts at the next
    key: the emulator would list that key again.
    """
    listing: Callable[[str, dict[str, Any]], Any] = s3._list_object_versions
    render: Callable[[Any], bytes] = s3._xml_body
    texts = frozenset(("Key", "Prefix", "Delimiter", "KeyMarker", "NextKeyMarker"))

    def encoded(root: Any) -> bytes:
        for element in root.iter():
            if element.tag in texts and element.text:
                element.text = s3._url_encode(element.text)
        kind = s3.SubElement(root, "EncodingType")
        kind.text = "url"
        return render(root)

    def list_versions(bucket: str, query: dict[str, Any]) -> Any:
        if not s3._object_versions.get((bucket, s3._qp(query, "key-marker"))):
            query = {name: value for name, value in query.items() if name != "version-id-marker"}
        if s3._qp(query, "encoding-type") != "url":
            return listing(bucket, query)
        s3._xml_body = encoded
        try:
            return listing(bucket, query)
        finally:
            s3._xml_body = render

    s3._list_object_versions = list_versions


def _only_requests(app: Any) -> Any:
    """The emulator without its start and stop acts: they bring up other services and touch files."""

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        while True:
            phase = (await receive())["type"]
            await send({"type": f"{phase}.complete"})
            if phase == "lifespan.shutdown":
                return

    return serve


async def _main(descriptor: int, *, filled: bool) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app
    from ministack.services import s3

    mend_version_listings(s3)
    written = await fill(s3, stories.BUCKETS, stories.acts()) if filled else 0
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.loglevel = "ERROR"
    config.errorlog = None
    config.accesslog = None
    config.keep_alive_timeout = 3600
    config.keep_alive_max_requests = KEEP_ALIVE_REQUESTS
    config.graceful_timeout = 0.0
    sys.stdout.write(json.dumps({"objects": written}) + "\n")
    sys.stdout.flush()
    await serve(_only_requests(app), config)


def main() -> None:
    """Entry point of the child process; its arguments are described at the top."""
    _follow_parent(os.getppid(), Path(sys.argv[3]))
    asyncio.run(_main(int(sys.argv[1]), filled=sys.argv[2] == "filled"))


if __name__ == "__main__":
    main()
