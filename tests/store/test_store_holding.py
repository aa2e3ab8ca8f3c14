"""Findings that hold a text: the same as reading all of them and looking, row group by row group."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from s3console.core.model import Finding, Kind, Place, ReviewHeader, Side, SideTotals
from s3console.store import review_writer
from s3console.store.home import Home
from s3console.store.latest import latest_headers
from s3console.store.reviews import Review, ReviewWriter

DAY = "2024-06-25T10:11:34Z"


def header(review: str) -> ReviewHeader:
    return ReviewHeader(
        review=review, created=DAY, left=SideTotals(Place("a"), 7, complete=True),
        right=SideTotals(Place("b"), 9, complete=True), versions=True, same=4, totals={}, rules=(), notes=())


def findings() -> list[Finding]:
    found = []
    for n in range(100):
        name = f"{'déPôt' if n % 7 == 0 else 'plain'}/{n:03}\ud800"
        if n % 3 == 0:
            found.append(Finding("missing", Side(f"LEFT/{n}", 1, "x"), intended_key=name,
                                 intended_state="absent"))
        else:
            found.append(Finding("misnamed", Side(f"elsewhere/{n}", 1, "x"), Side(name, 1, "x"),
                                 f"right/{n}::a", "absent", "colon-truncate(::)", "proved",
                                 counted=n % 5 != 0))
    return sorted(found, key=lambda finding: finding.position.encode("utf-8", "surrogatepass"))


def written(home: Home, name: str) -> Review:
    with ReviewWriter(home, name) as writer:
        writer.add(findings())
        writer.finish(header(name))
    return Review.open(home, name)


def said(finding: Finding) -> str:
    return "\n".join((finding.position, finding.key, finding.intended_key, finding.kind, finding.rule))


@pytest.mark.parametrize(
    "text", ["DÉPÔT", "left/3", "elsewhere", "TRUNCATE(::", "missing", "right/1", "zzz", ".*"])
@pytest.mark.parametrize(("prefix", "kinds"), [("", None), ("plain/0", None), ("", {"misnamed"})])
def test_what_holds_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, prefix: str, kinds: set[Kind] | None
) -> None:
    monkeypatch.setattr(review_writer, "GROUP", 8)
    home = Home.create(tmp_path / "home")
    with written(home, "r20240625-101134-aaaa") as review:
        every = [one for part in review.findings(prefix, kinds) for one in part]
        parts = list(review.holding(text, prefix, kinds))
        assert [one for _, part in parts for one in part] == [
            one for one in every if text.casefold() in said(one).casefold()]
        seen = [count for count, _ in parts]
        assert len(seen) > 1
        assert seen == sorted(seen)
        assert seen[-1] == len(every) == review.count(prefix, kinds)


def test_the_latest_headers_are_read_without_arrow(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    names = [f"r2024062{day}-101134-aaaa" for day in range(1, 6)]
    for name in names:
        written(home, name).close()
    (home.reviews / names[4] / "review.json").write_text("{", encoding="utf-8")
    assert [one.review for one in latest_headers(home, 3)] == [names[3], names[2], names[1]]
    assert latest_headers(home, 1)[0] == header(names[3])
    code = ("import sys; from pathlib import Path; from s3console.store.home import Home; "
            "from s3console.store.latest import latest_headers; "
            "assert latest_headers(Home.create(Path(sys.argv[1])), 3); "
            "sys.exit('pyarrow' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code, str(home.path)], check=False).returncode == 0
