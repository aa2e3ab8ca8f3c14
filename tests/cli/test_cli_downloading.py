"""The words download and plan download on the demo."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from conftest_words import THEN, Run

from s3console.demo import acts, site
from s3console.store.home import Home
from s3console.store.jobs import JobLock, job_folder, request_control


def expected(until: str) -> dict[str, str]:
    stacks = acts.replay((act for act in site.site_acts() if act.at <= until), site.SITE)
    return {key: stack[0].etag for key, stack in stacks.items() if not stack[0].is_delete_marker}


def held(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()
            for path in root.rglob("*") if path.is_file()}


def test_the_site_as_it_was_then_and_as_it_is_now(run: Run, tmp_path: Path) -> None:
    root, manifest = tmp_path / "tree", tmp_path / "site.csv"
    wanted = expected(THEN)
    assert run("manifest", "s3://site/", "--at", THEN, "-o", str(manifest))[0] == 0
    code, [made], said = run("download", str(manifest), str(root), "--from", "s3://site/")
    assert (code, made["plan"] != "", made["new"]) == (5, True, len(wanted)) and "No file was written" in said
    assert not root.exists() and run("approve", made["plan"])[0] == 0
    code, [made], said = run("download", str(manifest), str(root), "--from", "s3://site/", "--yes")
    assert (code, made["job"]["done"], made["job"]["failed"]) == (0, len(wanted), 0), said
    assert held(root) == wanted
    code, [again], _ = run("download", "s3://site/", str(root), "--at", THEN, "--yes")
    assert (code, again["plan"], again["same"], again["hashed_bytes"]) == (0, "", len(wanted), 0)
    # To the present: files are replaced and removed, so the number of operations is asked for.
    code, [plan], _ = run("plan", "download", "s3://site/", str(root), "--delete")
    assert code == 0 and plan["replaced"] and plan["deleted"] and not plan["reversible"]
    now = ("download", "s3://site/", str(root), "--delete")
    assert run(*now, "--yes")[0] == run(*now, "--yes", "1")[0] == 5 and held(root) == wanted
    assert run(*now, "--yes", str(plan["operations"]), "--read-only")[0] == 5
    code, [made], said = run(*now, "--yes", str(plan["operations"]))
    assert (code, made["job"]["state"]) == (0, "done"), said
    assert held(root) == expected("9999")
    assert run("undo", made["job"]["job"])[0] == 5
    code, _, said = run("download", "s3://site/", str(root), plain=True)
    assert code == 0 and "Nothing is to be done" in said


def test_calls_that_are_wrong(run: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("index.php,gone-version\r\n")
    assert run("download", str(manifest), str(tmp_path / "t"))[0] == 2
    assert run("download", "s3://site/", str(tmp_path / "t"), "--from", "s3://site/")[0] == 2
    assert run("download", "s3://site/", str(tmp_path / "t"), "--at", "soon")[0] == 2
    assert run("download", "s3://site/", str(tmp_path / "t"), "--ignore", "(")[0] == 2
    assert run("download", str(tmp_path / "none"), str(tmp_path / "t"), "--from", "s3://site/")[0] == 3
    code, [made], said = run("download", str(manifest), str(tmp_path / "t"), "--from", "s3://site/", "--yes")
    assert (code, made["plan"], made["unstored"]) == (1, "", 1) and "NoSuchVersion" in said
    assert made["named"] == [{"key": "index.php", "version_id": "gone-version", "reason": (
        "NoSuchVersion: the store does not have this version any more")}]
    assert not (tmp_path / "t").exists()


def test_hostile_names_reach_no_screen_raw(run: Run, tmp_path: Path) -> None:
    code, _, said = run("download", "s3://hostile/", str(tmp_path / "t"), "--yes", plain=True)
    assert code in (0, 1) and "\x1b" not in said and "Not stored: " in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "t"]


def test_an_earlier_download_that_is_paused_is_named_with_the_way_on(run: Run, tmp_path: Path) -> None:
    manifest, root = tmp_path / "site.csv", tmp_path / "tree"
    assert run("manifest", "s3://site/", "--at", THEN, "-o", str(manifest))[0] == 0
    words = ("download", str(manifest), str(root), "--from", "s3://site/")
    code, [made], said = run(*words, "--yes", "--detach", "--rate", "2")
    assert code == 0 and "is paused" not in said
    job = made["job"]["job"]
    end = time.monotonic() + 150
    while not (paused := run("job", job)[1][0])["done"]:
        assert time.monotonic() < end, paused
        time.sleep(0.05)
    assert run("pause", job)[0] == 0
    while (paused := run("job", job)[1][0])["state"] != "paused":
        assert paused["state"] == "running" and time.monotonic() < end, paused
        time.sleep(0.05)
    code, _, said = run(*words)
    assert code == 5 and f"Job {job} of this download is paused" in said
    assert f"`s3console resume {job}`" in said
    assert f"after {paused['done']} of {paused['planned']} operations" in said
    for other in ((*words[:2], str(tmp_path / "other"), *words[3:]), ("download", "s3://site/", str(root))):
        assert "is paused" not in run(*other)[2]
    assert run("resume", job)[0] == 0
    folder = job_folder(Home.open(tmp_path / "state"), job)
    request_control(folder, "limits", values={"rate": 0.0})
    while JobLock.owner_of(folder) is not None:
        assert time.monotonic() < end, run("job", job)
        time.sleep(0.05)
    assert run("job", job)[1][0]["state"] == "done" and held(root) == expected(THEN)
    code, _, said = run(*words)
    assert code == 0 and "is paused" not in said
