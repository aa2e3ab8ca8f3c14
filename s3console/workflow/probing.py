"""The probe of an endpoint as a word or a screen asks for it: announced, journalled, kept."""

from __future__ import annotations

import secrets

from ..core.abilities import Abilities
from ..core.errors import Refused, UsageError
from ..core.keys import printable
from ..core.model import Place
from ..store.home import now, stamp
from ..store.journal import Journal
from ..store.probes import save_abilities
from .desk import Desk


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
