"""Facts survive JSON, and JSON that is not a fact is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from s3console.core.model import Connection, JobStatus, Operation, Place, Plan, Ref
from s3console.store.facts import pack, unpack

PLAN = Plan(
    plan="abc",
    digest="abcdef",
    prefix="\ud800",
    created="",
    created_by="",
    left=None,
    right=Place("b", "p/", Connection("profile", None, "eu-west-1")),
    operations=1,
    copy=0,
    restore=0,
    delete=1,
    bytes=0,
    delete_bytes=3,
    requests={"DeleteObjects": 1},
    cost_usd=0.5,
    monthly_usd=-1.0,
    reversible=False,
    versioning="Enabled",
    sample=(Operation(0, "delete", Ref("right", "b", "k"), after=None),),
    notes=("x", "y"),
)


def test_nested_facts_come_back_equal() -> None:
    assert unpack(Plan, json.loads(json.dumps(pack(PLAN)))) == PLAN
    status = JobStatus("j", "p", "running", 5, 1, 1, 1, rate=2, rates=(1.0, 2.0))
    assert unpack(JobStatus, json.loads(json.dumps(pack(status)))) == status


def test_new_fields_take_their_defaults_and_unknown_ones_are_left_out() -> None:
    packed = pack(PLAN)
    del packed["notes"], packed["batch_size"]
    found = unpack(Plan, {**packed, "schema": 1, "later": [1]})
    assert (found.notes, found.batch_size) == ((), 500)


@pytest.mark.parametrize(
    "changes",
    [
        {"operations": "1"},
        {"operations": True},
        {"operations": 1.5},
        {"reversible": 1},
        {"plan": None},
        {"right": None},
        {"right": []},
        {"left": 7},
        {"requests": {"a": "b"}},
        {"requests": []},
        {"notes": "xy"},
        {"notes": [1]},
        {"sample": [[1]]},
        {"sample": [{**pack(PLAN.sample[0]), "kind": "explode"}]},
        {"sample": [{**pack(PLAN.sample[0]), "target": ["a"]}]},
        {"cost_usd": "1"},
    ],
)
def test_values_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        unpack(Plan, {**pack(PLAN), **changes})


def test_a_missing_field_is_refused() -> None:
    packed = pack(PLAN)
    del packed["digest"]
    with pytest.raises(ValueError, match="lacks a field"):
        unpack(Plan, packed)
    for value in (None, [], 7, "x"):
        with pytest.raises(ValueError):
            unpack(Plan, value)
