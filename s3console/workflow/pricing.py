"""The price table that costs are estimated by: the dated list prices, or the operator's own on top.

`--prices FILE`, or `prices.toml` of the state directory, in TOML or JSON and the shape of
`core.prices.LIST_PRICES`: only what is different has to be in it.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from ..core.errors import NoSuchPlace, UsageError
from ..core.keys import printable
from ..core.prices import LISTED, PriceTable
from ..store.home import read_bytes

HOME_FILE = "prices.toml"
_LARGEST = 1 << 20


def load_prices(state_dir: Path, path: Path | None = None) -> PriceTable:
    """The price table of a file; without a path that of the state directory, or the list prices.

    Raises NoSuchPlace for a named file that is not there, UsageError for anything odd in it.
    """
    if path is None:
        path = state_dir / HOME_FILE
        if not path.exists():
            return LISTED
    elif not path.is_file():
        raise NoSuchPlace(
            "There is no such file of prices", where=printable(str(path)), next_step="Check its name"
        )
    try:
        text = read_bytes(path.resolve(), _LARGEST).decode("utf-8")
        document: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"The price file cannot be read: {printable(str(error))[:200]}",
            where=printable(str(path)),
            next_step="Write TOML, or JSON in a file whose name ends in .json",
        ) from None
    if not isinstance(document, dict):
        raise UsageError("The price file must be a table", where=printable(str(path)))
    return LISTED.with_overrides(document)
