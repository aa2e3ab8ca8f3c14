"""Text tables, JSON lines and progress."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3console.cli.output import Output, bar, money_text, sentence_text, size_text, table_lines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def make(out: io.StringIO, err: io.StringIO, *, color: bool = True) -> Output:
    times = iter(range(1000))
    return Output(out, err, as_json=False, color=color, clock=lambda: float(next(times)))


def test_numbers_stand_to_the_right_and_text_to_the_left() -> None:
    assert list(table_lines(("SIZE", "KEY"), [(1234567, "a"), (5, "long name")])) == [
        "     SIZE  KEY", "1,234,567  a", "        5  long name"]


def test_an_empty_table_is_its_head() -> None:
    assert list(table_lines(("SIZE", "KEY"), [])) == ["SIZE  KEY"]


@given(st.lists(st.tuples(st.text(), st.integers(0, 2**60)), max_size=30))
def test_any_key_stays_on_its_line(rows: list[tuple[str, int]]) -> None:
    lines = list(table_lines(("KEY", "SIZE"), rows, window=7))
    assert len(lines) == len(rows) + 1
    assert not any(char in line for line in lines for char in "\n\r\x1b\x00\u202e\x85\u2028")


@given(st.text(st.characters()))
def test_a_record_is_one_line_of_ascii_that_reads_back(key: str) -> None:
    out = io.StringIO()
    make(out, io.StringIO()).record({"key": key})
    text = out.getvalue()
    assert text.isascii() and text.count("\n") == 1 and json.loads(text) == {"key": key}


@given(st.text())
def test_a_sentence_cannot_steer_the_terminal(text: str) -> None:
    shown = sentence_text(text)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown)


def test_a_sentence_keeps_what_is_printable_already() -> None:
    assert sentence_text("key “a\\x1bb” (s3://b/ä)") == "key “a\\x1bb” (s3://b/ä)"


def test_progress_is_for_terminals_only() -> None:
    out, pipe, screen = io.StringIO(), io.StringIO(), Terminal()
    make(out, pipe).progress(lambda: "half")
    assert pipe.getvalue() == ""
    shown = make(out, screen)
    shown.progress(lambda: "half")
    shown.say("done")
    assert screen.getvalue().endswith("\r    \rdone\n") and out.getvalue() == ""


@pytest.mark.parametrize(("terminal", "color", "bold"),
                         [(True, True, True), (True, False, False), (False, True, False)])
def test_bold_needs_a_terminal_and_permission(*, terminal: bool, color: bool, bold: bool) -> None:
    out = Terminal() if terminal else io.StringIO()
    make(out, io.StringIO(), color=color).table(("KEY",), [("a",)])
    assert ("\x1b[1m" in out.getvalue()) is bold


def test_sizes_money_and_bars() -> None:
    assert size_text(0) == "0 B" and size_text(1023) == "1,023 B" and size_text(1536) == "1.50 KiB"
    assert size_text(461_629_000_000_000) == "419.85 TiB"
    assert money_text(10799.364) == "$10,799.36" and money_text(0) == "$0.00"
    assert money_text(0.00074) == "$0.00074" and money_text(-1.5) == "-$1.50"
    assert money_text(1e-9) == "under $0.0001"
    assert bar(0, 10, 4) == "[....]" and bar(5, 10, 4) == "[##..]" and bar(0, 0, 4) == "[####]"
