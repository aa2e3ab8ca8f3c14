"""Approvals and rejections are made once, never changed, and hold for a day at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from s3console.core.errors import DamagedState, Refused
from s3console.core.model import Approval, Plan
from s3console.store.approvals import (
    load_approval,
    load_rejection,
    save_approval,
    save_rejection,
    valid_approval,
)
from s3console.store.home import Home, stamp

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def plan(make_plan: Callable[..., Plan]) -> Plan:
    return make_plan()


def approval_of(plan: Plan, *, hours: float = 24, count: int | None = None) -> Approval:
    ends = stamp(NOON + timedelta(hours=hours))
    return Approval(
        plan.digest, "alice", stamp(NOON), ends, plan.operations if count is None else count, "12"
    )


def test_an_approval_is_kept_as_given(home: Home, plan: Plan) -> None:
    assert load_approval(home, plan.digest) is None
    approval = approval_of(plan)
    save_approval(home, approval)
    assert load_approval(home, plan.digest) == approval
    (path,) = home.approvals.iterdir()
    assert (path.name, path.stat().st_mode & 0o777, path.stat().st_nlink) == (f"{plan.digest}.json", 0o400, 1)
    assert valid_approval(home, plan, moment=NOON + timedelta(hours=23, minutes=59)) == approval


def test_an_approval_is_never_replaced(home: Home, plan: Plan) -> None:
    save_approval(home, approval_of(plan))
    with pytest.raises(Refused, match="approved before") as caught:
        save_approval(home, replace(approval_of(plan), by="mallory"))
    assert caught.value.exit_code == 5
    approval = load_approval(home, plan.digest)
    assert approval is not None
    assert approval.by == "alice"
    assert len(list(home.approvals.iterdir())) == 1


def test_it_holds_for_a_day_at_most(home: Home, plan: Plan) -> None:
    for hours in (24.01, 0, -1):
        with pytest.raises(Refused, match="24 hours"):
            save_approval(home, approval_of(plan, hours=hours))
    save_approval(home, approval_of(plan, hours=2))
    for moment in (NOON - timedelta(seconds=1), NOON + timedelta(hours=2)):
        with pytest.raises(Refused, match="held from"):
            valid_approval(home, plan, moment=moment)


def test_what_does_not_let_a_plan_run(home: Home, plan: Plan, make_plan: Callable[..., Plan]) -> None:
    with pytest.raises(Refused, match="not approved"):
        valid_approval(home, plan, moment=NOON)
    save_approval(home, approval_of(plan, count=11))
    with pytest.raises(Refused, match="11 operations were approved and the plan has 12"):
        valid_approval(home, plan, moment=NOON)
    other = make_plan(13)
    (home.approvals / f"{plan.digest}.json").rename(home.approvals / f"{other.digest}.json")
    with pytest.raises(DamagedState, match="another plan"):
        valid_approval(home, other, moment=NOON)


def test_a_rejection_is_final(home: Home, plan: Plan) -> None:
    save_approval(home, approval_of(plan))
    assert load_rejection(home, plan.digest) is None
    rejection = save_rejection(home, plan.digest, by="bob", reason="wrong\ud800 prefix", moment=NOON)
    assert load_rejection(home, plan.digest) == rejection
    assert load_approval(home, plan.digest) is None
    with pytest.raises(Refused, match="rejected"):
        valid_approval(home, plan, moment=NOON)
    with pytest.raises(Refused, match="rejected before"):
        save_rejection(home, plan.digest, by="bob")
    with pytest.raises(Refused, match="rejected"):
        save_approval(home, approval_of(plan))


def test_only_a_whole_digest_names_an_approval(home: Home) -> None:
    for digest in ("abcd", "../../etc/passwd", "A" * 64):
        with pytest.raises(ValueError):
            load_approval(home, digest)
