"""The fourteen named situations of the DistCp story, each below a directory of its own in `document123/`."""

from __future__ import annotations

from .acts import noise
from .distcp import Migration, Version, doubled

A, BB, CCC = b"A", b"BB", b"CCC"
ROOT = "document123/0856/8e37/-801/2-41/f3-b/618-/3ce4/"
VERSIONS_OF_ONE_KEY, SOURCES_OF_ONE_KEY = 1200, 30


def place(vector: int) -> str:
    """The directory of a vector; the second one has the directory that the original report names."""
    return ROOT + ("0078/" if vector == 2 else f"v{vector:03}/")


def write_vectors(story: Migration) -> None:
    """v1 to v14; the comments name what must be found."""
    story.same(place(1) + "9.png", A)
    _truncated_versions(story)
    _right_names(story)
    _separators(story)
    story.same("document1/x", A)
    story.same("document12/x", BB)
    story.missing(place(12) + "a~b", A)
    _doubled_legitimate(story)
    _many_versions(story)


def _truncated_versions(story: Migration) -> None:
    png, jpg, txt = "1::png::200", "1::jpg::300::142", "1::txt"
    p = place(2)
    story.wrong(doubled(p + "1"), [Version(p + "1::png::200::490::bd", A)])
    p = place(3)
    story.wrong(doubled(p + "1"), [Version(p + jpg, BB), Version(p + png, A), Version(p + txt, CCC)])
    # Two sources with the same bytes: any assignment is right, neither is missing.
    p = place(4)
    story.wrong(doubled(p + "1"), [Version(p + jpg, BB), Version(p + png, A), Version(p + txt, A)])
    p = place(5)
    story.wrong(doubled(p + "1"), [Version(p + png, A)])
    story.missing(p + jpg, BB)
    story.missing(p + txt, CCC)


def _right_names(story: Migration) -> None:
    # The cut name is itself a source: its current bytes belong to the longer name.
    p = place(6)
    story.wants(p + "1::png", A)
    story.differs(p + "1", kept=True, body=CCC, wrong=A)
    story.foreign(p + "1")
    p = place(7)
    story.contradicted(p + "1::png", A, p + "1", BB)
    story.live(place(8) + "new.png")
    p = place(9)
    story.wrong(p, [Version(p + "::png", A)])


def _separators(story: Migration) -> None:
    for place_, name in (("v10a/", "a:b"), ("v10b/", "a"), ("v10c/", "c")):
        story.wrong(ROOT + place_ + name, [Version(ROOT + place_ + "a:b::c", A)])


def _doubled_legitimate(story: Migration) -> None:
    # D/D/x is a legitimate name here; the doubled copy of D/x landed on it.
    story.wants("document013/x", BB)
    story.differs("document013/document013/x", kept=True, body=A, wrong=BB)
    story.foreign("document013/document013/x")


def _many_versions(story: Migration) -> None:
    p = place(14)
    versions: list[Version] = []
    for at in range(VERSIONS_OF_ONE_KEY):
        source = f"{p}1::png::{at % SOURCES_OF_ONE_KEY + 1:03}"
        versions.append(Version(source, noise(source, 64)))
        if at in (399, 799, VERSIONS_OF_ONE_KEY - 1):
            versions.append(Version(None))
    story.wrong(doubled(p + "1"), versions)
