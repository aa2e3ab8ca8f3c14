"""The plan behind `:empty-bucket`. Blocking: call it in a thread."""

from __future__ import annotations

from s3console.core.model import Place, Plan
from s3console.ui.comparing.facts import real
from s3console.ui.desk_protocol import DeskLike


def empty_plan(desk: DeskLike, bucket: str) -> Plan:
    """A plan that empties the bucket of this name. Raises Refused, UsageError."""
    from s3console.workflow.desk import parse_place
    from s3console.workflow.emptying import plan_empty_bucket

    connection = desk.config.connection
    place = parse_place(bucket, connection) if "/" in bucket else Place(bucket, "", connection)
    return plan_empty_bucket(real(desk), place)
