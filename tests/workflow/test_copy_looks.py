"""What copies cost beside themselves: nothing where conditions are documented or probed, else looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from s3console.config import load_config
from s3console.core.abilities import assumed
from s3console.core.model import Connection, Place, Plan
from s3console.store.home import now, stamp
from s3console.store.probes import save_abilities
from s3console.workflow.assembly import _streamed
from s3console.workflow.desk import Desk, open_desk
from s3console.workflow.probing import Looks, copy_looks, unprobed_sentence

ELSEWHERE = Connection(None, "http://127.0.0.1:1", "eu-west-3")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    return open_desk(load_config({"state_dir": str(tmp_path / "state")}, {}))


def plan(target: Place, **more: object) -> Plan:
    facts: dict[str, object] = {
        "plan": "p", "digest": "d", "prefix": "", "created": "", "created_by": "", "left": None,
        "right": target,
        "operations": 7, "copy": 7, "restore": 0, "delete": 0, "bytes": 0, "delete_bytes": 0, "requests": {},
        "cost_usd": 0.0, "monthly_usd": 0.0, "reversible": True, "versioning": "Enabled"} | more
    return Plan(**facts)  # type: ignore[arg-type]


def test_aws_needs_no_look_and_no_probe(desk: Desk) -> None:
    for region in ("eu-west-3", "us-gov-west-1", "cn-north-1"):
        target = Place("b", "", Connection(region=region))
        assert copy_looks(desk, target, "Enabled", replacing=True) == Looks(0, unprobed=False)
        assert unprobed_sentence(desk, plan(target)) == ""


def test_others_say_what_it_costs_and_how_to_save_it(desk: Desk) -> None:
    target = Place("b", "p/", ELSEWHERE)
    assert copy_looks(desk, target, "Enabled") == Looks(2, unprobed=True)
    told = unprobed_sentence(desk, plan(target))
    assert ("`s3console doctor s3://b/ --probe --scratch s3://b/s3console-scratch/ --endpoint-url "
            "http://127.0.0.1:1 --region eu-west-3`") in told
    assert "7 copies" in told and "2 HEAD requests" in told
    assert unprobed_sentence(desk, plan(target, copy=0, delete=7)) == ""
    endpoint = desk.reader(ELSEWHERE).endpoint_url
    found = replace(assumed(endpoint, aws=True), at=stamp(now()), versioning="Enabled", copy_match="ignored")
    save_abilities(desk.home, found)
    assert copy_looks(desk, target, "Enabled") == Looks(0, unprobed=False)
    assert copy_looks(desk, target, "Enabled", replacing=True) == Looks(1, unprobed=False)
    assert copy_looks(desk, target, "Unversioned").unprobed, "a verdict is about buckets of one versioning"
    save_abilities(desk.home, replace(found, copy_source="ignored", copy_absent="ignored"))
    assert copy_looks(desk, target, "Enabled") == Looks(2, unprobed=False)
    assert unprobed_sentence(desk, plan(target)) == "", "a probe would not change anything"


def test_a_stream_between_stores_is_counted_as_what_it_sends() -> None:
    assert _streamed({"CopyObject": 3, "HeadObject": 2}) == {
        "GetObject": 3, "PutObject": 3, "GetObjectTagging": 3, "HeadObject": 5}
    assert _streamed({"HeadObject": 2}) == {"HeadObject": 2}, "what stands there already is looked at once"
