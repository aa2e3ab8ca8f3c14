"""An approval holds for its plan alone, for a day, and for the place as it was reviewed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from s3console.core.errors import DamagedState, Refused, S3ConsoleError
from s3console.core.model import Approval, Operation, Place, Plan, Ref
from s3console.run.runner import check_approval
from s3console.store.approvals import save_approval, save_rejection
from s3console.store.home import Home, now, stamp
from s3console.store.jobs import JobFacts, create_job, job_folder, load_job
from s3console.store.plan_writer import PlanWriter
from s3console.store.plans import open_plan


def sealed(home: Home, count: int = 3) -> Plan:
    with PlanWriter(home, 500) as writer:
        targets = [Ref("right", "b", f"k{n}", "v1", "e" * 32, 1) for n in range(count)]
        writer.add([Operation(n, "delete", target) for n, target in enumerate(targets)])
        return writer.seal(prefix="", left=None, right=Place("b"), created_by="alice", versioning="Enabled",
                           requests={})


def approve(home: Home, plan: Plan, *, hours_ago: float) -> None:
    begun = now() - timedelta(hours=hours_ago)
    save_approval(home, Approval(plan.digest, "alice", stamp(begun), stamp(begun + timedelta(hours=24)),
                                 plan.operations, "3"))


def facts(home: Home, plan: Plan) -> JobFacts:
    return load_job(job_folder(home, create_job(home, plan)))


def test_it_dies_after_a_day_unless_its_job_has_begun(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    plan = sealed(home)
    job = facts(home, plan)
    with pytest.raises(Refused, match="not approved"):
        check_approval(home, job, plan, started="")
    approve(home, plan, hours_ago=25)
    with pytest.raises(Refused, match="may have changed"):
        check_approval(home, job, plan, started="")
    # A long job that was begun in time is carried to its end.
    check_approval(home, job, plan, started=stamp(now() - timedelta(hours=3)))
    with pytest.raises(Refused):
        check_approval(home, job, plan, started=stamp(now() - timedelta(hours=26)))


def test_it_holds_for_one_digest_and_a_rejection_ends_it(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    plan, other = sealed(home), sealed(home, 4)
    job = facts(home, plan)
    approve(home, plan, hours_ago=1)
    check_approval(home, job, plan, started="")
    with pytest.raises(DamagedState, match="another plan"):
        check_approval(home, job, other, started="")
    with pytest.raises(Refused, match="3 operations were approved and the plan has 2"):
        check_approval(home, job, replace(plan, operations=2), started="")
    save_rejection(home, plan.digest, by="bob")
    with pytest.raises(Refused, match="rejected"):
        check_approval(home, job, plan, started="")


def test_a_plan_that_was_edited_is_refused(tmp_path: Path) -> None:
    """A flipped bit is refused, or it is in a byte that means nothing and the operations are the same."""
    home = Home.create(tmp_path / "home")
    plan = sealed(home)
    (operations,) = home.plans.rglob("operations.parquet")
    whole, refused = operations.read_bytes(), 0
    with open_plan(home, plan.digest) as found:
        right = list(found.all_operations())
    places = range(0, len(whole), max(1, len(whole) // 60))
    for at in places:
        operations.chmod(0o600)
        operations.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1:])
        operations.chmod(0o400)
        try:
            with open_plan(home, plan.digest) as found:
                found.verify()
                assert list(found.all_operations()) == right
        except S3ConsoleError:
            refused += 1
    assert refused > len(places) // 3
