"""The misname rules: every example of the catalogue, independent re-implementations, and batches."""

from __future__ import annotations

import json
import random
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s3console.core.errors import UsageError
from s3console.core.rules import (
    CATALOGUE,
    KeyBlock,
    because,
    candidates,
    chains,
    compose,
    double_depth_counts,
    double_depths,
    junk_rule,
    junk_rules,
    regex_chain,
)

VECTORS = json.loads((Path(__file__).parent / "misname_vectors.json").read_text("utf-8"))
PLAIN = "document123/0856/8e37/-801/2-41/f3-b/618-/3ce4/0078/9.png"
EVERY = chains("all", double_depths=(0, 1, 2))
NO_FUNCTION = {"H8", "H9", "H10", "P4", "P6", "E7"}


def one(name: str, key: str) -> str | None:
    (chain,) = chains([name])
    return chain.images([key])[0]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['rule']} {ascii(v['source'])[:40]}")
def test_example(vector: dict[str, str]) -> None:
    assert one(vector["rule"], vector["source"]) == vector["mangled"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['rule']} {ascii(v['source'])[:40]}")
def test_example_in_a_batch_of_others(vector: dict[str, str]) -> None:
    (chain,) = chains([vector["rule"]])
    around = [PLAIN, "x\ny", "a b//:: ./é", "/"]
    batch = [*around, vector["source"], *around]
    alone = [chain.images([key])[0] for key in batch]
    assert chain.images(batch) == alone
    assert alone[4] == vector["mangled"]


def test_the_catalogue_has_all_48_rows() -> None:
    expected = ([f"H{n}" for n in range(1, 13)] + [f"P{n}" for n in range(1, 11)]
                + [f"E{n}" for n in range(1, 11)] + [f"U{n}" for n in range(1, 7)]
                + [f"W{n}" for n in range(1, 11)])
    assert list(dict.fromkeys(rule.id for rule in CATALOGUE)) == expected
    assert len(expected) == 48
    assert {rule.id for rule in CATALOGUE if rule.build is None} == NO_FUNCTION
    shown = {vector["id"] for vector in VECTORS}
    assert set(expected) - NO_FUNCTION <= shown
    assert len({rule.name for rule in CATALOGUE}) == len(CATALOGUE)


def test_auto_holds_the_mandatory_rules_and_compositions_in_order() -> None:
    names = [chain.name for chain in chains("auto", double_depths=(0, 1))]
    for name in ("hadoop-path", "distcp-double-root(depth=0)", "distcp-double-root(depth=1)",
                 "colon-truncate(::)", "colon-truncate(:)", "s3distcp-last-segment", "slash-collapse",
                 "leading-slash-drop", "leading-slash-add", "percent", "form", "nfd", "nfc",
                 "colon-truncate(::)∘distcp-double-root(depth=0)",
                 "colon-truncate(:)∘distcp-double-root(depth=1)",
                 "s3distcp-last-segment∘distcp-double-root(depth=1)", "form∘flatten", "nfd∘percent",
                 "hadoop-path∘distcp-double-root(depth=0)", "hadoop-path∘colon-truncate(::)"):
        assert name in names
    assert len(set(names)) == len(names)
    joined = ["∘" in name for name in names]
    assert joined == sorted(joined)
    assert names.index("colon-truncate(::)") < names.index("colon-truncate(:)")
    assert names.index("colon-truncate(::)∘distcp-double-root(depth=1)") < names.index(
        "colon-truncate(:)∘distcp-double-root(depth=0)")


def test_words_for_chains() -> None:
    assert chains("none") == () == chains([]) == chains("")
    assert [chain.name for chain in chains("H4")] == ["colon-truncate(::)", "colon-truncate(:)"]
    assert [chain.name for chain in chains("h4∘h2,percent", double_depths=(2,))] == [
        "percent", "colon-truncate(::)∘distcp-double-root(depth=2)",
        "colon-truncate(:)∘distcp-double-root(depth=2)"]
    assert [chain.name for chain in chains("folder-marker,H10")] == []
    assert [chain.name for chain in chains("distcp-double-root", double_depths=())] == []
    assert chains("auto,flatten(prefix=a%2Cb/)")[-1].steps[-1].name != ""
    assert one("flatten(prefix=a%2Cb/)", "x/y") == "a,b/y"


@pytest.mark.parametrize("word", [
    "colon-trunkate", "colon-truncate(;)", "distcp-double-root(depth=-1)", "distcp-double-root(depth=x)",
    "percent(x=1)", "prefix-added", "H8(x)", "x\x1b]0;y", "(", "percent(", "replace-all(old=,new=x)",
    "s3distcp-numbered(group=%28)", "truncate-len(bytes=99999)", "percent∘", "xml-entity(style=no)"])
def test_unknown_words_are_refused_in_one_clear_line(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        chains([word])
    assert caught.value.next_step
    assert caught.value.sentence.isprintable()


def test_a_misspelt_rule_is_guessed() -> None:
    with pytest.raises(UsageError, match="Did you mean colon-truncate"):
        chains("colon-trunkate")


def test_because_reads_for_every_chain() -> None:
    assert because("colon-truncate(::)") == "name cut at “::”"
    assert because("colon-truncate(::)∘distcp-double-root(depth=0)") == (
        "name cut at “::”, first directory doubled")
    for chain in EVERY:
        assert because(chain.name) == chain.because != ""
    assert "mine" in because("mine") and because("") == ""
    assert because("x\x1by").isprintable()


def test_names_with_odd_parameters_read_back() -> None:
    for prefix in ("a,b/", "x(1)/", "∘/", "100%/", "é\n/"):
        made = chains([f"prefix-added(prefix={quote(prefix)})"])[0]
        again = chains([made.name])[0]
        assert again.images(["k"]) == [prefix + "k"] == made.images(["k"])


def naive_hadoop(key: str) -> str:
    text = "/".join(part for part in key.split("/") if part not in ("", "."))
    while (shorter := re.sub(r"(?:^|(?<=/))(?!\.\.(?:/|$))[^/]+/\.\.(?:/|$)", "", text, count=1)) != text:
        text = shorter
    return text.strip("/")


def naive_cut(sep: str) -> Callable[[str], str]:
    def cut(key: str) -> str:
        *parents, base = key.split("/")
        return "/".join([*parents, base.split(sep)[0]])
    return cut


def naive_last(key: str) -> str | None:
    if key.endswith("/"):
        return None
    blank = "".join(map(chr, range(33)))
    pieces = [piece.strip(blank) for piece in key.replace(":", "/").split("/")]
    pieces = [piece for piece in pieces if piece]
    return "/".join([*key.split("/")[:-1], pieces[-1]]) if pieces else None


def naive_double(depth: int) -> Callable[[str], str | None]:
    def double(key: str) -> str | None:
        parts = key.split("/")
        if len(parts) <= depth + 1 or not parts[depth]:
            return None
        return "/".join([*parts[:depth + 1], *parts[depth:]])
    return double


def naive_form(key: str) -> str:
    return quote_plus(key, safe="/~", errors="surrogatepass")


def naive_percent(key: str) -> str:
    return quote(key, safe="/~", errors="surrogatepass")


Mangler = Callable[[str], str | None]


def after(first: Mangler, second: Mangler) -> Mangler:
    def both(key: str) -> str | None:
        middle = first(key)
        if middle is None or middle == key:
            return None
        end = second(middle)
        return None if end == middle else end
    return both


def naive_unquote(key: str) -> str | None:
    try:
        return unquote(key, errors="strict")
    except UnicodeDecodeError:
        return None


NAIVE: dict[str, Mangler] = {
    "hadoop-path": naive_hadoop,
    "distcp-double-root(depth=0)": naive_double(0),
    "distcp-double-root(depth=1)": naive_double(1),
    "distcp-double-root(depth=3)": naive_double(3),
    "distcp-missing-root(depth=0)": lambda k: k.split("/", 1)[1] if k.find("/") > 0 else None,
    "colon-truncate(::)": naive_cut("::"),
    "colon-truncate(:)": naive_cut(":"),
    "s3distcp-last-segment": naive_last,
    "char-replace(from=:,to=_)": lambda k: k.replace(":", "_"),
    "char-replace(from=windows,to=-)": lambda k: re.sub(r'[<>:"\\|?*]', "-", k),
    "slash-collapse": lambda k: re.sub("/+", "/", k),
    "leading-slash-drop": lambda k: k[1:] if k.startswith("/") else None,
    "leading-slash-add": lambda k: "/" + k,
    "flatten": lambda k: k.split("/")[-1],
    "percent": naive_percent,
    "form": naive_form,
    "percent-twice": lambda k: naive_percent(naive_percent(k)),
    "percent-slash": lambda k: quote(k, safe="~", errors="surrogatepass"),
    "unquote": naive_unquote,
    "plus-to-space": lambda k: k.replace("+", " "),
    "xml-entity(style=basic)": lambda k: k.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    "win-percent": lambda k: "".join(f"%{ord(c):02X}" if c in '<>:"\\|?*' else c for c in k),
    "nfd": lambda k: unicodedata.normalize("NFD", k),
    "nfc": lambda k: unicodedata.normalize("NFC", k),
    "nfkc": lambda k: unicodedata.normalize("NFKC", k),
    "mojibake(codec=latin-1)": lambda k: k.encode().decode("latin-1"),
    "replacement-char(to=question)": lambda k: "".join(c if ord(c) < 128 else "?" for c in k),
    "case-fold(to=lower)": str.lower,
    "trim(style=blanks)": lambda k: "/".join(p.strip("".join(map(chr, range(33)))) for p in k.split("/")),
    "first-space": lambda k: k.split(" ")[0],
    "space-collapse": lambda k: re.sub(" +", " ", k),
    "cr-to-lf": lambda k: re.sub("\r\n?", "\n", k),
    "newline-split(part=first)": lambda k: k.split("\n")[0],
    "separator-split(sep=~,part=last)": lambda k: k.split("~")[-1],
    "control-drop": lambda k: "".join(c for c in k if c >= " " and c != "\x7f"),
    "backslash(to=slash)": lambda k: k.replace("\\", "/"),
    "colon-truncate(::)∘distcp-double-root(depth=0)": after(naive_cut("::"), naive_double(0)),
    "s3distcp-last-segment∘distcp-double-root(depth=0)": after(naive_last, naive_double(0)),
    "hadoop-path∘distcp-double-root(depth=0)": after(naive_hadoop, naive_double(0)),
    "form∘flatten": after(naive_form, lambda k: k.split("/")[-1]),
    "nfd∘percent": after(lambda k: unicodedata.normalize("NFD", k), naive_percent),
    "hadoop-path∘colon-truncate(::)": after(naive_hadoop, naive_cut("::")),
}
PIECES = ["a", "B", "doc1", "x.gz", "::", ":", "/", "/", "/", "//", ".", "..", " ", "  ", "+", "%", "%41",
          "&", "<", "=", "é", "e\u0301", "：", "日本", "\\", "~", "\n", "\r", "\r\n", "\x01", "\x00",
          "?", "|", "'", "1", "-", "_", "😀", "‛", "␠"]


def random_keys(seed: int, count: int, pieces: list[str] = PIECES) -> list[str]:
    rng = random.Random(seed)
    made = ("".join(rng.choices(pieces, k=rng.randint(1, 12))) for _ in range(count * 2))
    return list(dict.fromkeys(made))[:count]


@pytest.mark.parametrize("name", NAIVE)
def test_1000_random_keys_mangled_by_a_rule_are_explained_by_its_chain(name: str) -> None:
    keys = random_keys(len(name), 1000)
    assert len(keys) == 1000
    (chain,) = chains([name])
    mangled = [NAIVE[name](key) for key in keys]
    expected = [None if image == key else image for image, key in zip(mangled, keys, strict=True)]
    assert any(image is not None for image in expected)
    assert chain.images(keys) == expected


@pytest.mark.parametrize("name", ["hadoop-path", "distcp-double-root(depth=1)", "slash-collapse"])
def test_paths_of_dots_and_slashes(name: str) -> None:
    keys = random_keys(7, 400, ["/", "/", "..", ".", "a", ".b"])
    (chain,) = chains([name])
    assert chain.images(keys) == [None if NAIVE[name](key) == key else NAIVE[name](key) for key in keys]


@pytest.mark.parametrize("chain", EVERY, ids=lambda chain: chain.name)
def test_a_batch_says_what_its_keys_say_alone(chain) -> None:  # type: ignore[no-untyped-def]
    """The prefilters of a batch never change an answer, for quiet batches and for loud ones."""
    quiet = [piece for piece in PIECES if piece.isalnum() or piece in "/-_."]
    for seed, pieces in ((1, PIECES), (2, quiet), (3, [*quiet, " ", ":"]), (4, [*quiet, "é", "\n"])):
        keys = random_keys(seed, 120, pieces)
        assert chain.images(keys) == [chain.images([key])[0] for key in keys]
    assert chain.images([]) == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters() | st.sampled_from("/:. %+&\\\n\x00"), min_size=1, max_size=20),
                min_size=1, max_size=6))
@example(["\ud800a b", "é\ud800"])
@example(["/", "//", ".", "..", "::", " "])
def test_no_text_breaks_a_chain(keys: list[str]) -> None:
    for chain in EVERY:
        images = chain.images(keys)
        assert len(images) == len(keys)
        assert all(image != key for image, key in zip(images, keys, strict=True))
    for key in keys:
        junk_rule(key)


def test_candidates_are_the_chains_that_change_something() -> None:
    keys = [PLAIN, "a//b::c d"]
    block = KeyBlock(keys)
    found = dict((chain.name, images) for chain, images in candidates(EVERY, block))
    assert found == {chain.name: chain.images(keys) for chain in EVERY
                     if chain.images(keys) != [None, None]}
    assert "slash-collapse" in found and "nfd" not in found
    assert list(candidates(EVERY, [])) == []


def test_keys_relative_to_a_place_keep_the_meaning_of_the_first_directory() -> None:
    (chain,) = chains(["colon-truncate(::)∘distcp-double-root(depth=0)"])
    keys = ["0856/8e37/1::png", "1::png", "::png", "9.png"]
    assert chain.images(keys, base="document123/") == [
        "document123/0856/8e37/1", "document123/1", "document123/", None]
    (drop,) = chains(["leading-slash-drop"])
    assert drop.images(["/x"], base="p/") == [None]
    (clean,) = chains(["hadoop-path"])
    assert clean.images(["/x", "a/"], base="p/") == ["x", "a"]
    assert clean.images(["x"], base="p//") == [None]
    assert double_depths(["document123/0856/1"], base="document123/") == (0,)
    found = {name.name: images for name, images in candidates((chain,), keys, base="document123/")}
    assert found[chain.name][1] == "document123/1"


def test_regex_rules_of_the_operator() -> None:
    mine = regex_chain("strip-date", r"^(\w+)/\d{4}-\d\d-\d\d/", r"\1/")
    assert mine.images(["logs/2024-01-02/a", "logs/a"]) == ["logs/a", None]
    both = compose(mine, *chains(["distcp-double-root(depth=0)"]))
    assert both.name == "strip-date∘distcp-double-root(depth=0)"
    assert both.images(["logs/2024-01-02/a", "logs/a"]) == ["logs/logs/a", None]
    assert mine.rules[0].name == "strip-date" and "strip-date" in mine.because


@pytest.mark.parametrize(("name", "match", "replace"), [
    ("percent", "a", "b"), ("bad name", "a", "b"), ("", "a", "b"), ("x", "(", "b"), ("x", "a", r"\1"),
    ("x", "a", r"\g<no>"), ("x", "a", "\\")])
def test_a_wrong_regex_rule_is_refused(name: str, match: str, replace: str) -> None:
    with pytest.raises(UsageError):
        regex_chain(name, match, replace)


@pytest.mark.parametrize(("key", "rule"), [
    ("a_$folder$", "folder-marker"), ("a/b_$folder$", "folder-marker"),
    ("_temporary_$folder$", "folder-marker"),
    ("d/.distcp.tmp.attempt_1_m_1", "distcp-temp"), ("d/_temporary/0/x", "distcp-temp"),
    ("_temporary/", "distcp-temp"), ("d/_SUCCESS", "distcp-temp"), ("d/x.png._COPYING_", "distcp-temp"),
    ("_distcp_logs_ab12/part-0", "distcp-temp"), ("d/_distcp_logs", "distcp-temp"),
    ("d/.x.png.crc", "distcp-temp"), ("_SUCCESS", "distcp-temp"),
    (".distcp.tmp.attempt_local_1", "distcp-temp"),
    ("d/_SUCCESS/x", None), ("d/_SUCCESSFUL", None), ("d/my_temporary/x", None), ("d/_temporary_x", None),
    ("d/x.crc", None), ("d/.crc", None), ("d/.x.crc/y", None), ("d/x_$folder$y", None), ("_$folder$", None),
    ("d_$folder$/x", None), ("x.distcp.tmp.y", None),
    ("d/_COPYING_", None), (PLAIN, None), ("", None), ("/", None)])
def test_junk(key: str, rule: str | None) -> None:
    assert junk_rule(key) == rule
    assert junk_rules([PLAIN, key, "_SUCCESS"]) == [None, rule, "distcp-temp"]
    assert junk_rules([PLAIN, "x"]) == [None, None]
    assert rule is None or rule in {row.name for row in CATALOGUE}


def test_double_depths() -> None:
    assert double_depths(["D/D/x", "lake/raw/raw/x"]) == (0, 1)
    assert double_depths(["D/D", "a//b", "a/b/a/b", "x", "//x", ""]) == ()
    assert double_depth_counts(["D/D/x", "D/D/D/y", "a/b/b/c"]) == Counter({0: 2, 1: 2})
    assert double_depths(["a/" * 300 + "x"]) == tuple(range(8))
    assert double_depths(Counter({7: 5, 3: 9})) == (3, 7)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "lake", ""]), min_size=2, max_size=6), st.integers(0, 4))
def test_what_a_doubling_makes_is_detected_at_its_depth(parts: list[str], depth: int) -> None:
    image = one(f"distcp-double-root(depth={depth})", "/".join(parts))
    if image is not None:
        assert depth in double_depths([image])


def test_quiet_keys_cost_well_under_a_microsecond_per_chain() -> None:
    """CPU time of the whole automatic set on keys it cannot touch; the bound is 10 times the usual."""
    keys = [f"document{n % 300}/0856/8e37/-801/2-41/f3-b/618-/3ce4/{n:04x}/9.png" for n in range(5000)]
    tried = chains("auto", double_depths=())
    best = min(_cpu(lambda: [list(candidates(tried, KeyBlock(keys)))]) for _ in range(3))
    assert best / len(keys) / len(tried) < 0.2e-6


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
