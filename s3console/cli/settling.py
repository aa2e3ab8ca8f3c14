"""`review ID --settle PREFIX`: what a finished review left unknown is looked up afterwards."""

from __future__ import annotations

from s3console.core.keys import printable

from .call import DONE, Call
from .output import counted
from .records import review_record


def settle(call: Call, review: str, prefix: str) -> int:
    """Make a new review in which the unknown pairs below `prefix` are settled as far as checksums tell."""
    from s3console.workflow import settling as workflow

    def tell(what: str, count: int) -> None:
        call.output.progress(lambda: f"{what}: {count:,} pairs")

    done = workflow.settle(call.desk, review, prefix, tell)
    if call.output.as_json:
        call.output.record(review_record(done.header) | {
            "settled_from": review, "open": done.open, "asked": done.asked, "settled": dict(done.verdicts)})
        return DONE
    under = printable(prefix) or "the whole place"
    call.output.say(f"{counted(done.open, 'unknown pair')} under {under}, {done.asked:,} of them with "
                    "checksums on both sides.")
    call.output.table(("VERDICT", "PAIRS"), [(name, done.verdicts.get(name, 0))
                                             for name in ("same", "differs", "unknown")])
    call.output.facts([("review", done.header.review)])
    return DONE
