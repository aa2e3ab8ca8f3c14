"""The command line as text: words, options on either side of them, and the sentence for a wrong call."""

from __future__ import annotations

import contextlib
import io

import pytest

from s3console.cli.main import WORDS, main
from s3console.cli.parser import make_parser, parse, word_names
from s3console.core.errors import UsageError


@pytest.mark.parametrize("arguments", [
    ["--json", "--profile", "p", "ls", "s3://b/"],
    ["ls", "s3://b/", "--json", "--profile", "p"],
    ["--json", "ls", "--profile=p", "s3://b/"],
])
def test_common_options_stand_before_or_after_the_word(arguments: list[str]) -> None:
    options = parse(arguments)
    assert (options.word, options.place, options.json, options.profile) == ("ls", "s3://b/", True, "p")
    assert (options.read_only, options.endpoint_url, options.verbose) == (False, None, 0)


def test_the_later_place_of_an_option_wins() -> None:
    assert parse(["--region", "one", "plan", "--region", "two", "delete", "s3://b/x/"]).region == "two"


@pytest.mark.parametrize(("arguments", "place"), [
    ([], None), (["--read-only"], None), (["s3://bucket/x"], "s3://bucket/x"),
    (["--profile", "ls", "s3://bucket/"], "s3://bucket/"),
])
def test_no_word_or_a_place_opens_the_console(arguments: list[str], place: str | None) -> None:
    options = parse(arguments)
    assert (options.word, options.place) == ("open", place)


@pytest.mark.parametrize("arguments", [
    ["frobnicate"], ["ls"], ["ls", "s3://b/", "--bogus"], ["ls", "s3://b/", "--vers"], ["undo"],
    ["plan"], ["plan", "move", "s3://a/"], ["plan", "repair", "r1"], ["compare", "s3://a/"],
    ["compare", "s3://a/", "s3://b/", "--evidence", "guess"], ["approve", "p", "--count", "many"],
    ["approve", "p", "--count", "-1"], ["run", "p", "--workers", "0"], ["run", "p", "--rate", "nan"],
    ["run", "p", "--rate", "-3"], ["du", "s3://b/", "--depth", "x"], ["completion", "tcsh"],
])
def test_a_wrong_call_is_a_usage_error_with_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError):
        parse(arguments)
    assert main(arguments) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert len(seen.err.strip().split("\n")) == 1 and "Traceback" not in seen.err


def test_a_count_may_be_written_with_thousands() -> None:
    assert parse(["approve", "abcd", "--count", "1,203"]).count == 1203


def test_every_word_of_the_contract_is_there_and_has_a_function() -> None:
    words = word_names(make_parser())
    assert {"demo", "ls", "du", "compare", "reviews", "review", "plan", "plans", "show", "approve", "run",
            "jobs", "job", "pause", "resume", "cancel", "retry", "journal", "doctor",
            "completion"} <= set(words)
    assert set(words) == set(WORDS)
    assert {"repair", "copy", "delete", "restore", "purge"} <= set(word_names(words["plan"]))


@pytest.mark.parametrize("word", sorted(WORDS))
def test_every_word_explains_itself(word: str) -> None:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert main([word, "--help"]) == 0
    assert word in shown.getvalue() and "--endpoint-url" in shown.getvalue()


def test_hostile_arguments_reach_the_terminal_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["\x1b[31mred"]) == 2
    assert main(["ls", "s3://b/\x1b[31m", "--\x1b]0;title\x07"]) == 2
    assert "\x1b" not in capsys.readouterr().err
