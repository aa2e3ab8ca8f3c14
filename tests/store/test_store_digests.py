"""What is known of local files: believed for the very file only, appended by jobs, replaced whole."""

from __future__ import annotations

from pathlib import Path

from s3console.core.trees import Standing, pack_standing
from s3console.store.digests import DigestLog, Digests
from s3console.store.home import Home

ROOT = "/srv/www"
ONE, OTHER = Standing(10, 1_700_000_000_123_456_789, 7), Standing(10, 1_700_000_000_123_456_789, 8)


def test_a_digest_is_that_of_one_file_only(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "state")
    known = Digests(home, ROOT)
    known.learn("a", ONE, "e1")
    known.learn("a", ONE, "e2-2")
    known.save()
    again = Digests(home, ROOT)
    assert again.etags("a", ONE) == ("e2-2", "e1")
    for other in (OTHER, ONE._replace(size=11), ONE._replace(mtime_ns=1)):
        assert again.etags("a", other) == ()
    assert Digests(home, "/srv/other").etags("a", ONE) == ()
    again.learn("a", OTHER, "e3")
    again.save()
    assert Digests(home, ROOT).etags("a", ONE) == () and Digests(home, ROOT).etags("a", OTHER) == ("e3",)


def test_what_a_job_wrote_is_known_to_the_next_plan(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "state")
    odd = 'ü"\\\n\u2028 x'
    DigestLog(home, ROOT).add([(odd, pack_standing(ONE), "e1"), ("b", pack_standing(ONE), "e2")])
    DigestLog(home, ROOT).add([("b", pack_standing(OTHER), "e3")])
    known = Digests(home, ROOT)
    assert (known.etags(odd, ONE), known.etags("b", ONE), known.etags("b", OTHER)) == (("e1",), (), ("e3",))
    # A job that writes while a plan is made loses nothing, whatever the plan has seen of the tree.
    DigestLog(home, ROOT).add([("c", pack_standing(ONE), "e4")])
    known.save({odd: None})
    after = Digests(home, ROOT)
    assert [after.etags(odd, ONE), after.etags("b", OTHER),
            after.etags("c", ONE)] == [("e1",), ("e3",), ("e4",)]
    after.learn("d", ONE, "e5")
    after.save({odd: None, "d": None})
    last = Digests(home, ROOT)
    assert len(last) == 2 and last.etags("c", ONE) == ()
    assert not any(path.stat().st_size for path in home.digests.glob("*.log"))


def test_a_torn_line_hides_nothing_else(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "state")
    DigestLog(home, ROOT).add([("a", pack_standing(ONE), "e1")])
    [path] = home.digests.glob("*.log")
    with path.open("ab") as file:
        file.write(b'["b",10,1700')
    known = Digests(home, ROOT)
    assert known.etags("a", ONE) == ("e1",) and known.etags("b", ONE) == ()
    DigestLog(home, ROOT).add([(name, pack_standing(ONE), "e3") for name in ("c", "d")])
    Digests(home, ROOT).save()
    kept = Digests(home, ROOT)
    assert kept.etags("a", ONE) == ("e1",) and kept.etags("d", ONE) == ("e3",)
