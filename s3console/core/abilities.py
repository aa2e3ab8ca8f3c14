"""What an endpoint honours of the conditions that keep a job safe, as a probe found it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Verdict = Literal["yes", "ignored", "refused", "unknown"]
"""`yes`: honoured. `ignored`: accepted and without effect. `refused`: an error even where it holds."""

VALID_DAYS = 90
"""Days after which a verdict is not believed any more: a store may have been changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """The verdicts about one endpoint. `at` is when it was probed, "" for what is only assumed.

    `copy_source`: If-Match on the source of CopyObject. `copy_absent`, `copy_match`: If-None-Match and
    If-Match on its destination; `put_*` and `complete_absent` the same for PutObject and
    CompleteMultipartUpload. `delete_match`: If-Match of DeleteObject. `delete_each`: an ETag per key of
    DeleteObjects. `attributes`: GetObjectAttributes. `ordered`: listings in the order of UTF-8 bytes.
    `checksums`: a CRC32 is kept and shown. `versioning` is that of the bucket that was probed.
    """

    endpoint: str
    at: str = ""
    versioning: str = ""
    copy_source: Verdict = "unknown"
    copy_absent: Verdict = "unknown"
    copy_match: Verdict = "unknown"
    put_absent: Verdict = "unknown"
    put_match: Verdict = "unknown"
    complete_absent: Verdict = "unknown"
    delete_match: Verdict = "unknown"
    delete_each: Verdict = "unknown"
    attributes: Verdict = "unknown"
    ordered: Verdict = "unknown"
    checksums: Verdict = "unknown"

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Every verdict by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)[3:]}


def assumed(endpoint: str, *, aws: bool) -> Abilities:
    """What is believed of an endpoint never probed: AWS honours all, of others nothing is known."""
    if not aws:
        return Abilities(endpoint)
    names = [one.name for one in fields(Abilities)[3:]]
    yes: dict[str, Any] = dict.fromkeys(names, "yes")
    return Abilities(endpoint, **yes)


def pack_abilities(abilities: Abilities) -> dict[str, str]:
    """As JSON."""
    return asdict(abilities)


def unpack_abilities(packed: Mapping[str, Any]) -> Abilities:
    """The inverse of `pack_abilities`; what another version wrote and this one does not know is left out.

    Raises ValueError for what is no such record.
    """
    known = {one.name for one in fields(Abilities)}
    values = {name: value for name, value in packed.items() if name in known}
    if "endpoint" not in values or not all(isinstance(value, str) for value in values.values()):
        raise ValueError("not the verdict of a probe")
    return Abilities(**values)
