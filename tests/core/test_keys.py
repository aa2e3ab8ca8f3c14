"""Hostile keys: what is shown, what can be addressed, where a local copy goes, and roll-up prefixes."""

from __future__ import annotations

import re
import time
import unicodedata
from itertools import pairwise
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s3console.core.keys import (
    MARKS_PER_LETTER,
    prefix_of,
    prefixes_of,
    printable,
    printable_runs,
    safe_local_path,
    utf8_ok,
    xml_safe,
)

PLAIN = "document123/0856/8e37/-801/2-41/f3-b/618-/3ce4/0078/1::png::200::490::bd"
HOSTILE = st.text(
    st.characters() | st.characters(categories=["Cs"])
    | st.sampled_from("\\xu01ab \x1b\x9b\u202e\u200b\u0301\u0302\u0338\x00\r\n\t[]=eÉ\ufe0f\ufffd\u3164\u1100"
                      "\u1161\u11a8\u0e33\u0e48\u09c7\u09be\u212b\uf900\U0001f1e6\U0001f3fb\u00ad"),
    max_size=30)
# Everything a terminal hides, moves or joins with its neighbour; marks are judged in the test itself.
NEVER = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u1100-\u11ff\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ud800-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0000-\U0010ffff]")


def read_back(shown: str) -> str:
    """The text that `printable` showed: escapes count only if there is one; then every "\\" is one."""
    pattern = r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
    if re.search(pattern, shown) is None:
        return shown
    return re.sub(pattern, lambda m: "\\" if m[1] == "\\" else chr(int(m[1][1:], 16)), shown)


@settings(max_examples=1500, deadline=None)
@given(HOSTILE)
@example("\\x1b")
@example("a\\")
@example("\\\\")
@example("\\\u0301")
@example("\x0e\u0301")
@example("\x1be\u0301\u0301")
def test_printable_can_be_read_back_so_no_two_texts_look_the_same(text: str) -> None:
    assert read_back(printable(text)) == text


@settings(max_examples=1500, deadline=None)
@given(HOSTILE)
@example("\x0e\u0301")
@example("e\x0e\u0301")
@example("e\u200b\u0301")
@example("\u212b\uf900\u2126")
@example("=\x00\u0338")
@example("a\u0301\u0302\u0303\u0304")
@example("\u1100\u1161\u11a8")
@example("\u09c7\u09be")
def test_printable_is_one_harmless_line_in_normal_form(text: str) -> None:
    shown = printable(text)
    assert NEVER.search(shown) is None
    assert shown == shown.strip() and "  " not in shown
    shown.encode("utf-8")
    assert unicodedata.is_normalized("NFC", shown)
    allowed = {"Mn", "Mc"}
    for at, char in enumerate(shown):
        category = unicodedata.category(char)
        assert category[0] not in "CZ" or char == " "
        assert category != "Me"
        if category in allowed:
            stack = shown[max(0, at - MARKS_PER_LETTER):at]
            assert any(unicodedata.category(base)[0] == "L" for base in stack)


@settings(max_examples=500, deadline=None)
@given(HOSTILE, HOSTILE)
def test_different_keys_stay_different_after_normalisation(one: str, other: str) -> None:
    if one != other:
        assert unicodedata.normalize("NFD", printable(one)) != unicodedata.normalize("NFD", printable(other))


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from(
    "eo\u0301\u0308\u0327é\u0e33åA\u030a\u212bΩ\u2126\uac00\u1100\u1161 a"), max_size=8))
def test_normalisation_twins_look_different(text: str) -> None:
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")} | {text}
    assert len({printable(form) for form in forms}) == len(forms)


@pytest.mark.parametrize(("text", "shown"), [
    ("", ""), (PLAIN, PLAIN), ("a b", "a b"), (" a", "\\x20a"), ("a ", "a\\x20"), ("a  b", "a\\x20\\x20b"),
    (" ", "\\x20"), ("a\\b", "a\\b"), ("a\\x1b", "a\\\\x1b"), ("a\x1b[2J", "a\\x1b[2J"),
    ("a\\b\n", "a\\\\b\\x0a"), ("gpj.\u202eexe", "gpj.\\u202eexe"), ("e\u0301", "e\\u0301"), ("é", "é"),
    ("日本語/😀.png", "日本語/😀.png"), ("देवनागरी", "देवनागरी"), ("ไทย/น้ำ", "ไทย/น้ำ"), ("한글", "한글"),
    ("русский", "русский"), ("[/red]", "[/red]"), ("\ud800", "\\ud800"), ("\x9b", "\\x9b"),
    ("\U0001f1e9\U0001f1ea", "\\U0001f1e9\\U0001f1ea"), ("❤\ufe0f", "❤\\ufe0f"), ("\xa0", "\\xa0"),
    ("a\u0301\u0302\u0303\u0304", "a\\u0301\\u0302\\u0303\\u0304")])
def test_how_keys_are_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_runs_join_to_the_text_and_alternate(text: str) -> None:
    runs = printable_runs(text)
    assert "".join(shown for shown, _ in runs) == printable(text)
    assert all(shown for shown, _ in runs)
    assert all(one[1] != two[1] for one, two in pairwise(runs))
    assert all(shown.startswith("\\") and shown.isascii() for shown, escaped in runs if escaped)


def test_plain_keys_are_shown_fast() -> None:
    keys = [f"{PLAIN}{number}" for number in range(5000)]
    odd = [f"{PLAIN}\x1b{number}" for number in range(5000)]
    best = min(_cpu_of_showing(keys) for _ in range(3))
    assert best < min(_cpu_of_showing(odd) for _ in range(3)) / 10, "not looked at by character"


def _cpu_of_showing(keys: list[str]) -> float:
    start = time.process_time()
    for key in keys:
        printable(key)
    return time.process_time() - start


@pytest.mark.parametrize(("key", "fine"), [
    (PLAIN, True), ("é日\x00", True), ("a\ud800", False), ("\udfff", False), ("a\ufffd", False), ("", True)])
def test_addressable(key: str, fine: bool) -> None:
    assert utf8_ok(key) is fine


@pytest.mark.parametrize(("key", "fine"), [
    (PLAIN, True), ("a\tb\nc\rd", True), ("é😀\x85\ufffd", True), ("a\x1b", False), ("\x00", False),
    ("\x0b", False), ("\x7f", True), ("\ufffe", False), ("\uffff", False), ("\ud800", False), ("<&>", True)])
def test_xml_safe(key: str, fine: bool) -> None:
    assert xml_safe(key) is fine


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=10))
def test_xml_safe_agrees_with_a_parser(key: str) -> None:
    import xml.etree.ElementTree as ElementTree
    body = "<K>" + "".join(f"&#{ord(char)};" for char in key) + "</K>"
    try:
        parsed = ElementTree.fromstring(body).text or ""
    except ElementTree.ParseError:
        parsed = None
    assert (parsed == key) is xml_safe(key)


def test_roll_up_prefixes() -> None:
    assert prefix_of("a/b/c.txt", "", 1) == "a/"
    assert prefix_of("a/b/c.txt", "", 2) == "a/b/"
    assert prefix_of("a/b/c.txt", "", 9) == "a/b/"
    assert prefix_of("a/b/c.txt", "", 0) == ""
    assert prefix_of("c.txt", "", 1) == ""
    assert prefix_of("p/c.txt", "p/", 1) == "p/"
    assert prefix_of("p/q/c.txt", "p/", 1) == "p/q/"
    assert prefix_of("p/q/c.txt", "p", 1) == "p/"
    assert prefix_of("//x", "", 2) == "//"
    keys = ["p/a/b/c", "p/x", "p/", "p//y"]
    for depth in range(4):
        assert prefixes_of(keys, "p/", depth) == [prefix_of(key, "p/", depth) for key in keys]
    assert prefixes_of(keys, "p/", 1) == ["p/a/", "p/", "p/", "p//"]
    for wrong in (lambda: prefix_of("q/x", "p/", 1), lambda: prefixes_of(["p/x", "q/x"], "p/", 1)):
        with pytest.raises(ValueError, match="below the base"):
            wrong()


LOCAL = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from([
        "..", ".", "", "a", "A", "con", "CON.txt", "nul", "aux.", "x ", " x", "é", "e\u0301", "İ", "ß",
        "a" * 300, "%2e%2e", "\x00", "\n", "\\", "C:", "..\\..", "日" * 90, "~", "-rf", "*", "|x", "%d",
        "a%d", " ", "con .x", "com¹", "%empty", "\ud800"]), min_size=1, max_size=6).map("/".join))


def folded(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(path)).casefold())


@settings(max_examples=1000, deadline=None)
@given(LOCAL, LOCAL)
@example("a", "a/b")
@example("a", "A")
@example("é", "e\u0301")
@example("", "%empty")
@example("../../etc/passwd", "/etc/passwd")
def test_local_paths_stay_inside_and_never_collide(one: str, other: str) -> None:
    root = PurePosixPath("/srv/root")
    for key in (one, other):
        path = safe_local_path(root, key)
        assert path.parts[:3] == root.parts and len(path.parts) == 4 + key.count("/")
        for part in path.parts[3:]:
            assert part not in ("", ".", "..") and part.isascii() and part.isprintable()
            assert not set(part) & set('/\\:*?"<>|') and part[-1] not in ". " and len(part) <= 202
            assert part.split(".")[0].rstrip() not in ("con", "nul", "aux", "com¹")
    if one != other:
        left, right = safe_local_path(root, one), safe_local_path(root, other)
        assert folded(left) != folded(right)
        assert left not in right.parents and right not in left.parents
