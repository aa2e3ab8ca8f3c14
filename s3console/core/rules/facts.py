"""What a rule and one of its steps are, and the batch of keys that rules are applied to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, unquote

from ..errors import UsageError
from ..keys import printable

_ORDINARY = bytes(set(range(0x80, 0x100)) | set(b"\n") | set(b"/._-0123456789")
                  | set(b"abcdefghijklmnopqrstuvwxyz") | set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"))

_SEPARATORS = "\n" + "".join(char for char in map(chr, range(0x20)) if char != "\n")


class KeyBlock(tuple[str, ...]):
    """A batch of keys with what the rules ask about the batch as a whole, computed once.

    Most rules cannot touch most batches; finding that out costs about 0.1 us per key for all rules
    together.
    """

    @cached_property
    def blob(self) -> str:
        """The keys joined by newlines: one C-level substring search answers for all of them."""
        return "\n".join(self)

    @cached_property
    def specials(self) -> frozenset[str]:
        """The ASCII characters that occur, other than letters, digits, "/", ".", "_" and "-"."""
        rest = self.blob.encode("utf-8", "surrogatepass").translate(None, _ORDINARY)
        found = set(rest.decode("ascii"))
        if self.blob.count("\n") >= len(self):
            found.add("\n")
        return frozenset(found)

    @property
    def ascii(self) -> bool:
        return self.blob.isascii()

    @cached_property
    def _held(self) -> dict[str, bool]:
        return {}

    def holds(self, text: str) -> bool:
        """Whether some key holds the text; asked by many rules, searched once."""
        held = self._held.get(text)
        if held is None:
            held = self._held[text] = self._may_hold(text) and text in self.blob
        return held

    def _may_hold(self, text: str) -> bool:
        """False when a look that serves several texts says that this one cannot be there."""
        rare = text.encode("utf-8", "surrogatepass").translate(None, _ORDINARY)
        if rare and not self.specials.issuperset(rare.decode("ascii")):
            return False
        if "/" not in text and "\n" not in text:
            return True
        level = text.replace("\n", "/")[-2:]
        found = self._level.get(level)
        if found is None:
            found = self._level[level] = level in self._components
        return found

    @cached_property
    def _components(self) -> str:
        return f"/{self.blob}/".replace("\n", "/")

    @cached_property
    def _level(self) -> dict[str, bool]:
        return {}

    def starts(self, char: str) -> bool:
        """Whether some key starts with the character (or, rarely, holds it after a newline)."""
        return self.blob.startswith(char) or self.holds("\n" + char)

    def ends(self, char: str) -> bool:
        """Whether some key ends with the character (or, rarely, holds it before a newline)."""
        return self.blob.endswith(char) or self.holds(char + "\n")

    @cached_property
    def _under(self) -> dict[str, KeyBlock]:
        return {}

    def under(self, base: str) -> KeyBlock:
        """The keys with `base` before each of them; made once."""
        if not base:
            return self
        block = self._under.get(base)
        if block is None:
            block = self._under[base] = KeyBlock(base + key for key in self)
        return block

    @cached_property
    def dotted(self) -> bool:
        """Whether some key may have a "." or ".." component."""
        return self.holds("/.") or self.starts(".")

    @cached_property
    def separator(self) -> str:
        """A control character that no key holds, "\\n" if possible; "" if they hold them all."""
        return next((char for char in _SEPARATORS if char not in self.specials), "")


Images = list[str | None]
Touches = Callable[[KeyBlock], bool]
Maps = Callable[[KeyBlock], Images]
Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """A rule with its parameters fixed: `touches` is a cheap "could it", `maps` gives the images.

    `maps` may return a key unchanged; only a changed name counts as an image.
    """

    name: str
    because: str
    touches: Touches
    maps: Maps
    reaches: Touches = lambda _block: True
    """Whether some of these names may be an image: where they cannot, images need not be made."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the catalogue of misname rules (SEEDS section 2).

    `inverse` is "1:1", "n:1", "par" (invertible with the parameter), "junk", "lost", "content" or
    "-". `variants` are the parameter texts tried when the rule is named without parameters.
    `first` is the parameter that may be given bare, as in `colon-truncate(::)`. Without `build` the
    tool loses the key, adds one, or leaves the name alone, so there is no image of a name.
    """

    id: str
    name: str
    origin: str
    because: str
    inverse: str
    build: Callable[[Parameters], Step] | None = None
    variants: tuple[str, ...] = ("",)
    first: str = ""
    accepts: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    def step(self, text: str = "") -> Step:
        """The rule with parameters as they stand between the parentheses of a chain name.

        Raises UsageError for a rule without function or with wrong parameters.
        """
        if self.build is None:
            raise UsageError(f"The rule {self.name} has no name to predict: {self.because}",
                             next_step="Leave it out of --rules; its findings are recognised anyway")
        given = parse_parameters(self, text)
        absent = [name for name in self.requires if name not in given]
        if absent:
            raise UsageError(f"The rule {self.name} needs the parameter {absent[0]}",
                             next_step=f"Write {self.name}({absent[0]}=VALUE)")
        return self.build(given)


def parse_parameters(rule: Rule, text: str) -> dict[str, str]:
    """`a,b=c` as parameters; a bare value belongs to `rule.first`; `%2C` stands for a comma in a value."""
    given: dict[str, str] = {}
    for part in text.split(",") if text else ():
        name, equals, value = part.partition("=")
        if not equals or name not in rule.accepts:
            name, value = rule.first, part
        if name not in rule.accepts or name in given:
            raise UsageError(f"The rule {rule.name} does not know the parameter {printable(part)}",
                             next_step="Known: " + (", ".join(rule.accepts) or "none"))
        given[name] = unquote(value)
    return given


def number(rule_name: str, name: str, text: str) -> int:
    """A parameter that is a whole number from 0 to 1023. Raises UsageError otherwise."""
    if not re.fullmatch(r"[0-9]{1,3}|10[01][0-9]|102[0-3]", text):
        raise UsageError(f"{name} of the rule {rule_name} must be a number from 0 to 1023",
                         next_step=f"Write {rule_name}({name}=0)")
    return int(text)


def pack(value: str) -> str:
    """A parameter value as it may stand in a chain name; `parse_parameters` reads it back."""
    return "".join(quote(char, safe="") if char in "%,()∘\n" else char for char in value)


def named(name: str, **parameters: str) -> str:
    """The name of a step: `rule(parameter=value)`."""
    if not parameters:
        return name
    return f"{name}({','.join(f'{key}={pack(value)}' for key, value in parameters.items())})"


def always(block: KeyBlock) -> bool:
    return True


def never_ascii(block: KeyBlock) -> bool:
    """The rule only knows characters outside ASCII."""
    return not block.ascii


def if_special(chars: str) -> Touches:
    """The rule needs one of these ASCII characters somewhere in the batch."""
    wanted = frozenset(chars)
    return lambda block: not wanted.isdisjoint(block.specials)


def if_text(*needles: str) -> Touches:
    """The rule needs one of these texts somewhere in the batch."""
    return lambda block: any(block.holds(needle) for needle in needles)


def one_by_one(function: Callable[[str], str | None], *, needle: str = "") -> Maps:
    """`maps` from a function of one key, called only for keys that hold `needle`."""
    if not needle:
        return lambda block: [function(key) for key in block]
    return lambda block: [function(key) if needle in key else None for key in block]


def where(pattern: str, function: Callable[[str], str | None]) -> Maps:
    """`maps` from a function of one key, called only for keys where the pattern is found."""
    found = re.compile(pattern).search
    return lambda block: [function(key) if found(key) else None for key in block]


def non_ascii(function: Callable[[str], str | None]) -> Maps:
    """`maps` from a function of one key, called only for keys outside ASCII."""
    return lambda block: [None if key.isascii() else function(key) for key in block]


def replacing(pairs: Sequence[tuple[str, str]], finish: Callable[[str], str] | None = None) -> Maps:
    """`maps` that replaces single ASCII characters, in the given order, in the whole batch at once.

    `finish` then rewrites what is not ASCII; it sees many keys at once and must keep control characters.
    """
    known = frozenset(old for old, _ in pairs)

    def rewrite(text: str, present: frozenset[str]) -> str:
        for old, new in pairs:
            if old in present:
                text = text.replace(old, new)
        return text if finish is None or text.isascii() else finish(text)

    def maps(block: KeyBlock) -> Images:
        separator = block.separator
        if not separator:
            return [rewrite(key, known) for key in block]
        text = block.blob if separator == "\n" else separator.join(block)
        return list(rewrite(text, block.specials).split(separator))

    return maps
