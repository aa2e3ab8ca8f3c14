"""The JSON of every word: model facts in, plain dictionaries out, with the field names of the contract.

Text is raw here (JSON escapes it); times are ISO 8601 in UTC; nothing is rounded but costs.
A text that does not apply is "", an object that does not apply is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3console.core.model import (
    KINDS,
    Approval,
    Entry,
    Finding,
    JobStatus,
    Operation,
    Place,
    Plan,
    PrefixTotals,
    Ref,
    ReviewHeader,
    Side,
    SideTotals,
)

if TYPE_CHECKING:
    from s3console.core.prices import PriceTable
    from s3console.core.usage import Sum, Usage
    from s3console.store.jobs import Failure

Record = dict[str, Any]


def when(text: str) -> str:
    """A time of a listing as `2024-06-25T10:11:34Z`; fractions that are not zero stay."""
    head, dot, fraction = text.removesuffix("Z").removesuffix("+00:00").partition(".")
    fraction = fraction.rstrip("0")
    return f"{head}.{fraction}Z" if dot and fraction else f"{head}Z" if head else ""


def entry_record(entry: Entry, *, versions: bool) -> Record:
    """One line of `ls`."""
    record: Record = {"key": entry.key, "size": entry.size, "etag": entry.etag,
                      "last_modified": when(entry.modified), "storage_class": entry.storage_class}
    if versions:
        record.update(version_id=entry.version_id, is_latest=entry.is_latest,
                      is_delete_marker=entry.is_delete_marker)
    return record


def side_record(side: Side | None) -> Record | None:
    """What one side holds, inside a finding."""
    if side is None:
        return None
    return {"key": side.key, "size": side.size, "etag": side.etag, "last_modified": when(side.modified),
            "storage_class": side.storage_class, "version_id": side.version_id,
            "is_latest": side.is_latest, "is_delete_marker": side.is_delete_marker}


def finding_record(finding: Finding, prefix: str) -> Record:
    """One line of `review ID --findings`; `prefix` is the row of the roll-up it belongs to."""
    subject = finding.subject
    return {"kind": finding.kind, "prefix": prefix, "key": subject.key, "intended_key": finding.intended_key,
            "version_id": subject.version_id, "size": subject.size, "etag": subject.etag,
            "last_modified": when(subject.modified), "left": side_record(finding.left),
            "right": side_record(finding.right), "rule": finding.rule, "grade": finding.grade}


def _place(place: Place | None) -> str | None:
    return None if place is None else place.uri


def _totals_record(side: SideTotals) -> Record:
    record: Record = {"place": side.place.uri, "entries": side.entries, "bytes": side.bytes,
                      "complete": side.complete}
    if not side.complete:
        record.update(known_through=side.known_through, reason=side.reason)
    return record


def review_record(header: ReviewHeader) -> Record:
    """The object of `compare`."""
    right = _totals_record(header.right)
    right.update(versions=header.right.versions, delete_markers=header.right.delete_markers)
    return {
        "review": header.review, "complete": header.complete, "left": _totals_record(header.left),
        "right": right,
        "totals": {"same": header.same} | {kind: header.totals.get(kind, 0) for kind in KINDS},
        "rules": [{"rule": fit.rule, "explained": fit.explained, "proved": fit.proved,
                   "contradicted": fit.contradicted} for fit in header.rules],
    }


def prefix_record(row: PrefixTotals, state: str) -> Record:
    """One line of `review ID`."""
    return {"prefix": row.prefix, "left_entries": row.left_entries, "right_entries": row.right_entries,
            "same": row.same, "missing": row.missing, "extra": row.extra, "differs": row.differs,
            "unknown": row.unknown, "misnamed": row.misnamed, "junk": row.junk, "duplicate": row.duplicate,
            "bytes": row.bytes, "state": state}


def _ref_record(ref: Ref | None) -> Record | None:
    if ref is None:
        return None
    return {"side": ref.side, "bucket": ref.bucket, "key": ref.key, "version_id": ref.version_id,
            "etag": ref.etag, "size": ref.size}


def operation_record(operation: Operation) -> Record:
    """One operation of a plan's sample."""
    return {"index": operation.index, "kind": operation.kind, "target": _ref_record(operation.target),
            "source": _ref_record(operation.source), "expect": operation.expect, "after": operation.after,
            "witness": _ref_record(operation.witness), "is_delete_marker": operation.is_delete_marker,
            "reason": operation.reason}


def plan_record(plan: Plan, state: str) -> Record:
    """The object of `plan` and one line of `plans`."""
    return {"plan": plan.plan, "prefix": plan.prefix, "operations": plan.operations, "copy": plan.copy,
            "restore": plan.restore, "delete": plan.delete, "bytes": plan.bytes,
            "requests": dict(plan.requests), "cost_usd": round(plan.cost_usd, 6),
            "reversible": plan.reversible, "digest": plan.digest, "state": state, "review": plan.review,
            "delete_bytes": plan.delete_bytes, "monthly_usd": round(plan.monthly_usd, 6),
            "left": _place(plan.left), "right": _place(plan.right), "created": plan.created,
            "notes": list(plan.notes)}


def shown_plan_record(plan: Plan, state: str) -> Record:
    """The object of `show`: the plan with its sample."""
    return plan_record(plan, state) | {"sample": [operation_record(one) for one in plan.sample]}


def approval_record(plan: Plan, approval: Approval, state: str) -> Record:
    """The object of `approve`."""
    return {"plan": plan.plan, "digest": approval.digest, "state": state, "count": approval.count,
            "by": approval.by, "at": approval.at, "expires": approval.expires}


def job_record(status: JobStatus) -> Record:
    """The object of `job` and `run`: planned = done + failed + skipped + remaining."""
    return {"job": status.job, "plan": status.plan, "state": status.state, "planned": status.planned,
            "done": status.done, "failed": status.failed, "skipped": status.skipped,
            "remaining": status.remaining, "bytes": status.bytes, "started": status.started,
            "ended": status.ended, "rate": round(status.rate, 3), "prefix": status.prefix,
            "phase": status.phase, "in_flight": status.in_flight, "workers": status.workers,
            "requests": dict(status.requests), "retries": status.retries, "message": status.message,
            "updated": status.updated, "p50_ms": status.p50, "p99_ms": status.p99}


def failure_record(failure: Failure) -> Record:
    """One line of `job ID --failures`."""
    return {"index": failure.index, "kind": failure.kind, "key": failure.key,
            "version_id": failure.version_id, "code": failure.code, "message": failure.message,
            "at": failure.at, "attempts": failure.attempts}


def du_record(prefix: str, usage: Usage, region: str, table: PriceTable, *, by_class: bool,
              total: bool = False) -> Record:
    """One line of `du`; only the sum carries `total`. Costs are rounded to a millionth of a dollar."""
    priced = usage.priced(region, table)
    record: Record = {"prefix": prefix, **_counts(usage.total),
                      "delete_markers": usage.total.delete_markers,
                      "cost_usd_month": round(sum(cost for _, _, cost in priced), 6)}
    if by_class:
        record["classes"] = {name: {**_counts(one), "cost_usd_month": round(cost, 6)}
                             for name, one, cost in priced}
    if total:
        record["total"] = True
    return record


def _counts(one: Sum) -> Record:
    return {"objects": one.objects, "bytes": one.bytes, "versions": one.versions,
            "version_bytes": one.version_bytes}
