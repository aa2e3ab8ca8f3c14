"""A file of keys as a listing: sorted, without twins, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ..core.model import Batch, Place, Proof
from .bounded import refused
from .rows import Row, batches
from .sorting import sorted_rows


class FileListing:
    """One pass over the rows of a file in key order; implements `core.model.Listing`.

    Only rows below the prefix of the place are given. Iterating raises UsageError when a key stands in
    the file twice, and whatever reading the file raises; nothing was given then, or all of it is void.
    """

    versions = False

    def __init__(self, place: Place, rows: Callable[[], Iterator[Row]], scratch: Path | None = None) -> None:
        self.place = place
        self._rows = rows
        self._scratch = scratch
        self._proof = Proof(False, 0, 0, None, "not begun")

    @property
    def proof(self) -> Proof:
        """Complete only when the file was read to its end."""
        return self._proof

    def __iter__(self) -> Iterator[Batch]:
        given, known = 0, None
        for batch in batches(self.rows()):
            given, known = given + len(batch), batch.keys[-1]
            self._proof = Proof(False, given, 0, known, "not finished")
            yield batch
        self._proof = Proof(True, given, 0, known)

    def rows(self) -> Iterator[Row]:
        """The rows below the prefix in key order; each key once."""
        path, prefix = Path(self.place.bucket), self.place.prefix
        last: Row | None = None
        for row in sorted_rows(self._rows(), self._scratch):
            if last is not None and row.key == last.key:
                first, second = sorted((row.line, last.line))
                raise refused(path, second, f"the key stands in line {first:,} already",
                              "Keep one row for each key")  # fmt: skip
            last = row
            if row.key.startswith(prefix):
                yield row
