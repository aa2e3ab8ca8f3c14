"""A thousand pictures to move, with the names that trip movers, and an empty bucket to move them to."""

from __future__ import annotations

from collections.abc import Iterator

from .acts import Act, Bucket, Put, instant, noise, number

MOVE_SRC = Bucket("move-src", "eu-west-3", versioned=False)
MOVE_DST = Bucket("move-dst", "eu-west-3", versioned=False)

COUNT = 1000
STARTED = "2022-02-01T12:00:00Z"
TRICKY = (
    "1.jpg", "11.jpg", "a.jpg", "banana.jpg", "img/1.jpg", "img/1.jpg.bak", "img/two\nlines.jpg",
    "img/with space.jpg", "img/plus+and%25.jpg", "img/\u00fcmlaut \u2603.jpg", "img/empty.jpg", "img/",
)


def moving_acts() -> Iterator[Act]:
    """The pictures of `move-src`; `move-dst` stays empty."""
    keys = list(TRICKY)
    keys += [f"img/{at:04}.jpg" for at in range(COUNT - len(keys))]
    for at, key in enumerate(keys):
        empty = key in ("img/empty.jpg", "img/")
        body = b"" if empty else b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + noise(key, 300 + number(key, 1500))
        kind = "application/x-directory" if key.endswith("/") else "image/jpeg"
        yield Put(MOVE_SRC.name, key, body, instant(STARTED, at), kind, (("camera", "demo"),))
