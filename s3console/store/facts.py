"""Frozen facts to JSON values and back, checked against their annotations.

Written for the nouns of core/model.py: dataclasses, named tuples, literals, optionals, tuples,
dictionaries with text keys, numbers and text. Nothing is ever imported or called because of what a
file says, so a hostile file can at most be refused.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .home import SCHEMA, damaged, read_json

T = TypeVar("T")


def pack(value: Any) -> Any:
    """A fact as plain JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: pack(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: pack(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [pack(inner) for inner in value]
    return value


def unpack(kind: type[T], value: Any) -> T:
    """The inverse of `pack`. Fields that are not there take their defaults, unknown ones are left out.

    Raises ValueError when the value does not fit the annotations.
    """
    fact: T = _unpack(kind, value)
    return fact


def read_facts(path: Path, kind: type[T], schema: int = SCHEMA) -> T:
    """A fact from a JSON file of the state directory.

    Raises as `read_json`, and DamagedState when the file does not hold such a fact.
    """
    document = read_json(path, schema)
    try:
        return unpack(kind, document)
    except ValueError as error:
        raise damaged(path, f"the file does not hold a {kind.__name__} ({error})") from None


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _unpack(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin is not None:
        return _unpack_generic(kind, origin, value)
    if is_dataclass(kind):
        return _unpack_dataclass(kind, value)
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints = list(_hints(kind).values())
        if not isinstance(value, list) or len(value) != len(hints):
            raise ValueError(f"{kind.__name__} expected")
        return kind(*map(_unpack, hints, value))
    if kind is float and type(value) is int:
        return float(value)
    if kind is Any or type(value) is kind:
        return value
    if kind is type(None) and value is None:
        return None
    raise ValueError(f"{getattr(kind, '__name__', kind)} expected")


def _unpack_generic(kind: Any, origin: Any, value: Any) -> Any:
    inner = get_args(kind)
    if origin is Literal:
        if value not in inner:
            raise ValueError(f"one of {', '.join(map(str, inner))} expected")
        return value
    if origin is Union or origin is types.UnionType:
        if value is None and type(None) in inner:
            return None
        return _unpack(next(one for one in inner if one is not type(None)), value)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        if not isinstance(value, list):
            raise ValueError("a list expected")
        return tuple(_unpack(inner[0], one) for one in value)
    if origin is dict and inner[0] is str:
        if not isinstance(value, dict):
            raise ValueError("an object expected")
        return {key: _unpack(inner[1], one) for key, one in value.items()}
    raise ValueError(f"{kind} is not a kind of fact that is stored")


def _unpack_dataclass(kind: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{kind.__name__} expected")
    hints = _hints(kind)
    given = {}
    for name, hint in hints.items():
        if name in value:
            try:
                given[name] = _unpack(hint, value[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
    try:
        return kind(**given)
    except TypeError:
        raise ValueError(f"{kind.__name__} lacks a field") from None
