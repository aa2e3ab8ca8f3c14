"""The words of plans and approvals: plan, undo, plans, show, approve."""

from __future__ import annotations

from dataclasses import asdict

from s3console.core.errors import Refused, UsageError
from s3console.core.keys import printable
from s3console.core.model import Operation, Plan

from . import moving, setting_aside
from .call import DONE, Call
from .output import counted, money_text, size_text
from .records import approval_record, plan_record, shown_plan_record


def _included(given: list[str] | None) -> tuple[str, ...]:
    names = [name.strip() for text in given or () for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in ("junk", "duplicate")]
    if wrong:
        raise UsageError(f"{wrong[0]!r} cannot be included", next_step="--include takes junk, duplicate")
    return tuple(dict.fromkeys(names))


def plan(call: Call) -> int:
    """Make a plan of one kind; nothing is written to any store."""
    from s3console.workflow import planning as workflow

    options = call.options
    if options.plan_kind == "download":
        from . import downloading

        return downloading.plan(call)
    if options.plan_kind == "repair":
        made = workflow.plan_repair(call.desk, _review_id(call), options.prefix, only=options.only,
                                    include=_included(options.include), overwrite=options.overwrite)
    elif options.plan_kind == "copy":
        made = workflow.plan_copy(call.desk, call.place(options.source, call.config.left),
                                  call.place(options.target, call.config.right), overwrite=options.overwrite,
                                  carrying=moving.carrying_of(call))
    elif options.plan_kind == "reduce":
        made = setting_aside.reduce(call)
    elif options.plan_kind in moving.KINDS:
        made = moving.make(call)
    elif options.plan_kind in ("restore", "purge"):
        from . import timing

        asked = timing.restore(call) if options.plan_kind == "restore" else timing.purge(call)
        if asked is None:
            return DONE
        made = asked
    else:
        made = workflow.plan_delete(call.desk, call.place(options.place), versions=options.versions)
    return _made(call, made)


def undo(call: Call) -> int:
    """Make the plan that takes back what a job did; nothing is written to any store."""
    return _made(call, moving.undo(call))


def _made(call: Call, made: Plan) -> int:
    from s3console.workflow.plan_states import plan_state
    from s3console.workflow.probing import unprobed_sentence

    state = plan_state(call.desk, made)
    if told := unprobed_sentence(call.desk, made):
        call.output.say(told)
    if call.output.as_json:
        more = {"estimates": [asdict(one) for one in moving.estimates(call, made)]} if (
            made.title.startswith("move ")) else {}
        call.output.record(plan_record(made, state) | more)
        return DONE
    _show_plan(call, made, state)
    if made.title.startswith("move "):
        moving.say_estimate(call, made)
    call.output.say(f"Nothing was written. `s3console show {made.plan}` shows it again; "
                    f"`s3console approve {made.plan}` accepts it.")
    if told := moving.next_act(made):
        call.output.say(printable(told))
    return DONE


def _review_id(call: Call) -> str:
    """The whole id of a review that may have been shortened."""
    from s3console.store.reviews import Review

    return Review.open(call.desk.home, call.options.review).header.review


def _open(call: Call) -> Plan:
    from s3console.store.plans import load_plan

    return load_plan(call.desk.home, call.options.plan)


def _show_plan(call: Call, shown: Plan, state: str) -> None:
    requests = ", ".join(f"{count:,} {name}" for name, count in sorted(shown.requests.items()))
    facts = [
        ("plan", shown.plan), ("what", printable(shown.title)),
        ("prefix", printable(shown.prefix) or "(whole place)"), ("state", state),
        ("operations", f"{shown.operations:,}: {shown.copy:,} copy, {shown.restore:,} restore, "
                       f"{shown.delete:,} delete"),
        ("bytes", f"{size_text(shown.bytes)} written, {size_text(shown.delete_bytes)} deleted"),
        ("requests", requests), ("cost", f"{money_text(shown.cost_usd)} once, "
                                         f"{money_text(shown.monthly_usd)} a month of storage"),
        ("reversible", "yes" if shown.reversible else "NO: bytes are deleted for ever"),
        ("digest", shown.digest),
    ]
    call.output.facts([*facts, *(("note", note) for note in shown.notes)])


def _sample_row(operation: Operation) -> tuple[str | int, ...]:
    source = operation.source
    told = f"{source.bucket}/{source.key}" + (f" version {source.version_id}" if source.version_id else "") \
        if source is not None else ""
    what = f"{operation.kind} marker" if operation.is_delete_marker else operation.kind
    target = operation.target
    return (operation.index, what, target.size, target.key, target.version_id, told)


def show(call: Call) -> int:
    """Show a plan with a sample of its operations."""
    from s3console.workflow.plan_states import plan_state

    shown = _open(call)
    if call.options.export is not None:
        return setting_aside.export_operations(call, shown)
    state = plan_state(call.desk, shown)
    if call.output.as_json:
        call.output.record(shown_plan_record(shown, state))
        return DONE
    _show_plan(call, shown, state)
    call.output.line("")
    call.output.table(("#", "WHAT", "SIZE", "KEY", "VERSION", "FROM"), map(_sample_row, shown.sample))
    return DONE


def plans(call: Call) -> int:
    """List the plans."""
    from s3console.store.plans import list_plans
    from s3console.workflow.jobs import list_jobs
    from s3console.workflow.plan_states import plan_state

    jobs = list_jobs(call.desk)
    found = [(one, plan_state(call.desk, one, jobs)) for one in
             sorted(list_plans(call.desk.home), key=lambda one: (one.created, one.plan))]
    if call.output.as_json:
        for one, state in found:
            call.output.record(plan_record(one, state))
        return DONE
    if not found:
        call.output.say("There is no plan yet; `s3console plan repair REVIEW --prefix P` makes one.")
        return DONE
    call.output.table(
        ("PLAN", "STATE", "OPERATIONS", "COPY", "DELETE", "REVERSIBLE", "COST", "CREATED", "WHAT"),
        ((one.plan, state, one.operations, one.copy + one.restore, one.delete,
          "yes" if one.reversible else "NO", money_text(one.cost_usd), one.created, one.title)
         for one, state in found))
    return DONE


def approve(call: Call) -> int:
    """Approve a plan; a plan that cannot be reversed needs the number of its operations."""
    from s3console.workflow import approving as workflow
    from s3console.workflow.plan_states import plan_state

    call.need_writing()
    asked = _open(call)
    count = call.options.count
    where = printable(f"plan {asked.plan}")
    advice = (f"Look at `s3console show {asked.plan}` and give the number of operations it shows "
              "with --count")
    if count is None and not asked.reversible:
        raise Refused("This plan deletes bytes for ever, so its approval needs --count", where=where,
                      next_step=advice)
    if count is not None and count != asked.operations:
        raise Refused(f"--count {count:,} is not the number of operations of this plan", where=where,
                      next_step=advice)
    given = workflow.approve(call.desk, asked.plan, count=count, typed="" if count is None else str(count))
    state = plan_state(call.desk, asked)
    if call.output.as_json:
        call.output.record(approval_record(asked, given, state))
    else:
        call.output.line(f"Approved: {counted(asked.operations, 'operation')} of plan {asked.plan}, "
                         f"valid until {given.expires}.")
        call.output.say(f"`s3console run {asked.plan}` runs it.")
    return DONE
