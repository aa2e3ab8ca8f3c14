"""How long and how dear a number of copies is, before they are started."""

from __future__ import annotations

from dataclasses import dataclass

from .prices import request_cost

SEQUENTIAL, MODEST, FAST = 3.0, 100.0, 500.0
"""Copies per second: one after the other (the mover of SEEDS section 3 took 0.3 to 0.4 s for each), and
two rates below the 3,500 writes per second that S3 gives a prefix (S3 User Guide, "Performance")."""

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds at each of the three rates, and dollars for the requests of copying and emptying."""

    objects: int
    sequential: float
    modest: float
    fast: float
    cost_usd: float


def estimate(objects: int, region: str, *, looks: float = 2) -> Estimate:
    """The estimate for so many objects; `looks` HEAD requests are sent for each."""
    pages = -(-objects // 1000)
    requests = {"CopyObject": objects, "HeadObject": round(looks * objects), "DeleteObjects": pages,
                "ListObjectsV2": 2 * pages}
    return Estimate(objects, objects / SEQUENTIAL, objects / MODEST, objects / FAST,
                    round(request_cost(requests, region), 6))


def duration_text(seconds: float) -> str:
    """A time span for a person: "20 s", "3.3 min", "10 h", "4 days"."""
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= size * (1.5 if unit == "days" else 1.0):
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 10 and round(value, 1) % 1 else f"{value:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "under a second"
