"""The probe of an endpoint as a word or a screen asks for it: announced, journalled, kept."""

from __future__ import annotations

import secrets
import shlex
from typing import NamedTuple

from ..core.abilities import Abilities, assumed
from ..core.errors import Refused, UsageError
from ..core.keys import printable
from ..core.model import Place, Plan
from ..store.home import now, stamp
from ..store.journal import Journal
from ..store.probes import save_abilities, valid_abilities
from .desk import Desk

SCRATCH = "s3console-scratch/"


class Looks(NamedTuple):
    """What the copies into a place cost beside themselves: HEAD requests for each at the most (neighbours
    share a listing), as far as it is known, and whether a probe of the endpoint could save some of them."""

    each: int
    unprobed: bool


def copy_looks(desk: Desk, target: Place, versioning: str, *, replacing: bool = False) -> Looks:
    """How many looks go before every copy. Where the endpoint checks the source and the target of a copy
    itself there is none: AWS documents that it does, of other endpoints a probe tells."""
    reader = desk.reader(target.connection)
    endpoint = reader.endpoint_url
    known = valid_abilities(desk.home, versioning).get(endpoint)
    told = known or assumed(endpoint, aws=reader.calls.aws)
    wanted = [told.copy_source, told.copy_absent, *([told.copy_match] if replacing else ())]
    each = (told.copy_source != "yes") + ({"yes"} != set(wanted[1:]))
    return Looks(each, known is None and not reader.calls.aws)


def unprobed_sentence(desk: Desk, plan: Plan) -> str:
    """What a plan of copies costs because nobody has probed its endpoint, and the words that change that;
    "" where there is nothing to save."""
    copies = plan.copy + plan.restore
    if not copies or plan.right.scheme != "s3" or plan.versioning not in ("Enabled", "Unversioned"):
        return ""
    looks = copy_looks(desk, plan.right, plan.versioning)
    if not looks.unprobed:
        return ""
    words = ["s3console", "doctor", f"s3://{plan.right.bucket}/", "--probe", "--scratch",
             f"s3://{plan.right.bucket}/{SCRATCH}"]
    connection = plan.right.connection
    for name, value in (("profile", connection.profile), ("endpoint-url", connection.endpoint_url),
                        ("region", connection.region)):
        words += [f"--{name}", value] if value else []
    return (f"Nobody has probed this endpoint, so the run looks before {copies:,} copies, by listings where "
            f"they do, else by up to {looks.each} HEAD requests for each; `{printable(shlex.join(words))}` "
            "finds out whether that is needed, for this plan too if it is done before the run.")


def probe_token() -> str:
    """A name for the folder of one probe."""
    return secrets.token_hex(4)


def probe_sentence(scratch: Place, token: str) -> str:
    """What the probe will write. Raises UsageError for a scratch place that is no prefix."""
    from ..s3.probe import announcement

    if scratch.scheme != "s3" or not scratch.prefix.endswith("/"):
        raise UsageError("a probe needs a scratch prefix that ends in /", where=printable(scratch.uri),
                         next_step="Name one with --scratch s3://bucket/prefix/")
    return announcement(scratch, token)


def probe_endpoint(desk: Desk, scratch: Place, token: str) -> Abilities:
    """Probe the endpoint of a scratch place and keep the verdict for the jobs to come.

    Raises Refused in read-only mode and when the scratch folder is in use, and what reads and writes raise.
    """
    from ..s3.probe import probe

    if desk.config.read_only:
        raise Refused("nothing is probed in read-only mode", next_step="Start without --read-only")
    probe_sentence(scratch, token)
    journal = Journal(desk.home.journal)
    at = stamp(now())
    journal.append("probe begins", place=scratch.uri, token=token)
    found = probe(desk.reader(scratch.connection), scratch, token, at=at)
    save_abilities(desk.home, found)
    journal.append("probe ends", place=scratch.uri, token=token, endpoint=found.endpoint,
                   verdicts=dict(found.verdicts))
    return found
