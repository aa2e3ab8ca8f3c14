"""The word journal: what was done, when, by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from s3console.core.errors import DamagedState

from .call import DONE, Call


def _text(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value if isinstance(value, str) else json.dumps(value, sort_keys=True)}"
                     for name, value in facts.items() if value not in ("", None))


def journal(call: Call) -> int:
    """Show the journal, oldest first; with --verify its chain of hashes is checked before.

    JSON lines: {"number","at","what"} and the facts of the record. Raises DamagedState for a broken
    chain.
    """
    from s3console.store.journal import Journal

    kept = Journal(call.desk.home.journal)
    if call.options.verify:
        verdict = kept.verify()
        if not verdict.whole:
            first = verdict.problems[0]
            raise DamagedState(f"line {first.line} of the journal {first.what}", where=str(kept.path),
                               next_step="Compare it with a backup before you trust what it says")
        call.output.say(f"The chain of {verdict.records:,} records is whole.")
    records = kept.read(newest_first=False, limit=call.options.limit)
    if call.output.as_json:
        for record in records:
            call.output.record({"number": record.number, "at": record.at, "what": record.what} | record.facts)
    else:
        call.output.table(("TIME", "WHAT", "FACTS"),
                          ((record.at, record.what, _text(record.facts)) for record in records))
    return DONE
