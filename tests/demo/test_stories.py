"""The stories are the same every time, hold the named vectors, and their totals follow from the writes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3console.demo import stories
from s3console.demo.acts import Bucket, Delete, Held, Put, held, instant, replay
from s3console.demo.distcp import LEFT, RIGHT, Migration, Version
from s3console.demo.hostile import KEYS
from s3console.demo.moving import moving_acts
from s3console.demo.site import BREAK_IN, SITE
from s3console.demo.vectors import BB, CCC, SOURCES_OF_ONE_KEY, VERSIONS_OF_ONE_KEY, A, place

DIGEST = ("import hashlib; from s3console.demo import stories; "
          "print(hashlib.sha256(repr(list(stories.acts())).encode()).hexdigest())")


@pytest.fixture(scope="module")
def left() -> dict[str, Held]:
    return {key: stack[0] for key, stack in replay(stories.acts(), LEFT).items()}


@pytest.fixture(scope="module")
def right() -> dict[str, list[Held]]:
    return replay(stories.acts(), RIGHT)


def test_same_acts_in_every_process() -> None:
    prints = {subprocess.run([sys.executable, "-c", DIGEST], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
                             capture_output=True, text=True, check=True).stdout for seed in ("1", "2")}
    assert prints == {hashlib.sha256(repr(list(stories.acts())).encode()).hexdigest() + "\n"}


def test_size() -> None:
    assert 18_000 <= stories.objects_written() <= 22_000
    assert {act.bucket for act in stories.acts()} <= {bucket.name for bucket in stories.BUCKETS}
    assert max(len(act.body) for act in stories.acts() if isinstance(act, Put)) < 4096


def test_every_key_can_be_stored() -> None:
    for act in stories.acts():
        assert 0 < len(act.key.encode("utf-8")) <= 1024
        assert "\0" not in act.key


def etags(stack: list[Held]) -> list[str]:
    return [version.etag for version in stack]


def test_vectors_are_in(left: dict[str, Held], right: dict[str, list[Held]]) -> None:
    a, bb, ccc = (held(body).etag for body in (A, BB, CCC))
    assert a == "7fc56270e7a70fa81a5935b72eacbe29"
    assert bb == "9d3d9048db16a7eee539e93e3618cbe7"
    assert ccc == "defb99e69a9f1f6e06f15006b1f166ae"
    p = {vector: place(vector) for vector in range(1, 15)}
    pp = {vector: "document123/" + place(vector) for vector in range(1, 15)}
    assert p[2] == "document123/0856/8e37/-801/2-41/f3-b/618-/3ce4/0078/"
    assert left[p[1] + "9.png"].etag == a and etags(right[p[1] + "9.png"]) == [a]
    assert left[p[2] + "1::png::200::490::bd"].etag == a and etags(right[pp[2] + "1"]) == [a]
    assert etags(right[pp[3] + "1"]) == [ccc, a, bb]
    assert etags(right[pp[4] + "1"]) == [a, a, bb]
    assert left[p[4] + "1::txt"].etag == left[p[4] + "1::png::200"].etag == a
    assert etags(right[pp[5] + "1"]) == [a]
    assert left[p[6] + "1"].etag == ccc and left[p[6] + "1::png"].etag == a
    assert etags(right[p[6] + "1"]) == [a, ccc]
    assert left[p[7] + "1::png"].etag == a and etags(right[p[7] + "1"]) == [bb]
    assert p[8] + "new.png" in right and p[8] + "new.png" not in left
    assert left[p[9] + "::png"].etag == a and etags(right[p[9]]) == [a]
    root = p[1][:-len("v001/")]
    assert all(root + name in right for name in ("v10a/a:b", "v10b/a", "v10c/c"))
    assert left["document1/x"].etag == a and left["document12/x"].etag == bb
    assert p[12] + "a~b" in left and p[12] + "a~b" not in right
    assert left["document013/document013/x"].etag == a and left["document013/x"].etag == bb
    assert etags(right["document013/document013/x"]) == [bb, a]
    many = right[pp[14] + "1"]
    assert sum(not version.is_delete_marker for version in many) == VERSIONS_OF_ONE_KEY == 1200
    assert sum(version.is_delete_marker for version in many) == 3


# What each vector must give, written down by hand: (same, missing, extra, differs, misnamed, duplicate).
BY_HAND = {
    1: (1, 0, 0, 0, 0, 0), 2: (0, 0, 0, 0, 1, 0), 3: (0, 0, 0, 0, 3, 0), 4: (0, 0, 0, 0, 3, 0),
    5: (0, 2, 0, 0, 1, 0), 6: (0, 0, 0, 1, 1, 0), 7: (0, 1, 0, 0, 1, 0), 8: (0, 0, 1, 0, 0, 0),
    9: (0, 0, 0, 0, 1, 0), 12: (0, 1, 0, 0, 0, 0),
    14: (0, 0, 0, 0, SOURCES_OF_ONE_KEY, VERSIONS_OF_ONE_KEY - SOURCES_OF_ONE_KEY),
}


@pytest.mark.parametrize("vector", BY_HAND)
def test_totals_of_a_vector(vector: int) -> None:
    found = [stories.expected(prefix) for prefix in (place(vector), "document123/" + place(vector))]
    sums = tuple(sum(getattr(part, kind) for part in found) for kind in
                 ("same", "missing", "extra", "differs", "misnamed", "duplicate"))
    assert sums == BY_HAND[vector]


def test_totals_of_the_doubled_name_that_is_legitimate() -> None:
    found = stories.expected("document013/")
    assert (found.left_entries, found.differs, found.misnamed, found.missing) == (2, 1, 1, 0)


def test_totals_add_up(left: dict[str, Held], right: dict[str, list[Held]]) -> None:
    """The figures that follow from the two buckets alone agree with what the generator noted."""
    total = stories.expected()
    same = {key for key, facts in left.items()
            if key in right and right[key][0][:2] == facts[:2] and not right[key][0].is_delete_marker}
    differs = {key for key, facts in left.items()
               if key in right and not right[key][0].is_delete_marker and right[key][0][:2] != facts[:2]}
    assert total.same == len(same)
    assert total.differs == len(differs)
    assert sorted(same) == stories.findings("same") and sorted(differs) == stories.findings("differs")
    missing = stories.findings("missing")
    assert len(missing) == len(set(missing)) and not set(missing) & (same | differs)
    assert set(missing) <= set(left)
    # Every other left key has its bytes under a wrong name.
    wrong = {version.etag for key in set(stories.findings("misnamed")) for version in right[key]}
    covered = set(left) - same - differs - set(missing)
    assert covered and all(left[key].etag in wrong for key in covered)
    # Right-only versions: each is misnamed, surplus, junk or live, and counted as such.
    only = Counter(stories.findings("misnamed")) + Counter(stories.findings("duplicate"))
    for key in set(right) - set(left):
        versions = sum(not version.is_delete_marker for version in right[key])
        if key in stories.findings("junk") or key in stories.findings("extra"):
            assert only[key] == 0
        else:
            assert only[key] == versions, key
    assert set(stories.findings("extra")) | set(stories.findings("junk")) <= set(right) - set(left)
    assert (total.left_entries, total.unknown) == (len(left), 0)
    everything = sum(map(len, right.values()))
    assert total.right_entries + total.versions + total.delete_markers == everything


def test_totals_per_directory_add_up_to_the_whole() -> None:
    whole = stories.expected()
    tops = {key.split("/", 1)[0] + "/" if "/" in key else key for key in
            (act.key for act in stories.distcp_acts())}
    parts = [stories.expected(top) for top in tops]
    for kind, count in whole.totals.items():
        assert sum(part.totals[kind] for part in parts) == count, kind
    assert all(whole.totals[kind] for kind in whole.totals if kind != "unknown")


def test_end_state(left: dict[str, Held], right: dict[str, list[Held]]) -> None:
    final = stories.end_state()
    assert all(final[key][:2] == facts[:2] for key, facts in left.items())
    beyond = set(final) - set(left)
    assert beyond == set(stories.findings("extra")) | {place(7) + "1"}
    assert all(final[key][:2] == right[key][0][:2] for key in beyond)
    cautious = stories.end_state(include=())
    assert set(cautious) - set(final) == {key for key in stories.findings("junk")
                                          if not right[key][0].is_delete_marker} | set(
        key for key in stories.findings("duplicate") if key not in left)


def test_a_wrong_name_of_identical_copies() -> None:
    story = Migration()
    a, b = Version("d/1::a", b"x"), Version("d/1::b", b"x")
    story.wrong("d/1", [a, b, Version(None), a])
    assert Counter(note.kind for note in story.notes) == {"misnamed": 2, "duplicate": 1}


def test_site_has_history() -> None:
    history = replay(stories.acts(), SITE)
    assert max(map(len, history.values())) >= 4
    assert any(stack[0].is_delete_marker for stack in history.values())
    for stack in history.values():
        times = [version.at for version in stack]
        assert times == sorted(times, reverse=True)
    night = BREAK_IN[:len("2024-06-25T03")]
    hacked = [key for key, stack in history.items() if any(v.at.startswith(night) for v in stack)]
    assert len(hacked) > 5
    assert "wp-content/plugins/Ebor-Framework-master/README.md" in history


def test_move_names() -> None:
    keys = [act.key for act in moving_acts()]
    assert len(keys) == len(set(keys)) == 1000
    assert {"1.jpg", "11.jpg", "a.jpg", "banana.jpg"} <= set(keys) and any("\n" in key for key in keys)


def test_hostile_names() -> None:
    assert len(set(KEYS)) == len(KEYS)
    assert sum(len(key.encode()) == 1024 for key in KEYS) == 2
    assert any("\x1b" in key for key in KEYS) and "markup/[@click=app.quit]quit[/].txt" in KEYS


@given(st.lists(st.tuples(st.sampled_from("ab"), st.one_of(st.none(), st.binary(max_size=3))), max_size=12),
       st.booleans())
def test_replay_keeps_the_last_write(writes: list[tuple[str, bytes | None]], versioned: bool) -> None:
    bucket = Bucket("b", "us-east-1", versioned)
    acts = [Delete("b", key, "") if body is None else Put("b", key, body, "") for key, body in writes]
    stacks = replay(acts, bucket)
    for key in "ab":
        mine = [body for name, body in writes if name == key]
        if not mine or (mine[-1] is None and not versioned):
            assert key not in stacks
            continue
        last = mine[-1]
        assert stacks[key][0] == (Held(0, "", "", True) if last is None else held(last))
        assert len(stacks[key]) == (len(mine) if versioned else 1)


def test_instant_counts_seconds() -> None:
    assert instant("2024-02-29T23:59:58Z", 3) == "2024-03-01T00:00:01Z"
