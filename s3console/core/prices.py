"""What requests, storage and transfer cost: estimates from public list prices, in US dollars before tax.

List prices of Amazon S3 as published around the date in `LIST_PRICES["as_of"]`, without discounts,
free tiers, minimum storage times, minimum object sizes or retrieval fees. A gigabyte of the price
list is 1,024^3 bytes. Everything can be replaced: `PriceTable.with_overrides` takes the same shape
as `LIST_PRICES` from a TOML or JSON file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import UsageError
from .keys import printable

GIB = 1024**3
_TIERS = (50 * 1024, 450 * 1024)
"""Width in GiB of the first two price tiers of a month; the third has no end."""


def _region(
    storage: Mapping[str, list[float] | float],
    write: float,
    read: float,
    internet: float,
    other: float = 0.02,
) -> dict[str, Any]:
    return {
        "storage": dict(storage),
        "write": write,
        "read": read,
        "internet": internet,
        "transfer": {"*": other},
    }


def _usual(
    standard: list[float],
    ia: float,
    one_zone: float,
    instant: float,
    flexible: float,
    deep: float,
    reduced: float,
) -> dict[str, list[float] | float]:
    return {
        "STANDARD": standard,
        "INTELLIGENT_TIERING": standard,
        "STANDARD_IA": ia,
        "ONEZONE_IA": one_zone,
        "GLACIER_IR": instant,
        "GLACIER": flexible,
        "DEEP_ARCHIVE": deep,
        "REDUCED_REDUNDANCY": reduced,
    }


_CHEAPEST = _usual([0.023, 0.022, 0.021], 0.0125, 0.01, 0.004, 0.0036, 0.00099, 0.024)

LIST_PRICES: Mapping[str, Any] = {
    "as_of": "2025-10-28",
    "default_region": "us-east-1",
    "regions": {
        "us-east-1": {**_region(_CHEAPEST, 0.005, 0.0004, 0.09), "transfer": {"*": 0.02, "us-east-2": 0.01}},
        "us-east-2": {**_region(_CHEAPEST, 0.005, 0.0004, 0.09), "transfer": {"*": 0.02, "us-east-1": 0.01}},
        "us-west-1": _region(
            _usual([0.026, 0.025, 0.024], 0.019, 0.0152, 0.005, 0.0043, 0.002, 0.026), 0.0055, 0.00044, 0.09
        ),
        "us-west-2": _region(_CHEAPEST, 0.005, 0.0004, 0.09),
        "eu-west-1": _region(_CHEAPEST, 0.005, 0.0004, 0.09),
        "eu-central-1": _region(
            _usual([0.0245, 0.0235, 0.0225], 0.0135, 0.0108, 0.005, 0.0036, 0.0018, 0.026),
            0.0054,
            0.00043,
            0.09,
        ),
    },
}
"""Dollars: `storage` per GiB and month (one price, or one per tier), `write` and `read` per 1,000
requests, `transfer` per GiB to another region ("*" for any), `internet` per GiB to the outside."""

_FREE = ("Delete", "Abort")
_WRITES = ("List", "Put", "Copy", "Post", "Create", "Complete", "Upload", "Restore")


@dataclass(frozen=True, slots=True)
class PriceTable:
    """A price list and its date. `source` says whether an operator changed it."""

    data: Mapping[str, Any]
    source: str = "public list prices"

    @property
    def as_of(self) -> str:
        return str(self.data["as_of"])

    @property
    def described(self) -> str:
        """One clause for a screen: that figures are estimates, from what, and how old."""
        return f"estimate from {self.source} of {self.as_of}"

    def knows(self, region: str) -> bool:
        return region in self.data["regions"]

    def region(self, region: str) -> Mapping[str, Any]:
        """The prices of a region, or of the default region where it is not listed."""
        regions: Mapping[str, Mapping[str, Any]] = self.data["regions"]
        return regions.get(region) or regions[self.data["default_region"]]

    def with_overrides(self, overrides: Mapping[str, Any]) -> PriceTable:
        """The table with the operator's prices in place of the listed ones.

        A region that is new starts from the default region. Raises UsageError for a wrong shape.
        """
        regions = {name: dict(prices) for name, prices in self.data["regions"].items()}
        default = str(overrides.get("default_region", self.data["default_region"]))
        for name, changes in _mapping(overrides.get("regions", {}), "regions").items():
            regions[name] = _merged(regions.get(name) or regions[self.data["default_region"]], changes, name)
        unknown = set(overrides) - {"as_of", "default_region", "regions"}
        if unknown:
            raise _wrong(f"it does not know “{printable(str(min(unknown)))}”")
        if default not in regions:
            raise _wrong(f"the default region “{printable(default)}” has no prices")
        return PriceTable(
            {"as_of": str(overrides.get("as_of", self.as_of)), "default_region": default, "regions": regions},
            "your price file",
        )


LISTED = PriceTable(LIST_PRICES)


def _wrong(what: str) -> UsageError:
    return UsageError(
        f"The price file cannot be used: {what}",
        next_step="Write prices in dollars in the shape of the listed ones",
    )


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(f"“{printable(name)}” must be a table")
    return value


def _price(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise _wrong(f"“{printable(name)}” must be a number of dollars")
    return float(value)


def _tier_prices(value: object, name: str) -> list[float]:
    """One to three prices; the last one holds for the tiers after it."""
    prices = list(value) if isinstance(value, list | tuple) else [value]
    if not 1 <= len(prices) <= len(_TIERS) + 1:
        raise _wrong(f"“{printable(name)}” must be one price or up to three, one per tier")
    return [_price(price, name) for price in prices]


def _merged(listed: Mapping[str, Any], changes: object, region: str) -> dict[str, Any]:
    merged = {**listed, "storage": dict(listed["storage"]), "transfer": dict(listed["transfer"])}
    for name, value in _mapping(changes, region).items():
        where = f"{region}.{name}"
        if name == "storage":
            merged[name] |= {
                key: _tier_prices(price, f"{where}.{key}") for key, price in _mapping(value, where).items()
            }
        elif name == "transfer":
            merged[name] |= {
                key: _price(price, f"{where}.{key}") for key, price in _mapping(value, where).items()
            }
        elif name in ("write", "read", "internet"):
            merged[name] = _price(value, where)
        else:
            raise _wrong(f"it does not know “{printable(where)}”")
    return merged


def _tiered(gib: float, prices: list[float]) -> float:
    total = 0.0
    for tier, price in enumerate(prices):
        width = _TIERS[tier] if tier < min(len(_TIERS), len(prices) - 1) else math.inf
        part = min(gib, width)
        total += part * price
        gib -= part
        if gib <= 0:
            break
    return total


def storage_monthly(
    size: int,
    region: str,
    storage_class: str = "STANDARD",
    *,
    already: int = 0,
    table: PriceTable = LISTED,
) -> float:
    """Dollars per month for `size` bytes kept in a storage class.

    `already` bytes of the same account, region and class come first and use up the dearer tiers: so
    the saving of a delete is the price of its bytes on top of what stays. An unknown class costs
    what STANDARD costs.
    """
    classes: Mapping[str, Any] = table.region(region)["storage"]
    price = classes.get(storage_class or "STANDARD", classes["STANDARD"])
    prices = list(price) if isinstance(price, list | tuple) else [price]
    return _tiered((size + already) / GIB, prices) - _tiered(already / GIB, prices)


def request_cost(counts: Mapping[str, int], region: str, *, table: PriceTable = LISTED) -> float:
    """Dollars for numbers of requests by API name (`ListObjectsV2`, `CopyObject`, `HeadObject`, ...).

    Listing and everything that writes has the higher price, deletes and aborts are free, all else
    has the lower one. STANDARD prices; other storage classes charge more for copies into them.
    """
    prices = table.region(region)
    total = 0.0
    for name, count in counts.items():
        if name.startswith(_FREE):
            continue
        total += count * prices["write" if name.startswith(_WRITES) else "read"] / 1000
    return total


def transfer_cost(size: int, from_region: str, to_region: str, *, table: PriceTable = LISTED) -> float:
    """Dollars for moving `size` bytes out of one region into another; 0 inside a region.

    An empty `to_region` is a machine outside: the internet price. An empty `from_region` is a store
    without regions or a machine outside: sending into S3 costs nothing.
    """
    if not from_region or from_region == to_region:
        return 0.0
    prices = table.region(from_region)
    if not to_region:
        return float(size / GIB * prices["internet"])
    rates: Mapping[str, float] = prices["transfer"]
    return size / GIB * rates.get(to_region, rates["*"])
