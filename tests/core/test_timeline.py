"""The state of a versioned place at a moment, against a bucket that is acted out step by step."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from s3console.core.errors import UsageError
from s3console.core.model import Batch, Entry
from s3console.core.purge import PurgeRules, purgeable
from s3console.core.timeline import (
    NOW,
    change_between,
    current_at,
    doubts,
    histories,
    latest,
    parse_moment,
    standing,
    version_at,
)

HISTORIES = 10_000


def version(key: str, second: int, *, marker: bool = False, fraction: str = "", etag: str = "") -> Entry:
    return Entry(key, 1, etag, f"2024-01-01T00:00:{second:02d}{fraction}Z", version_id=f"{key}-{second}",
                 is_delete_marker=marker)


HISTORY = [
    version("a", 30), version("a", 20, marker=True), version("a", 10),
    version("b", 25),
    version("c", 40, marker=True), version("c", 5),
]


def ids(second: int) -> list[str]:
    return [entry.version_id for entry in current_at(HISTORY, f"2024-01-01T00:00:{second:02d}Z")]


def test_each_moment_has_its_own_state() -> None:
    assert ids(4) == []
    assert ids(5) == ["c-5"]
    assert ids(15) == ["a-10", "c-5"]
    assert ids(20) == ["c-5"]
    assert ids(25) == ["b-25", "c-5"]
    assert ids(59) == ["a-30", "b-25"]


def test_inside_one_second_the_listing_decides() -> None:
    twice = [Entry("k", 2, "", "2024-01-01T00:00:10Z", version_id="newer"), version("k", 10)]
    assert [entry.version_id for entry in current_at(twice, "2024-01-01T00:00:10Z")] == ["newer"]


def test_fractions_of_a_second_count() -> None:
    later = [version("k", 10, fraction=".500")]
    assert not list(current_at(later, "2024-01-01T00:00:10Z"))
    assert not list(current_at(later, "2024-01-01T00:00:10.49Z"))
    assert len(list(current_at(later, "2024-01-01T00:00:10.5Z"))) == 1
    assert len(list(current_at([version("k", 10, fraction=".000")], "2024-01-01T00:00:10Z"))) == 1


@pytest.mark.parametrize(("text", "moment"), [
    ("2024-06-25T10:11:34Z", "2024-06-25T10:11:34Z"),
    ("2024-06-25 10:11:34", "2024-06-25T10:11:34Z"),
    ("2024-06-25T12:11:34+02:00", "2024-06-25T10:11:34Z"),
    ("2024-06-25T10:11:34.500Z", "2024-06-25T10:11:34.5Z"),
    ("2024-06-25", "2024-06-25T00:00:00Z"),
])
def test_a_time_of_the_operator(text: str, moment: str) -> None:
    assert parse_moment(text) == moment


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(UsageError, match="not a time"):
        parse_moment("yesterday")


# ---- the oracle


@dataclass
class Bucket:
    """One bucket with versions, acted out. `rows` are per key oldest first with the number of the act;
    `truth` is what a read would have got after every act."""

    versioning: str = "Enabled"
    rows: dict[str, list[tuple[int, Entry]]] = field(default_factory=dict)
    truth: list[tuple[int, dict[str, Entry | None]]] = field(default_factory=list)
    now: dict[str, Entry | None] = field(default_factory=dict)
    acts: int = 0

    def write(self, key: str, second: int, *, marker: bool) -> None:
        self.acts += 1
        name = f"v{self.acts}" if self.versioning == "Enabled" else "null"
        entry = Entry(key, 0 if marker else self.acts, "" if marker else f"e{self.acts}", stamp(second),
                      version_id=name, is_latest=False, is_delete_marker=marker)
        rows = self.rows.setdefault(key, [])
        if name == "null":
            rows[:] = [row for row in rows if row[1].version_id != "null"]
        rows.append((self.acts, entry))
        self.now = {**self.now, key: None if marker else entry}
        self.truth.append((second, self.now))

    def listing(self) -> list[Entry]:
        """Keys in order, newest first; only the newest row of a key is the latest."""
        return [entry._replace(is_latest=at == 0)
                for key in sorted(self.rows)
                for at, (_, entry) in enumerate(reversed(self.rows[key]))]

    def held(self, second: int) -> dict[str, str]:
        """Version ids by key after every act of that second, as it really was."""
        state: dict[str, Entry | None] = {}
        for when, now in self.truth:
            if when <= second:
                state = now
        return {key: f"{entry.version_id}/{entry.etag}" for key, entry in state.items() if entry}

    def surviving(self, second: int) -> dict[str, str]:
        """The same from the rows that are left, by brute force over the numbers of the acts."""
        found = {}
        for key, rows in self.rows.items():
            past = [(number, entry) for number, entry in rows if entry.modified <= stamp(second)]
            if past and not max(past)[1].is_delete_marker:
                entry = max(past)[1]
                found[key] = f"{entry.version_id}/{entry.etag}"
        return found


def stamp(second: int) -> str:
    return f"2024-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


def acted_out(rng: random.Random) -> Bucket:
    bucket, second = Bucket(), 10
    keys = ["a", "a/b", "z\U0001f600"][: rng.randint(1, 3)]
    only_markers = rng.random() < 0.05
    if rng.random() < 0.3:
        bucket.versioning = "Suspended"
    for _ in range(rng.randint(1, 14)):
        second += rng.choice((0, 0, 0, 1, 1, 7))
        if rng.random() < 0.08:
            bucket.versioning = "Suspended" if bucket.versioning == "Enabled" else "Enabled"
        bucket.write(rng.choice(keys), second, marker=only_markers or rng.random() < 0.35)
    return bucket


def pages(entries: Sequence[Entry], size: int) -> Iterator[Batch]:
    for start in range(0, len(entries), size):
        rows = entries[start:start + size]
        yield Batch(*([row[at] for row in rows] for at in range(8)))


def test_the_state_at_any_time_is_that_of_the_oracle() -> None:
    rng = random.Random(20240625)
    counts = dict.fromkeys(("moments", "null lost", "marker pages", "same second"), 0)
    for _ in range(HISTORIES):
        bucket = acted_out(rng)
        listing = bucket.listing()
        size = rng.randint(1, 5)
        batches = list(pages(listing, size))
        counts["marker pages"] += any(all(batch.markers or ()) for batch in batches)
        counts["same second"] += len({(e.key, e.modified) for e in listing}) < len(listing)
        groups = list(histories(batches))
        assert [entry for group in groups for entry in group] == listing
        for second in {rng.randint(5, 70), *(when for when, _ in bucket.truth)}:
            moment = stamp(second)
            found = {entry.key: f"{entry.version_id}/{entry.etag}"
                     for group in groups if (entry := version_at(group, moment)) is not None}
            assert found == bucket.surviving(second)
            counts["moments"] += 1
            truth = bucket.held(second)
            for group in groups:
                key = group[0].key
                if found.get(key) != truth.get(key):
                    # Only a null version that was written over can have taken the truth with it.
                    counts["null lost"] += 1
                    assert "null" in doubts(group, moment)
        now = {group[0].key: version_at(group, NOW) for group in groups}
        assert {key: entry.etag for key, entry in now.items() if entry} == {
            key: entry.etag for key, entry in bucket.now.items() if entry}
    assert counts["moments"] > 3 * HISTORIES
    assert min(counts.values()) > HISTORIES / 50, counts
    print(counts)


# ---- doubts, changes, purge


def test_doubts_name_what_a_listing_cannot_show() -> None:
    at = "2024-01-01T00:00:30Z"
    assert doubts([version("k", 40)], at) == ("history",)
    assert doubts([version("k", 20)], at) == ()
    assert doubts([version("k", 20, etag="0" * 32 + "-3")], at) == ("upload",)
    early = Entry("k", 1, "0-3", "2023-12-30T00:00:00Z", version_id="v")
    assert doubts([early], at) == ()
    late_null = version("k", 40)._replace(version_id="null")
    assert doubts([late_null, version("k", 10)], at) == ("null",)
    assert doubts([version("k", 10), version("k", 20)], at) == ("order",)
    assert doubts([late_null], NOW) == ()


def test_now_is_what_the_store_calls_latest() -> None:
    finished_late = [version("k", 5, etag="0-2"), version("k", 10)._replace(is_latest=False)]
    assert latest(finished_late).version_id == "k-5"
    assert standing(finished_late, NOW) == finished_late[0]
    assert standing(finished_late, "2024-01-01T00:00:59Z") == finished_late[1]


def test_changes_between_two_moments() -> None:
    early, late = "2024-01-01T00:00:15Z", "2024-01-01T00:00:55Z"
    rows = [version("k", 30, etag="new"), version("k", 10, etag="old")]
    found = change_between(rows, early, late)
    assert found is not None and found.kind == "changed"
    assert (found.before, found.after) == (rows[1], rows[0])
    same = [version("k", 30, etag="x"), version("k", 10, etag="x")]
    assert [c.kind for c in (change_between(same, early, late),) if c] == ["rewritten"]
    assert change_between(rows, early, "2024-01-01T00:00:20Z") is None
    gone = [version("k", 30, marker=True), version("k", 10)]
    assert [c.kind for c in (change_between(gone, early, late),) if c] == ["deleted"]
    assert [c.kind for c in (change_between([version("k", 30)], early, NOW),) if c] == ["added"]
    assert change_between([version("k", 30, marker=True)], early, NOW) is None


def purged(history: list[Entry], rules: PurgeRules) -> list[str]:
    return [entry.version_id for entry in purgeable(history, rules)]


def test_purge_keeps_what_stands_and_the_newest_old_versions() -> None:
    rows = [version("k", 50), *(version("k", s)._replace(is_latest=False) for s in (40, 30, 20, 10))]
    assert purged(rows, PurgeRules(keep=2)) == ["k-20", "k-10"]
    assert purged(rows, PurgeRules(keep=0)) == ["k-40", "k-30", "k-20", "k-10"]
    # k-30 is noncurrent since k-40 was written.
    assert purged(rows, PurgeRules(before="2024-01-01T00:00:35Z")) == ["k-20", "k-10"]
    assert purged(rows, PurgeRules(before="2024-01-01T00:00:40Z")) == ["k-30", "k-20", "k-10"]
    assert purged(rows, PurgeRules(keep=3, before="2024-01-01T00:00:40Z")) == ["k-10"]
    assert purged(rows, PurgeRules(expired_markers=True)) == []
    assert purged(rows[:1], PurgeRules(keep=0, expired_markers=True)) == []


def test_purge_takes_a_marker_only_when_nothing_is_below_it() -> None:
    old = version("k", 10)._replace(is_latest=False)
    hidden = [version("k", 20, marker=True), old]
    assert purged(hidden, PurgeRules(expired_markers=True)) == []
    assert purged(hidden, PurgeRules(keep=0, expired_markers=True)) == ["k-10"]
    assert purged(hidden[:1], PurgeRules(expired_markers=True)) == ["k-20"]
    covered = [version("k", 30), version("k", 20, marker=True)._replace(is_latest=False)]
    assert purged(covered, PurgeRules(expired_markers=True)) == ["k-20"]


def test_left_overs_of_tools_go_whole_when_nothing_stands() -> None:
    rules = PurgeRules(left_overs=True)

    def history(key: str, *, hidden: bool) -> list[Entry]:
        top = Entry(key, 1, "", "2024-01-01T00:00:30Z", version_id="top", is_delete_marker=hidden)
        older = [Entry(key, 1, "", f"2024-01-01T00:00:{second}Z", version_id=str(second), is_latest=False)
                 for second in (20, 10)]
        return [top, *older]

    temporary = "out/.distcp.tmp.attempt_1_m_1"
    assert purged(history(temporary, hidden=True), rules) == ["20", "10"]
    assert purged(history(temporary, hidden=False), rules) == []
    assert purged(history("out/part-0", hidden=True), rules) == []
    assert purged(history("out/part-0", hidden=True), PurgeRules(keep=1, left_overs=True)) == ["10"]
    assert purged(history(temporary, hidden=True), PurgeRules(keep=1, left_overs=True)) == ["20", "10"]
