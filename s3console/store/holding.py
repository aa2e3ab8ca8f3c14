"""Which rows of a row group of findings hold a text, told from five of its columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

LOOKED_INTO = ("key", "kind", "counted", "intended_key", "left_key", "rule")
"""The columns that are read: the others are only read where something was found."""


def rows_holding(table: Any, text: str, kinds: Collection[str]) -> tuple[int, Sequence[int]]:
    """How many counted rows are of these kinds, and the numbers of those that hold a text, in any case: in
    the name, in the name it should have, in the word of the kind or in the rule."""
    kind = table.column("kind").combine_chunks()
    missing = pc.equal(kind, "missing")
    held = _holds(kind, text)
    for name in ("key", "intended_key", "rule"):
        held = pc.or_(held, _holds(table.column(name).combine_chunks(), text))
    # The left name is the name of the finding only where nothing stands on the right.
    held = pc.or_(held, pc.and_(missing, _holds(table.column("left_key").combine_chunks(), text)))
    wanted = pc.and_(pc.is_in(kind, value_set=pa.array(sorted(kinds), pa.string())),
                     table.column("counted").combine_chunks())
    found: Sequence[int] = pc.indices_nonzero(pc.and_(held, wanted)).to_pylist()
    return pc.sum(wanted).as_py() or 0, found


def _holds(column: Any, text: str) -> Any:
    # Names are stored as bytes; only as text do letters beyond ASCII have a case. Nothing checks them: what
    # is no valid UTF-8 in them matches nothing.
    words = column.cast(pa.string(), safe=False)
    return pc.fill_null(pc.match_substring(words, text, ignore_case=True), fill_value=False)
