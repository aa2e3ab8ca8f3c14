"""Approvals and rejections: one immutable file per plan digest, created once.

approvals/<digest>.json            who accepted the plan, when, until when, what they typed
approvals/<digest>.rejected.json   who put it aside for good
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..core.errors import Refused
from ..core.model import Approval, Plan
from .facts import pack, read_facts
from .home import SCHEMA, Home, damaged, disk, now, stamp, sync_directory, to_json, write_atomic

VALID_FOR = timedelta(hours=24)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Who put which plan aside, when and why."""

    digest: str
    by: str
    at: str
    reason: str = ""


def save_approval(home: Home, approval: Approval) -> None:
    """Keep an approval for ever. It must not hold for longer than 24 hours.

    Raises Refused when the plan has an approval or a rejection already, or when it would hold too
    long; DiskFull, NotReachable.
    """
    path = _path(home, approval.digest)
    begins, ends = _moment(path, approval.at), _moment(path, approval.expires)
    if not begins < ends <= begins + VALID_FOR:
        raise Refused(
            "an approval holds for at most 24 hours",
            where=approval.digest[:12],
            next_step="Approve with a shorter time",
        )
    if load_rejection(home, approval.digest) is not None:
        raise Refused("this plan was rejected", where=approval.digest[:12], next_step="Make a new plan")
    _create(path, {"schema": SCHEMA, **pack(approval)}, "approved")


def load_approval(home: Home, digest: str) -> Approval | None:
    """The approval of a plan as it was given, expired or not; None when there is none or it was rejected.

    Before anything runs, ask `valid_approval`. Raises DamagedState, NewerState.
    """
    path = _path(home, digest)
    if load_rejection(home, digest) is not None or not os.path.lexists(path):
        return None
    approval = read_facts(path, Approval)
    if approval.digest != digest:
        raise damaged(path, "the approval belongs to another plan")
    return approval


def valid_approval(home: Home, plan: Plan, *, moment: datetime | None = None) -> Approval:
    """The approval that lets this plan run at `moment` (None: now).

    Raises Refused when there is none, it has expired, it is not valid yet, the plan was rejected, or
    the count that was approved is not the count of the plan.
    """
    moment = moment or now()
    if load_rejection(home, plan.digest) is not None:
        raise Refused("this plan was rejected", where=plan.plan, next_step="Make a new plan")
    approval = load_approval(home, plan.digest)
    if approval is None:
        raise Refused(
            "this plan is not approved", where=plan.plan, next_step=f"Run s3console approve {plan.plan}"
        )
    path = _path(home, plan.digest)
    begins, ends = _moment(path, approval.at), _moment(path, approval.expires)
    if not begins <= moment < min(ends, begins + VALID_FOR):
        raise Refused(
            f"the approval of this plan held from {approval.at} to {approval.expires}",
            where=plan.plan,
            next_step="Make a new plan, because the store may have changed",
        )
    if approval.count != plan.operations:
        raise Refused(
            f"{approval.count} operations were approved and the plan has {plan.operations}",
            where=plan.plan,
            next_step="Make a new plan",
        )
    return approval


def save_rejection(
    home: Home, digest: str, *, by: str, reason: str = "", moment: datetime | None = None
) -> Rejection:
    """Put a plan aside for good; an approval it may have no longer counts. Raises Refused the second time."""
    rejection = Rejection(digest, by, stamp(moment or now()), reason)
    path = _path(home, digest).with_suffix(".rejected.json")
    _create(path, {"schema": SCHEMA, **pack(rejection)}, "rejected")
    return rejection


def load_rejection(home: Home, digest: str) -> Rejection | None:
    """The rejection of a plan, or None. Raises DamagedState, NewerState."""
    path = _path(home, digest).with_suffix(".rejected.json")
    if not os.path.lexists(path):
        return None
    return read_facts(path, Rejection)


def _path(home: Home, digest: str) -> Path:
    if not _DIGEST.fullmatch(digest):
        raise ValueError("approvals are named by the whole digest of a plan")
    return home.approvals / f"{digest}.json"


def _create(path: Path, document: dict[str, Any], done: str) -> None:
    """Whole or not at all, and never over an existing file: link() refuses where rename() replaces."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        write_atomic(aside, to_json(document), mode=0o400, sync_folder=False)
        with disk(path):
            try:
                path.hardlink_to(aside)
            except FileExistsError:
                raise Refused(
                    f"this plan was {done} before",
                    where=path.name[:12],
                    next_step="Make a new plan if it has to change",
                ) from None
            sync_directory(path.parent)
    finally:
        with disk(path):
            aside.unlink(missing_ok=True)


def _moment(path: Path, text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise damaged(path, "the approval has a time that cannot be read") from None
