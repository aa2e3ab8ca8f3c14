"""The journal keeps every acknowledged record in a chain, with several writers and torn lines."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s3console.core.errors import DamagedState, DiskFull
from s3console.store.home import Home
from s3console.store.journal import Journal, Problem, read, verify

NOON = datetime(2024, 6, 25, 12, tzinfo=UTC)


def filled(home: Home, count: int) -> Journal:
    journal = Journal(home.journal)
    for number in range(count):
        journal.append("act", moment=NOON, index=number, key=f"“k”\ud800/{number}")
    return journal


def test_records_come_back_newest_first(home: Home) -> None:
    journal = filled(home, 30)
    assert journal.path == home.journal / "journal.jsonl"
    assert journal.path.stat().st_mode & 0o777 == 0o600
    newest = journal.read(limit=2)
    assert [(record.number, record.at, record.what) for record in newest] == [
        (29, "2024-06-25T12:00:00Z", "act"),
        (28, "2024-06-25T12:00:00Z", "act"),
    ]
    assert newest[0].facts == {"index": 29, "key": "“k”\ud800/29"}
    assert [record.number for record in read(home.journal, newest_first=False)] == list(range(30))
    assert [record.number for record in read(home.journal, newest_first=False, limit=3)] == [27, 28, 29]
    assert read(home.journal, limit=0) == []
    assert verify(home.journal).whole


def test_nothing_yet(home: Home) -> None:
    assert read(home.journal) == []
    assert verify(home.journal).records == 0


def test_the_newest_records_of_a_long_journal_are_read_from_its_end(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3console.store.journal as module

    journal = filled(home, 1500)
    size = journal.path.stat().st_size
    read_bytes = 0
    pread = module.os.pread

    def counting(descriptor: int, length: int, offset: int) -> bytes:
        nonlocal read_bytes
        read_bytes += length
        return pread(descriptor, length, offset)

    monkeypatch.setattr(module.os, "pread", counting)
    assert [record.number for record in journal.read(limit=5)] == list(range(1499, 1494, -1))
    assert read_bytes < size / 3
    Journal(home.journal).append("act")
    assert read_bytes < 2 * size / 3


def test_facts_are_hashed_as_a_reader_sees_them(home: Home) -> None:
    journal = Journal(home.journal)
    record = journal.append("act", pair=(1, 2), table={10: "a", 9: "b"}, number=1e300)
    assert record.number == 0
    assert journal.read()[0].facts == {"pair": [1, 2], "table": {"10": "a", "9": "b"}, "number": 1e300}
    assert verify(home.journal).whole


def test_what_cannot_be_a_record_is_refused_before_it_is_written(home: Home) -> None:
    journal = filled(home, 1)
    before = journal.path.read_bytes()
    for facts in ({"n": 1}, {"h": ""}, {"x": object()}, {"x": float("nan")}, {"x": "y" * (1 << 20)}):
        with pytest.raises(ValueError):
            journal.append("act", **facts)
    assert journal.path.read_bytes() == before


def test_a_torn_line_is_kept_closed_and_reported(home: Home) -> None:
    journal = filled(home, 3)
    whole = journal.path.read_bytes()
    torn = b'{"v":1,"n":3,"t":"2024-0'
    journal.path.write_bytes(whole + torn)
    assert verify(home.journal).problems == (Problem(4, "not a record, or torn"),)
    assert [record.number for record in read(home.journal, limit=1)] == [2]
    assert journal.append("after").number == 4
    assert Journal(home.journal).append("again").number == 5
    assert journal.path.read_bytes().startswith(whole + torn + b"\n")
    newest = read(home.journal, limit=3)
    assert [(record.what, record.facts) for record in newest] == [
        ("again", {}),
        ("after", {}),
        ("torn line", {"bytes": len(torn)}),
    ]
    verdict = verify(home.journal)
    assert verdict.whole
    assert (verdict.records, verdict.torn) == (6, 1)


def test_a_journal_that_begins_with_a_torn_line(home: Home) -> None:
    journal = Journal(home.journal)
    journal.path.write_bytes(b'{"v"')
    assert journal.append("first").number == 1
    assert verify(home.journal).whole


def test_only_the_newline_is_missing(home: Home) -> None:
    journal = filled(home, 2)
    journal.path.write_bytes(journal.path.read_bytes()[:-1])
    assert len(read(home.journal)) == 2
    assert journal.append("next").number == 2
    assert verify(home.journal).whole


def test_a_file_that_is_not_a_journal_is_not_continued(home: Home) -> None:
    journal = Journal(home.journal)
    journal.path.write_bytes(b"hello\nworld\n")
    with pytest.raises(DamagedState):
        journal.append("act")
    journal.path.write_bytes(b"x" * 5_000_000)
    with pytest.raises(DamagedState):
        journal.append("act")


@pytest.mark.parametrize("change", ["edit", "remove", "swap", "insert", "rehash"])
def test_tampering_is_found(home: Home, change: str) -> None:
    journal = filled(home, 10)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    if change == "edit":
        lines[4] = lines[4].replace(b'"index":4', b'"index":5')
    elif change == "remove":
        del lines[4]
    elif change == "swap":
        lines[4], lines[5] = lines[5], lines[4]
    elif change == "insert":
        lines.insert(4, lines[3])
    else:
        other = Journal(home.path / "other.jsonl")
        for number in range(5):
            other.append("act", index=number + 100)
        lines[4] = other.path.read_bytes().splitlines(keepends=True)[4]
    journal.path.write_bytes(b"".join(lines))
    problems = verify(home.journal).problems
    assert problems
    assert min(problem.line for problem in problems) in (5, 6)


def test_several_processes_append_to_one_chain(home: Home, child_environ: dict[str, str]) -> None:
    code = (
        "import sys, pathlib; from s3console.store.journal import Journal\n"
        "j = Journal(pathlib.Path(sys.argv[1]))\n"
        "for i in range(60): j.append('act', by=sys.argv[2], i=i)"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(home.journal), str(number)], env=child_environ)
        for number in range(3)
    ]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    verdict = verify(home.journal)
    assert verdict.whole
    assert verdict.records == 180
    records = read(home.journal, newest_first=False)
    for writer in "012":
        assert [record.facts["i"] for record in records if record.facts["by"] == writer] == list(range(60))


def test_killed_at_any_moment_nothing_acknowledged_is_lost(home: Home, child_environ: dict[str, str]) -> None:
    crash = Path(__file__).with_name("killed_writer.py")
    done = subprocess.run(
        [sys.executable, str(crash), "journal", str(home.journal), "20", "3"],
        capture_output=True,
        text=True,
        timeout=120,
        env=child_environ,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["acknowledged"] >= 10, "each second one was killed after it had written something"
    assert (result["lost"], result["broken"]) == (0, 0)


def test_a_full_disk_stops_before_the_act(home: Home, file_limit) -> None:  # type: ignore[no-untyped-def]
    journal = filled(home, 20)
    size = journal.path.stat().st_size
    with file_limit(size + 30), pytest.raises(DiskFull):
        journal.append("act")
    assert len(read(home.journal)) == 20
    assert journal.append("act").what == "act"
    verdict = verify(home.journal)
    assert (verdict.whole, verdict.torn) == (True, 1)
