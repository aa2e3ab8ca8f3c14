"""A plan in words: what, where, bytes, whether it can be undone, what makes it safe, what it costs."""

from __future__ import annotations

from collections.abc import Callable

from s3console.core.model import Operation, Plan
from s3console.ui.display import (
    Run,
    Runs,
    exact,
    key_runs,
    message_text,
    money,
    path_runs,
    plural,
    short_count,
    size_text,
    time_text,
)
from s3console.ui.keys_in_use import key_run
from s3console.ui.plans.facts import PlanLine, PlanScan
from s3console.ui.widgets.facts import Fact
from s3console.ui.widgets.rows import Column, Layout

KIND_ROLES = {"copy": "missing", "restore": "ok", "delete": "danger", "abort": "danger", "bucket": "danger"}
STATE_ROLES = {"ready": "danger", "approved": "accent", "running": "accent", "queued": "accent", "done": "ok",
               "paused": "warning", "failed": "danger", "stale": "warning", "rejected": "faint",
               "cancelled": "warning"}
STATE_WORDS = {"ready": "waits"}


def lost(plan: Plan) -> str:
    """What a delete takes away: `versions` of a versioned bucket, `objects` of another."""
    return "object" if plan.versioning == "Unversioned" else "version"


def what_runs(plan: Plan, *, short: bool = False) -> list[Run]:
    """`copy 64, delete 128`: the acts of a plan with their numbers."""
    runs: list[Run] = []
    if short and plan.restore and plan.copy and plan.delete:
        return [("repair", "missing"), (f" {exact(plan.operations)}", "foreground")]
    for kind, number in (("restore", plan.restore), ("copy", plan.copy), ("delete", plan.delete)):
        if number:
            noun = lost(plan) if kind == "delete" else "object"
            if runs:
                runs.append((" · " if short else ", then " if kind == "delete" else ", ", "faint"))
            runs.append((kind, KIND_ROLES[kind]))
            runs.append((f" {short_count(number)}" if short else f" {plural(number, noun)}", "foreground"))
    return runs


def place_runs(plan: Plan) -> list[Run]:
    """The prefix a plan is for, as a URI."""
    return [(f"s3://{plan.right.bucket}/", "muted"), *key_runs(plan.prefix, "bold foreground")]


def undo_runs(plan: Plan, scan: PlanScan | None) -> list[Run]:
    """Whether the plan can be taken back."""
    if not plan.reversible:
        gone = plural(plan.delete, lost(plan)) if plan.delete else "the bytes that are overwritten"
        return [("NONE", "bold danger"), (f"  {gone} removed for ever", "danger")]
    if plan.delete:
        return [("yes", "ok"), ("  delete markers hide the objects; they can be taken away", "foreground")]
    if scan is not None and scan.overwrites:
        return [("yes", "ok"), (f"  {plural(scan.overwrites, 'current version')} become previous ones; "
                                "no bytes are lost", "foreground")]
    return [("yes", "ok"), ("  it only adds; what it adds can be deleted again", "foreground")]


def safety_lines(plan: Plan, scan: PlanScan | None) -> list[list[Run]]:
    """How each operation is made safe, one line per way."""
    if scan is None:
        return [[("reading the operations…", "faint")]]
    out: list[list[Run]] = []
    if scan.after_copy:
        to = "to the right name" if plan.review else "to its new name"
        out.append([("✓ ", "ok"), (f"{plural(scan.after_copy, 'delete')} only after the copy {to} is "
                                   "verified", "foreground")])
    if scan.witnessed:
        other = "right name" if plan.review else "copy"
        out.append([("✓ ", "ok"), (f"{plural(scan.witnessed, 'delete')} whose {other} has the same size "
                                   "and etag, asked again right before", "foreground")])
    if scan.markers:
        out.append([("✓ ", "ok"), (f"{plural(scan.markers, 'delete marker')}"
                                   f"{' of wrong names' if plan.review else ''}, no bytes", "foreground")])
    if scan.by_name:
        why = ", ".join(sorted(reason for reason in scan.reasons if reason in ("junk", "delete"))) or "named"
        out.append([("! ", "danger"), (f"{plural(scan.by_name, 'delete')} by name alone ({why}): "
                                       "these bytes are nowhere else", "danger")])
    if plan.copy + plan.restore:
        out.append([("✓ ", "ok"), ("copies: checked by size and etag; a target that changed is skipped",
                                   "foreground")])
    if scan.read < plan.operations:
        out.append([(f"{exact(scan.read)} of {plural(plan.operations, 'operation')} read so far", "faint")])
    return out


def kept_runs(scan: PlanScan | None) -> list[Run]:
    """What the review found under the prefix and the plan leaves alone."""
    if scan is None or scan.kept is None:
        return [("everything that is not in the plan", "foreground")]
    kept = scan.kept
    parts = [f"{plural(kept.same, 'object')} that {'is' if kept.same == 1 else 'are'} right"]
    for kind, number in (("extra", kept.extra), ("unknown", kept.unknown), ("junk", kept.junk),
                         ("duplicate", kept.duplicate)):
        left = number if kind not in scan.reasons else 0
        if left:
            parts.append(f"{exact(left)} {kind}")
    return [(parts[0], "ok"), (", " + ", ".join(parts[1:]) if parts[1:] else "", "foreground")]


def cost_runs(plan: Plan) -> list[Run]:
    """Requests of an undisturbed run, their price, and what storage costs afterwards."""
    total = sum(plan.requests.values())
    runs: list[Run] = [(money(plan.cost_usd), "foreground"), (f"  {plural(total, 'request')}", "muted")]
    if plan.monthly_usd < 0:
        runs.append((f"  saves {money(-plan.monthly_usd)} a month", "ok"))
    elif plan.monthly_usd > 0:
        runs.append((f"  {money(plan.monthly_usd)} more a month", "muted"))
    return [*runs, ("  estimate", "faint")]


def bytes_runs(plan: Plan) -> list[Run]:
    """Bytes that are written and bytes that are freed."""
    runs: list[Run] = []
    if plan.copy + plan.restore:
        runs += [(size_text(plan.bytes), "foreground"), (" written", "muted")]
    if plan.delete:
        runs += [("  " if runs else "", ""), (size_text(plan.delete_bytes), "foreground"),
                 (" freed", "muted")]
    return [*runs, (f"  {exact(plan.bytes + plan.delete_bytes)} B", "faint")]


def plan_facts(line: PlanLine, scan: PlanScan | None) -> list[Fact]:
    """The right pane of Review."""
    plan = line.plan
    facts: list[Fact] = [
        ("plan", [(plan.plan, "bold foreground"), (f"  made {time_text(plan.created)} by ", "muted"),
                  *key_runs(plan.created_by, "muted")]),
    ]
    if plan.title and not plan.review:
        facts.append(("for", key_runs(plan.title, "muted")))
    if line.why:
        facts.append(("why", [(message_text(line.why), STATE_ROLES.get(line.state, "warning"))]))
    facts += [
        ("what", what_runs(plan)),
        ("where", [*place_runs(plan),
                   ("  only this prefix" if plan.prefix else "  the whole bucket", "faint")]),
    ]
    if plan.left is not None:
        facts.append(("from", [*key_runs(plan.left.uri, "muted"),
                               (f"  review {plan.review}" if plan.review else "", "faint")]))
    facts += [("bytes", bytes_runs(plan)), ("undo", undo_runs(plan, scan))]
    facts += [("safety" if not n else "", runs) for n, runs in enumerate(safety_lines(plan, scan))]
    if plan.delete:
        facts += [("keeps", kept_runs(scan)),
                  ("locks", [("S3 has no trial delete: the job stops at the first refusal", "muted")])]
    facts.append(("cost", cost_runs(plan)))
    facts += [("note" if not n else "", [(note, "warning")]) for n, note in enumerate(plan.notes)]
    return facts


def now_runs(line: PlanLine, *, live: bool) -> list[Run]:
    """What can be done about a plan in its state, with the keys."""
    if line.state == "ready":
        if live:
            return [key_run("review.approve"), (" approves this plan   ", "foreground"),
                    key_run("review.drop"), (" leaves some out   ", "muted"),
                    key_run("review.reject"), (" rejects it", "muted")]
        return [("This console is read-only. ", "ok"), (":write on", "bold primary"),
                (" allows approvals.", "muted")]
    if line.state in ("stale", "rejected", "cancelled", "failed"):
        runs: list[Run] = [key_run("review.again"), (" compares this prefix again", "foreground")] \
            if line.plan.left is not None else [("nothing: plan it again where it was planned", "muted")]
        if line.plan.review:
            runs += [("   ", ""), key_run("review.findings"), (" goes back to its findings", "muted")]
        return runs
    if line.state == "approved":
        return [key_run("everywhere.queue"), (" Queue: it is approved and waits for its job", "muted")]
    return [key_run("everywhere.queue"), (" shows its job", "muted")]


def _plan_name(line: PlanLine) -> Runs:
    prefix = line.plan.prefix
    loud = "foreground" if line.state in ("ready", "approved") else "muted"
    return key_runs(prefix, loud) if prefix else [("whole place", loud)]


def state_runs(state: str) -> list[Run]:
    """The state of a plan as a word."""
    return [(STATE_WORDS.get(state, state), STATE_ROLES.get(state, "muted"))]


PLANS: Layout[PlanLine] = Layout(
    (Column("prefix", _plan_name, middle=True),
     Column("what", lambda line: what_runs(line.plan, short=True), width=22, from_width=40),
     Column("state", lambda line: state_runs(line.state), width=8)),
    identity=lambda line, index: line.plan.digest,
)


def _subject(prefix: str) -> Callable[[Operation], Runs]:
    """The key below the prefix of the plan, and what of its source tells it from the target."""

    def below(key: str) -> str:
        return key[len(prefix):] if key.startswith(prefix) and key != prefix else key

    def cell(operation: Operation) -> Runs:
        runs, source = path_runs(below(operation.target.key)), operation.source
        if source is None or (source.key == operation.target.key and source.side == "left"):
            return runs
        name, _, end = below(source.key).partition("/")
        last = source.key.rpartition("/")[2]
        told = last if last != operation.target.key.rpartition("/")[2] else f"{name}/…" if end else name
        return [*runs, ("  from ", "faint"), *key_runs(told, "muted")]

    return cell


def _guard(operation: Operation) -> Runs:
    if operation.after is not None:
        return [(f"after {operation.after + 1:,}", "muted")]
    if operation.witness is not None:
        return [("copy checked" if operation.reason in ("move", "moved") else "right name checked", "muted")]
    if operation.is_delete_marker:
        return [("marker", "faint")]
    if operation.kind == "delete":
        return [("by name", "danger")]
    return [("new version on top" if operation.expect.startswith("etag:") else "name is free", "muted")]


def operation_cells(operation: Operation) -> list[Run]:
    """The act of an operation in its colour."""
    return [(operation.kind, KIND_ROLES[operation.kind])]


def operations_layout(prefix: str) -> Layout[Operation]:
    """All operations of a plan for a prefix, which is not said again on each line."""
    return Layout(
        (
            Column("#", lambda op: [(exact(op.index + 1), "faint")], width=9, right=True),
            Column("act", operation_cells, width=7),
            Column("key", _subject(prefix), middle=True),
            Column("version", lambda op: key_runs(op.target.version_id, "faint"), width=10, middle=True,
                   from_width=100),
            Column("only if", _guard, width=18, from_width=80),
            Column("size", lambda op: [(size_text(op.target.size), "muted")], width=9, right=True),
        ),
        identity=lambda op, index: op.index,
    )
