"""How calls end: exit codes and sentences for everything that can go wrong before any work is done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest_cli import Cli, MakeCli
from conftest_servers import S3Server, unheard
from servers.odd_server import OddServer, Row

from s3console.cli import main as entry

HEAVY = ("boto3", "botocore", "textual", "pyarrow", "diskcache", "duckdb", "pycurl", "asyncio")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option: str) -> None:
    code = ("import sys; from s3console.cli.main import main; code = main([sys.argv[1]]); "
            f"print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)")
    done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=True)
    assert done.stderr == "0 []\n"
    assert "s3console" in done.stdout


def test_no_credentials(bare_cli: Cli, ministack: S3Server) -> None:
    for words in (("ls", "s3://some-bucket/"), ("compare", "s3://one-bucket/", "s3://two-bucket/")):
        answer = bare_cli("--endpoint-url", ministack.endpoint_url, *words, code=3)
        assert "credentials" in answer.err and answer.out == ""


def test_endpoint_down(odd_cli: MakeCli) -> None:
    with unheard() as port:
        for words in (("ls", "s3://some-bucket/", "--json"), ("du", "s3://some-bucket/"),
                      ("compare", "s3://one-bucket/", "s3://two-bucket/", "--json"),
                      ("doctor", "s3://some-bucket/")):
            answer = odd_cli(f"http://127.0.0.1:{port}")(*words, code=3)
            assert "127.0.0.1" in answer.err + answer.out


def test_an_unknown_name_is_usage(bare_cli: Cli) -> None:
    for words in (("review", "nosuchreview"), ("plan", "repair", "nosuchreview", "--prefix", "a/"),
                  ("show", "0123456789ab"), ("approve", "0123456789ab", "--count", "1"),
                  ("run", "0123456789ab"), ("job", "nosuchjob"), ("pause", "nosuchjob"),
                  ("retry", "nosuchjob")):
        answer = bare_cli(*words, "--json", code=2)
        assert answer.out == "" and answer.err.count("\n") == 1


def test_words_without_work_say_so(bare_cli: Cli) -> None:
    for word in ("reviews", "plans", "jobs", "journal"):
        assert bare_cli(word, "--json", code=0).out == ""
    assert "Nothing waits" in bare_cli("run", code=0).err


def test_read_only_refuses_to_write(bare_cli: Cli) -> None:
    for words in (("run",), ("approve", "0123456789ab", "--count", "1"), ("resume", "x"), ("retry", "x")):
        assert "read-only" in bare_cli("--read-only", *words, code=5).err


def test_a_state_directory_that_is_not_ours(bare_cli: Cli, tmp_path: Path) -> None:
    crowded = tmp_path / "crowded"
    crowded.mkdir(mode=0o700)
    (crowded / "thesis.txt").write_text("mine")
    assert bare_cli("reviews", "--state-dir", str(crowded), code=5).err
    assert sorted(path.name for path in crowded.iterdir()) == ["thesis.txt"]
    newer = tmp_path / "newer"
    bare_cli("reviews", "--state-dir", str(newer), code=0)
    (newer / "schema.json").write_text(json.dumps({"schema": 99}))
    assert "newer" in bare_cli("reviews", "--state-dir", str(newer), code=5).err


def test_the_console_needs_a_terminal(bare_cli: Cli) -> None:
    for words in ((), ("s3://bucket/",), ("demo",)):
        assert "terminal" in bare_cli(*words, code=2).err


@pytest.mark.parametrize(("kind", "code"), [
    ("html", 3), ("empty", 3), ("truncated", 3), ("expired", 3), ("403", 3), ("no_truncated", 3),
])
def test_a_first_page_that_is_no_answer(kind: str, code: int, odd_cli: MakeCli) -> None:
    with OddServer() as odd:
        odd.rows = {"bucket": [Row("a"), Row("b")]}
        odd.fault(kind)
        answer = odd_cli(odd.endpoint_url)("ls", "s3://bucket/", "-r", "--json", code=code)
        assert answer.out == "" and answer.err.count("\n") == 1


def test_a_listing_that_breaks_is_incomplete(odd_cli: MakeCli) -> None:
    with OddServer() as odd:
        odd.page_size = 10
        odd.rows = {"left": [Row(f"d/{at:03}") for at in range(40)],
                    "right": [Row(f"d/{at:03}") for at in range(10, 40)]}
        odd.fault("403", page=2)
        cli = odd_cli(odd.endpoint_url)
        listed = cli("ls", "s3://left/", "-r", "--json", code=4)
        assert [line["key"] for line in listed.lines] == [f"d/{at:03}" for at in range(20)]
        assert "d/019" in listed.err
        assert cli("du", "s3://left/", "--json", code=4).out == ""
        compared = cli("compare", "s3://left/", "s3://right/", "--json", code=4)
        record = compared.object
        assert record["complete"] is False and record["left"]["known_through"] == "d/019"
        assert "d/019" in compared.err
        refused = cli("plan", "repair", record["review"], "--prefix", "d/", "--only", "delete",
                      "--include", "junk", "--json")
        assert refused.code == 5 and refused.out == ""


def test_a_fault_of_our_own_is_one_sentence_and_a_report_without_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from s3console.cli import journal

    def broken(_: object) -> int:
        password = "hunter2-in-a-local"
        raise ZeroDivisionError(password)

    monkeypatch.setattr(journal, "journal", broken)
    monkeypatch.setenv("S3CONSOLE_HOME", str(tmp_path / "state"))
    assert entry.main(["journal"]) == 70
    seen = capsys.readouterr()
    assert seen.out == "" and "ZeroDivisionError" in seen.err and "hunter2" not in seen.err
    (report,) = (tmp_path / "state" / "crashes").iterdir()
    assert report.stat().st_mode & 0o777 == 0o600
    assert "broken" in report.read_text() and "hunter2" not in report.read_text()


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from s3console.cli import journal

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(journal, "journal", interrupted)
    assert entry.main(["journal"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_reader_that_goes_away_and_a_disk_that_is_full(bare_cli: Cli) -> None:
    shell = " ".join(bare_cli.command("completion", "bash"))
    quiet = subprocess.run(["bash", "-c", f"{shell} | true; echo ${{PIPESTATUS[0]}}"], env=bare_cli.environ,
                           capture_output=True, text=True, check=True)
    assert quiet.stdout.strip() in ("0", "141") and quiet.stderr == ""
    full = subprocess.run(["bash", "-c", f"{shell} > /dev/full"], env=bare_cli.environ, capture_output=True,
                          text=True, check=False)
    assert full.returncode == 4 and "No space left" in full.stderr and "Traceback" not in full.stderr


def test_completion_is_a_script_the_shell_reads(bare_cli: Cli) -> None:
    script = bare_cli("completion", "bash", code=0).out + (
        '\nCOMP_WORDS=(s3console comp); COMP_CWORD=1; _s3console; echo "${COMPREPLY[@]}"'
        '\nCOMP_WORDS=(s3console --json plan re); COMP_CWORD=3; _s3console; echo "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["compare completion", "repair reduce restore"]
