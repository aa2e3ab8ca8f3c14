"""A page of `ls --json` line for line as the records of the contract give it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from s3console.cli.lines import entry_lines
from s3console.cli.records import entry_record
from s3console.core.model import Batch

ODD = st.sampled_from(["a/b", '"', "\\", "\x7f", "\ud800", "é", "\U0001f600", ""])
TEXT = st.one_of(st.text(max_size=12), ODD)
TIME = st.sampled_from(["2024-06-25T10:11:34Z", "2024-06-25T10:11:34.120Z", "2024-06-25T10:11:34+00:00", "",
                        "2024-06-25T10:11:34", "Z", "Z\n", "ZZ", "a\nZ", "2024-06-25T10:11:34.000000Z"])
ROW = st.tuples(TEXT, st.integers(0, 2**63), TEXT, st.one_of(TIME, TEXT), TEXT, TEXT, st.booleans(),
                st.booleans())
PLAIN = st.tuples(st.from_regex(r"[a-z/]{1,9}", fullmatch=True), st.integers(0, 9), st.just("0" * 32),
                  st.just("2024-06-25T10:11:34Z"), st.sampled_from(["STANDARD", "GLACIER"]), st.just("v1"),
                  st.booleans(), st.just(value=False))


@given(st.one_of(st.lists(ROW, max_size=6), st.lists(PLAIN, max_size=20)), st.booleans(), st.booleans())
def test_a_page_is_the_lines_of_its_records(rows: list[tuple[str, int, str, str, str, str, bool, bool]],
                                            versions: bool, known: bool) -> None:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 8
    batch = Batch(*columns[:5], *(columns[5:] if known else ()))  # type: ignore[arg-type]
    expected = "".join(json.dumps(entry_record(entry, versions=versions)) + "\n" for entry in batch.entries())
    assert entry_lines(batch, versions=versions) == expected
