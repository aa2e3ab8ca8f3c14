"""Chains: one rule or several applied one after the other, and the sets of chains a comparison tries."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from operator import eq

from ..errors import UsageError
from ..keys import printable
from . import encodings, hadoop, paths, unicode, words
from .facts import Images, KeyBlock, Rule, Step, always, one_by_one

JOIN = "∘"
MOST_DEPTHS = 8
"""At most this many depths are tried for doubled directories; the most frequent ones win."""

CATALOGUE: tuple[Rule, ...] = (*hadoop.RULES, *paths.RULES, *encodings.RULES, *unicode.RULES, *words.RULES)
"""Every rule, in the order of the catalogue. A few ids have two rules (P2, P8, E5, U1)."""

_BY_NAME = {rule.name: rule for rule in CATALOGUE}
_ALIASES = {"percent-full": "percent-slash", "rclone-windows": "rclone-encode", "double-root":
            "distcp-double-root", "last-segment": "s3distcp-last-segment"}
_DOUBLE = "distcp-double-root"

# Tried without being told: rules that answer only to uncommon characters, and those a comparison of
# two buckets has to know. The others give an image to almost every key, or need a parameter.
_AUTO = (
    "hadoop-path", _DOUBLE, "colon-truncate", "s3distcp-last-segment", "s3distcp-codec-suffix",
    "hive-escape", "char-replace", "slash-collapse", "leading-slash-drop", "leading-slash-add",
    "dot-segment", "dirmarker-form(to=folder)", "percent", "form", "percent-twice", "unquote",
    "unquote-plus", "plus-to-space", "gocloud", "xml-entity", "win-percent", "nfd", "nfc", "nfkc",
    "rclone-encode", "mojibake", "replacement-char", "trim", "first-space", "space-collapse", "cr-to-lf",
    "newline-split", "separator-split", "control-drop", "backslash(to=slash)", "truncate-len", "quote-char",
)
_AUTO_PAIRS = (
    ("colon-truncate", _DOUBLE), ("s3distcp-last-segment", _DOUBLE), ("hadoop-path", _DOUBLE),
    ("form", "flatten"), ("nfd", "percent"), ("nfc", "percent"), ("hadoop-path", "colon-truncate"),
    ("colon-truncate", "hadoop-path"), ("hadoop-path", "s3distcp-last-segment"), ("percent", _DOUBLE),
    ("form", _DOUBLE), ("nfd", _DOUBLE), ("nfc", _DOUBLE), ("nfd", "form"), ("nfc", "form"),
    ("char-replace", _DOUBLE),
)


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules applied from left to right. `because` says in a few words what happened to a name."""

    name: str
    rules: tuple[Rule, ...]
    because: str
    steps: tuple[Step, ...]

    def touches(self, keys: Sequence[str], *, base: str = "") -> bool:
        """Whether the chain may change any of these keys; False saves asking for images."""
        block = _block(keys, base)
        return bool(block) and self.steps[0].touches(block)

    def reaches(self, names: Sequence[str], *, base: str = "") -> bool:
        """Whether the chain may make any of these names; False saves asking any key for its image."""
        block = _block(names, base)
        return bool(block) and self.steps[-1].reaches(block)

    def images(self, keys: Sequence[str], *, base: str = "") -> Images:
        """For each key the name the chain makes of it; None where a step does not change it.

        An image is a candidate by name only and proves nothing. Rules on the first directory or a
        leading slash mean the whole name in the bucket: for keys relative to a place give its prefix
        as `base`, and the images are relative to it too (None for an image outside). Pass a
        `KeyBlock` when several chains look at the same keys.
        """
        block = _block(keys, base)
        first, *others = self.steps
        if not block or not first.touches(block):
            return [None] * len(block)
        images: Images = [None if image == key else image
                          for image, key in zip(first.maps(block), block, strict=True)]
        for step in others:
            images = _next_images(step, images)
        if others:
            images = [None if image == key else image for image, key in zip(images, block, strict=True)]
        if base:
            cut = len(base)
            images = [image[cut:] if image is not None and image.startswith(base) else None
                      for image in images]
        return images


def _block(keys: Sequence[str], base: str) -> KeyBlock:
    return (keys if isinstance(keys, KeyBlock) else KeyBlock(keys)).under(base)


def _next_images(step: Step, images: Images) -> Images:
    changed: Images = [None] * len(images)
    rows = [row for row, image in enumerate(images) if image is not None]
    block = KeyBlock(image for image in images if image is not None)
    if rows and step.touches(block):
        for row, before, after in zip(rows, block, step.maps(block), strict=True):
            if after != before:
                changed[row] = after
    return changed


def candidates(
    chains: Iterable[Chain], keys: Sequence[str], *, base: str = "",
) -> Iterator[tuple[Chain, Images]]:
    """Every chain that changes at least one of the keys, with its images, in the order of preference."""
    block = keys if isinstance(keys, KeyBlock) else KeyBlock(keys)
    whole = block.under(base)
    for chain in chains:
        if block and chain.steps[0].touches(whole):
            images = chain.images(block, base=base)
            if any(image is not None for image in images):
                yield chain, images


def compose(*parts: Chain) -> Chain:
    """The chain that applies all parts from left to right."""
    return Chain(JOIN.join(part.name for part in parts),
                 tuple(rule for part in parts for rule in part.rules),
                 ", ".join(part.because for part in parts),
                 tuple(step for part in parts for step in part.steps))


def _single(rule: Rule, text: str = "") -> Chain:
    step = rule.step(text)
    return Chain(step.name, (rule,), step.because, (step,))


def regex_chain(name: str, match: str, replace: str) -> Chain:
    r"""A rule of the operator: every match of the regular expression is replaced, as by `re.sub`.

    `replace` may refer to groups as `\1` or `\g<name>`. Raises UsageError for a name that is taken
    or odd, or an expression that does not compile.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name in _BY_NAME or name in _ALIASES:
        raise UsageError(f"“{printable(name)}” cannot be the name of your own rule",
                         next_step="Use letters, digits, “.”, “_” and “-”, and no name of the catalogue")
    try:
        pattern = re.compile(match)
        probe = re.compile(match + "|").match("")
        if probe is not None:
            probe.expand(replace)
    except (re.error, IndexError) as error:
        raise UsageError(f"The rule {name} does not compile: {error}",
                         next_step="Correct its expression or its replacement") from error
    rule = Rule("", name, "your own rule", f"name rewritten by your rule “{name}”", "n:1")
    step = Step(name, rule.because, always, one_by_one(lambda key: pattern.sub(replace, key)))
    return Chain(name, (rule,), rule.because, (step,))


def _split(text: str, separator: str) -> list[str]:
    """Split outside parentheses."""
    return [part.strip() for part in re.split(rf"{separator}(?![^()]*\))", text)]


def _find(word: str) -> tuple[Rule, ...]:
    by_id = tuple(rule for rule in CATALOGUE if rule.id == word.upper())
    if by_id:
        return by_id
    rule = _BY_NAME.get(_ALIASES.get(word, word))
    if rule is not None:
        return (rule,)
    near = difflib.get_close_matches(word, [*_BY_NAME, *_ALIASES], 1, 0.5)
    raise UsageError(f"There is no rule “{printable(word)}”",
                     next_step=f"Did you mean {near[0]}" if near else
                     "Write auto, none, all or names such as colon-truncate, H4 or colon-truncate(::)")


def _singles(text: str, depths: Sequence[int]) -> list[Chain]:
    """The chains a word stands for: with its parameters as given, or with every variant it has."""
    found = re.fullmatch(r"([^()]+?)\s*(?:\(([^()]*)\))?", text)
    if found is None:
        raise UsageError(f"“{printable(text)}” is not a rule", next_step="Write NAME or NAME(PARAMETERS)")
    word, given = found[1], found[2]
    made: list[Chain] = []
    for rule in _find(word):
        if given is not None:
            made.append(_single(rule, given))
        elif rule.name == _DOUBLE:
            made += (_single(rule, f"depth={depth}") for depth in depths)
        elif rule.build is not None:
            made += (_single(rule, variant) for variant in rule.variants)
    return made


def _composed(text: str, depths: Sequence[int]) -> list[Chain]:
    parts = [_singles(part, depths) for part in _split(text, JOIN)]
    made = parts[0]
    for part in parts[1:]:
        made = [compose(before, after) for before in made for after in part]
    return made


def _words(names: str | Sequence[str]) -> list[str]:
    given = _split(names, ",") if isinstance(names, str) else list(names)
    found: list[str] = []
    for word in filter(None, given):
        if word == "auto":
            found += (*_AUTO, *(JOIN.join(pair) for pair in _AUTO_PAIRS))
        elif word == "all":
            found += (rule.name for rule in CATALOGUE if not rule.requires)
            found += (JOIN.join(pair) for pair in _AUTO_PAIRS)
        elif word != "none":
            found.append(word)
    return found


def chains(names: str | Sequence[str] = "auto", *, double_depths: Sequence[int] = (0,)) -> tuple[Chain, ...]:
    """The chains for a `--rules` value: single rules first, then compositions, in order of preference.

    `names` is "auto", "none", "all", or ids and names of rules, with parameters in parentheses and
    compositions joined by “∘”; several are separated by commas. A rule named without parameters
    stands for all its usual variants. `double_depths` are the depths at which a directory may have
    been doubled. Where two chains give the same image, the earlier one is the better explanation:
    a cut at “::” comes before a cut at “:”. Raises UsageError for anything unknown.
    """
    made = [chain for word in _words(names) for chain in _composed(word, double_depths)]
    ordered = sorted(made, key=lambda chain: len(chain.steps))
    return tuple({chain.name: chain for chain in ordered}.values())


@lru_cache(maxsize=1024)
def because(chain_name: str) -> str:
    """What happened to a name, in a few words, for the name of a chain as a finding holds it."""
    try:
        found = _composed(chain_name, (0,))
    except UsageError:
        found = []
    if len(found) == 1:
        return found[0].because
    return f"name rewritten by the rule “{printable(chain_name)}”" if chain_name else ""


def double_depth_counts(keys: Iterable[str], *, base: str = "") -> Counter[int]:
    """How many keys repeat a directory right after itself, by the depth of the first of the two.

    Keys relative to a place need its prefix as `base`; depths always count from the bucket's root.
    """
    counts: Counter[int] = Counter()
    for key in keys:
        directories = (base + key).split("/")[:-1]
        if True in map(eq, directories, directories[1:]):
            counts.update(depth for depth, (one, two) in enumerate(pairwise(directories))
                          if one and one == two)
    return counts


def double_depths(keys: Iterable[str] | Counter[int], *, base: str = "") -> tuple[int, ...]:
    """The depths at which directories seem doubled, for `chains`; `keys` are right-only keys.

    Takes the keys or the sum of their `double_depth_counts`. At most `MOST_DEPTHS` depths, the most
    frequent, in ascending order.
    """
    counts = keys if isinstance(keys, Counter) else double_depth_counts(keys, base=base)
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_DEPTHS]
    return tuple(sorted(depth for depth, _ in most))
