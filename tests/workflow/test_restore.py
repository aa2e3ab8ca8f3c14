"""Going back in time on real servers: what stands after a restore is what stood at that moment."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest_servers import S3Server
from workflow.conftest_desk import carried_out, desk_for, let_go

from s3console.core.errors import Refused, UsageError
from s3console.core.model import Place
from s3console.core.purge import PurgeRules
from s3console.demo import acts, site
from s3console.demo.server import DemoServer
from s3console.listings.manifest import read_manifest
from s3console.workflow.desk import Desk, parse_place
from s3console.workflow.history import changes
from s3console.workflow.manifests import make_manifest
from s3console.workflow.purging import plan_purge, unfinished_uploads
from s3console.workflow.restoring import RestoreOptions, plan_restore, plan_restore_manifest, plan_undo

MARK = RestoreOptions(created_later="mark")
BEFORE_BREAK_IN = "2024-06-20T00:00:00Z"
AFTER_BREAK_IN = "2024-06-25T03:30:00Z"
Held = dict[str, tuple[int, str]]


def held(desk: Desk, place: Place) -> Held:
    return {entry.key.removeprefix(place.prefix): (entry.size, entry.etag)
            for batch in desk.reader(place.connection).listing(place) for entry in batch.entries()}


def expected_site(until: str) -> Held:
    """What the story says the site held at a moment: made from the acts, without any store."""
    stacks = acts.replay((act for act in site.site_acts() if act.at <= until), site.SITE)
    return {key: (stack[0].size, stack[0].etag) for key, stack in stacks.items()
            if not stack[0].is_delete_marker}


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer() as server:
        yield server


@pytest.fixture
def desk(demo: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in {"AWS_ACCESS_KEY_ID": demo.access_key, "AWS_SECRET_ACCESS_KEY": demo.secret_key,
                        "AWS_DEFAULT_REGION": demo.region, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return desk_for(demo.endpoint_url, tmp_path / "state")


def place(desk: Desk, text: str) -> Place:
    return parse_place(text, desk.config.connection)


def test_changes_are_those_of_the_story(desk: Desk) -> None:
    whole = place(desk, "s3://site/")
    before, after = expected_site(BEFORE_BREAK_IN), expected_site(AFTER_BREAK_IN)
    found = {change.key: change.kind for change in changes(desk, whole, BEFORE_BREAK_IN, AFTER_BREAK_IN)}
    wanted = {key: "added" for key in after.keys() - before.keys()}
    wanted |= {key: "deleted" for key in before.keys() - after.keys()}
    wanted |= {key: "changed" for key in before.keys() & after.keys() if before[key] != after[key]}
    assert found == wanted and set(wanted.values()) == {"added", "changed"}
    mistake = [change.kind for change in changes(desk, whole, "2024-07-01T00:00:00Z", "2024-07-02T00:00:00Z")]
    assert mistake == ["deleted"] * 60
    with pytest.raises(UsageError, match="is before"):
        list(changes(desk, whole, AFTER_BREAK_IN, BEFORE_BREAK_IN))


def test_the_site_goes_back_in_place_and_the_undo_brings_it_again(desk: Desk) -> None:
    whole = place(desk, "s3://site/")
    now = held(desk, whole)
    for moment in (BEFORE_BREAK_IN, AFTER_BREAK_IN):
        wanted = expected_site(moment)
        plan = plan_restore(desk, whole, moment, options=MARK)
        assert plan.reversible and plan.restore and plan.copy == 0 and wanted != now
        carried_out(desk, plan)
        assert held(desk, whole) == wanted
        with pytest.raises(Refused, match="nothing to plan"):
            plan_restore(desk, whole, moment, options=MARK)
        undo = plan_undo(desk, plan.plan)
        assert undo.reversible and undo.operations == plan.operations
        carried_out(desk, undo)
        assert held(desk, whole) == now
    again = plan_undo(desk, undo.plan)
    carried_out(desk, again)
    assert held(desk, whole) == wanted
    carried_out(desk, plan_undo(desk, again.plan))
    assert held(desk, whole) == now


def test_a_manifest_is_a_moment_on_paper(desk: Desk, tmp_path: Path) -> None:
    whole, path = place(desk, "s3://site/"), tmp_path / "site.csv"
    made = make_manifest(desk, whole, path, moment=BEFORE_BREAK_IN)
    wanted = expected_site(BEFORE_BREAK_IN)
    rows = list(read_manifest(path))
    assert [row.key for row in rows] == sorted(wanted) and made.objects == len(wanted)
    assert made.markers == sum(1 for _ in read_manifest(made.markers_path or path)) == 20
    target = place(desk, "s3://move-dst/from-manifest/")
    plan = plan_restore_manifest(desk, whole, path, target=target)
    assert plan.copy == plan.operations == len(wanted)
    carried_out(desk, plan)
    assert held(desk, target) == wanted
    path.write_text("index.php,not-a-version-of-it\r\nnever-there.php,v1\r\n")
    with pytest.raises(Refused, match="do not exist any more"):
        plan_restore_manifest(desk, whole, path)
    old = next(row for row in rows if row.key == "old.php")
    path.write_text(f"index.php,not-a-version-of-it\r\nnever-there.php,v1\r\nold.php,{old.version_id}\r\n")
    plan = plan_restore_manifest(desk, whole, path, target=place(desk, "s3://move-dst/gone/"))
    assert plan.copy == 1
    assert [note for note in plan.notes if "do not exist" in note] == [
        "versions that were asked for do not exist any more (2)"]
    path.write_text("other-bucket,a,v1\nother-bucket,b,v2\n")
    with pytest.raises(UsageError, match="not of site"):
        plan_restore_manifest(desk, whole, path)


def test_into_another_place_only_what_is_wanted(desk: Desk) -> None:
    whole, target = place(desk, "s3://site/"), place(desk, "s3://move-dst/then/")
    chosen = RestoreOptions(include=(r"\.php$", r"^news/"), ignore=(r"/parts/",))
    plan = plan_restore(desk, whole, AFTER_BREAK_IN, target=target, options=chosen)
    carried_out(desk, plan)
    wanted = {key: facts for key, facts in expected_site(AFTER_BREAK_IN).items()
              if (key.endswith(".php") or key.startswith("news/")) and "/parts/" not in key}
    assert held(desk, target) == wanted
    # On the unversioned target the older bytes are left alone unless told otherwise.
    with pytest.raises(Refused, match="--overwrite"):
        plan_restore(desk, whole, BEFORE_BREAK_IN, target=target, options=chosen)
    back = plan_restore(desk, whole, BEFORE_BREAK_IN, target=target,
                        options=RestoreOptions(include=chosen.include, ignore=chosen.ignore, overwrite=True))
    assert not back.reversible
    with pytest.raises(Refused, match="overlap"):
        plan_restore(desk, whole, BEFORE_BREAK_IN, target=place(desk, "s3://site/old/"))
    with pytest.raises(UsageError, match="regular expression"):
        plan_restore(desk, whole, BEFORE_BREAK_IN, options=RestoreOptions(ignore=("(",)))


# ---- histories written just now, on every server


class Site:
    """A bucket of a test, and the moments between its acts by the clock of the server."""

    def __init__(self, server: S3Server, tmp_path: Path, *, versioning: bool = True) -> None:
        self.client: Any = server.client()
        self.bucket = server.bucket(versioning=versioning)
        self.desk = desk_for(server.endpoint_url, tmp_path / "state")
        self.place = parse_place(f"s3://{self.bucket}/", self.desk.config.connection)

    def put(self, **objects: str) -> None:
        for key, body in objects.items():
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body.encode(), Metadata={"of": body})

    def delete(self, *keys: str) -> None:
        for key in keys:
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def pause(self) -> str:
        """A moment after everything so far and before everything to come."""
        rows = [row for batch in self.desk.reader().listing(self.place, versions=True)
                for row in batch.modified]
        time.sleep(1.2)
        return max(rows)[:19] + ".999Z" if "." in max(rows) else max(rows)

    def held(self) -> Held:
        return held(self.desk, self.place)

    def versions(self) -> list[tuple[str, str, bool]]:
        return [(entry.key, entry.version_id, entry.is_delete_marker)
                for batch in self.desk.reader().listing(self.place, versions=True)
                for entry in batch.entries()]


def of(**objects: str) -> Held:
    return {key: (len(body), hashlib.md5(body.encode()).hexdigest()) for key, body in objects.items()}


def test_covering_markers_keeps_the_time_line_whole(
    s3_server: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path
) -> None:
    aws_env(s3_server)
    now = Site(s3_server, tmp_path)
    now.put(a="one", b="one", c="one", d="one")
    first = now.pause()
    now.put(a="two", e="new")
    now.delete("b", "c", "never")
    now.put(c="three")
    second = now.pause()
    later = now.held()
    assert later == of(a="two", c="three", d="one", e="new")
    rows = now.versions()
    cover = RestoreOptions(created_later="mark", markers="cover")
    plan = plan_restore(now.desk, now.place, first, options=cover)
    assert (plan.restore, plan.delete, plan.reversible) == (3, 1, True)
    carried_out(now.desk, plan)
    assert now.held() == of(a="one", b="one", c="one", d="one")
    assert set(rows) <= set(now.versions())
    head = now.client.head_object(Bucket=now.bucket, Key="b")
    assert head["Metadata"] == {"of": "one"}
    # Nothing was taken away, so going to the time before is the undo.
    now.pause()
    back = plan_restore(now.desk, now.place, second, options=cover)
    carried_out(now.desk, back)
    assert now.held() == later


def test_a_marker_is_taken_off_by_its_id_and_only_when_right_above(
    s3_server: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path
) -> None:
    aws_env(s3_server)
    now = Site(s3_server, tmp_path)
    now.put(once="one", twice="one", over="one")
    moment = now.pause()
    now.delete("once", "twice")
    now.delete("twice")
    now.put(over="two")
    now.delete("over")
    markers = {key: version for key, version, marker in now.versions() if marker}
    plan = plan_restore(now.desk, now.place, moment)
    # Ceph 16 makes no second marker for a key that is hidden already.
    stacked = [key for key, _, marker in now.versions() if marker].count("twice") == 2
    alone = {markers["once"]} if stacked else {markers["once"], markers["twice"]}
    assert (plan.restore, plan.delete, plan.reversible) == (3 - len(alone), len(alone), True)
    assert {one.target.version_id for one in plan.sample if one.kind == "delete"} == alone
    carried_out(now.desk, plan)
    assert now.held() == of(once="one", twice="one", over="one")
    carried_out(now.desk, plan_undo(now.desk, plan.plan))
    assert now.held() == {}


def test_what_changed_since_the_plan_is_left_alone(
    ministack: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path
) -> None:
    from s3console.workflow.approving import approve
    from s3console.workflow.jobs import job_status, launch, submit

    aws_env(ministack)
    now = Site(ministack, tmp_path)
    now.put(a="one", b="one")
    moment = now.pause()
    now.put(a="two", b="two", c="new")
    plan = plan_restore(now.desk, now.place, moment, options=MARK)
    now.put(a="three", c="newer")
    approve(now.desk, plan.plan)
    job = submit(now.desk, plan.plan)
    launch(now.desk, job)
    deadline = time.monotonic() + 150
    while (status := job_status(now.desk, job)).remaining and status.state != "failed":
        assert time.monotonic() < deadline, status
        time.sleep(0.1)
    let_go(now.desk, job)
    assert now.held() == of(a="three", b="one", c="newer")
    assert status.done == 1


def test_where_a_copy_on_top_would_lose_bytes_nothing_is_planned(
    ministack: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path
) -> None:
    aws_env(ministack)
    plain = Site(ministack, tmp_path, versioning=False)
    plain.put(a="one")
    with pytest.raises(Refused, match="not versioned"):
        plan_restore(plain.desk, plain.place, "2030-01-01T00:00:00Z")
    suspended = Site(ministack, tmp_path / "two")
    suspended.put(a="one")
    suspended.client.put_bucket_versioning(Bucket=suspended.bucket,
                                           VersioningConfiguration={"Status": "Suspended"})
    with pytest.raises(Refused, match="suspended"):
        plan_restore(suspended.desk, suspended.place, "2030-01-01T00:00:00Z")


def test_a_purge_needs_its_count_and_leaves_what_stands(
    s3_server: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path
) -> None:
    from s3console.workflow.approving import approve

    aws_env(s3_server)
    now = Site(s3_server, tmp_path)
    for body in ("1", "2", "3", "4"):
        now.put(a=body, b=body, log=body)
    now.delete("b", "ghost")
    before, standing = now.versions(), now.held()
    with pytest.raises(UsageError, match="needs a rule"):
        plan_purge(now.desk, now.place, PurgeRules())
    plan = plan_purge(now.desk, now.place, PurgeRules(keep=1, expired_markers=True), ignore=("^log$",))
    # a: 3 noncurrent, 1 kept; b: 4 noncurrent, 1 kept; the marker of "ghost" covers nothing.
    assert (plan.delete, plan.reversible, plan.bytes) == (6, False, 0)
    assert plan.requests["HeadObject"] == 2
    with pytest.raises(Refused, match="--count"):
        approve(now.desk, plan.plan)
    carried_out(now.desk, plan)
    after = now.versions()
    assert now.held() == standing
    assert {row for row in before if row[0] == "log"} <= set(after)
    assert [row[0] for row in after] == ["a"] * 2 + ["b"] * 2 + ["log"] * 4
    with pytest.raises(Refused, match="nothing to plan"):
        plan_purge(now.desk, now.place, PurgeRules(keep=1, before="2020-01-01T00:00:00Z"))


def test_unfinished_uploads_show_their_bytes(
    s3_server: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path
) -> None:
    aws_env(s3_server)
    now = Site(s3_server, tmp_path)
    key = "big/a b+ü.bin"
    upload = now.client.create_multipart_upload(Bucket=now.bucket, Key=key)["UploadId"]
    for number in (1, 2):
        now.client.upload_part(Bucket=now.bucket, Key=key, UploadId=upload, PartNumber=number,
                               Body=b"x" * 700)
    now.client.create_multipart_upload(Bucket=now.bucket, Key="small")
    found = list(unfinished_uploads(now.desk, now.place))
    assert [(one.key, one.parts, one.bytes) for one in found] == [(key, 2, 1400), ("small", 0, 0)]
    assert found[0].upload_id == upload and found[0].begun.endswith("Z")
    below = Place(now.bucket, "sm", now.place.connection)
    assert [one.key for one in unfinished_uploads(now.desk, below)] == ["small"]
