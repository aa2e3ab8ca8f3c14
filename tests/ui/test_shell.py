"""The shell: one registry behind keys, hints, help and words; themes; a start that imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.theme import Theme

from s3console.core.errors import UsageError
from s3console.core.model import JobStatus
from s3console.ui import theme
from s3console.ui.app import S3ConsoleApp
from s3console.ui.browsing.addresses import Location, parse_address
from s3console.ui.browsing.preview import make_preview
from s3console.ui.display import (
    count_runs,
    duration,
    elide,
    fit,
    money,
    path_runs,
    short_count,
    size_text,
    width_of,
)
from s3console.ui.widgets.bottom_strip import queue_runs
from s3console.ui.widgets.facts import wrapped

from .conftest import SIZE, frame, press, settle
from .fake_desk import FakeDesk

ROOT = Path(__file__).parent.parent.parent


def text_of(runs: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> str:
    return "".join(text for text, _ in runs)


def luminance(colour: str) -> float:
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", [theme.DARK, theme.LIGHT], ids=lambda look: look.name)
def test_roles_can_be_read(look: Theme) -> None:
    back = look.background or ""
    assert contrast(look.foreground or "", back) >= 11
    for role in ("missing", "misnamed", "differs", "extra", "unknown", "junk", "duplicate", "ok", "danger",
                 "escape", "live", "muted"):
        assert contrast(look.variables[role], back) >= 4.5, role
    assert contrast(look.variables["faint"], back) >= 3.6
    assert contrast(look.variables["muted"], look.variables["cursor"]) >= 3.5


def test_every_theme_knows_every_role() -> None:
    wanted = set(theme.role_defaults(theme.DARK))
    for look in theme.THEMES:
        assert wanted - set(look.variables) <= {"input-cursor-background", "input-cursor-foreground"}


@pytest.mark.parametrize("environ", [
    {"NO_COLOR": "1"}, {"S3CONSOLE_THEME": "light"}, {"S3CONSOLE_THEME": "ansi"},
    {"S3CONSOLE_THEME": "textual-dark"}, {"S3CONSOLE_THEME": "no such theme"}, {"S3CONSOLE_ASCII": "1"},
], ids=str)
async def test_looks(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    app = S3ConsoleApp(desk, start="s3://bucket2/document123/")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "question_mark", "escape", "v", "escape")
        shown = frame(app)
        assert "10::jpg::640::480" in shown
        assert "[READ-ONLY]" in shown


def test_ascii_marks_reach_the_terminal_as_ascii() -> None:
    from rich.segment import Segment
    from textual.color import Color

    from s3console.ui.safety import AsciiFilter

    [segment] = AsciiFilter().apply([Segment("╭─ ○ missing ≠ ✓ ━╸ …")], Color(0, 0, 0))
    assert segment.text.isascii()
    assert len(segment.text) == len("╭─ ○ missing ≠ ✓ ━╸ …")


def test_nothing_heavy_is_imported_before_the_first_frame() -> None:
    code = (
        "import sys, s3console.ui.app, s3console.ui.screens.browse, s3console.workflow.desk\n"
        "print(sorted({'boto3', 'botocore', 'pyarrow', 'duckdb', 'diskcache'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_numbers_are_short_in_lists() -> None:
    assert [short_count(n) for n in (0, 7, 999, 1000, 12_000, 841_204, 5_210_000, 999_999_999)] == [
        "0", "7", "999", "1.00k", "12.0k", "841k", "5.21M", "1.00G"]
    assert count_runs(0, "missing") == [("·", "faint")]
    assert [size_text(n) for n in (0, 1023, 1024, 121_900, 43_110, 1 << 40)] == [
        "0 B", "1023 B", "1.0 KiB", "119 KiB", "42.1 KiB", "1.0 TiB"]
    assert [money(d) for d in (0, 0.00001, 0.0002, 8.65, 10799.36)] == [
        "$0", "< $0.0001", "$0.0002", "$8.65", "$10,799"]
    assert [duration(s) for s in (4, 62, 7500, 100_000)] == ["4s", "1m 02s", "2h 05m", "1d 03h"]


def test_a_key_keeps_its_tail_when_it_is_cut() -> None:
    runs = path_runs("document123/document123/0856/8e37/-801/2-41/f3-b/618-/3ce4/0078/1::png::200::490::bd")
    cut = elide(runs, 40)
    assert width_of(cut) == 40
    assert text_of(cut).endswith("1::png::200::490::bd")
    assert "…" in text_of(cut)
    assert width_of(fit([("漢字", "")], 3)) == 3
    lines = list(wrapped(path_runs("a/" * 30 + "name\x1b"), 20))
    assert text_of([run for line in lines for run in line]) == "a/" * 30 + "name\\x1b"
    assert all(width_of(line) <= 20 for line in lines)


def test_the_queue_line_names_the_most_urgent_job() -> None:
    jobs = [
        JobStatus("j1", "p1", "done", 10, 10, 0, 0),
        JobStatus("j2", "p2", "running", 1000, 400, 3, 0, rate=100.0, title="repair document123/"),
        JobStatus("j3", "p3", "paused", 10, 1, 0, 0),
    ]
    line = text_of(list(queue_runs(jobs)))
    for part in ("running", "repair document123/", "40%", "403 / 1,000", "100/s", "5s left", "3 failed",
                 "1 more"):
        assert part in line
    assert "nothing queued" in text_of(list(queue_runs([])))


@pytest.mark.parametrize(("text", "expected"), [
    ("s3://b-1/x/y", Location("b-1", "x/y")), ("s3a://b-1", Location("b-1")),
    ("b-1/x/", Location("b-1", "x/")),
    ("arn:aws:s3:::b-1/x y", Location("b-1", "x y")),
    ("https://b.1.s3.eu-west-1.amazonaws.com/a%20b", Location("b.1", "a b")),
    ("https://s3.us-west-2.amazonaws.com/b-1/a", Location("b-1", "a")),
    ("http://127.0.0.1:9000/b-1/a/", Location("b-1", "a/")),
    ("https://s3.console.aws.amazon.com/s3/buckets/b-1?region=x&prefix=a/b/", Location("b-1", "a/b/")),
])
def test_addresses(text: str, expected: Location) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", "s3://", "arn:aws:s3", "https://", "s3:///x", "\x1b[2J"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_address(text)
    assert refused.value.sentence.isprintable()


def test_previews() -> None:
    def what(data: bytes, name: str = "x", total: int = -1) -> tuple[str, str, list[str]]:
        made = make_preview(data, name=name, content_type="", width=40,
                            total=len(data) if total < 0 else total)
        return made.what, made.note, ["".join(text for text, _ in line) for line in made.lines]

    assert what(b"")[0] == "empty"
    assert what(b'{"a": [1, null]}')[2] == ["{", '  "a": [', "    1,", "    null", "  ]", "}"]
    assert what(b'{"a": [1, nu', "a.json", 500)[:2] == ("json", "first 12 B of 500 B")
    assert what(b"plain\r\ntext\n")[2][:2] == ["plain", "text"]
    assert what(bytes(range(256)))[0] == "hex"
    assert what(b"x" * 100)[2] == ["x" * 40, "x" * 40, "x" * 20]
    kind, _, lines = what("caf\u00e9 \x1b[2J".encode())
    assert kind == "text"
    assert lines == ["café \\x1b[2J"]
    assert what("café".encode()[:-1])[2] == ["caf"]
    assert what("hi".encode("utf-16"))[2] == ["hi"]
    assert what(b"[" * 50_000)[0] == "text"
    import gzip

    assert what(gzip.compress(b'{"in": "gzip"}'), "x.json.gz")[0] == "JSON in gzip"
    bomb = gzip.compress(b"\x00" * 50_000_000)
    assert len(what(bomb)[2]) <= 64 * 1024 / 16


async def test_an_unexpected_error_in_a_thread_is_one_sentence(desk: FakeDesk) -> None:
    def broken(operation: str) -> None:
        raise ZeroDivisionError("secret value")

    desk.reader().before = broken
    app = S3ConsoleApp(desk, start="s3://bucket2/")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        assert "unexpected ZeroDivisionError" in frame(app)
        assert "secret value" not in frame(app)
