"""Verdicts of probes in the state directory: `probes.json`, one record per endpoint and versioning.

Ceph 16 honours If-None-Match of PutObject in a bucket without versions and ignores it in one with them,
so a verdict counts only for buckets of the same versioning.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..core.abilities import VALID_DAYS, Abilities, pack_abilities, unpack_abilities
from ..core.errors import DamagedState
from .home import SCHEMA, Home, now, read_json, write_json

FILE = "probes.json"


def _path(home: Home) -> Path:
    return home.path / FILE


def all_abilities(home: Home) -> dict[str, Abilities]:
    """Every verdict by endpoint and versioning, the outdated ones too. Raises DamagedState, NotReachable."""
    path = _path(home)
    if not path.exists():
        return {}
    found = {}
    for name, packed in read_json(path).get("verdicts", {}).items():
        try:
            found[name] = unpack_abilities(packed)
        except (ValueError, AttributeError, TypeError):
            raise DamagedState("the verdicts of probes cannot be read", where=FILE,
                               next_step="remove the file and probe again") from None
    return found


def valid_abilities(home: Home, versioning: str, *, moment: datetime | None = None) -> dict[str, Abilities]:
    """The verdicts on buckets of this versioning by endpoint, none older than `VALID_DAYS`."""
    oldest = (moment or now()) - timedelta(days=VALID_DAYS)
    kept = {}
    for one in all_abilities(home).values():
        with contextlib.suppress(ValueError):
            at = datetime.strptime(one.at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            if one.versioning == versioning and at >= oldest:
                kept[one.endpoint] = one
    return kept


def save_abilities(home: Home, abilities: Abilities) -> None:
    """Keep a verdict in the place of an earlier one about the same. Raises DiskFull."""
    known = all_abilities(home) | {f"{abilities.endpoint} {abilities.versioning}": abilities}
    write_json(_path(home), {"schema": SCHEMA, "verdicts": {
        name: pack_abilities(one) for name, one in sorted(known.items())}})
