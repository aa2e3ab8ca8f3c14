"""The words that move, undo and remove: plan move, plan empty, plan delete-bucket, plan abort, undo."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from s3console.core.estimate import SIZES, Estimate, duration_text, estimate
from s3console.core.model import Plan

from .call import Call
from .output import money_text

if TYPE_CHECKING:
    from s3console.workflow.carrying import Carrying

KINDS = ("move", "empty", "delete-bucket", "abort")


def make(call: Call) -> Plan:
    """Make a plan of one of these kinds."""
    from s3console.store.home import now, stamp
    from s3console.workflow import moving as workflow

    options = call.options
    if options.plan_kind == "move":
        source = call.place(options.source, call.config.left)
        target = call.place(options.target, call.config.right)
        carrying = carrying_of(call)
        if options.versions:
            from s3console.workflow.moving_versions import plan_move_versions

            return plan_move_versions(call.desk, source, target, carrying=carrying)
        return workflow.plan_move(call.desk, source, target, overwrite=options.overwrite, carrying=carrying)
    if options.plan_kind == "empty":
        return workflow.plan_empty(call.desk, call.place(options.place), options.after)
    if options.plan_kind == "delete-bucket":
        return workflow.plan_delete_bucket(call.desk, call.place(options.place))
    before = stamp(now() - timedelta(days=options.older_than)) if options.older_than is not None else ""
    return workflow.plan_abort(call.desk, call.place(options.place), before=before)


def carrying_of(call: Call) -> Carrying:
    """What goes with the bytes of the copies, as the options say."""
    from s3console.workflow.carrying import Carrying

    options = call.options
    return Carrying(options.acl, options.storage_class, options.thaw, options.lock)


def estimates(call: Call, plan: Plan) -> list[Estimate]:
    """How long a move takes and what it costs, for its own size and for round ones."""
    connection = plan.right.connection
    region = call.desk.regions.get((connection, plan.right.bucket)) or connection.region or "us-east-1"
    looks = plan.requests.get("HeadObject", 0) / plan.copy if plan.requests.get("CopyObject") else 2.0
    return [estimate(objects, region, looks=looks) for objects in (plan.copy, *SIZES)]


def say_estimate(call: Call, plan: Plan) -> None:
    """The same as a table."""
    rows = [(f"{one.objects:,}", *(duration_text(s) for s in (one.sequential, one.modest, one.fast)),
             money_text(one.cost_usd)) for one in estimates(call, plan)]
    call.output.line("")
    call.output.table(("OBJECTS", "AT 3/S", "AT 100/S", "AT 500/S", "REQUESTS"), rows)


def next_act(plan: Plan) -> str:
    """What follows after the plan has run."""
    if plan.title.startswith("move ") and plan.left is not None:
        return (f"After it has run, `s3console plan empty '{plan.left.uri}' --after JOB` plans to delete "
                "exactly what it verified.")
    if plan.title.startswith("empty "):
        return (f"After it has run, `s3console plan delete-bucket s3://{plan.right.bucket}/` plans to remove "
                "the bucket.")
    return ""


def undo(call: Call) -> Plan:
    """Make the plan that takes back what a job did."""
    from s3console.workflow.undoing import plan_undo_job

    return plan_undo_job(call.desk, call.options.job)
