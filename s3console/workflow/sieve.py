"""A set of keys in bounded memory: "perhaps" for a strange key now and then, never "no" for a known one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_EXACT_LIMIT = 50_000
_MOST_BITS = 1 << 29


class KeySieve:
    """Keys to look for. Up to 50,000 keys it is exact; beyond, a bitmap of hashes."""

    def __init__(self, expected: int) -> None:
        self._keys: set[str] | None = set() if expected <= _EXACT_LIMIT else None
        size = 1 << 10
        while size < min(expected * 32, _MOST_BITS):
            size <<= 1
        self._mask = size - 1
        self._bits = bytearray() if self._keys is not None else bytearray(size >> 3)

    @property
    def known(self) -> list[str] | None:
        """All keys, in order, while there are few of them; None when there are many."""
        return None if self._keys is None else sorted(self._keys)

    def add(self, keys: Iterable[str]) -> None:
        """Remember keys."""
        if self._keys is not None:
            self._keys.update(keys)
            return
        bits, mask = self._bits, self._mask
        for key in keys:
            at = hash(key) & mask
            bits[at >> 3] |= 1 << (at & 7)

    def hits(self, images: Sequence[str | None]) -> list[int]:
        """The positions of `images` that may be known keys."""
        if self._keys is not None:
            known = self._keys
            if known.isdisjoint(images):
                return []
            return [at for at, image in enumerate(images) if image is not None and image in known]
        bits, mask = self._bits, self._mask
        return [
            at
            for at, image in enumerate(images)
            if image is not None and bits[((place := hash(image) & mask) >> 3)] >> (place & 7) & 1
        ]
