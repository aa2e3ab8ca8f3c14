"""A local tree made to hold exactly the objects of a place or of a manifest, on real servers."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest_servers import S3Server
from workflow.conftest_desk import carried_out, desk_for, let_go

from s3console.core.errors import Refused, UsageError
from s3console.core.model import JobStatus, Plan
from s3console.listings.rows import Row
from s3console.listings.writing import ManifestWriter
from s3console.workflow.approving import approve
from s3console.workflow.desk import parse_place
from s3console.workflow.downloading import Download, DownloadOptions, plan_download
from s3console.workflow.jobs import failures, job_status, launch, submit
from s3console.workflow.manifests import make_manifest

Use = Callable[[S3Server], None]
MIB = 1024**2


class Web:
    """A bucket, a desk and an empty directory."""

    def __init__(self, server: S3Server, folder: Path, *, versioning: bool = True) -> None:
        self.client: Any = server.client()
        self.bucket = server.bucket(versioning=versioning)
        self.desk = desk_for(server.endpoint_url, folder / "state")
        self.place = parse_place(f"s3://{self.bucket}/", self.desk.config.connection)
        self.root = folder / "tree"
        self.manifest = folder / "manifest.csv"

    def put(self, key: str, body: bytes) -> str:
        made = self.client.put_object(Bucket=self.bucket, Key=key, Body=body)
        return str(made.get("VersionId", ""))

    def parts(self, key: str, *bodies: bytes) -> str:
        upload = self.client.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
        etags = [{"PartNumber": number, "ETag": self.client.upload_part(
            Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, Body=body)["ETag"]}
            for number, body in enumerate(bodies, 1)]
        made = self.client.complete_multipart_upload(
            Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": etags})
        return str(made.get("VersionId", ""))

    def write(self, *rows: tuple[str, str]) -> None:
        with ManifestWriter(self.manifest, "seed") as out:
            out.add([Row(key, version) for key, version in rows])
            out.finish()

    def planned(self, **options: Any) -> Download:
        return plan_download(self.desk, self.place, self.root, options=DownloadOptions(**options))

    def by_manifest(self, **options: Any) -> Download:
        return plan_download(self.desk, self.manifest, self.root, place=self.place,
                             options=DownloadOptions(**options))

    def held(self) -> dict[str, bytes]:
        return {path.relative_to(self.root).as_posix(): path.read_bytes()
                for path in sorted(self.root.rglob("*")) if path.is_file() and not path.is_symlink()}


def run(web: Web, made: Download) -> JobStatus:
    assert made.plan is not None
    return carried_out(web.desk, made.plan)


def ended(web: Web, plan: Plan) -> tuple[str, JobStatus]:
    """Run a plan in which something may fail."""
    approve(web.desk, plan.plan, count=plan.operations)
    job = submit(web.desk, plan.plan)
    launch(web.desk, job)
    deadline = time.monotonic() + 150
    while (status := job_status(web.desk, job)).state not in ("done", "failed", "paused"):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    let_go(web.desk, job)
    return job, status


@pytest.fixture
def web(s3_server: S3Server, aws_env: Use, tmp_path: Path) -> Web:
    aws_env(s3_server)
    return Web(s3_server, tmp_path)


def test_exactly_the_versions_of_the_manifest(web: Web) -> None:
    """Old versions, deleted keys, odd names; a local file that equals a newer version is replaced."""
    odd = ["index.php", "a,b.txt", "back\\slash.txt", "line\nbreak.txt", 'q"uote.txt', "x:y.txt",
           "ü é+%41.txt"]
    first = {key: web.put(key, f"first {key}".encode()) for key in odd}
    deleted = web.put("gone/deep/old.php", b"restored")
    for key in odd:
        web.put(key, b"second")
    web.client.delete_object(Bucket=web.bucket, Key="gone/deep/old.php")
    web.write(*first.items(), ("gone/deep/old.php", deleted))
    web.root.mkdir()
    (web.root / "index.php").write_bytes(b"second")
    (web.root / "mine.txt").write_bytes(b"mine")
    made = web.by_manifest()
    assert (made.wanted, made.new, made.replaced, made.same, made.extra) == (8, 7, 1, 0, 1)
    assert made.plan is not None and not made.plan.reversible and made.plan.copy == 8
    assert made.plan.requests == {"GetObject": 8}
    run(web, made)
    wanted = {key: f"first {key}".encode() for key in odd}
    assert web.held() == wanted | {"gone/deep/old.php": b"restored", "mine.txt": b"mine"}
    head = web.client.head_object(Bucket=web.bucket, Key="index.php", VersionId=first["index.php"])
    assert (web.root / "index.php").stat().st_mtime == int(head["LastModified"].timestamp())
    again = web.by_manifest()
    assert (again.plan, again.same, again.hashed_bytes) == (None, 8, 0)
    # The bytes of a file that was touched are read once, and known from then on.
    (web.root / "index.php").touch()
    touched = [web.by_manifest() for _ in range(2)]
    assert [(one.plan, one.same, one.hashed) for one in touched] == [(None, 8, 1), (None, 8, 0)]


def test_a_version_that_is_gone_is_named_and_the_others_come(web: Web) -> None:
    kept, gone = web.put("kept", b"1"), web.put("gone", b"2")
    web.client.delete_object(Bucket=web.bucket, Key="gone", VersionId=gone)
    web.write(("gone", gone), ("kept", kept))
    made = web.by_manifest()
    assert [(one.key, one.reason.partition(":")[0]) for one in made.named] == [("gone", "NoSuchVersion")]
    run(web, made)
    assert web.held() == {"kept": b"1"}
    # A manifest that tells everything costs no look beforehand, so the store says it when the job asks.
    with ManifestWriter(web.manifest, "jsonl") as out:
        out.add([Row("gone", gone, 1, hashlib.md5(b"2").hexdigest()),
                 Row("kept", kept, 1, hashlib.md5(b"1").hexdigest())])
        out.finish()
    made = web.by_manifest()
    # Only the facts of the bucket are asked for, to price the plan.
    assert (made.same, made.new) == (1, 1) and made.requests <= 5 and made.plan is not None
    job, status = ended(web, made.plan)
    assert (status.done, status.failed) == (0, 1)
    assert [one.code for one in failures(web.desk, job)] in (["NoSuchVersion"], ["NoSuchKey"])


def test_objects_in_parts_are_skipped_by_their_parts(web: Web) -> None:
    five = [b"\0" * 5 * MIB, b"x"]
    version = web.parts("wp/five.bin", *five)
    web.parts("wp/one.bin", b"just one part")
    web.root.mkdir()
    (web.root / "wp").mkdir()
    (web.root / "wp" / "five.bin").write_bytes(b"".join(five))
    before = web.planned()
    assert (before.same, before.hashed, before.new) == (1, 1, 1), before
    run(web, before)
    assert web.held() == {"wp/five.bin": b"".join(five), "wp/one.bin": b"just one part"}
    after = web.planned()
    assert (after.plan, after.same, after.hashed_bytes) == (None, 2, 0)
    (web.root / "wp" / "five.bin").unlink()
    web.write(("wp/five.bin", version))
    run(web, web.by_manifest())
    assert (web.root / "wp" / "five.bin").read_bytes() == b"".join(five)


def test_hostile_keys_stay_inside_and_are_named(web: Web, tmp_path: Path) -> None:
    good = {"ok.txt": b"ok", "dir/é": b"e", "-rf": b"-", "a": b"file", "Case": b"1", "dir/.hidden": b"h"}
    bad = ["../evil", "a/../../b", "a/b", "case", "dir/e\u0301", "x" * 300, "link/inside", "aim", "folder"]
    for key in [*good, *bad]:
        web.put(key, good.get(key, b"hostile"))
    web.put("empty/", b"")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "inside").write_bytes(b"untouched")
    web.root.mkdir()
    (web.root / "link").symlink_to(outside)
    (web.root / "aim").symlink_to(outside / "inside")
    (web.root / "folder" / "x").mkdir(parents=True)
    made = web.planned(delete=True)
    refused = {one.key for one in made.named}
    # Of two keys that look alike the first in order is stored.
    assert refused == {*bad, "dir/é"} - {"dir/e\u0301"}, made.named
    run(web, made)
    stored = {key: body for key, body in good.items() if key != "dir/é"}
    assert web.held() == stored | {"dir/e\u0301": b"hostile"}
    assert (outside / "inside").read_bytes() == b"untouched" and sorted(os.listdir(outside)) == ["inside"]
    assert not (tmp_path / "evil").exists() and (web.root / "link").is_symlink()
    both = web.planned(collisions="keep")
    assert {one.key for one in both.named} == set(bad) - {"case", "dir/e\u0301"}
    run(web, both)
    assert (web.root / "case").read_bytes() == b"hostile" and (web.root / "dir/é").read_bytes() == b"e"


def test_deletes_only_when_asked_and_never_what_is_ignored(web: Web, tmp_path: Path) -> None:
    for key in ("index.php", "debug.log", "wp/a.php"):
        web.put(key, key.encode())
    run(web, web.planned(ignore=(r"\.log$",)))
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_bytes(b"precious")
    (web.root / "old.php").write_bytes(b"old")
    (web.root / "wp" / "old.log").write_bytes(b"log")
    (web.root / "wp" / "linked").symlink_to(outside)
    kept = web.planned(ignore=(r"\.log$",))
    assert (kept.plan, kept.extra, kept.deleted) == (None, 2, 0)
    made = web.planned(ignore=(r"\.log$",), delete=True)
    assert made.plan is not None and not made.plan.reversible
    assert [one.target.key for one in made.plan.sample] == ["old.php"] and made.deleted == 1
    assert made.plan.sample[0].kind == "unlink"
    with pytest.raises(Refused, match="--count"):
        approve(web.desk, made.plan.plan)
    # A file that changed since it was reviewed stays.
    other = web.planned(delete=True)
    assert other.deleted == 2 and other.new == 1 and other.plan is not None
    (web.root / "old.php").write_bytes(b"newer")
    job, status = ended(web, other.plan)
    assert (status.done, status.skipped) == (2, 1)
    assert [one.key for one in failures(web.desk, job)] == ["old.php"]
    assert sorted(web.held()) == ["debug.log", "index.php", "old.php", "wp/a.php"]
    assert (outside / "file").read_bytes() == b"precious"


def test_a_moment_of_a_place(web: Web) -> None:
    web.put("site/a", b"one")
    web.put("site/d/e/b", b"one")
    made = make_manifest(web.desk, web.place, web.manifest)
    rows = [row for batch in web.desk.reader().listing(web.place, versions=True) for row in batch.modified]
    time.sleep(1.2)
    web.put("site/a", b"two")
    web.client.delete_object(Bucket=web.bucket, Key="site/d/e/b")
    below = parse_place(f"s3://{web.bucket}/site/", web.desk.config.connection)
    moment = max(rows)[:19] + ".999Z" if "." in max(rows) else max(rows)
    then = plan_download(web.desk, below, web.root, moment=moment)
    run(web, then)
    assert web.held() == {"a": b"one", "d/e/b": b"one"} and made.objects == 2
    (web.root / "mine").mkdir()
    now = plan_download(web.desk, below, web.root, options=DownloadOptions(delete=True))
    assert (now.replaced, now.deleted) == (1, 1)
    assert now.plan is not None and any("leave empty" in note for note in now.plan.notes)
    run(web, now)
    assert web.held() == {"a": b"two"}
    assert sorted(os.listdir(web.root)) == ["a", "mine"], "only what the delete left empty went with it"


def test_null_versions_and_objects_that_change_meanwhile(
    s3_server: S3Server, aws_env: Use, tmp_path: Path
) -> None:
    aws_env(s3_server)
    web = Web(s3_server, tmp_path, versioning=False)
    for key in ("a", "b"):
        web.put(key, b"plain")
    web.write(("a", "null"), ("b", ""))
    made = web.by_manifest()
    web.put("b", b"other")
    assert made.plan is not None and made.new == 2
    job, status = ended(web, made.plan)
    assert (status.done, status.skipped) == (1, 1) and web.held() == {"a": b"plain"}
    assert [(one.key, one.code) for one in failures(web.desk, job)] == [("b", "ChangedSincePlan")]


def test_what_cannot_be_used_is_refused(web: Web, tmp_path: Path) -> None:
    web.put("a", b"1")
    web.write(("a", ""))
    with pytest.raises(UsageError, match="which bucket"):
        plan_download(web.desk, web.manifest, web.root)
    with pytest.raises(Refused, match="state directory"):
        plan_download(web.desk, web.place, web.desk.home.path / "x")
    with pytest.raises(Refused, match="state directory"):
        plan_download(web.desk, web.place, tmp_path, options=DownloadOptions(delete=True))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="no directory"):
        plan_download(web.desk, web.place, tmp_path / "file")
    with pytest.raises(UsageError, match="own time"):
        plan_download(web.desk, web.manifest, web.root, place=web.place, moment="2024-01-01T00:00:00Z")


def test_damage_to_the_digests_only_costs_reading(web: Web) -> None:
    for number in range(5):
        web.put(f"f{number}", b"x" * number)
    run(web, web.planned())
    assert web.planned().hashed == 0
    [path] = web.desk.home.digests.glob("*.jsonl")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[2:4], '["f3",3'] ) + "\n")
    assert json.loads(lines[0])["schema"] == 1
    made = web.planned()
    assert (made.plan, made.same) == (None, 5) and made.hashed > 0
